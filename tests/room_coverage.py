"""Print how much of each room of the runtime the tests ran through; end with 1 if a room is under 90 %.

    python tests/room_coverage.py .coverage-fast.json .coverage-rest.json

Reads what `python -m slipcover -m pytest` wrote, of one run or more. Counted are lines and the ways out of branches,
together. What a test runs in a process of its own does not count: starting hundreds of them measured takes minutes.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from slipcover import merge_coverage

LEAST = 90.0  # percent of every room
SHOWN = 5  # files of a room under the bar


class Share(NamedTuple):
    """How much of something was run: lines and ways out of branches."""

    covered: int
    all: int

    @classmethod
    def of(cls, summary: dict[str, int]) -> Share:
        """Return that of a file."""
        covered = summary["covered_lines"] + summary["covered_branches"]
        return cls(covered, covered + summary["missing_lines"] + summary["missing_branches"])

    @property
    def percent(self) -> float:
        """As a person reads it."""
        return 100 * self.covered / max(1, self.all)


def main(reports: list[str]) -> int:
    """Print the table, and what is missing of rooms under the bar."""
    measured: dict[str, Any] = json.loads(Path(reports[0]).read_text())
    for report in reports[1:]:
        merge_coverage(measured, json.loads(Path(report).read_text()))
    files: dict[str, dict[str, Any]] = measured["files"]
    rooms: dict[str, dict[str, Share]] = defaultdict(dict)
    for path, found in files.items():
        parts = Path(path).parts
        inside = parts[parts.index("edge_lam") + 1 :]
        rooms[inside[0] if len(inside) > 1 else "(top)"][path] = Share.of(found["summary"])
    print(f"\n{'room':<14}{'files':>6}{'counted':>9}{'covered':>10}")
    low = []
    for room, shares in sorted(rooms.items()):
        whole = _sum(shares.values())
        print(f"{room:<14}{len(shares):>6}{whole.all:>9}{whole.percent:>9.1f}%")
        if whole.percent < LEAST:
            low.append(room)
    every = _sum(share for shares in rooms.values() for share in shares.values())
    print(f"{'all':<14}{len(files):>6}{every.all:>9}{every.percent:>9.1f}%")
    for room in low:
        print(f"\n{room} is under {LEAST:g}%; most is missing of:")
        for path in sorted(rooms[room], key=lambda path: rooms[room][path].covered - rooms[room][path].all)[:SHOWN]:
            lines = ", ".join(map(str, files[path]["missing_lines"][:20]))
            print(f"  {path}: {rooms[room][path].percent:.0f}%, lines {lines}")
    return 1 if low else 0


def _sum(shares: Iterable[Share]) -> Share:
    every = list(shares)
    return Share(sum(share.covered for share in every), sum(share.all for share in every))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
