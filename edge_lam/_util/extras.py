"""Packages that a phone does without: which of them are here, and the error where something needs one that is not.

A streamed, constrained call from a tool definition needs llama.cpp, numpy and jinja2 alone, and llguidance is faster
than what takes its place. All else is imported where it is used, and belongs to the extra `cli`, or to another one that
is named where it is missed.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from edge_lam.errors import MissingPackage


@cache
def is_installed(package: str) -> bool:
    """Tell whether a package can be imported, without doing so."""
    return find_spec(package) is not None


def require(package: str, use: str, *, param: str | None = None, extra: str = "cli", hint: str | None = None) -> None:
    """Refuse what needs a package that is not installed.

    Args:
        package: by the name it is imported by.
        use: what needs it, such as "tools made of functions".
        param: the argument that asks for it, if there is one.
        extra: the extra that it belongs to.
        hint: what to do; by default to install that extra.

    Raises:
        MissingPackage: it is not installed.
    """
    if not is_installed(package):
        message = f"{use} need {package}, which is not installed"
        hint = hint or f"pip install 'edge-lam[{extra}]'"
        raise MissingPackage(message, package=package, hint=hint, param=param)
