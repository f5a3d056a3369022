"""`elman check`."""

import click

from .help import Command, option
from .output import print_json

EXAMPLES = """
elman check
elman check --json | head
"""


@click.command(cls=Command, examples=EXAMPLES)
@option("--engine", default="auto", show_default=True, metavar="NAME",
        help="Engine to check: native, numpy, or auto (native if available).")  # fmt: skip
@option("--json", "as_json", is_flag=True, help="One JSON object per tensor.")
@click.pass_context
def check(ctx: click.Context, engine: str, as_json: bool) -> None:
    """Compare every hand-derived gradient with central differences, in float64.

    Covers every parameter, the inputs and the initial state of every cell, with one
    to three layers, both losses and masked batches. Exits 1 if one is wrong.
    """
    from rich.console import Console
    from rich.table import Table

    from ..nn.check import TOLERANCE, check_all
    from ..nn.engine import select

    results = []
    for result in check_all(select(engine)):
        results.append(result)
        if as_json:
            print_json({
                "case": result.case, "tensor": result.tensor, "entries": result.entries,
                "error": result.error, "passed": result.passed,
            })  # fmt: skip
    worst = max(r.error for r in results)
    failed = [r for r in results if not r.passed]
    if not as_json:
        table = Table(header_style="bold", box=None)
        for column in ("network", "tensors", "entries", "worst relative error", ""):
            table.add_column(column, justify="left" if column in ("network", "") else "right")
        for case in dict.fromkeys(r.case for r in results):
            of_case = [r for r in results if r.case == case]
            error = max(r.error for r in of_case)
            verdict = (
                "ok"
                if error <= TOLERANCE
                else "WRONG: " + ", ".join(r.tensor for r in of_case if not r.passed)
            )
            table.add_row(case, str(len(of_case)), str(sum(r.entries for r in of_case)),
                          f"{error:.1e}", verdict)  # fmt: skip
        Console(highlight=False).print(table)
        click.echo(
            f"{len(results)} tensors, {sum(r.entries for r in results)} entries; "
            f"worst relative error {worst:.1e}, allowed {TOLERANCE:.0e}"
        )
    if failed:
        click.echo(f"elman: error: {len(failed)} gradients are wrong", err=True)
        ctx.exit(1)
