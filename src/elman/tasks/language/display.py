"""What `elman train` shows of a language model."""

from dataclasses import fields, replace
from shlex import join
from typing import Any

from rich.table import Table

from ...errors import flags_of
from ...files import is_pipe
from ...learn.display import Display, computed_by, no_flag, other_encodings
from ...settings import NETWORK, RUN, rule_of
from .run import ahead
from .settings import LanguageSettings

LONGER = 3  # times the length of a training that was too short
# What a longer training does not repeat, besides settings of the network, which --from takes over,
# and of reports: --from takes it over as well, or it is another there.
NOT_AGAIN = {"task", "tokens", "lines", "separator", "lowercase", "normalize", "unknown",
             "vocabulary_size", "min_count", "dtype", "minutes", "epochs", "steps",
             "precision"}  # fmt: skip


class TaskDisplay(Display):
    """Shows the events of a run that learns a language."""

    CURVE = "validation_bits_per_character"
    UNITS = " bits/character"
    NEXT = ("elman sample MODEL", "elman serve MODEL")
    STAYS_BEST = "the held-out loss no longer falls: stopping early, keeping the best model"

    def about(self, e: dict[str, Any]) -> list[str]:
        unit = "bytes" if self.settings.tokens == "byte" else "characters"
        understood = [e["form"], *other_encodings(e), f"{e['characters']:,} {unit}",
                      f"{e['vocabulary_size']:,} distinct symbols"]  # fmt: skip
        if e["records"] is not None:
            understood.insert(-2, f"{e['records']:,} records")
        lines = [f"{', '.join(e['corpus'])}: {', '.join(understood)}"]
        if e["held_out"]:
            lines.append(f"held out: {e['held_out']}")
        if "parameters" in e:
            lines.append(
                f"{e['cell']} {e['num_layers']} × {e['hidden_size']}, {e['parameters']:,} "
                f"parameters; {computed_by(e)}"
            )
        return lines

    def running(self, e: dict[str, Any]) -> str:
        thousands = e["characters_per_second"] / 1000
        return f"{thousands:,.1f}k chars/s  train {e['train_bits_per_character']:.2f}"

    def speed(self, e: dict[str, Any]) -> str:
        return f"{e['characters_per_second']:,.0f} characters/s"

    def trained(self, e: dict[str, Any]) -> str:
        return f"train {e['train_bits_per_character']:.3f}"

    def validated(self, e: dict[str, Any]) -> str:
        return f"{e['validation_bits_per_character']:.3f}"

    def _results(self, e: dict[str, Any]) -> None:
        rows = []
        if e["validation_bits_per_character"] is not None:
            name = f"this model ({self.settings.cell})"
            rows.append((name, e["validation_bits_per_character"], e["validation_perplexity"]))
        for name, figures in (e["baselines"] or {}).items():
            rows.append((name, figures["bits_per_character"], figures["perplexity"]))
        if rows:
            self._table(rows)
        if e.get("temperature") is not None:
            self._say(f"logits divided by {e['temperature']:.2f}, the temperature that fits the "
                      "held-out text best")  # fmt: skip
        if e["test_bits_per_character"] is not None:
            self._say(f"test part: {e['test_bits_per_character']:.3f} bits per character")

    def longer(self, e: dict[str, Any]) -> list[str]:
        """From a network that a baseline beats: its weights, and a new schedule."""
        s = self.settings
        unit, amount = s.end
        if not self.steps or not e["steps"] or self.stopped_early or not ahead(e):
            return []
        if any(is_pipe(name) for name in self.corpus):
            return []
        own = _chosen(s)
        if unit != "minutes" and s.precision == "bf16":  # by the clock it is chosen again
            own["precision"] = "bf16"
        more = LONGER * amount
        own[unit] = f"{more:g}" if more % 1 else f"{more:.0f}"
        return [join(["elman", "train", *map(no_flag, self.corpus), "--from", no_flag(e["model"]),
                      *flags_of(own)])]  # fmt: skip

    def _table(self, rows: list[tuple[str, float, float]]) -> None:
        if not self.live:
            self._say(f"{'whole held-out text':<20}  {'bits/character':>14}  {'perplexity':>10}")
            for name, bits, perplexity in rows:
                self._say(f"{name:<20}  {bits:>14.3f}  {_short(perplexity):>10}")
            return
        table = Table(header_style="bold")
        table.add_column("whole held-out text")
        table.add_column("bits per character", justify="right")
        table.add_column("perplexity", justify="right")
        for i, (name, bits, perplexity) in enumerate(rows):
            table.add_row(name, f"{bits:.3f}", _short(perplexity), style="" if i else "green")
        self.console.print(table)


def _chosen(s: LanguageSettings) -> dict[str, Any]:
    """The settings that are not the default ones, as far as a longer training needs them again."""
    ends, network = ("minutes", "epochs", "steps"), (1, 128)
    asked: dict[str, Any] = {f.name: None for f in fields(s) if f.default is None}
    asked |= {"hidden_size": network[1]} | {end: getattr(s, end) for end in ends}
    usual = replace(s, **asked).resolved(0, {network: 1.0})
    again = [f for f in fields(s)
             if f.name not in NOT_AGAIN and rule_of(f).group not in (NETWORK, RUN)]  # fmt: skip
    plain = {f.name: getattr(usual, f.name) if f.default is None else f.default for f in again}
    chosen = {name: getattr(s, name) for name, value in plain.items() if getattr(s, name) != value}
    return {name: value for name, value in chosen.items() if value is not None}


def _short(perplexity: float) -> str:
    """Of a run that went wrong it may have a hundred digits."""
    return f"{perplexity:.2f}" if perplexity < 1e6 else f"{perplexity:.3g}"
