"""One word for one thing: no public class has the name of another; and private names are private to their file."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge_lam", "converters/edge_lam_converters", "benchmarks/edge_lam_benchmarks")
PUBLIC = {"_exit"}  # Python's own, which is public in spite of its name
MAY_BE_PRIVATE = re.compile(r"\b_[^\W_]")
SELF = ("self", "cls", "super()")


def test_no_public_class_has_the_name_of_another() -> None:
    places = defaultdict(list)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.parse(text).body if "class " in text else ():
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def called_name(call: ast.Call) -> str:
    """Return the last part of what is called; `ast.unparse` would take a second for all of them."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def reached_private_names(tree: ast.Module) -> Iterator[str]:
    """Yield each private name of another file, as ``module._name``, ``thing._name`` or a text given to `setattr`."""
    nodes = list(ast.walk(tree))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    own |= {
        node.attr
        for node in attributes
        if isinstance(node.ctx, ast.Store) and is_private(node.attr) and ast.unparse(node.value) in SELF
    }
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            if ast.unparse(node.value) not in SELF:  # there it is of a base class
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and called_name(node) in ("setattr", "delattr"):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield from (text for text in texts if any(map(is_private, text.split("."))))


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "examples", "models", *PACKAGES[:2]])
def test_no_file_reaches_a_private_name_of_another(folder: str) -> None:
    """What a test needs to put in place of something is an argument of a constructor."""
    reached = {
        str(path.relative_to(ROOT)): found
        for path in (ROOT / folder).rglob("*.py")
        if MAY_BE_PRIVATE.search(text := path.read_text(encoding="utf-8"))  # reading the rest takes two seconds
        and (found := sorted(set(reached_private_names(ast.parse(text)))))
    }
    assert reached == {}


def test_private_names_are_found() -> None:
    text = "from a import _b\nx._c()\nself._d\nsetattr(x, '_e', 1)\nx._f = 1\nx._g: int = 2\nos._exit(1)"
    assert sorted(reached_private_names(ast.parse(text))) == ["_b", "_e", "x._c", "x._f", "x._g"]
