"""Held-out loss against seconds: `elman train` and PyTorch with the same network.

    python benchmarks/time_to_quality.py tinyshakespeare.txt --minutes 3 -o curves.svg

Elman is the command line with its defaults, in a process of its own; its seconds run from the
start of the process to the end of it, the final evaluation included. PyTorch then trains the
network that Elman chose with the same settings (batch, window, AdamW, cosine by the clock,
dropout, clipping) for as long, from the start of its process too. Its final evaluation is not
counted: the time is for training.

Both hold out the last tenth. The points of the curves are estimates over up to 65,536 held-out
characters in parallel streams; the last figure of each is over all of it, in one stream.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from elman.nn.optimizers import learning_rate_factor

EVALUATIONS = 24
STREAMS = 128  # of an estimate
# The published recipe of nanoGPT for a CPU, last tenth held out (ANCHORS: measured on two Zen 4
# cores; its README gives 1.88 after about three minutes).
NANOGPT = {"system": "nanogpt-cpu (published recipe)", "seconds": 122.0, "nats": 1.886}


# -- Elman ----------------------------------------------------------------------


def elman(corpus: Path, arguments: list[str]) -> dict[str, Any]:
    """Settings, curve and final figures of one run of the command line."""
    start, curve, settings = time.perf_counter(), [], {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "elman", "train", str(corpus), "--json", *arguments,
                   "-o", f"{folder}/model.safetensors"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "start":
                    settings = event["settings"] | {"threads": event["threads"]}
                elif event["event"] == "evaluation":
                    nats = event["validation_bits_per_character"] * log(2)
                    curve.append((time.perf_counter() - start, nats))
                elif event["event"] == "done":
                    nats, steps = event["validation_nats_per_character"], event["steps"]
        if process.returncode:
            raise click.ClickException(f"elman train ended with {process.returncode}")
    seconds = time.perf_counter() - start
    return {"system": "elman", "seconds": seconds, "nats": nats, "steps": steps, "curve": curve,
            "settings": settings}  # fmt: skip


# -- PyTorch, in a process of its own ----------------------------------------------


def pytorch(corpus: Path, settings: dict[str, Any], seconds: float, start: float) -> dict[str, Any]:
    """The same network and settings in eager PyTorch. `start` is the clock at process start."""
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    text = corpus.read_text(encoding="utf-8")
    symbols = sorted(set(text))
    number = {symbol: i for i, symbol in enumerate(symbols)}
    ids = torch.tensor([number[symbol] for symbol in text])
    train, held_out = ids.tensor_split([len(ids) - len(ids) // 10])
    V, H, L = len(symbols), settings["hidden_size"], settings["num_layers"]
    B, T, drop = settings["batch_size"], settings["seq_len"], settings["dropout"]

    class LanguageModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            make = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[settings["cell"]]
            self.recurrent = make(V, H, L, dropout=drop if L > 1 else 0.0)
            self.dropout, self.readout = nn.Dropout(drop), nn.Linear(H, V)
            self.register_buffer("one_hot", torch.eye(V))

        def forward(self, x: Any, state: Any = None) -> Any:
            h, state = self.recurrent(self.one_hot[x], state)
            return self.readout(self.dropout(h)), state

    model = LanguageModel()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        parameters, settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
    )
    streams = train[: len(train) // B * B].view(B, -1).T.contiguous()

    def windows() -> Iterator[tuple[Any, Any, bool]]:
        while True:
            for at in range(0, len(streams) - T - 1, T):
                yield streams[at : at + T], streams[at + 1 : at + T + 1], at == 0

    @torch.no_grad()
    def nats(x: Any, y: Any, state: Any) -> float:
        """Mean over (T, B), in pieces along time."""
        model.eval()
        total = 0.0
        for at in range(0, len(x), 2048):
            logits, state = model(x[at : at + 2048], state)
            piece = y[at : at + 2048].reshape(-1)
            total += cross_entropy(logits.view(-1, V), piece, reduction="sum").item()
        model.train()
        return total / y.numel()

    seen = min(65_536, len(held_out) - 1) // STREAMS * STREAMS
    estimate = [held_out[o : o + seen].view(STREAMS, -1).T.contiguous() for o in (0, 1)]
    curve, state, steps, evaluated, share = [], None, 0, 0, 0.0
    for x, y, fresh in windows():
        factor = learning_rate_factor("cosine", steps, settings["warmup"], share)
        for group in optimizer.param_groups:
            group["lr"] = factor * settings["learning_rate"]
        logits, state = model(x, None if fresh else state)
        loss = cross_entropy(logits.view(-1, V), y.reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, settings["clip_norm"])
        optimizer.step()
        state = tuple(s.detach() for s in state) if settings["cell"] == "lstm" else state.detach()
        steps += 1
        share = min(1.0, (time.time() - start) / seconds)
        if int(share * EVALUATIONS) > evaluated:
            evaluated = int(share * EVALUATIONS)
            first = (state,) if settings["cell"] != "lstm" else state
            first = tuple(s[:, :1].expand(-1, STREAMS, -1).contiguous() for s in first)
            value = nats(*estimate, first if settings["cell"] == "lstm" else first[0])
            curve.append((time.time() - start, value))
        if share >= 1:
            break
    trained = time.time() - start
    final = nats(held_out[:-1, None], held_out[1:, None], None)
    return {"system": "pytorch", "seconds": trained, "nats": final, "steps": steps, "curve": curve}


def pytorch_process(corpus: Path, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
    argument = json.dumps([str(corpus), settings, seconds, time.time()])
    done = subprocess.run(
        [sys.executable, __file__, "--pytorch", argument], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise click.ClickException("PyTorch did not get through; is it installed?")
    return json.loads(done.stdout.splitlines()[-1])


# -- the comparison -----------------------------------------------------------------


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Loss against seconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for row, colour in zip(rows, ("#0072B2", "#D55E00"), strict=False):
        seconds, nats = np.array(row["curve"]).T
        label = f"{row['system']}: {row['nats']:.3f} nats after {row['steps']:,} steps"
        axes.plot(seconds, nats, marker="o", markersize=3, color=colour, label=label)
    axes.scatter([NANOGPT["seconds"]], [NANOGPT["nats"]], marker="*", s=90, color="#444444",
                 label=f"{NANOGPT['system']}: {NANOGPT['nats']:.3f}", zorder=3)  # fmt: skip
    axes.set(xlabel="seconds since the start of the process", xlim=(0, None), ylim=(None, 2.4),
             ylabel="held-out loss, nats per character")  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path)


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--minutes", default=3.0, show_default=True)
@click.option("--set", "flags", multiple=True, help="A flag for elman train: --set='--cell lstm'.")
@click.option("--no-pytorch", is_flag=True, help="Elman alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Picture (matplotlib).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, no table.")
def main(
    corpus: Path, minutes: float, flags: tuple[str, ...], no_pytorch: bool, output: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    given = [word for flag in flags for word in flag.split()]
    rows = [elman(corpus, ["--minutes", str(minutes), *given])]
    if not no_pytorch:
        rows.append(pytorch_process(corpus, rows[0]["settings"], minutes * 60))
    if output is not None:
        draw(rows, output)
    if as_json:
        for row in [*rows, NANOGPT]:
            click.echo(json.dumps(row))
        return
    table = Table(title=f"{corpus.name}, {minutes:g} minutes")
    for heading in ("system", "seconds", "steps", "held out, nats per character"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for row in [*rows, NANOGPT]:
        steps = f"{row['steps']:,}" if "steps" in row else ""
        table.add_row(row["system"], f"{row['seconds']:.0f}", steps, f"{row['nats']:.3f}")
    Console().print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pytorch"]:
        where, settings, seconds, start = json.loads(sys.argv[2])
        print(json.dumps(pytorch(Path(where), settings, seconds, start)))
    else:
        main()
