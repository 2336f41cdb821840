"""`SchemaError`: what is wrong with a schema, and where."""

from __future__ import annotations


class SchemaError(ValueError):
    """A schema that can't be read, or that nothing can be held to.

    Attributes:
        path: JSON pointer of the schema at fault, "" for the whole.
        hint: what to do about it, or "".
    """

    def __init__(self, message: str, path: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.hint = hint
