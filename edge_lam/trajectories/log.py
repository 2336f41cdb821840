"""The call log -> trajectories. Needs a log with prompts; knows nothing of the calls beyond what their lines say."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam.trajectories.files import at_place, decoded_entries
from edge_lam.trajectories.trajectory import Trajectory

COMPLETE = ("stop", "tool_calls")


@dataclass(slots=True)
class LoggedTrajectories:
    """What a log holds.

    Attributes:
        trajectories: in the order of their last replies.
        wrong: lines that can't be read.
        skipped: how many lines were left out, by reason.
    """

    trajectories: list[Trajectory] = field(default_factory=list)
    wrong: list[InvalidRequest] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read_log(path: str | os.PathLike[str]) -> LoggedTrajectories:
    """Read the conversations of a call log.

    Each line holds one reply with the whole conversation before it. A line from which a later one goes on, as every
    round of an agent does, is part of that one and is not given twice.

    Raises:
        InvalidRequest: the file can't be read; `param` is "path".
    """
    found = LoggedTrajectories()
    open_ends: dict[str, Trajectory] = {}
    for place, value in decoded_entries(Path(path)):
        if isinstance(value, InvalidRequest):
            found.wrong.append(value)
        elif reason := _why_skipped(value):
            found.skipped[reason] += 1
        else:
            try:
                trajectory = _trajectory(value)
            except InvalidRequest as error:
                found.wrong.append(at_place(place, error))
                continue
            prefixes = _prefixes(trajectory)
            for earlier in prefixes[:-1]:
                open_ends.pop(earlier, None)
            open_ends.pop(prefixes[-1], None)  # said again word for word: the later one stays, at its place
            open_ends[prefixes[-1]] = trajectory
    found.trajectories = list(open_ends.values())
    return found


def _why_skipped(line: object) -> str:
    """Return why a line holds no conversation to learn from, or ""."""
    if not isinstance(line, Mapping):
        return "no line of a call log"
    if line.get("kind") == "tool":
        return "run of a tool"
    if "messages" not in line:
        return "prompts not logged"
    if not line.get("reply"):
        return f"ended early ({line['error']})" if line.get("error") else "no reply"
    if line.get("finish_reason") not in COMPLETE:
        return f"cut off ({line.get('finish_reason')})"
    return ""


def _trajectory(line: Mapping[str, Any]) -> Trajectory:
    messages = line["messages"]
    if not isinstance(messages, list):
        raise InvalidRequest(f"messages must be a list, not {type(messages).__name__}", param="messages")
    name = str(line.get("id") or "")
    return Trajectory.of([*messages, line["reply"]], line.get("tools"), id=f"edge-lam---{name}" if name else None)


def _prefixes(trajectory: Trajectory) -> list[str]:
    """Return a name for each beginning of a conversation with the same tools, the shortest first."""
    digest = hashlib.sha256(json.dumps([tool.definition() for tool in trajectory.tools]).encode())
    names = []
    for message in trajectory.messages:
        digest.update(json.dumps(message, sort_keys=True).encode())
        names.append(digest.hexdigest())
    return names
