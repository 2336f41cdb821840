"""Questions to a log of calls, answered by SQLite: what calls took by time, model, tool and phase, and which failed.

Lines of a log are read as `CallLog` writes them, into tables in memory; times are seconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam.metrics.report import Times

_NO_PHASES = ("load", "tool", "first_token", "total", "name", "call")  # of `Times`: the rest are parts of the total
TIMES = tuple(field.name for field in fields(Times))
PHASES = tuple(name for name in TIMES if name not in _NO_PHASES)
TOKENS = ("prompt", "cached", "sampled", "forced", "accepted", "dropped")
FACTS = ("id", "started", "model", "device", "finish_reason", "error", "n_tools", "n_calls")
COLUMNS = (*FACTS, *TOKENS, *TIMES)
_TOOL_COLUMNS = ("reply_id", "tool", "outcome", "seconds")

_LONGEST_LINE = 1 << 24  # bytes; what is longer is no record
# What the groups of `summary` are; calls of one day are shown by the hour.
_GROUPS = {
    "time": "strftime(iif((select max(started) - min(started) from calls) > 86400, '%Y-%m-%d', '%Y-%m-%d %H:00'), "
    "started, 'unixepoch', 'localtime')",
    "model": "model",
}
_FIGURES = """
    count(*) as calls,
    sum(error != '') as failed,
    p50(iif(error = '', nullif(first_token, 0), null)) as first_token_p50,
    p95(iif(error = '', nullif(first_token, 0), null)) as first_token_p95,
    p50(iif(error = '', total, null)) as total_p50,
    p95(iif(error = '', total, null)) as total_p95
"""
GROUPS = (*_GROUPS, "tool", "phase")

Row = dict[str, Any]


class _Percentile:
    """An aggregate for SQLite: interpolated between the values, None for none."""

    def __init__(self, percent: int) -> None:
        self._values: list[float] = []
        self._percent = percent

    def step(self, value: float | None, /) -> None:
        if value is not None:
            self._values.append(value)

    def finalize(self) -> Any:
        import numpy as np

        return float(np.percentile(self._values, self._percent)) if self._values else None


class LogQuery:
    """The calls of a log, or those of them that are requested.

    Attributes:
        n_wrong: lines that are no records; they are left out.

    Args:
        files: the log, the older part first; a file that is not there has no calls.
        since: calls that began from then on.
        until: calls that began before.
        model: only of models whose name matches, in any case; "*" and "?" stand for what they do in a shell.
        tool: only calls after which such a tool ran, and only these runs of tools.

    Raises:
        InvalidRequest: a file can't be read; `param` is "log".
    """

    def __init__(
        self,
        files: Iterable[Path],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        model: str | None = None,
        tool: str | None = None,
    ) -> None:
        self.n_wrong = 0
        self._tables = sqlite3.connect(":memory:")
        self._tables.row_factory = sqlite3.Row
        for percent in (50, 95):
            self._tables.create_aggregate(f"p{percent}", 1, partial(_Percentile, percent))
        self._tables.execute(f"create table calls ({', '.join(COLUMNS)})")
        self._tables.execute(f"create table tools ({', '.join(_TOOL_COLUMNS)})")
        for file in files:
            self._read(file)
        for leave_out, value in (
            ("delete from calls where started < ?", since and since.timestamp()),
            ("delete from calls where started >= ?", until and until.timestamp()),
            ("delete from calls where not lower(model) glob ?", model and model.lower()),
            ("delete from tools where not lower(tool) glob ?", tool and tool.lower()),
        ):
            if value is not None:
                self._tables.execute(leave_out, [value])
        if tool is not None:
            self._tables.execute("delete from calls where id not in (select reply_id from tools)")
        self._tables.execute("delete from tools where reply_id not in (select id from calls)")

    def about(self) -> Row:
        """Return how many calls there are, how many failed, and when the first and the last began (or None)."""
        (row,) = self._select(
            "select count(*) as n_calls, coalesce(sum(error != ''), 0) as n_failed, "
            "min(started) as first, max(started) as last from calls"
        )
        return row

    def summary(self, by: str) -> list[Row]:
        """Return one row a group with its counts, medians and 95th percentiles.

        Args:
            by: "time" (days, or hours of a single day), "model", "tool" (their runs), or "phase".

        Raises:
            InvalidRequest: there is no such group.
        """
        if by == "tool":
            return self._select(
                "select tool, count(*) as runs, sum(outcome != 'ok') as failed, "
                "p50(seconds) as seconds_p50, p95(seconds) as seconds_p95 "
                "from tools group by 1 order by runs desc, tool"
            )
        if by == "phase":
            phases = [
                f"select '{phase}' as phase, p50({phase}) as p50, p95({phase}) as p95, "
                f"sum({phase}) / sum(total) as share from calls where error = '' group by 1"
                for phase in PHASES
            ]
            return self._select(" union all ".join(phases))
        if by not in _GROUPS:
            raise InvalidRequest(f"calls are not grouped by {by!r}", hint=f"by {', '.join(GROUPS)}", param="by")
        order = "1" if by == "time" else "calls desc, 1"
        return self._select(f"select {_GROUPS[by]} as {by}, {_FIGURES} from calls group by 1 order by {order}")

    def calls(self, *, failed: bool = False, slowest: int | None = None) -> list[Row]:
        """Return calls, each with all its figures, as they began.

        Args:
            failed: only those that ended in an error.
            slowest: only so many, those that took longest, the longest first.
        """
        where = " where error != ''" if failed else ""
        order = "started" if slowest is None else f"total desc limit {int(slowest)}"
        return self._select(f"select {', '.join(COLUMNS)} from calls{where} order by {order}")

    def _select(self, query: str) -> list[Row]:
        return [dict(row) for row in self._tables.execute(query)]

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                lines = iter(partial(file.readline, _LONGEST_LINE), b"")
                rows = (row for line in lines for row in self._rows(line))
                for is_tool, values in rows:
                    table = "tools" if is_tool else "calls"
                    self._tables.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)
        except FileNotFoundError:  # nothing was logged yet, or nothing rotated away
            return
        except OSError as error:
            raise InvalidRequest(f"{path} can't be read: {error.strerror or error}", param="log") from error

    def _rows(self, line: bytes) -> Iterator[tuple[bool, list[Any]]]:
        """Yield the row of a line, if it is a record."""
        try:
            record = json.loads(line)
            if record.get("kind") == "tool":
                yield True, [_plain(record.get(name)) for name in _TOOL_COLUMNS]
            else:
                values = record | record["tokens"] | record["times"]
                values["started"] = datetime.fromisoformat(record["started"]).timestamp()
                yield False, [_plain(values.get(name)) for name in COLUMNS]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no record; whoever asks is told
            self.n_wrong += bool(line.strip())


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) or value is None else str(value)
