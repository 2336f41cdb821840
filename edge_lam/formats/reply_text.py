"""The text of a reply as it grows: its markers, what is held back of it, and what is shown.

In come pieces of text, out come events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_lam.formats.events import ParserEvent, TextDelta, ThinkingDelta
from edge_lam.formats.named_calls import BEHIND_NAMES, SPELLINGS
from edge_lam.formats.thinking import TAGS, tokens_in

# The kinds of markers: what opens and closes a block of calls, what stands before calls, and fences.
BLOCK, BLOCK_END, LIST, FENCE = "block", "block end", "list", "fence"
BLOCKS = {
    "<tool_call>": "</tool_call>",  # Hermes, Qwen and most others
    "<tool_calls>": "</tool_calls>",
    "<calls>": "</calls>",
    "<function_call>": "</function_call>",
    "<|tool_call_start|>": "<|tool_call_end|>",  # LFM2
    "<|tool_call|>": "<|/tool_call|>",  # Phi-4-mini; Granite closes none
}
PYTHON_TAG = "<|python_tag|>"  # Llama 3.1, before calls and before code
LISTS = ("[TOOL_CALLS]", PYTHON_TAG)  # the first is Mistral's
KINDS = dict.fromkeys(BLOCKS, BLOCK) | dict.fromkeys(BLOCKS.values(), BLOCK_END)
KINDS |= dict.fromkeys(LISTS, LIST) | {"```": FENCE}


def any_of(words: Iterable[str]) -> str:
    """Return a regular expression of several words, the longer ones first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


MARKERS = (*KINDS, *SPELLINGS)
MARKER = re.compile(any_of(MARKERS))
MARKER_OR_ARRAY = re.compile(rf"{MARKER.pattern}|\[(?=[ \t\r\n]*(?:\{{|\Z))")  # an array of objects, or maybe one
# What control tokens can spell that the parser has to see.
MARKS = tokens_in(*TAGS, *TAGS.values()).union(BLOCKS, BLOCKS.values(), LISTS, BEHIND_NAMES)
THINKING = re.compile(any_of(TAGS))
BLOCK_MARKER = re.compile(any_of((*BLOCKS, *BLOCKS.values(), *LISTS)))


class Begun:
    """Finds markers that have only begun where a text ends."""

    def __init__(self, *markers: str) -> None:
        beginnings = sorted({marker[:length] for marker in markers for length in range(1, len(marker))})
        self._pattern = re.compile(rf"(?:{'|'.join(map(re.escape, beginnings))})\Z")
        self._longest = max(map(len, beginnings))

    def at(self, text: str, position: int) -> bool:
        """Tell whether the rest of a text is the beginning of a marker, not all of it."""
        return self._pattern.match(text, position) is not None

    def find(self, text: str, position: int) -> int:
        """Return where the beginning of a marker ends the text, at or behind `position`; its length if none does."""
        begun = self._pattern.search(text, max(position, len(text) - self._longest))
        return begun.start() if begun else len(text)


class Trimmed:
    """Text that grows, without the white space around it.

    Attributes:
        parts: what was added, as far as it is certain to be inside.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._space: list[str] = []

    def add(self, text: str) -> str:
        """Add text and return what is now certain; white space waits for what follows it."""
        if not self.parts:
            text = text.lstrip()
        inside = text.rstrip()
        if inside:
            self.parts.append("".join([*self._space, inside]))
            self._space.clear()
        self._space.append(text[len(inside) :])
        return self.parts[-1] if inside else ""

    def __str__(self) -> str:
        return "".join(self.parts)


class TextReader:
    """Text that is read in pieces and shown in order; what a parser stands on.

    Attributes:
        work: how many characters were looked at, those that had to wait for more counted again.
    """

    def __init__(self) -> None:
        self.work = 0
        self._buffer = ""
        self._position = 0
        self._held: list[str] = []  # shown as soon as it turns out to be text
        self._text = Trimmed()
        self._thinking = Trimmed()
        self._events: list[ParserEvent] = []

    def _append(self, piece: str) -> None:
        """Add a piece to what is still to be read, and forget what was."""
        self._buffer = self._buffer[self._position :] + piece
        self._position = 0
        self.work += len(self._buffer)

    def _take_until(self, end: int) -> str:
        text = self._buffer[self._position : end]
        self._position = end
        return text

    def _hold(self, pattern: re.Pattern[str]) -> bool:
        """Hold back what fits a pattern, which may be nothing; return False if that is all there is so far."""
        match = pattern.match(self._buffer, self._position)
        self._held.append(self._take_until(match.end() if match else self._position))
        return self._position < len(self._buffer)

    def _show(self, text: str) -> None:
        if shown := self._text.add(text):
            self._events.append(TextDelta(shown))

    def _show_held(self) -> None:
        for part in self._held:
            self._show(part)
        self._held.clear()

    def _think(self, text: str) -> None:
        if thought := self._thinking.add(text):
            self._events.append(ThinkingDelta(thought))

    def _new_events(self) -> list[ParserEvent]:
        """Return the events since the last time."""
        events = self._events.copy()
        self._events.clear()
        return events
