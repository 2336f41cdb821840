from __future__ import annotations

import json
import subprocess

import pytest

from edge_lam import load
from edge_lam.cli.chat_commands import handle
from edge_lam.cli.conversation import ChatSession
from edge_lam.cli.running import RunOptions
from edge_lam.errors import PromptTooLong
from edge_lam.tools import load_tools
from tests.adapters import write_lora

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
    return ChatSession(lam, tools, run_tools=True, system="Be short.", running=RUNNING, options=options)


def test_lines_of_a_pipe_are_answered_one_by_one(chat):
    shown = chat("hello", "", "/report", "bye")
    assert shown.code == 0
    assert shown.out.count("\n> ") == 3
    assert shown.out.index("> hello") < shown.out.index("Latency") < shown.out.index("> bye")
    assert "\x1b" not in shown.out


@pytest.mark.parametrize("word", ["/quit", "/bye", "/exit", "/EXIT"])
def test_quit_ends_the_chat(chat, word):
    shown = chat(word, "never read")
    assert shown.code == 0
    assert "never read" not in shown.out


def test_commands(chat):
    shown = chat("/help", "/tools", "/report", "/reset", "/TOOLS", "/tols", "/\x1b[31m")
    for expected in (
        "/help            list these commands (also /?)",
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


def saved_roles(conversation, path, capsys):
    """Return the roles of a conversation, turn by turn."""
    handle(conversation, f"/save {path}")
    capsys.readouterr()
    messages = json.loads(path.read_text())
    path.unlink()
    for index, message in enumerate(messages):  # each call has its result behind it, each result its call before it
        ids = [call["id"] for call in message.get("tool_calls", ())]
        assert [later["tool_call_id"] for later in messages[index + 1 : index + 1 + len(ids)]] == ids
    called = sum(len(message.get("tool_calls", ())) for message in messages)
    assert called == sum(message["role"] == "tool" for message in messages)
    return [message["role"] for message in messages]


def test_a_full_context_drops_the_oldest_turns_with_their_calls_and_says_so(tiny_lam_path, lamp, tmp_path, capsys):
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 30}
    with load(tiny_lam_path, n_ctx=700, log="off") as lam:
        conversation = talk(lam, load_tools(lamp), **options)
        before = n_dropped = 0
        for _ in range(12):
            handle(conversation, "lamp on please " * 5)
            shown = capsys.readouterr().out
            assert "error" not in shown
            n_messages = len(saved_roles(conversation, tmp_path / "chat.json", capsys))
            n_dropped += "(the context is full: the oldest " in shown
            assert ("left with this one)" in shown) is (n_messages <= before)
            before = n_messages
        assert n_dropped >= 2


def test_a_result_that_needs_the_room_of_old_turns_gets_it(tiny_lam_path, tmp_path, capsys):
    path = tmp_path / "read.py"
    path.write_text("def read() -> str:\n    'Read.'\n    return '#7' * 150\n")
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 30}
    with load(tiny_lam_path, n_ctx=1000, log="off") as lam:
        conversation = talk(lam, load_tools(path), **options)
        for _ in range(4):
            handle(conversation, "please read it")
            shown = capsys.readouterr().out
            assert "(error" not in shown
        assert "(the context is full: the oldest " in shown
        messages = json.dumps(conversation.messages)
        assert "TooLong" not in messages
        assert "#7" * 150 in messages


def test_a_message_that_does_not_fit_alone_forgets_the_others_only_for_itself(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=2)
    handle(conversation, "hello")
    handle(conversation, "word " * 5000)
    shown = " ".join(capsys.readouterr().out.split())
    assert "(error: the prompt has " in shown
    assert "(this turn is forgotten)" in shown
    assert saved_roles(conversation, tmp_path / "chat.json", capsys) == ["system", "user", "assistant"]


def test_retry_and_undo(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=2)
    for line in ("/retry", "/undo", "first", "second", "/retry"):
        handle(conversation, line)
    shown = capsys.readouterr().out
    assert "(there is nothing to ask again)" in shown
    assert "(nothing to undo)" in shown
    assert "(again: second)" in shown
    two_turns = ["system", *["user", "assistant"] * 2]
    assert saved_roles(conversation, tmp_path / "chat.json", capsys) == two_turns
    handle(conversation, "/clear")
    handle(conversation, "/undo")
    assert "(taken back; 2 turns before it)" in capsys.readouterr().out
    assert saved_roles(conversation, tmp_path / "chat.json", capsys) == two_turns
    for _ in range(2):
        handle(conversation, "/undo")
    assert "1 turn before it" in capsys.readouterr().out
    assert saved_roles(conversation, tmp_path / "chat.json", capsys) == ["system", "user", "assistant"]


def test_what_was_stopped_can_be_asked_again(lam, capsys):
    conversation = talk(lam, [], max_tokens=2)
    handle(conversation, "word " * 5000)
    capsys.readouterr()
    conversation.options |= {"max_tokens": 1}
    handle(conversation, "/retry")
    assert capsys.readouterr().out.startswith("  (again: word word")


def test_replies_are_sampled_as_set(lam, lamp, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=8, temperature=0.0)
    for line in ("/set", "/set max-tokens 2", "/set parameter temperature 0.5", "/set min_p", "hello", "/report"):
        handle(conversation, line)
    shown = capsys.readouterr().out
    assert "  max_tokens       8\n" in shown
    assert "(max_tokens is 2 from the next message on)" in shown
    assert "(temperature is 0.5 from the next message on)" in shown
    assert "(min_p is 0.0 from the next message on)" in shown
    assert conversation.reports[1][-1].tokens.generated <= 2
    for line, reason in (
        ("/set max_tokens many", "max_tokens: 'many' is not a valid integer"),
        ("/set top_p 2", "top_p: 2.0 is not in the range"),
        ("/set temprature 1", "nothing to set is called temprature (did you mean temperature?)"),
    ):
        handle(conversation, line)
        assert f"(error: {reason}" in capsys.readouterr().out
    assert conversation.options["temperature"] == 0.5


def test_json_prints_one_object_a_line_and_nothing_else(chat, lamp):
    args = ("--json", "--tools", lamp, "--max-rounds", 1)
    shown = chat("hello", "/set max_tokens 3", "/reset", "word " * 5000, "bye", "/quit", args=args)
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [line["request"] for line in lines] == ["hello", ("word " * 5000).strip(), "bye"]
    assert all(set(line) == {"request", "text", "calls", "finish_reason", "errors", "reports"} for line in lines)
    assert lines[0]["reports"][0]["tokens"]["prompt"] > 0
    assert lines[1]["finish_reason"] == "error"
    assert "the prompt has " in lines[1]["errors"][0]
    assert lines[2]["reports"][0]["tokens"]["sampled"] <= 3
    assert "(the conversation is forgotten)" in shown.err


def test_what_is_not_utf8_is_told_and_the_chat_goes_on(edge_lam_process, tiny_lam_path):
    options = ("--model", tiny_lam_path, "--log", "off", "--max-tokens", 1)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "latin1"}
    out, err = edge_lam_process("chat", *options, **pipes).communicate("caf\xe9\nhello\n", timeout=60)
    assert "error: the text is not UTF-8: byte 0xe9 at character 4 (convert it, " in err
    assert out.count("\n> ") == 1
    process = edge_lam_process("call", "-", *options, **pipes)
    _, err = process.communicate("caf\xe9", timeout=60)
    assert (process.returncode, err.splitlines()[0]) == (
        1,
        "edge-lam: error: the text is not UTF-8: byte 0xe9 at character 4",
    )


def test_an_error_keeps_the_chat(chat):
    shown = chat("word " * 200, "/reset", args=("--n-ctx", "1250"))
    assert shown.code == 0
    assert "(error: the prompt has " in " ".join(shown.out.split())
    assert "(the conversation is forgotten)" in shown.out


def test_turns_build_on_each_other_until_reset(lam, lamp, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=4)

    def prompt_tokens() -> int:
        assert handle(conversation, "lamp on")
        capsys.readouterr()
        handle(conversation, "/report")
        row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("lamp on"))
        return int(row.split()[5])

    first = prompt_tokens()
    assert prompt_tokens() > first
    handle(conversation, "/reset")
    assert prompt_tokens() == first


def test_ctrl_c_stops_the_turn_and_keeps_the_chat(lam, tmp_path, capsys):
    path = tmp_path / "interrupt.py"
    path.write_text("import signal\ndef stop() -> None:\n    'Stop.'\n    signal.raise_signal(signal.SIGINT)")
    conversation = talk(lam, load_tools(path), tool_choice="required", max_tokens=30)
    assert handle(conversation, "go")
    assert "(stopped; what was done so far is kept)" in capsys.readouterr().out
    assert handle(conversation, "/report")
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
        assert handle(conversation, "word " * (fitting - 20))  # room for the call, but not for its result
        handle(conversation, f"/save {tmp_path / 'chat.json'}")
    out = capsys.readouterr().out
    assert out.index("(error: the prompt has ") < out.index("(what was done so far is kept)")
    assert [message["role"] for message in json.loads((tmp_path / "chat.json").read_text())][-1] == "tool"


def test_a_conversation_is_saved_and_loaded(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), tool_choice="required", max_tokens=40)
    path = tmp_path / "chat.json"
    for line in ("/save", f"/save {path}", "lamp on", f"/save {path}", f"/save {path}"):
        assert handle(conversation, line)
    out = capsys.readouterr().out
    assert "(name a file: /save FILE)" in out
    assert out.count(f"saved to {path})") == 3
    messages = json.loads(path.read_text())
    assert [message["role"] for message in messages][:4] == ["system", "user", "assistant", "tool"]
    assert isinstance(messages[2]["tool_calls"][0]["function"]["arguments"], str)
    assert path.stat().st_mode & 0o777 == 0o600

    other = ChatSession(lam, load_tools(lamp), run_tools=True, system=None, running=RUNNING, options={"max_tokens": 4})
    assert handle(other, f"/load {path}")
    assert f"({len(messages) - 1} messages loaded" in capsys.readouterr().out
    handle(other, "/system")
    assert "(system message: Be short.)" in capsys.readouterr().out
    handle(other, "and off")
    handle(other, f"/save {path}")
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
    assert handle(conversation, f"/load {path}")
    assert reason in " ".join(capsys.readouterr().out.split())
    assert handle(conversation, f"/save {path}")
    if content is not None:
        assert "exists and is no conversation" in " ".join(capsys.readouterr().out.split())
        assert path.read_text() == content


def test_the_system_message_can_be_set(lam, lamp, tmp_path, capsys):
    conversation = talk(lam, load_tools(lamp), max_tokens=2)
    path = tmp_path / "chat.json"
    for line in ("/system Speak like a pirate.", "hello", f"/save {path}"):
        handle(conversation, line)
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


def test_an_adapter_is_chosen_amid_a_chat(chat, tiny_lam_path, tmp_path):
    adapter = write_lora(tmp_path / "a.gguf", tiny_lam_path)
    shown = chat(
        "/adapter", "/adapter mine", "hello", "/adapter b", "/adapter off", args=("--adapter", f"mine={adapter}")
    )
    for said in ("adapter: off (of mine)", "adapter: mine (of mine)", "no adapter is called b", "there are mine"):
        assert said in shown.out
    assert shown.code == 0
    assert "--adapter NAME=FILE loads one" in chat("/adapter b").out
