"""`elman corpora`."""

import click

from .help import Command, option
from .output import print_json

EXAMPLES = """
elman corpora
elman train shakespeare --minutes 5
"""


@click.command(cls=Command, examples=EXAMPLES)
@option("--json", "as_json", is_flag=True, help="One JSON object per corpus.")
def corpora(as_json: bool) -> None:
    """List the built-in corpora, one per line.

    stdlib is on every machine. The others are downloaded on first use and checked by their
    SHA-256; the environment variable ELMAN_CORPORA names a folder that is searched first.
    """
    from ..text.corpora import DESCRIPTIONS

    width = max(map(len, DESCRIPTIONS))
    for name, description in DESCRIPTIONS.items():
        if as_json:
            print_json({"name": name, "description": description})
        else:
            click.echo(f"{name:<{width}}  {description}")
