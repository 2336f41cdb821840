"""`none_is_default`: an option that is None is one that was not given, as clients and configurations write it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def none_is_default(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function take its own default for each keyword argument that is None."""

    @wraps(function)
    def with_defaults(*arguments: P.args, **options: P.kwargs) -> T:
        for name in [name for name, value in options.items() if value is None]:
            del options[name]
        return function(*arguments, **options)

    return with_defaults
