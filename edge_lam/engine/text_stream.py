"""What of a growing reply can be shown: text that no later token can turn into a call.

In come pieces of a reply in text, out come deltas that add up to the text that the format's parser finds in the end.
"""

from __future__ import annotations

from edge_lam.decoding.text import partial_end

THINKING = "<think>"
# What the parser looks for behind text; see formats/parser.py. What follows one of these waits for the parser.
CALL_MARKERS = ("<tool_call>", "[TOOL_CALLS]", "```")


class TextStream:
    """The text of one reply as it can be shown; white space around it is left out.

    Args:
        with_tools: whether the reply may hold calls.
    """

    def __init__(self, *, with_tools: bool) -> None:
        self._markers = (THINKING, *CALL_MARKERS) if with_tools else (THINKING,)
        self._openings = ("[", "{") if with_tools else ()
        self._text = ""
        self._shown = 0

    def feed(self, piece: str) -> str:
        """Take more of the reply and return what can be shown of it now."""
        self._text = (self._text + piece) if self._text else piece.lstrip()
        if self._text.startswith(self._openings):
            return ""
        # Not before what is shown: a marker that began there would have been held back.
        found = [at for marker in self._markers if (at := self._text.find(marker, self._shown)) >= 0]
        end = min(found) if found else len(self._text) - partial_end(self._text, self._markers)
        end = max(self._shown, len(self._text[:end].rstrip()))
        delta, self._shown = self._text[self._shown : end], end
        return delta

    def finish(self, text: str) -> str:
        """Return what is still to be shown of the reply's final text."""
        return text[self._shown :]
