"""Lines that the user types, with history on a terminal; or those of a pipe, shown as they are taken."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console, one_line
from edge_lam.paths import state_dir

if TYPE_CHECKING:
    from pathlib import Path

HISTORY_LENGTH = 1000
PROMPT = "> "


def lines() -> Iterator[str]:
    """Yield the lines typed or piped in, without blank ones, until Ctrl-D or the end of the pipe."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                console().print(f"\n{PROMPT}{one_line(line)}", style="bold", soft_wrap=True)
                yield line.strip()
        return
    with _history():
        while True:
            console().print()
            try:
                line = input(PROMPT).strip()
            except EOFError:
                console().print()
                return
            except KeyboardInterrupt:
                console().print("\n(Ctrl-D or /quit ends the chat)")
                continue
            if line:
                yield line


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep what is typed for the arrow keys, in the state folder. Python may be built without readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    path = state_dir() / "history"
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LENGTH)
    try:
        yield
    finally:
        _save(path)


def _save(path: Path) -> None:
    import readline

    with contextlib.suppress(OSError):  # a chat must not fail at its end because its history can't be kept
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        readline.write_history_file(path)
