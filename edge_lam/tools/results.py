"""What a tool gave back -> JSON types that a model can read, in bounded time and memory.

In comes any Python value, out come its JSON types; the items of an iterator are its value. They are drawn here, one by
one: pydantic would go on for ever in an endless iterator, and not let go of the interpreter.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from operator import is_
from typing import Any

from edge_lam._util.extras import require

MAX_BYTES = 4_000_000  # of what iterators give, as JSON
PER_ITEM = 8  # bytes that an item counts at least, so that many small ones come to an end too


class TooLong(Exception):  # noqa: N818 - the model reads the name
    """An iterator gives more than a result may hold."""

    def __init__(self) -> None:
        super().__init__(f"the result goes on beyond {MAX_BYTES:,} bytes; ask for less")


class Stopped(Exception):  # noqa: N818
    """Nobody wants the result any more."""


def never() -> bool:
    """Tell that a result is still wanted."""
    return False


def json_types(value: Any, is_stopped: Callable[[], bool] = never) -> Any:
    """Return JSON types for what a tool gave back; what has none becomes its string.

    Args:
        value: anything.
        is_stopped: called between the items of iterators; whether the result is no longer wanted.

    Raises:
        ValueError: it refers to itself, or has half a character in a string.
        TooLong: its iterators give too much.
        MissingPackage: pydantic is not installed.
        Stopped: it was no longer wanted.
    """
    return _Drawn(is_stopped).json_types(value)


async def items_of(values: AsyncIterator[Any], is_stopped: Callable[[], bool] = never) -> list[Any]:
    """Return the JSON types of the items of an async iterator, such as an async generator; errors as `json_types`."""
    drawn = _Drawn(is_stopped)
    try:
        return [drawn.item(value) async for value in values]
    finally:
        if hasattr(values, "aclose"):
            await values.aclose()


class _Drawn:
    """What was drawn from the iterators in one result so far."""

    def __init__(self, is_stopped: Callable[[], bool]) -> None:
        require("pydantic_core", "results of tools")
        self._is_stopped = is_stopped
        self._left = MAX_BYTES
        self._around: set[int] = set()

    def json_types(self, value: Any) -> Any:
        from pydantic_core import from_json

        return from_json(self._json(value))

    def item(self, value: Any) -> Any:
        """Return the JSON types of one item of an iterator."""
        from pydantic_core import from_json

        if self._is_stopped():
            raise Stopped
        data = self._json(value)
        self._left -= max(len(data), PER_ITEM)
        if self._left < 0:
            raise TooLong
        return from_json(data)

    def _json(self, value: Any) -> bytes:
        from pydantic_core import to_json

        return to_json(self._finite(value), fallback=str, bytes_mode="base64", inf_nan_mode="strings")

    def _finite(self, value: Any) -> Any:
        """Return a value in which lists stand for iterators."""
        if isinstance(value, str | bytes | int | float | None):
            return value
        if id(value) in self._around:
            raise ValueError("the result refers to itself")
        self._around.add(id(value))
        try:
            return self._written_out(value)
        finally:
            self._around.remove(id(value))

    def _written_out(self, value: Any) -> Any:
        if isinstance(value, Iterator):
            try:
                return [self.item(item) for item in value]
            finally:
                getattr(value, "close", lambda: None)()
        if isinstance(value, list | tuple | set | frozenset | deque):
            items = [self._finite(item) for item in value]
            return value if all(map(is_, items, value)) else items
        fields = value if isinstance(value, dict) else _fields(value)
        drawn = {name: self._finite(item) for name, item in fields.items()}
        return value if all(map(is_, drawn.values(), fields.values())) else drawn


def _fields(value: Any) -> dict[str, Any]:
    """Return the values that a dataclass or a pydantic model holds; none of anything else."""
    if isinstance(value, type):
        return {}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if hasattr(type(value), "__pydantic_fields__"):
        return {**vars(value), **(value.model_extra or {})}
    return {}
