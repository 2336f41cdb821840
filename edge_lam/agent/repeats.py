"""Calls that the model makes again although nothing has changed since. In come results, out comes whether to run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_lam.agent.events import ToolFinished
    from edge_lam.tools import ToolCall

RETRYABLE = ("failed", "timeout")  # what may be over at the next try


class Repeats:
    """Remembers the calls of one run.

    Something has changed when a call gave a result that it had not given before: a list read once more after an entry
    was added is no repeat, a list read twice in a row is one. A call that failed may be tried once more.
    """

    def __init__(self) -> None:
        self._results: set[tuple[str, str]] = set()
        self._changes = 0
        self._changes_at: dict[str, int] = {}  # by call: how much had changed when it ran

    def __contains__(self, call: ToolCall) -> bool:
        """Tell whether a call ran in an earlier round, and nothing has changed since."""
        return self._changes_at.get(_key(call)) == self._changes

    def add(self, results: Sequence[ToolFinished]) -> None:
        """Take the results of a round."""
        found = [(_key(result.call), result) for result in results if result.outcome not in ("repeated", "cancelled")]
        new = {key for key, result in found if (key, result.content) not in self._results}
        self._results |= {(key, result.content) for key, result in found}
        self._changes += bool(new)
        for key, result in found:
            if not (key in new and result.outcome in RETRYABLE):
                self._changes_at[key] = self._changes


def _key(call: ToolCall) -> str:
    return json.dumps([call.name, call.arguments], sort_keys=True)
