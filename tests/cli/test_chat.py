from __future__ import annotations

import pytest

from edge_lam import load
from edge_lam.cli.conversation import Conversation
from edge_lam.tools import load_tools


@pytest.fixture
def chat(edge_lam, tiny_lam_path):
    """Pipe lines into `edge-lam chat` on the test model."""

    def run(*lines, args=()):
        stdin = "".join(f"{line}\n" for line in lines)
        options = ("--model", tiny_lam_path, "--log", "off", "--max-tokens", 4)
        return edge_lam("chat", *options, *args, stdin=stdin)

    return run


@pytest.fixture(scope="module")
def lam(tiny_lam_path):
    with load(tiny_lam_path, log="off") as loaded:
        yield loaded


def test_lines_of_a_pipe_are_answered_one_by_one(chat):
    shown = chat("hello", "", "/report", "bye")
    assert shown.code == 0
    assert shown.out.count("\n> ") == 3
    assert shown.out.index("> hello") < shown.out.index("Latency") < shown.out.index("> bye")
    assert "\x1b" not in shown.out


def test_quit_ends_the_chat(chat):
    shown = chat("/quit", "never read")
    assert shown.code == 0
    assert "never read" not in shown.out


def test_commands(chat):
    shown = chat("/help", "/tools", "/report", "/reset", "/TOOLS", "/tols", "/\x1b[31m")
    for expected in (
        "/help    list these commands",
        "  get_time: Get the current time in a city or time zone.",
        "(there was no reply yet)",
        "(the conversation is forgotten)",
        "(no command /tols; try /tools)",
    ):
        assert expected in shown.out
    assert shown.out.count("  get_time: ") == 2
    assert "\x1b" not in shown.out


def test_an_error_keeps_the_chat(chat):
    shown = chat("word " * 200, "/reset", args=("--n-ctx", "1250"))
    assert shown.code == 0
    assert "(error: the prompt has " in " ".join(shown.out.split())
    assert "(the conversation is forgotten)" in shown.out


def test_turns_build_on_each_other_until_reset(lam, lamp, capsys):
    options = {"max_tokens": 4}
    conversation = Conversation(lam, load_tools(lamp), system="Be short.", options=options)

    def prompt_tokens() -> int:
        assert conversation.take("lamp on")
        capsys.readouterr()
        conversation.take("/report")
        row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("lamp on"))
        return int(row.split()[5])

    first = prompt_tokens()
    assert prompt_tokens() > first
    conversation.take("/reset")
    assert prompt_tokens() == first


def test_ctrl_c_stops_the_turn_and_keeps_the_chat(lam, tmp_path, capsys):
    path = tmp_path / "interrupt.py"
    path.write_text("import signal\ndef stop() -> None:\n    'Stop.'\n    signal.raise_signal(signal.SIGINT)")
    conversation = Conversation(
        lam, load_tools(path), system=None, options={"tool_choice": "required", "max_tokens": 30}
    )
    assert conversation.take("go")
    assert "(stopped; this turn is forgotten)" in capsys.readouterr().out
    assert conversation.take("/report")
    assert "(there was no reply yet)" in capsys.readouterr().out
