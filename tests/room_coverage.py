"""Print how much of each room of the runtime the tests ran through, and what is missing of those under 90 %.

    python tests/room_coverage.py            # --fail: ends with 1 if a room is under it

Reads what `pytest --cov` left in `.coverage`. Counted are lines and the ways out of branches, together.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LEAST = 90.0  # percent of every room
SHOWN = 5  # files of a room under the bar


def main() -> int:
    """Print the table."""
    files: dict[str, dict[str, Any]] = _report()["files"]
    rooms: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    for path, found in files.items():
        parts = Path(path).parts
        summary = Counter({key: value for key, value in found["summary"].items() if isinstance(value, int)})
        rooms[parts[1] if len(parts) > 2 else "(top)"][path] = summary
    low = []
    print(f"\n{'room':<14}{'files':>6}{'lines':>8}{'branches':>10}{'covered':>10}")
    for room, summaries in sorted(rooms.items()):
        whole = sum(summaries.values(), Counter())
        share = _share(whole)
        print(f"{room:<14}{len(summaries):>6}{whole['num_statements']:>8}{whole['num_branches']:>10}{share:>9.1f}%")
        if share < LEAST:
            low.append(room)
    every = sum((sum(room.values(), Counter()) for room in rooms.values()), Counter())
    print(f"{'all':<14}{len(files):>6}{_share(every):>27.1f}%")
    for room in low:
        print(f"\n{room} is under {LEAST:g}%; most is missing of:")
        missing = {path: _of(one) - _covered(one) for path, one in rooms[room].items()}
        for path in sorted(missing, key=lambda path: -missing[path])[:SHOWN]:
            lines = ", ".join(map(str, files[path]["missing_lines"][:20]))
            print(f"  {path}: {_share(rooms[room][path]):.0f}%, lines {lines}")
    return 1 if low and "--fail" in sys.argv[1:] else 0


def _report() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", path], cwd=ROOT, check=True)
        report: dict[str, Any] = json.loads(path.read_text())
    return report


def _covered(summary: Counter[str]) -> int:
    return summary["covered_lines"] + summary["covered_branches"]


def _of(summary: Counter[str]) -> int:
    return summary["num_statements"] + summary["num_branches"]


def _share(summary: Counter[str]) -> float:
    return 100 * _covered(summary) / max(1, _of(summary))


if __name__ == "__main__":
    sys.exit(main())
