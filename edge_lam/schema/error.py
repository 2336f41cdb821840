"""`SchemaError`: what is wrong with a schema, and where."""

from __future__ import annotations

LONGEST = 300


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text in one line that can be read: names and paths in a schema may be of any length."""
    line = " ".join(text.split())
    half = longest // 2  # what is wrong may stand at the end
    return line if len(line) <= longest else f"{line[:half]} … {line[-half:]}"


class SchemaError(ValueError):
    """A schema that can't be read, or that nothing can be held to.

    Attributes:
        path: JSON pointer of the schema at fault, "" for the whole.
        hint: what to do about it, or "".
    """

    def __init__(self, message: str, path: str = "", *, hint: str = "") -> None:
        super().__init__(shortened(message))
        self.path = path
        self.hint = hint
