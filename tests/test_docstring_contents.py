"""Docstrings of public names say the shapes of arrays, the units of times and sizes, and which errors are raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam import errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge_lam", "converters/edge_lam_converters", "benchmarks/edge_lam_benchmarks")
# Their docstrings are read by a model, which learns from them what a tool is for and no more.
TOOLS = ("demo_tools", "worlds")
RAISED = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
RAISED |= {"ValueError", "TypeError"}
NEEDS_UNIT = re.compile(r"seconds|timeout|duration|elapsed|size|bytes|limit|budget|deadline|delay|memory|length|width")
UNIT = re.compile(
    r"(?i)bytes|seconds|minutes|tokens|[MG]i?B\b|bits|characters|lines|rows|values|columns|joules|watts|hertz|percent"
    r"|share|entries|sequences|requests|numbers|words|files|may wait"
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def unsaid(source: str) -> Iterator[str]:
    """Yield what the docstrings of a module leave open: ``line name: what``."""
    for node in ast.parse(source).body:
        if isinstance(node, Function):
            yield from _of_function(node, "")
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            about = ast.get_docstring(node) or ""
            for one in node.body:
                if isinstance(one, Function):
                    yield from _of_function(one, about if one.name == "__init__" else "")
                elif isinstance(one, ast.AnnAssign):
                    default = ast.unparse(one.value) if one.value else ""  # options say it in their help
                    yield from _of_value(one.lineno, ast.unparse(one.target), one.annotation, about + default)


def _of_function(node: Function, about: str) -> Iterator[str]:
    decorators = " ".join(map(ast.unparse, node.decorator_list))
    is_private = node.name.startswith("_") and node.name != "__init__"
    if is_private or "overload" in decorators or "command" in decorators:  # a command's docstring is its help text
        return
    about += ast.get_docstring(node) or ""
    for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        yield from _of_value(node.lineno, arg.arg, arg.annotation, about)
    yield from _of_value(node.lineno, node.name, node.returns, about)
    if not re.search(r"\braise|Raises:\s+(\w+: )?as `", about, re.IGNORECASE):
        yield from (f"{node.lineno} {node.name}: raises {name}" for name in sorted(RAISED & set(_raised(node))))


def _of_value(line: int, name: str, annotation: ast.expr | None, about: str) -> Iterator[str]:
    kind = ast.unparse(annotation) if annotation else ""
    if "NDArray" in kind and "shape" not in about.lower():
        yield f"{line} {name}: the shape of {kind}"
    if re.search(r"^(int|float)\b", kind) and NEEDS_UNIT.search(name) and not UNIT.search(about + name):
        yield f"{line} {name}: the unit of {kind}"


def _raised(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            yield ast.unparse(child.exc.func)
        yield from _raised(child)


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_say_shapes_units_and_errors(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if not set(path.parts) & set(TOOLS)]
    files = [path for path in files if not path.parent.name.startswith(TOOLS)]
    assert len(files) > 20
    found = [f"{path}:{one}" for path in files for one in unsaid(path.read_text(encoding="utf-8"))]
    assert not found, "these docstrings leave something open:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('def run(timeout: float):\n    """Run."""', "1 timeout: the unit of float"),
        ('def run(timeout: float):\n    """Run for at most so many seconds."""', ""),
        ('def mean(rows: NDArray[np.float32]):\n    """Return it."""', "1 rows: the shape of NDArray[np.float32]"),
        ('def mean(rows: NDArray[np.float32]):\n    """Return it; shape (rows, columns)."""', ""),
        ('def run():\n    """Run."""\n    raise Busy("no")', "1 run: raises Busy"),
        ('def run():\n    """Run.\n\n    Raises:\n        Busy: no.\n    """\n    raise Busy("no")', ""),
        ('class Limits:\n    """Limits."""\n    n_bytes: int\n    timeout: float', "4 timeout: the unit of float"),
        ('def _run(timeout: float):\n    """Run."""', ""),
    ],
)
def test_what_a_docstring_leaves_open(source: str, found: str) -> None:
    assert ", ".join(unsaid(source)) == found
