"""No module needs one that needs it, not even for types or inside of a function."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", ["edge_lam", "converters/edge_lam_converters"])
def test_no_modules_import_each_other(package: str) -> None:
    root = (ROOT / package).parent
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in (ROOT / package).rglob("*.py")}
    plain = {name: path for name, path in modules.items() if path.name != "__init__.py"}  # those only gather names
    graph = {name: imported(path, plain) - {name} for name, path in plain.items()}
    assert sum(map(len, graph.values())) > len(graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """Return which of the modules one imports, whole or a name of them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules.keys()
