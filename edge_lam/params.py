"""`SamplingParams`: how tokens are chosen; its fields tell Python and the command line defaults, ranges and help."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from edge_lam.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be.

    Attributes:
        low: the least, itself allowed unless `is_open`.
        high: the most; None for any.
        is_whole: whether it has no fraction.
        is_open: whether it has to be above `low`.
    """

    low: float
    high: float | None = None
    is_whole: bool = False
    is_open: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether a value is such a number."""
        kinds = (int,) if self.is_whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        above = value > self.low if self.is_open else value >= self.low
        return above and value <= (math.inf if self.high is None else self.high) and value != math.inf

    def __str__(self) -> str:
        number = "a whole number" if self.is_whole else "a number"
        if self.high is None:
            return f"{number} {'above' if self.is_open else 'of at least'} {self.low:g}"
        between = f"above {self.low:g}, at most" if self.is_open else f"from {self.low:g} to"
        return f"{number} {between} {self.high:g}"


def _param(default: Any, range: Range, help: str) -> Any:
    return field(default=default, metadata={"range": range, "help": help})


@dataclass(frozen=True)
class SamplingParams:
    """How tokens are chosen. Each setting sees what the ones before it left, in the order of Hugging Face's `generate`.

    Attributes:
        temperature: 0 takes the most likely token; logits are divided by anything larger.
        top_k: sample among that many of the most likely tokens; 0 among all.
        top_p: sample among the most likely tokens that together reach this probability.
        min_p: leave out what is less likely than this share of the most likely token's probability.
        seed: what the random numbers start from; None for something new every time.

    Raises:
        InvalidRequest: a setting is out of its range; `param` names it.
    """

    temperature: float = _param(0.0, Range(0), "0 takes the likeliest token; higher varies more.")
    top_k: int = _param(0, Range(0, is_whole=True), "Sample from that many of the likeliest tokens; 0 from all.")
    top_p: float = _param(1.0, Range(0, 1, is_open=True), "Sample from the likeliest tokens that hold this share.")
    min_p: float = _param(0.0, Range(0, 1), "Leave out what is less likely than this share of the likeliest.")
    seed: int | None = _param(None, Range(0, is_whole=True), "Repeat the same sampling.")

    def __post_init__(self) -> None:
        for each in fields(self):
            value, range = getattr(self, each.name), each.metadata["range"]
            if not (value is None and each.default is None) and not range.holds(value):
                raise InvalidRequest(f"{each.name} must be {range}, not {value!r}", param=each.name)


SAMPLING_PARAMS = tuple(each.name for each in fields(SamplingParams))
GREEDY = SamplingParams()
