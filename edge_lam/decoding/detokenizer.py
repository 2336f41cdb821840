"""`Detokenizer`: tokens -> text that can be shown at once."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_lam.decoding.constraint import Kind
    from edge_lam.decoding.vocabulary import Vocabulary


class Detokenizer:
    """Turns tokens into text that can be shown at once: whole characters, and nothing that may become a stop string.

    Attributes:
        stopped: whether a stop string came; it and what follows is left out.
        stopped_by: which one.
        n_behind: bytes that came behind it: what one pass confirms may go on there.
        text_of: returns the bytes that a token stands for.

    Args:
        vocabulary: what each token stands for.
        stop: strings that end the reply if it is text; calls and thinking may contain them.
        thinking_end: what closes the thinking that the prompt began; "" if the reply begins with no thinking.
    """

    def __init__(self, vocabulary: Vocabulary, stop: Sequence[str] = (), thinking_end: str = "") -> None:
        self.stopped, self.stopped_by, self.n_behind = False, "", 0
        self._thinking_end = thinking_end
        self.stop = tuple(stop)
        self.text_of = vocabulary.text
        # Half a character waits here for its other half. Bytes that are no UTF-8 become U+FFFD.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._n_taken = 0

    @property
    def n_shown(self) -> int:
        """Bytes of the tokens that stand in what was returned so far."""
        return self._n_taken - len(self._decoder.getstate()[0]) - len(self._held.encode())

    def write(self, tokens: Iterable[int], kind: Kind | None) -> str:
        """Take the next tokens and return the text that is certain now.

        Args:
            tokens: of the reply.
            kind: what the reply is; as long as that is open, all but thinking is held back.
        """
        data = b"".join(map(self.text_of, tokens))
        self._n_taken += len(data)
        self._held += self._decoder.decode(data)
        thought = self._thought()
        if kind is None or self._thinking_end:
            return thought
        return thought + self._release(partial_end(self._held, self.stop) if kind == "text" else 0, kind)

    def finish(self) -> str:
        """Return what was held back, half characters left out."""
        return self._release(0, "calls" if self._thinking_end else "text")

    def _thought(self) -> str:
        """Return what of the text is thinking, up to its end."""
        if not self._thinking_end:
            return ""
        thought, found, behind = self._held.partition(self._thinking_end)
        if found:
            thought, self._held, self._thinking_end = thought + found, behind, ""
            return thought
        end = len(thought) - partial_end(thought, [self._thinking_end])
        self._held = thought[end:]
        return thought[:end]

    def _release(self, keep: int, kind: Kind) -> str:
        found = [(self._held.find(stop), stop) for stop in self.stop if stop in self._held] if kind == "text" else []
        if found or self.stopped:
            end, self.stopped_by = min(found, default=(0, self.stopped_by))
            text, behind = self._held[:end], self._held[end + len(self.stopped_by) :] if found else ""
            self.n_behind += len(behind.encode()) + len(self._decoder.getstate()[0])
            self._held, self.stopped = "", True
            return text
        end = len(self._held) - keep
        text, self._held = self._held[:end], self._held[end:]
        return text


def partial_end(text: str, strings: Iterable[str]) -> int:
    """Return how many characters at the end of a text may be the beginning of one of the strings, not all of it."""
    longest = 0
    for string in strings:
        for length in range(min(len(string) - 1, len(text)), longest, -1):
            if text.endswith(string[:length]):
                longest = length
                break
    return longest
