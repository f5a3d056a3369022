"""`elman train`."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from .. import settings as allowed
from ..settings import NAMES
from . import print_json
from .serve import address

EPILOG = """\b
Examples:
  elman train                                    one minute on the Python standard library
  elman train poems.txt -o poems.safetensors --minutes 10
  elman train src/ --tokens byte --cell lstm --num-layers 2
  elman train names.txt --lines --epochs 20      each line is a sequence of its own
  elman train --resume poems.safetensors         go on after a crash
  elman train more.txt --from poems.safetensors  fine-tune
  elman train poems.txt --cell ngram --order 5   a Markov chain, to compare with
  elman train poems.txt --live                 the same, shown in the browser
  elman train mail.tsv --task classify           columns text and label
  elman train names/ --task classify             one file per class, a text a line

Counts like --eval-every are in steps (updates). Losses are in nats, figures for
people in bits per character. Ctrl-C saves and stops; --resume goes on.
"""


def option(name: str, help: str, **kind: Any) -> Callable:
    """An option whose absence is None, so that `resolve` or a checkpoint decides."""
    if name in allowed.CHOICES and "type" not in kind:
        kind["type"] = click.Choice(allowed.CHOICES[name])
    if kind.get("is_flag"):
        kind["flag_value"] = kind.pop("flag_value", True)
    flag = allowed.flag(name)
    return click.option(flag, name, default=None, help=help, **kind)


@click.command(epilog=EPILOG)
@click.argument("corpus", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Model file; it is replaced atomically.  "
    "[default: made from the name of the corpus, never replacing a file]",
)
@option("task", "What to learn: lm is a language model, classify the classes of labelled texts.")
@option("cell", "Recurrent cell, or ngram: a Markov chain.  [default: gru]")
@option("hidden_size", "Units of a layer.  [default: 128 to 512, by text and time]", type=int)
@option(
    "num_layers", "Layers, one above the other.  [default: 1, of a classifier 1 or 2]", type=int
)
@option("embedding_size", "Width of learned symbol vectors; 0 is one-hot.  [default: 0]", type=int)
@option("activation", "Of the vanilla cell.  [default: tanh]")
@option("bias", "Leave all biases out.", is_flag=True, flag_value=False)
@option(
    "dropout",
    "Share of every layer's output that is dropped.  "
    "[default with adam, for text read twice or more: 0.5 from 512 units, else 0.25]",
    type=float,
)
@option("order", "Symbols of context of an ngram chain.  [default: 4]", type=int)
@option("seq_len", "Steps of a window.  [default: 64]", type=int)
@option("batch_size", "Sequences side by side.  [default: 32]", type=int)
@option(
    "batching", "Windows in order, state carried, or random, state zero.  [default: consecutive]"
)
@option(
    "bptt",
    "Steps that gradients flow back; beyond the window they flow through "
    "earlier windows.  [default: the window]",
    type=int,
)
@option("epochs", "End after so many passes over the text.", type=float)
@option("steps", "End after so many updates; 0 writes the initialised model.", type=int)
@option(
    "minutes", "End after so many minutes, the final evaluation included.  [default: 3]", type=float
)
@option("optimizer", "[default: adam]")
@option("learning_rate", "[default: adam 0.006, rmsprop 0.002, adagrad 0.1, sgd 1]", type=float)
@option("momentum", "Of sgd.  [default: 0]", type=float)
@option("weight_decay", "Decoupled, of every parameter.  [default with adam: 0.05]", type=float)
@option(
    "schedule",
    "Of the learning rate: constant, cosine to 1 %, or halved on a plateau.  [default: cosine]",
)
@option("warmup", "Steps over which the learning rate climbs.", type=int)
@option("clip_norm", "Longest gradient; 0 is no clipping.  [default: 1]", type=float)
@option("clip_value", "Largest gradient component, instead of the norm; 0 is none.", type=float)
@option("loss", "Mean over time and batch, or sum over time.  [default: mean]")
@option("pooling", "Of a classifier over time: the last state, the mean or the maximum.")
@click.option(
    "--bidirectional/--no-bidirectional",
    default=None,
    help="Whether a classifier reads each text from both ends.  [default: it does]",
)
@option("symbol_dropout", "Share of a classifier's symbols read as <unk>.", type=float)
@option("label_smoothing", "Share of a classifier's targets spread over all classes.", type=float)
@option("init", "First values of the weights.  [default: uniform]")
@option("init_scale", "Scale of --init.  [default: normal 0.01, others 1]", type=float)
@option("dtype", "[default: float32]")
@option("tokens", "Symbols.  [default: char]")
@option("vocabulary_size", "Words to keep; the rest are <unk>.", type=int)
@option("lines", "Each line is a sequence of its own.", is_flag=True)
@option("lowercase", "Lower-case the text.", is_flag=True)
@option("unknown", "Give characters a symbol for what the text does not hold.", is_flag=True)
@option("normalize", "Unicode normal form.  [default: the text as it is]")
@option("max_characters", "Read no more than so many.", type=int)
@option("errors", "What to do with bytes that are not UTF-8.  [default: strict]")
@option("text_column", "Of a table with labels.  [default: text]", metavar="NAME")
@option("label_column", "Of a table with labels.  [default: label]", metavar="NAME")
@option(
    "validation", "Share held out at the end.  [default: 0.1, at most 500,000 symbols]", type=float
)
@option("test", "Share held out behind that, which nothing looks at until the end.", type=float)
@option("class_weights", "What a class counts in the loss: balanced 1/n, sqrt 1/√n.")
@option("monitor", "By what a classifier's best parameters are chosen.  [default: macro-f1]")
@option("patience", "Evaluations without a better one after which to stop; 0: never.", type=int)
@option("eval_every", "[default: 24 times a run]", type=int)
@option("save_every", "[default: at evaluations, and once a minute]", type=int)
@option("log_every", "[default: 10]", type=int)
@option("sample_every", "[default: 6 times a run]", type=int)
@option("engine", "Who computes.  [default: auto]", metavar="NAME")
@option("threads", "[default: the cores that this process may use]", type=int)
@option("seed", "[default: 0]", type=int)
@click.option("--resume", metavar="FILE", help="Go on with a run that was stopped.")
@click.option("--from", "start_from", metavar="FILE", help="Start from the weights of a model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event on stdout.")
@click.option("--live", is_flag=True, help="Show the training in the browser, and steer it there.")
@address
@click.pass_context
def train(
    ctx: click.Context,
    /,
    corpus: tuple[str, ...],
    output: str | None,
    resume: str | None,
    start_from: str | None,
    as_json: bool,
    live: bool,
    host: str,
    port: int,
    browser: bool,
    **options: Any,
) -> None:
    """Train a model on CORPUS: files, folders, names (see `elman corpora`) or - for stdin.

    Without CORPUS it trains for one minute on the Python standard library.
    """
    given = {name: value for name, value in options.items() if value is not None and name in NAMES}
    from ..errors import ElmanError, UsageError
    from ..learn.prepare import begin, default_output
    from ..learn.prepare import resume as resume_run
    from .display import Display
    from .display_classifier import ClassifierDisplay
    from .live import Page, claim_address, refuse_without_live

    if resume is not None and start_from is not None:
        raise UsageError("give --resume or --from, not both")
    if not live:
        refuse_without_live(ctx)
    elif given.get("cell") == "ngram":
        raise UsageError("--live shows how a network learns; a Markov chain is only counted")
    listening = claim_address(host, port) if live else None
    if resume is not None:
        run = resume_run(resume, given, corpus, output)
    else:
        # Every wrong flag is found before a large corpus is read.
        allowed.make(given)
        target = output if output is not None else default_output(corpus)
        if sys.stderr.isatty():
            click.echo("reading the text …", err=True)
        run = begin(corpus, given, target, start_from, " ".join(["elman", *sys.argv[1:]]))
    kind = ClassifierDisplay if run.settings.task == "classify" else Display
    display = kind(run.settings)
    page = Page(run, listening, host, browser, as_json) if listening is not None else None
    stopped_by: list[int] = []
    failure: ElmanError | None = None
    event: dict[str, Any] = {"event": "none"}

    def stop(number: int, frame: object) -> None:
        first = not stopped_by
        stopped_by.append(number)
        if not first:
            raise KeyboardInterrupt
        run.stop()

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with display:
            for event in page.events() if page is not None else run.events():
                if as_json:
                    print_json(event)
                display.show(event)
    except KeyboardInterrupt:
        written = run.output is not None and run.output.path.exists()
        kept = f"; {run.output.path} stands as it was last saved" if run.output and written else ""
        click.echo(f"stopped{kept}", err=True)
    except ElmanError as error:
        if page is None:
            raise
        failure = error
        click.echo(f"elman: error: {error}", err=True)
    except BaseException:
        if page is not None:
            page.close()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if page is not None:
        page.close() if stopped_by else page.stay()
    if failure is not None:
        ctx.exit(failure.exit_code)
    if stopped_by and event["event"] != "done":
        ctx.exit(128 + stopped_by[0])
