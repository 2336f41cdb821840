"""The thought of ``{"thought": "text for the user", "tool_calls": [...]}``, decoded while it is still being written.

In comes the text of one JSON value, in pieces; out comes text.
"""

from __future__ import annotations

import json
import re

OPENING = ("{", '"thought"', ":", '"')
JSON_SPACE = re.compile(r"[ \t\r\n]*")
# Whole characters of a string, an escaped surrogate pair being one.
CHARACTERS = re.compile(
    r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?!(?i:d[89a-f]))[0-9a-fA-F]{4}'
    r"|\\u(?i:d[89ab][0-9a-f]{2})\\u(?i:d[c-f][0-9a-f]{2}))*"
)
LONGEST_CHARACTER = len(r"\ud83d\ude00")
WINDOW = 1024  # characters looked at together: most values are no thought, and their first ones tell


class ThoughtReader:
    """Follows a value from its first character on, for as long as it may be, or is, the thought.

    Attributes:
        found: whether the value begins with a thought.
        is_done: whether nothing is to come of it any more.
    """

    def __init__(self) -> None:
        self.found = False
        self.is_done = False
        self._opened = 0
        self._held = ""

    def read(self, text: str, position: int) -> str:
        """Return what a piece of the value, from `position` on, adds to the thought."""
        shown = ""
        while position < len(text) and not self.is_done:
            self._held += text[position : position + WINDOW]
            position += WINDOW
            if not self.found:
                self._open()
            if self.found:
                shown += self._characters()
        return shown

    def _open(self) -> None:
        while not self.found and not self.is_done:
            space = JSON_SPACE.match(self._held)
            self._held = self._held[space.end() :] if space else self._held
            expected = OPENING[self._opened]
            if not self._held.startswith(expected):
                self.is_done = not expected.startswith(self._held)
                return
            self._held = self._held[len(expected) :]
            self._opened += 1
            self.found = self._opened == len(OPENING)

    def _characters(self) -> str:
        whole = CHARACTERS.match(self._held)
        end = whole.end() if whole else 0
        characters, self._held = self._held[:end], self._held[end:]
        # Behind them stands the closing quote, the beginning of a character, or something that is no JSON.
        self.is_done = self._held.startswith('"') or len(self._held) >= LONGEST_CHARACTER
        decoded: str = json.loads(f'"{characters}"')
        return decoded
