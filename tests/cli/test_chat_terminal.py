"""`edge-lam chat` at a terminal: approval, Ctrl-C, pasted text and history, through a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

# The chat with a model that must call: what tests type does not depend on what the model would rather do.
CHAT = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches this process
from edge_lam import load
from edge_lam.cli.chat_commands import handle
from edge_lam.cli.conversation import ChatSession
from edge_lam.cli.prompt import messages
from edge_lam.cli.running import RunOptions
from edge_lam.tools import load_tools

running = RunOptions(approve=sys.argv[3] == "approve", max_rounds=1, tool_timeout=None, show_calls=True)
options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}
with load(sys.argv[1], log="off") as lam:
    tools = load_tools(sys.argv[2])
    conversation = ChatSession(lam, tools, run_tools=True, system=None, running=running, options=options)
    all(handle(conversation, message) for message in messages())
"""
PATIENCE = 60  # seconds for what takes one on an idle machine


class Terminal:
    """A chat that a test types into."""

    def __init__(self, *args: object, home: object) -> None:
        self._main, other = pty.openpty()
        env = {**os.environ, "EDGE_LAM_HOME": str(home), "TERM": "xterm", "COLUMNS": "100"}
        command = [sys.executable, "-c", CHAT, *map(str, args)]
        streams = {"stdin": other, "stdout": other, "stderr": other}
        self.process = subprocess.Popen(command, env=env, start_new_session=True, **streams)
        os.close(other)
        self.shown = ""

    def until(self, text: str) -> str:
        """Wait until a text was shown, and return what was shown before it."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < end, f"no {text!r} in {self.shown!r}"
            if select.select([self._main], [], [], 0.2)[0]:
                try:
                    piece = os.read(self._main, 65536).decode(errors="replace")
                except OSError as closed:
                    raise AssertionError(f"no {text!r} in {self.shown!r}") from closed
                self.shown += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", piece)
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, at the pace of a hand: Python misses one between showing a prompt and waiting for keys."""
        time.sleep(0.3)
        self.type("\x03")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._main)


@pytest.fixture
def chat(tiny_lam_path, tmp_path):
    """Start a chat with the tools of one file."""
    started = []

    def start(name, tools, mode="run"):
        path = tmp_path / name
        path.write_text(tools)
        started.append(Terminal(tiny_lam_path, path, mode, home=tmp_path))
        started[-1].until("> ")
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_calls_are_approved_and_ctrl_c_keeps_the_chat(chat, tmp_path):
    terminal = chat("tools.py", "import time\ndef wait() -> None:\n    'Wait.'\n    time.sleep(600)", "approve")
    terminal.type("first\n")
    terminal.until("  wait()\n")
    for answer in ("hm", "n"):
        terminal.until("run it? [y]es, [n]o, [a]lways this tool: ")
        terminal.type(f"{answer}\n")
    terminal.until('"Denied: the user did not allow this call"')
    terminal.until("\n> ")

    terminal.type("\x1b[200~second\nline\x1b[201~\n")  # pasted
    terminal.until("run it? [y]es, [n]o, [a]lways this tool: ")
    terminal.type("a\n")
    terminal.until("a\n")
    terminal.interrupt()
    terminal.until("(stopped; what was done so far is kept)")
    terminal.until("\n> ")
    terminal.type("third\n")
    assert "run it?" not in terminal.until("  wait()\n")
    terminal.interrupt()
    terminal.until("(stopped; what was done so far is kept)")
    terminal.until("\n> ")
    terminal.interrupt()
    terminal.until("(Ctrl-C once more, Ctrl-D or /quit ends the chat)")
    terminal.until("\n> ")
    terminal.interrupt()
    assert terminal.process.wait(PATIENCE) == 0
    history = tmp_path / "history"
    assert history.read_text().splitlines() == ["first", "second", "line", "third"]
    assert history.stat().st_mode & 0o777 == 0o600


def test_results_of_tools_without_code_are_asked_for(chat, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_HISTORY", "off")
    terminal = chat("tools.json", '[{"name": "ring", "description": "Ring the bell.", "parameters": {}}]', "approve")
    for answer, shown in (('{"rung": true}', '-> {"rung": true}'), ("", "ValueError: the user gave no result")):
        terminal.type("ring the bell\n")
        terminal.until("  ring()\n")
        terminal.until("result, as JSON or text: ")
        terminal.type(f"{answer}\n")
        terminal.until(shown)
        terminal.until("\n> ")
    terminal.type("\x04")
    assert terminal.process.wait(PATIENCE) == 0
    assert not (tmp_path / "history").exists()
