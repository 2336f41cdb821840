"""What the user types or pastes, with history on a terminal; or the lines of a pipe, shown as they are taken."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console, one_line
from edge_lam.paths import state_dir

if TYPE_CHECKING:
    from pathlib import Path

HISTORY_LENGTH = 1000
PROMPT = "> "
MORE = ". "
BLOCK = '"""'


def messages() -> Iterator[str]:
    """Yield what is typed or piped in, without blank messages, until Ctrl-D, a second Ctrl-C or the end of the pipe.

    A message is a line; it goes on in the next one after a backslash at its end, and from one triple quote to another.
    """
    if sys.stdin.isatty():
        with _history():
            yield from _typed()
        return
    with contextlib.suppress(EOFError):
        while True:
            if message := _message(_next_line):
                console().print(f"\n{PROMPT}{one_line(message)}", style="bold", soft_wrap=True)
                yield message


def question(text: str) -> str:
    """Ask something at the terminal and return the answer; Ctrl-D is an empty one.

    It is asked on stderr where stdout goes elsewhere.
    """
    if not sys.stdout.isatty():
        print(text, end="", file=sys.stderr, flush=True)
        text = ""
    try:
        return input(text).strip()
    except EOFError:
        print(file=sys.stderr)
        return ""


def forget_typed() -> None:
    """Drop what was typed ahead, so that it is no answer to a question not yet asked."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # no terminal, or a system without termios
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _typed() -> Iterator[str]:
    interrupted = False
    while True:
        try:
            console().print()
            message = _message(input)
        except EOFError:
            console().print()
            return
        except KeyboardInterrupt:
            if interrupted:
                console().print()
                return
            interrupted = True
            console().print("\n(Ctrl-C once more, Ctrl-D or /quit ends the chat)")
            continue
        interrupted = False
        if message:
            _remember(message)
            yield message


def _message(read: Callable[[str], str]) -> str:
    """Read one message, of one line or more.

    Raises:
        EOFError: there is none.
    """
    line = read(PROMPT).strip()
    if line.startswith(BLOCK):
        return _block(read, line.removeprefix(BLOCK))
    lines = [line]
    with contextlib.suppress(EOFError):
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1].removesuffix("\\").rstrip()
            lines.append(read(MORE).rstrip())
    return "\n".join(lines).strip()


def _block(read: Callable[[str], str], line: str) -> str:
    """Read up to the closing quotes, or as far as there is something."""
    lines = []
    with contextlib.suppress(EOFError):
        while not line.rstrip().endswith(BLOCK):
            lines.append(line)
            line = read(MORE)
        lines.append(line.rstrip().removesuffix(BLOCK))
    return "\n".join(lines).strip()


def _next_line(_prompt: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _remember(message: str) -> None:
    """Keep a message for the arrow keys; answers to questions are not kept."""
    with contextlib.suppress(ImportError):
        import readline

        readline.add_history(message)


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep what is typed in the state folder, unless EDGE_LAM_HISTORY=off. Python may be built without readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    readline.set_auto_history(False)
    with contextlib.suppress(Exception):  # libedit does not know the word
        readline.parse_and_bind("set enable-bracketed-paste on")  # what is pasted arrives as one message
    if os.environ.get("EDGE_LAM_HISTORY") == "off":
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
        path.chmod(0o600)
        readline.write_history_file(path)
