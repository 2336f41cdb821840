"""No error is swallowed without a word: a debug line for who asks, or a comment that says why none is needed."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam import errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge_lam", "converters/edge_lam_converters", "benchmarks/edge_lam_benchmarks")
LEVELS = {"debug", "info", "warning", "error", "exception"}
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}


def silent(source: str) -> Iterator[int]:
    """Yield the lines where an error ends and nobody can tell why."""
    if "except" not in source and "suppress" not in source:
        return
    ends = {node.lineno: last for node in ast.walk(ast.parse(source)) if (last := _last_line_of_an_end(node))}
    if not ends:  # reading comments takes longer than all the rest
        return
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith("# noqa")
    }
    yield from (first for first, last in ends.items() if not comments & set(range(first, last + 1)))


def _last_line_of_an_end(node: ast.AST) -> int:
    """Return the last line in which a comment may say why an error ends at this node, or 0 where none does."""
    if isinstance(node, ast.ExceptHandler):
        return 0 if _passes_on(node) else node.end_lineno or 0
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        if any(ast.unparse(call.func) in ("suppress", "contextlib.suppress") for call in calls):
            return max(node.lineno, node.body[0].lineno - 1)
    return 0


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler raises, logs, uses the error that it caught, or returns one of ours."""
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    functions = [node.func for node in nodes if isinstance(node, ast.Call)]
    called = {function.attr for function in functions if isinstance(function, ast.Attribute)}
    return any(isinstance(node, ast.Raise) for node in nodes) or bool(
        names & {handler.name, *ERRORS} or called & LEVELS
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_swallowed_error_is_logged_or_has_its_reason_beside_it(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert len(files) > 20
    found = [f"{path}:{line}" for path in files for line in silent(path.read_text(encoding="utf-8"))]
    assert not found, "log these errors (edge_lam._util.debug), or say in a comment why not:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("handler", "is_silent"),
    [
        ("pass", True),
        ("return None", True),
        ("print('failed')", True),
        ("return None  # there is nothing to read yet", False),
        ("return None  # noqa: BLE001", True),
        ("logger.debug('%s is not read', path)", False),
        ("raise", False),
        ("return reason(error)", False),
        ("return InvalidRequest('no')", False),
    ],
)
def test_what_counts_as_silent(handler: str, is_silent: bool) -> None:
    source = f"def read():\n    try:\n        work()\n    except OSError as error:\n        {handler}\n"
    assert list(silent(source)) == ([4] if is_silent else [])
    assert list(silent("with contextlib.suppress(OSError):\n    work()")) == [1]
    assert not list(silent("with suppressed(logger, 'it stays', OSError):\n    work()"))
