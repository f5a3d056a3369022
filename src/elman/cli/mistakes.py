"""What the user typed wrongly, in one sentence: click's errors in the form of ours."""

from difflib import get_close_matches

import click


def sentence(error: click.ClickException) -> str:
    """What is wrong with the command line."""
    if isinstance(error, click.NoSuchOption):
        near = get_close_matches(error.option_name, error.possibilities or [], 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        return f"there is no option {error.option_name}{meant}"
    if isinstance(error, click.MissingParameter) and error.param is not None and error.ctx:
        param = error.param
        needed = param.make_metavar(error.ctx)
        if isinstance(param, click.Option):
            needed = f"{param.opts[0]} {needed}"
        return f"{error.ctx.command_path} needs {needed}"
    if isinstance(error, click.BadOptionUsage):
        wants = "takes no value" if "not take" in error.message else "needs a value"
        return f"{error.option_name} {wants}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0] if isinstance(error.param, click.Option) else "the argument"
        return f"{name}: {error.message.removesuffix('.')}"
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]


def hint(error: click.ClickException) -> str | None:
    """Where the user may look, if the sentence itself does not say what to do."""
    context = getattr(error, "ctx", None)
    if context is None or isinstance(context.command, click.Group):
        return None
    return f"{context.command_path} --help"
