"""Text that comes piece by piece, laid out as it comes: wrapped at words, indented, no line longer than the terminal.

And the clock that shows below it how long tools have been running.
"""

from __future__ import annotations

import re
import time
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.live import Live

# White space; one wide character, between any two of which a line may break; or some of a word.
_WIDE = "\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60"
_PIECE = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")


class Flow:
    """Lays out one text.

    A word is held back until it is known to be whole, white space until something follows it.

    Args:
        indent: what each line but the first begins with.
        width: columns of a line, the indent included; None for no limit.
        column: how many columns of the first line are taken.
    """

    def __init__(self, indent: str, *, width: int | None, column: int = 0) -> None:
        self._indent = indent
        self._width = width
        self._column = column
        self._gap = ""
        self._word = ""

    def add(self, text: str) -> str:
        """Take more of the text; return what can be shown now."""
        shown = ""
        for piece in _PIECE.findall(text):
            if piece.isspace():
                shown += self.end()
                self._gap += piece
            elif len(piece) == 1 and re.match(f"[{_WIDE}]", piece):
                shown += self.end()
                self._word = piece
                shown += self.end()
            else:
                self._word += piece
        return shown

    def end(self) -> str:
        """Return what is held back of a word."""
        from rich.cells import cell_len, chop_cells

        word, gap, self._word = self._word, self._gap, ""
        if not word:
            return ""
        self._gap = ""
        *breaks, blanks = gap.expandtabs(4).split("\n")
        if breaks:
            shown, self._column = ("\n" + self._indent) * len(breaks) + blanks, len(self._indent) + len(blanks)
        elif self._width is not None and self._column + len(blanks) + cell_len(word) > self._width:
            shown, self._column = "\n" + self._indent, len(self._indent)
        else:
            shown, self._column = blanks, self._column + len(blanks)
        lines = [word]
        if self._width is not None and self._column + cell_len(word) > self._width:  # longer than a line, as addresses
            lines = chop_cells(word, max(1, self._width - self._column))
        self._column = (self._column if len(lines) == 1 else len(self._indent)) + cell_len(lines[-1])
        return shown + ("\n" + self._indent).join(lines)


class Clock:
    """Says below the last line which tools run and for how long, from the first second on; on a terminal only."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._since = 0.0
        self._live: Live | None = None
        self._timer: Timer | None = None

    def run(self, names: Iterable[str]) -> None:
        """Show these; the time goes on from where the first of them began, none ends it."""
        self.pause()
        running = ", ".join(dict.fromkeys(names))
        if not running or not self._out.is_terminal:
            self._since = 0.0
            return
        from rich.live import Live
        from rich.text import Text

        self._since = since = self._since or time.monotonic()

        def now() -> Text:
            text = f"  {running} runs: {time.monotonic() - since:.0f} s"
            return Text(text, style="dim", no_wrap=True, overflow="ellipsis")

        self._live = Live(get_renderable=now, console=self._out, transient=True, refresh_per_second=4)
        self._timer = Timer(max(0.0, since + 1 - time.monotonic()), self._live.start)
        self._timer.daemon = True
        self._timer.start()

    def pause(self) -> None:
        """Take it off the screen, for what is printed or asked there."""
        if self._timer is not None and self._live is not None:
            self._timer.cancel()
            self._timer.join()
            self._live.stop()
            self._timer = self._live = None
