"""`Table`: rows of text with a title, as every report shows them; and figures written as people read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import Spread

NOTHING = "-"  # was not measured, or is not reported by this platform


@dataclass
class Table:
    """A table.

    Attributes:
        title: what it shows.
        columns: their names, in one line or two; the first `texts` hold text, the others figures.
        rows: cells.
        notes: lines below it.
        texts: how many columns are text.
        key: whether the terminal shows it too, not only the files.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: int = 1
    key: bool = False

    @property
    def titles(self) -> list[str]:
        """The names of the columns, each in one line."""
        return [" ".join(column.split()) for column in self.columns]


def milliseconds(seconds: float | None) -> str:
    """Return seconds in milliseconds, with three digits that count."""
    if seconds is None:
        return NOTHING
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def megabytes(n_bytes: float | None) -> str:
    """Return bytes in MB (powers of ten)."""
    return NOTHING if n_bytes is None else f"{n_bytes / 1e6:.1f}"


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with so many digits behind the point."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """Return a share in percent."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def center(spread: Spread | None) -> float | None:
    """Return the median, or None without values."""
    return spread.median if spread else None


def range_of(spread: Spread | None) -> str:
    """Return the interquartile range of seconds, in milliseconds."""
    return NOTHING if spread is None else f"{milliseconds(spread.q1)}-{milliseconds(spread.q3)}"


def model_label(facts: dict[str, Any], models: dict[str, dict[str, Any]]) -> str:
    """Return what to call a model in a row: its quantization alone where all are of one model."""
    names = {other.get("name") for other in models.values()}
    quant = str(facts.get("quant", ""))
    label = quant if len(names) == 1 and quant else f"{facts.get('name', '')} {quant}".strip()
    return f"{label} *" if facts.get("weights") else label


def label_of(item: WorkItem, results: Results) -> str:
    """Return what to call an item's model in a row."""
    return model_label(results.models.get(item.model, {"quant": item.quant}), results.models)


def scenario_label(item: WorkItem, part: str = "") -> str:
    """Return what to call a scenario in a row, such as "callers, 4"."""
    callers = item.options.get("callers")
    words = [item.scenario, f"{callers} at once" if callers else "", part, "again" if item.options.get("twin") else ""]
    return ", ".join(filter(None, words))
