"""Ctrl-C while nothing can be caught: it ends the process at once, with one line. Imports next to nothing."""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130


def end_at_once_on_ctrl_c() -> None:
    """Let Ctrl-C end the process with one line, where no exception could be caught; who ignores it goes on to."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)


def _end(_signal: int, _frame: object) -> None:
    try:
        os.write(2, b"edge-lam: interrupted\n")
    finally:
        os._exit(INTERRUPTED)
