"""`WorkItem`: one thing to measure, and `Sample`: what measuring gave. Both are plain JSON, so they travel anywhere.

In goes an item, out come its samples (`run_item`), whichever suite it belongs to. Knows nothing of processes, files
and tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from typing import Any

from edge_lam.errors import InvalidRequest


@dataclass(frozen=True)
class WorkItem:
    """One scenario on one model, once. Repeats are items of their own, so that they can be put in random order.

    Attributes:
        suite: a key of `SUITES`.
        model: a GGUF file or a name on the hub; "" for the embedded model.
        scenario: what is done, such as "warm".
        quant: name of the quantization for tables, such as "Q4_K_M".
        options: what else the runner needs, in JSON types; part of the identity.
        repeat: 0 for the first time, 1 for the second, ...
    """

    suite: str
    model: str
    scenario: str
    quant: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0

    @property
    def id(self) -> str:
        """The same for the same item in every run and on every machine, such as "latency-warm-3f0c9b2a41d7-2"."""
        return f"{self.group}-{self.repeat}"

    @property
    def group(self) -> str:
        """The same for all repeats of an item."""
        parts = [self.suite, self.model, self.scenario, self.quant, dict(self.options)]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return f"{self.suite}-{self.scenario}-{hashlib.sha256(text.encode()).hexdigest()[:12]}".replace(" ", "-")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> WorkItem:
        """Read what `to_dict` returned.

        Raises:
            KeyError, TypeError: it is not of that form.
        """
        return cls(**_known(cls, plain))


@dataclass(frozen=True)
class Sample:
    """What was measured once, such as one call of the model.

    Attributes:
        values: figures by dotted name: "time.total" (seconds), "tokens.prompt", "memory.resident" (bytes),
            "energy.joules", ... What the platform doesn't tell is left out, never 0.
        labels: what is no figure, in JSON types: "correct", "finish_reason", a wrong answer with its "reason", ...
        part: which part of the scenario it is of, where its parts differ, such as "turn 2".
        series: figures over time, as pairs of seconds and value.
    """

    values: dict[str, float]
    labels: dict[str, Any] = field(default_factory=dict)
    part: str = ""
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value or name == "values"}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Sample:
        """Read what `to_dict` returned.

        Raises:
            KeyError, TypeError: it is not of that form.
        """
        return cls(**_known(cls, plain))


def _known(kind: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    names = [field.name for field in fields(kind)]
    return {name: plain[name] for name in names if name in plain}


Runner = Callable[[WorkItem], "list[Sample]"]


@dataclass(frozen=True)
class Suite:
    """A kind of items.

    Attributes:
        runner: "module:function" of a `Runner`; imported when it is needed, in the process that measures.
        planner: "module:function" that takes the `BenchModel`s, the options that all items share, and what else was
            asked of the suite, and returns the items to measure, as their first repeat.
        tables: "module:function" that takes `Results` and returns the suite's tables for reports.
        exclusive: whether its items need a machine for themselves, since they take times.
        repeated: whether they are repeated; not where the same comes out each time.
    """

    runner: str
    planner: str
    tables: str
    exclusive: bool = True
    repeated: bool = True


SUITES = {
    "latency": Suite(
        "edge_lam_benchmarks.scenarios:run_latency",
        "edge_lam_benchmarks.plan:latency_items",
        "edge_lam_benchmarks.report.latency:latency_tables",
    ),
    "memory": Suite(
        "edge_lam_benchmarks.memory:run_memory",
        "edge_lam_benchmarks.plan:memory_items",
        "edge_lam_benchmarks.report.memory:memory_tables",
    ),
    "quality": Suite(
        "edge_lam_benchmarks.quality:run_quality",
        "edge_lam_benchmarks.plan:quality_items",
        "edge_lam_benchmarks.report.quality:quality_tables",
        exclusive=False,
        repeated=False,
    ),
}


def named(name: str) -> Callable[..., Any]:
    """Import the function that "module:function" names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def run_item(item: WorkItem) -> list[Sample]:
    """Measure an item in this process.

    Raises:
        InvalidRequest: there is no such suite or scenario.
        EdgeLamError: the model or the backend failed.
    """
    suite = SUITES.get(item.suite)
    if suite is None:
        raise InvalidRequest(f"unknown suite {item.suite!r}", hint=f"one of {', '.join(SUITES)}", param="suite")
    runner: Runner = named(suite.runner)
    return runner(item)
