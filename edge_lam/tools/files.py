"""Tools from a file or a module: `tools.py`, `tools.json` or `module:attribute`.

In comes what a user typed after `--tools`; out come `Tool` objects. Each way of failing says what to mend. A Python
file is run, as any script is.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edge_lam._util.read_file import read_bounded
from edge_lam.errors import InvalidTool
from edge_lam.tools.likes import as_tool, as_tools, listed
from edge_lam.tools.shapes import definitions_in
from edge_lam.tools.tool import Tool

if TYPE_CHECKING:
    from edge_lam.tools.likes import ToolLike

_MAX_BYTES = 64 << 20


def load_tools(
    source: str | Path,
    *,
    allow: Sequence[str] = (),
    deny: Sequence[str] = (),
    on_bad: Callable[[InvalidTool], object] | None = None,
) -> list[Tool]:
    """Load the tools of a file or module.

    Args:
        source: a `.py` file (its `TOOLS` list, or else its public functions with type annotations), a `.json` file (a
            list of definitions, or an object with a "tools" list), or ``module:attribute``.
        allow: see `pick_tools`, as the others.
        deny: see there.
        on_bad: see there.

    Returns:
        At least one tool, names unique.

    Raises:
        InvalidTool: the source can't be read or holds no tools; the message says where.
    """
    return pick_tools(read_tools(source), allow=allow, deny=deny, on_bad=on_bad)


def pick_tools(
    values: Iterable[ToolLike],
    *,
    allow: Sequence[str] = (),
    deny: Sequence[str] = (),
    on_bad: Callable[[InvalidTool], object] | None = None,
) -> list[Tool]:
    """Return the tools of a list that are wanted.

    Args:
        values: as for `LAM.chat`.
        allow: names or globs such as "read_*"; what matches none of them is left out. None of them leaves out nothing.
        deny: the same; what matches one of them is left out.
        on_bad: hears of each tool that can't be read, which is then left out; by default it is an error. For those that
            can be read, but not be held to their schemas, see `LAM.usable_tools`.

    Raises:
        InvalidTool: one can't be read, two have the same name, a glob matches none, or no tool is left.
    """
    picked: list[Tool] = []
    names: list[str] = []
    for value in listed(values):
        tool = _read_or_refusal(value)
        name = tool.name if isinstance(tool, Tool) else tool.tool
        names.append(name)
        if not _is_picked(name, allow, deny):
            continue
        if isinstance(tool, Tool):
            picked.append(tool)
        elif on_bad is None:
            raise tool
        else:
            on_bad(tool)
    for glob in (*allow, *deny):
        if not any(fnmatchcase(name, glob) for name in names):
            raise InvalidTool(f"{glob!r} matches no tool", hint=f"tools: {', '.join(filter(None, names))}")
    if names and not picked:
        raise InvalidTool("no tool is left of those that were given")
    return as_tools(picked)


def _read_or_refusal(value: ToolLike) -> Tool | InvalidTool:
    try:
        return as_tool(value)
    except InvalidTool as error:
        return error


def _is_picked(name: str, allow: Sequence[str], deny: Sequence[str]) -> bool:
    def matches(globs: Sequence[str]) -> bool:
        return any(fnmatchcase(name, glob) for glob in globs)

    return (not allow or matches(allow)) and not matches(deny)


def read_tools(source: str | Path) -> list[Any]:
    """Return what a file or module holds, before it is made into tools. See `load_tools`.

    Raises:
        InvalidTool: the source can't be read or holds nothing.
    """
    text = str(source)
    suffix = Path(text).suffix.lower()
    if suffix == ".json":
        values = _read_json(Path(text))
    elif suffix == ".py":
        values = _module_tools(_import_file(Path(text)), text)
    elif ":" in text:
        values = _attribute_tools(text)
    else:
        raise InvalidTool(f"{text!r} names no tools", hint="use file.py, file.json or module:attribute")
    if not values:
        raise InvalidTool(f"{text} holds no tools")
    return values


def _read_json(path: Path) -> list[Any]:
    text = _read(path)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidTool(f"{path} is not JSON: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidTool(f"{path} is not JSON: {error}") from error
    found = definitions_in(value)
    if found is None:
        raise InvalidTool(f"{path} holds no list of tools", hint='write a list, or {"tools": [...]}')
    return listed(found)


def _import_file(path: Path) -> ModuleType:
    code = _read(path)
    # A name of its own, so that tools.py can't shadow an installed module that is called tools.
    name = f"edge_lam_tools_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # pydantic and dataclasses look their module up while it is being run
    try:
        with _import_path(path.resolve().parent):
            exec(compile(code, str(path), "exec"), module.__dict__)  # noqa: S102
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file may raise what is no Exception, such as CancelledError
        del sys.modules[name]
        raise InvalidTool(f"{path} can't be imported: {_describe(error, str(path))}") from error
    return module


def _module_tools(module: ModuleType, source: str) -> list[Any]:
    if (given := _attribute(module, "TOOLS", source)) is not None:
        return listed(given)
    made = [value for name, value in vars(module).items() if not name.startswith("_") and _is_of(value, module)]
    functions = [value for value in made if inspect.isfunction(value)]
    typed = [value for value in made if isinstance(value, Tool) or value.__annotations__]
    if not typed:
        untyped = ", ".join(function.__name__ for function in functions)
        hint = f"add type annotations to {untyped}" if untyped else "define public functions with type annotations"
        raise InvalidTool(f"{source} holds no tools", hint=hint)
    return typed


def _attribute(value: Any, name: str, source: str) -> Any:
    """Return an attribute, or None; its own code may say what it is, and fail."""
    try:
        return getattr(value, name, None)
    except Exception as error:
        raise InvalidTool(f"{source} can't say what its {name} is: {_describe(error)}") from error


def _is_of(value: Any, module: ModuleType) -> bool:
    """Tell whether a value is a function of a module, or a tool that was made of one."""
    function = value.function if isinstance(value, Tool) else value
    return inspect.isfunction(function) and function.__module__ == module.__name__


def _attribute_tools(source: str) -> list[Any]:
    name, _, attribute = source.partition(":")
    if name.endswith((".py", ".json")):
        raise InvalidTool(f"{source!r} is neither file nor module", hint="use file.py, file.json or module:attribute")
    try:
        with _import_path(Path.cwd()):
            value: Any = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InvalidTool(f"module {name!r} can't be imported: {_describe(error)}") from error
    for step in attribute.split("."):
        value = _attribute(value, step, f"module {name!r}")
        if value is None:
            raise InvalidTool(f"module {name!r} has no attribute {attribute!r}")
    return list(value) if isinstance(value, list | tuple) else [value]


def _read(path: Path) -> str:
    try:
        return read_bounded(path, _MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InvalidTool(f"no such file: {path}") from error
    except OSError as error:
        raise InvalidTool(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidTool(f"{path} is not UTF-8 text") from error


@contextlib.contextmanager
def _import_path(folder: Path) -> Iterator[None]:
    """Let imports find modules in `folder`, as `python file.py` would."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the file took it out itself
            sys.path.remove(str(folder))


def _describe(error: BaseException, path: str = "") -> str:
    """Return the error in one line, with the line of the user's file where it arose."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"line {lines[-1]}: " if lines else ""
    try:
        text = str(error)
    except Exception:  # its own code says it
        text = "it can't be shown"
    return f"{where}{type(error).__name__}: {text}".replace("\n", " ")
