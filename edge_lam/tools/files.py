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
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from edge_lam.errors import InvalidTool
from edge_lam.tools.shapes import definitions_in
from edge_lam.tools.tool import Tool, as_tools, listed


def load_tools(source: str | Path) -> list[Tool]:
    """Load the tools of a file or module.

    Args:
        source: a `.py` file (its `TOOLS` list, or else its public functions with type annotations), a `.json` file (a
            list of definitions, or an object with a "tools" list), or ``module:attribute``.

    Returns:
        At least one tool, names unique.

    Raises:
        InvalidTool: the source can't be read or holds no tools; the message says where.
    """
    return as_tools(read_tools(source))


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
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InvalidTool(f"{path} can't be imported: {_describe(error, str(path))}") from error
    return module


def _module_tools(module: ModuleType, source: str) -> list[Any]:
    if hasattr(module, "TOOLS"):
        return listed(module.TOOLS)
    made = [value for name, value in vars(module).items() if not name.startswith("_") and _is_of(value, module)]
    functions = [value for value in made if inspect.isfunction(value)]
    typed = [value for value in made if isinstance(value, Tool) or value.__annotations__]
    if not typed:
        untyped = ", ".join(function.__name__ for function in functions)
        hint = f"add type annotations to {untyped}" if untyped else "define public functions with type annotations"
        raise InvalidTool(f"{source} holds no tools", hint=hint)
    return typed


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
    except (Exception, SystemExit) as error:
        raise InvalidTool(f"module {name!r} can't be imported: {_describe(error)}") from error
    for step in attribute.split("."):
        if not hasattr(value, step):
            raise InvalidTool(f"module {name!r} has no attribute {attribute!r}")
        value = getattr(value, step)
    return list(value) if isinstance(value, list | tuple) else [value]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
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
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _describe(error: BaseException, path: str = "") -> str:
    """Return the error in one line, with the line of the user's file where it arose."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}".replace("\n", " ")
