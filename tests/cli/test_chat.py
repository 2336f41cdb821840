from __future__ import annotations

import json

import pytest

from edge_lam import load
from edge_lam.cli.conversation import Conversation
from edge_lam.cli.running import RunOptions
from edge_lam.errors import PromptTooLong
from edge_lam.tools import load_tools

RUNNING = RunOptions(approve=False, max_rounds=2, tool_timeout=None, show_calls=True)


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


def talk(lam, tools, **options):
    """Return a conversation that runs tools."""
    return Conversation(lam, tools, run_tools=True, system="Be short.", running=RUNNING, options=options)


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
        "/help         list these commands",
        "  get_time: Get the current time in a city or time zone.",
        "(there was no reply yet)",
        "(the conversation is forgotten)",
        "(no command /tols; try /tools)",
    ):
        assert expected in shown.out
    assert shown.out.count("  get_time: ") == 2
    assert "\x1b" not in shown.out


def test_a_saved_conversation_goes_on_without_being_read_again(chat, lamp, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_PREFIX_CACHE", str(tmp_path / "prefixes"))
    saved, log = tmp_path / "chat.json", tmp_path / "calls.jsonl"
    args = ("--tools", lamp, "--log", log)
    for option in ((), ("--save-conversations",)):
        assert chat("I am reading a long book. " * 10, f"/save {saved}", args=(*args, *option)).code == 0
        assert chat(f"/load {saved}", "go on", args=(*args, *option)).code == 0
        saved.unlink()
    without, _, kept = [json.loads(line)["tokens"] for line in log.read_text().splitlines()][1:]
    assert without["restored"] + 60 < kept["restored"] == kept["cached"]


def test_an_error_keeps_the_chat(chat):
    shown = chat("word " * 200, "/reset", args=("--n-ctx", "1250"))
    assert shown.code == 0
    assert "(error: the prompt has " in " ".join(shown.out.split())
    assert "(the conversation is forgotten)" in shown.out


def test_turns_build_on_each_other_until_reset(lam, lamp, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=4)

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
    conversation = talk(lam, load_tools(path), tool_choice="required", max_tokens=30)
    assert conversation.take("go")
    assert "(stopped; what was done so far is kept)" in capsys.readouterr().out
    assert conversation.take("/report")
    assert "Latency" in capsys.readouterr().out


def test_an_error_after_tools_ran_keeps_what_they_did(tiny_lam_path, tmp_path, capsys):
    path = tmp_path / "read.py"
    path.write_text("def read() -> str:\n    'Read.'\n    return '#7' * 40  # shorter than an error would be\n")
    with load(tiny_lam_path, n_ctx=600, log="off") as lam:
        conversation = talk(lam, load_tools(path), tool_choice="required", parallel_tool_calls=False, max_tokens=30)
        system = {"role": "system", "content": "Be short."}
        with pytest.raises(PromptTooLong) as caught:
            lam.chat([system, {"role": "user", "content": "word " * 1000}], tools=load_tools(path), max_tokens=30)
        error = caught.value
        fitting = 1000 - -(-1000 * error.excess // error.parts["messages"])
        assert conversation.take("word " * (fitting - 20))  # room for the call, but not for its result
        conversation.take(f"/save {tmp_path / 'chat.json'}")
    out = capsys.readouterr().out
    assert out.index("(error: the prompt has ") < out.index("(what was done so far is kept)")
    assert [message["role"] for message in json.loads((tmp_path / "chat.json").read_text())][-1] == "tool"


def test_a_conversation_is_saved_and_loaded(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), tool_choice="required", max_tokens=40)
    path = tmp_path / "chat.json"
    for line in ("/save", f"/save {path}", "lamp on", f"/save {path}", f"/save {path}"):
        assert conversation.take(line)
    out = capsys.readouterr().out
    assert "(name a file: /save FILE)" in out
    assert out.count(f"saved to {path})") == 3
    messages = json.loads(path.read_text())
    assert [message["role"] for message in messages][:4] == ["system", "user", "assistant", "tool"]
    assert isinstance(messages[2]["tool_calls"][0]["function"]["arguments"], str)
    assert path.stat().st_mode & 0o777 == 0o600

    other = Conversation(lam, load_tools(lamp), run_tools=True, system=None, running=RUNNING, options={"max_tokens": 4})
    assert other.take(f"/load {path}")
    assert f"({len(messages) - 1} messages loaded" in capsys.readouterr().out
    other.take("/system")
    assert "(system message: Be short.)" in capsys.readouterr().out
    other.take("and off")
    other.take(f"/save {path}")
    assert json.loads(path.read_text())[: len(messages)] == messages


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "can't be read"), ("{", "is not JSON"), ("{}", "no list of messages"), ('[{"role": "x"}]', "unknown role")],
)
def test_files_that_hold_no_conversation(lam, tmp_path, capsys, content, reason):
    path = tmp_path / "precious.txt"
    if content is not None:
        path.write_text(content)
    conversation = talk(lam, [])
    assert conversation.take(f"/load {path}")
    assert reason in " ".join(capsys.readouterr().out.split())
    assert conversation.take(f"/save {path}")
    if content is not None:
        assert "exists and is no conversation" in " ".join(capsys.readouterr().out.split())
        assert path.read_text() == content


def test_the_system_message_can_be_set(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=2)
    path = tmp_path / "chat.json"
    for line in ("/system Speak like a pirate.", "hello", f"/save {path}"):
        conversation.take(line)
    assert json.loads(path.read_text())[0] == {"role": "system", "content": "Speak like a pirate."}


def test_messages_of_several_lines(chat):
    shown = chat("one \\", "two", '"""three', "", "four", '"""', '"""/quit"""', "five \\", args=("--max-tokens", 1))
    assert [line for line in shown.out.splitlines() if line.startswith("> ")] == [
        "> one two",
        "> three four",
        "> /quit",
    ]


def test_calls_of_tools_without_code_are_only_shown_in_a_pipe(chat, tmp_path):
    path = tmp_path / "tools.json"
    path.write_text('[{"name": "press", "parameters": {}}]')
    shown = chat("go", args=("--tools", path))
    assert "(without code: press; calls are shown, not run)" in shown.out
