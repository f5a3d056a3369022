"""What the user typed wrongly, in one sentence: click's errors in the form of ours."""

import re
from difflib import get_close_matches

import click

SHORT = {"lr": "learning-rate", "units": "hidden-size"}  # as others call them
MOST = 3  # options that are offered
# What click says of a number: a value, a least one and its sign, another sign and its limit.
OUTSIDE = r"(\S+) is not in the range (?:(\S+?)(<=?))?x(?:(>=?|<=?)(\S+))?"


def sentence(error: click.ClickException) -> str:
    """What is wrong with the command line."""
    if isinstance(error, click.NoSuchOption):
        near = _meant(error)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"there is no option {error.option_name}{meant}"
    if isinstance(error, click.MissingParameter) and error.param is not None and error.ctx:
        param = error.param
        needed = param.make_metavar(error.ctx)
        if isinstance(param, click.Option):
            needed = f"{max(param.opts, key=len)} {needed}"
        return f"{error.ctx.command_path} needs {needed}"
    if isinstance(error, click.BadOptionUsage):
        wants = "takes no value" if "not take" in error.message else "needs a value"
        return f"{error.option_name} {wants}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0] if isinstance(error.param, click.Option) else "the argument"
        said = _value(error.message)
        return f"{name} {said}" if said.startswith("must ") else f"{name}: {said}"
    message = error.format_message().removesuffix(".")
    return message[:1].lower() + message[1:]


def _meant(error: click.NoSuchOption) -> list[str]:
    """The options that may have been meant: they begin so, have that word, or look much like it."""
    typed = error.option_name
    word = SHORT.get(typed.lstrip("-"), typed.lstrip("-"))
    known = [] if error.ctx is None else [o for p in error.ctx.command.params for o in p.opts]
    known = [option for option in known if option.startswith("--")]
    begin = [option for option in known if option.startswith(f"--{word}")]
    words = [option for option in known if word in option[2:].split("-")]
    if 0 < len(begin or words) <= MOST and len(word) > 2:
        return begin or words
    return get_close_matches(typed, known, 1, 0.8)


def _value(message: str) -> str:
    """What is wrong with a value, without the names that click gives to types."""
    message = message.removesuffix(".")
    message = re.sub("is not a valid integer( range)?", "is not a whole number", message)
    message = re.sub("is not a valid float( range)?", "is not a number", message)
    outside = re.fullmatch(OUTSIDE, message)
    if outside is None:
        return message
    value, least, above, sign, limit = outside.groups()
    bounds = [] if least is None else [f"{'more than' if above == '<' else 'at least'} {least}"]
    if limit is not None:
        words = {"<=": "at most", "<": "less than", ">=": "at least", ">": "more than"}
        bounds.append(f"{words[sign]} {limit}")
    return f"must be {' and '.join(bounds)}, not {value}"


def hint(error: click.ClickException) -> str | None:
    """Where the user may look, if the sentence itself does not say what to do."""
    context = getattr(error, "ctx", None)
    if context is None or isinstance(context.command, click.Group):
        return None
    return f"{context.command_path} --help"
