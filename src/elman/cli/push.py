"""`elman push`."""

import click

from . import completion
from .help import Command

EXAMPLES = """
elman export poems.safetensors --format hub -o poems/ \\
    --license mit
elman push poems/ user/poems
elman sample hf://user/poems
"""

NOTES = """
Needs the extra `hub` (huggingface_hub) and a login: hf auth login.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("folder", shell_complete=completion.files)
@click.argument("name")
def push(folder: str, name: str) -> None:
    """Send FOLDER, which elman export --format hub wrote, to the Hugging Face hub.

    NAME is user/name; the repository is created if it does not exist.
    """
    from ..share.hub import push as send

    click.echo(send(folder, name))
