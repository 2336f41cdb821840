"""What a judged request leaves behind: a sample with the answer, whether it is right, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edge_lam import CallReport, Reply, ToolCall
from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.measure import figures
from edge_lam_benchmarks.quality.official import OfficialVerdict

_ADDED_UP = ("time.", "tokens.", "passes.")


def leaderboard_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Return calls in the leaderboard's form, ``{name: arguments}``."""
    return [{call.name: call.arguments} for call in calls]


def reply_text(reply: Reply) -> str:
    """Return a reply as xLAM-2 writes it: its text, or its calls as one JSON array."""
    if not reply.tool_calls:
        return reply.text
    return json.dumps([{"name": call.name, "arguments": call.arguments} for call in reply.tool_calls])


def judged(task: str, verdict: OfficialVerdict, answer: Any, values: Mapping[str, float], **labels: Any) -> Sample:
    """Return the sample of a request.

    Args:
        task: the request's name, the same for every model.
        verdict: whether the answer is right.
        answer: what the model did, in JSON types.
        values: what it cost.
        **labels: more of them.
    """
    known: dict[str, Any] = {"task": task, "correct": verdict.valid, "answer": answer, **labels}
    if not verdict.valid:
        known |= {"kind": verdict.kind, "reason": verdict.reason}
    return Sample(dict(values), known)


def refused(task: str, error: EdgeLamError, **labels: Any) -> Sample:
    """Return the sample of a request that could not even be given to the model: it counts as wrong."""
    verdict = OfficialVerdict(valid=False, kind=f"refused:{error.code}", reason=error.message)
    return judged(task, verdict, None, {}, **labels)


def together(reports: Sequence[CallReport]) -> dict[str, float]:
    """Return the figures of several calls as one: times, tokens and passes added up, memory of the last."""
    values: dict[str, float] = {}
    for report in reports:
        for name, value in figures(report).items():
            values[name] = value + values.get(name, 0.0) if name.startswith(_ADDED_UP) else value
    return {name: value for name, value in values.items() if not name.startswith("rate.")}
