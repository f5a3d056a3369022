"""`elman export`."""

import click

from .help import Command, option

EXAMPLES = """
elman export poems.safetensors --weights-only -o poems-small.safetensors
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("model")
@option("-o", "--output", required=True, metavar="FILE", help="Where to write.", group="Output")
@option("--weights-only", is_flag=True, help="Leave out what only resuming needs.", group="Output")
def export(model: str, output: str, weights_only: bool) -> None:
    """Write MODEL in another form: without its training state, several times smaller."""
    from ..errors import UsageError
    from ..tasks import load

    if not weights_only:
        raise UsageError("say which form: --weights-only")
    load(model).save(output, weights_only=True)
