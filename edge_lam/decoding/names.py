"""`Names`: where a reply with calls chooses between tools, told from its bytes alone.

In come the bytes of the reply, as its tokens are chosen; out comes whether the next token decides on a tool's name.
Knows nothing of tokens, grammars or logits.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_lam.decoding.thinking import Behind

_QUOTE, _ESCAPE = ord('"'), ord("\\")
_OPEN, _OPENING, _CLOSING = ord("{"), frozenset(b"[{"), frozenset(b"]}")


class Names:
    """Follows a reply through its calls.

    Args:
        openings: what may stand before the arguments of a call, one for each tool that may be called.
        depth: how many brackets are open around a call.
        thinking_end: what closes the thinking that the prompt began, in which there are no calls.

    Attributes:
        n_calls: how many calls have begun.
    """

    def __init__(self, openings: Sequence[str], depth: int, thinking_end: str = "") -> None:
        self.n_calls = 0
        self._behind = Behind(thinking_end)
        self._openings = [opening.encode() for opening in openings]
        self._depth = depth
        self._level = 0  # brackets that are open
        self._quoted = self._escaped = False
        self._call: bytearray | None = None  # what a call shows, as long as more than one tool can be meant

    @property
    def are_open(self) -> bool:
        """Whether a call has begun, and still may be of one tool or another."""
        return self._call is not None

    def add(self, text: bytes) -> None:
        """Take more of the reply."""
        if len(self._openings) < 2:
            return
        for byte in self._behind.add(text):
            self._step(byte)
        if self._call is not None and sum(map(self._begins, self._openings)) < 2:
            self._call = None

    def _begins(self, opening: bytes) -> bool:
        return self._call is not None and opening.startswith(self._call)

    def _step(self, byte: int) -> None:
        if self._escaped:
            self._escaped = False
        elif self._quoted:
            self._quoted, self._escaped = byte != _QUOTE, byte == _ESCAPE
        elif byte == _QUOTE:
            self._quoted = True
        elif byte in _OPENING:
            if byte == _OPEN and self._level == self._depth:
                self.n_calls += 1
                self._call = bytearray()
            self._level += 1
        elif byte in _CLOSING:
            self._level -= 1
        if self._call is not None:
            self._call.append(byte)
