"""What the user types or pastes, with history on a terminal; or the lines of a pipe, shown as they are taken.

Lines are edited by Python's own readline. prompt_toolkit would bring the same four things, history, completion, pasting
of several lines and Ctrl-C that is no end, and these of its own: it takes half a second to import, where readline takes
milliseconds; it asks the terminal where the cursor is and waits for an answer, which the serial line or `adb shell` of
a device may never give; it draws each key anew over slow links; and its history is another file than people have.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.debug import suppressed
from edge_lam._util.paths import state_dir
from edge_lam.cli.terminal import console, one_line
from edge_lam.errors import InvalidRequest

logger = logging.getLogger("edge_lam.cli")

HISTORY_LENGTH = 1000
PROMPT = "> "
MORE = ". "
BLOCK = '"""'


def messages(commands: Sequence[str] = (), *, echo: bool = True) -> Iterator[str]:
    """Yield what is typed or piped in, without blank messages, until Ctrl-D, a second Ctrl-C or the end of the pipe.

    A message is a line; it goes on in the next one after a backslash at its end, and from one triple quote to another.
    What is not UTF-8 is no message; that is reported on stderr.

    Args:
        commands: what Tab completes at the beginning of a line.
        echo: whether to show the lines of a pipe.
    """
    for message in _typed(commands) if sys.stdin.isatty() else _piped():
        try:
            text = utf8(message)
        except InvalidRequest as error:
            console(stderr=True).print(f"  (error: {error})", style="yellow", soft_wrap=True)
            continue
        if echo and not sys.stdin.isatty():
            console().print(f"\n{PROMPT}{one_line(text)}", style="bold", soft_wrap=True)
        yield text


def utf8(text: str) -> str:
    """Return what was read from outside with errors="surrogateescape" if it was UTF-8.

    Raises:
        InvalidRequest: it was not.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise InvalidRequest(
            f"the text is not UTF-8: byte 0x{byte & 0xFF:02x} at character {error.start + 1}",
            hint="convert it, as with `iconv -f latin1 -t utf-8`, or set the terminal to UTF-8",
        ) from error
    return text


def _piped() -> Iterator[str]:
    with contextlib.suppress(EOFError):  # the end of the messages
        while True:
            if message := _message(_next_line):
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
    except EOFError:  # Ctrl-D
        print(file=sys.stderr)
        return ""


def forget_typed() -> None:
    """Drop what was typed ahead, so that it is no answer to a question not yet asked."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # no terminal, or a system without termios
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _typed(commands: Sequence[str]) -> Iterator[str]:
    with _history(commands):
        yield from _asked()


def _asked() -> Iterator[str]:
    interrupted = False
    while True:
        try:
            console().print()
            message = _message(input)
        except EOFError:  # Ctrl-D ends the chat
            console().print()
            return
        except KeyboardInterrupt:  # so does Ctrl-C, pressed twice
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
    with contextlib.suppress(EOFError):  # what was typed until then is the message
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1].removesuffix("\\").rstrip()
            lines.append(read(MORE).rstrip())
    return "\n".join(lines).strip()


def _block(read: Callable[[str], str], line: str) -> str:
    """Read up to the closing quotes, or as far as there is something."""
    lines = []
    with contextlib.suppress(EOFError):  # what was typed until then is the message
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
    with contextlib.suppress(ImportError):  # a Python without readline has no history
        import readline

        readline.add_history(message)


def _complete(commands: Sequence[str], line: str) -> list[str]:
    """Return what a line may become: a command, or one with the name of a file."""
    command, blank, rest = line.partition(" ")
    if not blank:
        return [name for name in commands if name.startswith(line)] if line.startswith("/") else []
    if command not in ("/save", "/load"):
        return []
    files = glob.glob(glob.escape(os.path.expanduser(rest)) + "*")  # noqa: PTH111, PTH207 (as text, as it was typed)
    return [f"{command} {file}" + ("/" if os.path.isdir(file) else "") for file in sorted(files)]  # noqa: PTH112


@contextlib.contextmanager
def _history(commands: Sequence[str]) -> Iterator[None]:
    """Keep what is typed in the state folder, unless EDGE_LAM_HISTORY=off. Python may be built without readline."""
    try:
        import readline
    except ImportError:  # then nothing is kept
        yield
        return
    readline.set_auto_history(False)
    readline.set_completer_delims("")
    readline.set_completer(lambda text, n: (*_complete(commands, text), None)[n])
    with contextlib.suppress(Exception):  # libedit does not know these words
        readline.parse_and_bind("set enable-bracketed-paste on")  # what is pasted arrives as one message
        readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    if os.environ.get("EDGE_LAM_HISTORY") == "off":
        yield
        return
    path = state_dir() / "history"
    with suppressed(logger, f"no history is read from {path}", OSError):
        if path.is_file():
            readline.read_history_file(path)
    readline.set_history_length(HISTORY_LENGTH)
    try:
        yield
    finally:
        _save(path)


def _save(path: Path) -> None:
    import readline

    with suppressed(logger, f"the history is not kept in {path}", OSError):  # a chat must not fail at its end
        with tempfile.TemporaryDirectory() as folder:  # readline alone writes its kind of file, and not at once
            written = Path(folder) / path.name
            readline.write_history_file(written)
            history = written.read_bytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, private=True) as file:
            file.write(history)
