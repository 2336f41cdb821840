"""Rooms import only from rooms below them, in the order in which docs/architecture.md lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GROUND = ["errors", "_util"]  # one floor: texts of errors are made printable there, and sizes that are none are refused
FACE = {"__init__", "__main__"}  # they hand on names of any room


def floors() -> list[str]:
    """The rooms of the table, the ground floor first."""
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("| room | owns |")[2]
    return re.findall(r"(?m)^\| `(\w+)(?:/|\.py)` \|", table)


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, for types and inside of functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edge_lam."):
            yield str(node.module).split(".")[1]


def test_every_room_is_in_the_table() -> None:
    there = {path.stem for path in (ROOT / "edge_lam").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert set(floors()) == there - FACE
    assert len(floors()) == len(set(floors())) > 20


def test_no_room_imports_from_one_above() -> None:
    order = floors()
    assert order[:2] == GROUND
    upward = {
        f"{path.relative_to(ROOT)} -> {room}"
        for index, own in enumerate(order)
        for path in [ROOT / "edge_lam" / f"{own}.py", *(ROOT / "edge_lam" / own).rglob("*.py")]
        if path.exists()
        for room in imported(path)
        if room not in GROUND + order[: index + 1]
    }
    assert upward == set()
