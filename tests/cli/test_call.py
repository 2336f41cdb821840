from __future__ import annotations

import json
import re

import pytest

LAMP_JSON = {
    "name": "set_lamp",
    "description": "Switch the lamp.",
    "parameters": {"type": "object", "properties": {"state": {"type": "string", "enum": ["on", "off"]}}},
}


@pytest.fixture
def call(edge_lam, tiny_lam_path):
    """Run `edge-lam call` on the test model. Any weights call the lamp if they must and have some tokens."""

    def run(*args, **options):
        limits = ("--max-rounds", 2, "--max-tokens", 60)
        return edge_lam("call", "--model", tiny_lam_path, "--log", "off", *limits, *args, **options)

    return run


def test_a_call_runs_and_its_result_is_shown(call, lamp):
    shown = call("lamp on please", "--tools", lamp, "--tool-choice", "required")
    assert shown.code == 0
    call_line, result_line = re.search(r"^(  set_lamp.*)\n(.*)$", shown.out, re.MULTILINE).groups()
    assert call_line in ('  set_lamp(state="on")', '  set_lamp(state="off")')
    state = call_line.split('"')[1]
    assert result_line == f'  -> {{"lamp": "{state}"}}'
    assert shown.err == ""
    assert "\x1b" not in shown.out


def test_json_is_one_object_with_calls_results_and_reports(call, lamp):
    shown = call("lamp on please", "--tools", lamp, "--tool-choice", "set_lamp", "--json")
    assert shown.code == 0
    answer = json.loads(shown.out)
    assert set(answer) == {"text", "calls", "finish_reason", "errors", "reports"}
    first = answer["calls"][0]
    assert first["name"] == "set_lamp"
    assert first["result"] == {"lamp": first["arguments"]["state"]}
    assert set(first) == {"round", "id", "name", "arguments", "problems", "result", "outcome", "failed", "seconds"}
    assert (first["round"], first["problems"], first["outcome"], first["failed"]) == (1, [], "ok", False)
    assert answer["reports"][0]["tokens"]["forced"] > 0
    assert answer["reports"][0]["n_tools"] == 1


def test_a_model_whose_template_has_no_tools_answers_in_text(call, lamp):
    shown = call("hi", "--format", "agentlm")
    assert shown.code == 0
    assert shown.out.strip()
    assert "has no place for tools; it answers in text" in shown.err
    shown = call("hi", "--format", "agentlm", "--tools", lamp)
    assert shown.code == 1
    assert "renders no tools" in shown.err


def test_a_reply_that_runs_out_of_time_says_so(call, lamp):
    shown = call("lamp on please", "--tools", lamp, "--timeout", 0.0001)
    assert shown.code == 0
    assert "(the time limit ended the reply after 0 tokens)" in shown.out


def test_json_tells_of_tools_that_ran_before_an_error(call, lamp):
    asked = ("lamp on please", "--tools", lamp, "--tool-choice", "set_lamp", "--json")
    n_prompt = json.loads(call(*asked, "--no-run").out)["reports"][0]["tokens"]["prompt"]
    shown = call(*asked, "--n-ctx", n_prompt + 25)  # room for the call, not for its result
    assert shown.code == 1
    answer = json.loads(shown.out)
    assert answer["calls"][0]["outcome"] == "ok"
    assert answer["finish_reason"] == "error"
    assert "more than the context" in answer["errors"][0]
    assert answer["errors"][0] in shown.err


def test_no_run_prints_the_calls_only(call, lamp):
    shown = call("lamp on please", "--tools", lamp, "--tool-choice", "required", "--no-run")
    assert shown.code == 0
    assert re.match(r"  set_lamp\(state=", shown.out)
    assert "->" not in shown.out


def test_tools_without_code_are_called_but_not_run(call, tmp_path):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([LAMP_JSON]))
    shown = call("lamp on please", "--tools", path, "--tool-choice", "required", "--json")
    answer = json.loads(shown.out)
    assert len(answer["reports"]) == 1
    assert set(answer["calls"][0]) == {"id", "name", "arguments", "problems"}


def test_a_tool_that_fails_is_shown_and_the_answer_goes_on(call, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def broken() -> None:\n    'Break.'\n    raise OSError('no\\x1b[31m current')")
    shown = call("go", "--tools", path, "--tool-choice", "required")
    assert shown.code == 0
    assert '  -> {"error": "OSError: no\\u001b[31m current"}' in shown.out
    assert "\x1b" not in shown.out


def test_what_tools_print_is_kept_out_of_the_json(call, tmp_path):
    path = tmp_path / "loud.py"
    path.write_text("def shout() -> str:\n    'Shout.'\n    print('hey')\n    return 'done'")
    shown = call("go", "--tools", path, "--tool-choice", "required", "--max-rounds", 1, "--json")
    assert json.loads(shown.out)["calls"][0]["result"] == "done"
    assert "hey\n" in shown.err


def test_nothing_runs_without_approval(call, lamp):
    shown = call("lamp on please", "--tools", lamp, "--tool-choice", "required", "--max-rounds", 1, "--approve")
    assert '  -> {"error": "Denied: there is no terminal to ask at"}\n' in shown.out
    assert "(no answer in text after 1 replies)" in shown.out


def test_a_tool_out_of_time_does_not_hold_up_the_command(call, tmp_path):
    path = tmp_path / "slow.py"
    path.write_text("import time\ndef sleep() -> str:\n    'Sleep.'\n    time.sleep(600)\n    return 'slept'")
    options = ("--tool-timeout", 0.2, "--tool-choice", "required", "--max-rounds", 1)
    shown = call("go", "--tools", path, *options)
    assert shown.code == 0
    assert '  -> {"error": "TimeoutError: sleep took longer than 0.2 seconds"}\n' in shown.out
    hidden = call("go", "--tools", path, *options, "--no-show-calls")
    assert "sleep" not in hidden.out


def test_tools_of_several_sources_are_put_together(call, lamp, tmp_path):
    more = tmp_path / "more.py"
    more.write_text("def shout() -> str:\n    'Shout.'\n    return 'done'")
    shown = call("go", "--tools", lamp, "--tools", more, "--tool-choice", "shout", "--max-rounds", 1, "--json")
    answer = json.loads(shown.out)
    assert answer["reports"][0]["n_tools"] == 2
    assert answer["calls"][0]["name"] == "shout"
    assert "two tools are named 'set_lamp'" in call("go", "--tools", lamp, "--tools", lamp).err


def test_the_demo_tools_are_the_default(call):
    shown = call("hi", "--tool-choice", "read_notes", "--json", "--no-run")
    answer = json.loads(shown.out)
    assert answer["calls"][0]["name"] == "read_notes"
    assert answer["reports"][0]["n_tools"] == 8


def test_report_shows_where_time_and_memory_went(call, lamp):
    shown = call("lamp on", "--tools", lamp, "--report")
    for expected in ("Latency", "TTFT", "tok/s", "lamp on", "Memory", "KV cache", "bits per weight", "thread"):
        assert expected in shown.out


@pytest.mark.parametrize("args", [["-"], []])
def test_the_request_can_come_from_a_pipe(call, lamp, args):
    shown = call(*args, "--tools", lamp, "--report", stdin="a request from a pipe\n")
    assert shown.code == 0
    assert "\na request from a pipe  " in shown.out


@pytest.mark.parametrize(("args", "stdin"), [([""], ""), (["-"], " \n"), ([], "")])
def test_without_a_request(call, args, stdin):
    shown = call(*args, stdin=stdin)
    assert shown.code == 2
    assert shown.err == "edge-lam: error: there is no REQUEST\nhint: see edge-lam call --help\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--tool-choice", "sing"], 1, "unknown tool_choice 'sing'"),
        (["--tools", "words"], 1, "'words' names no tools"),
        (["--n-ctx", "64"], 1, "the prompt has "),
    ],
)
def test_errors_are_told_in_two_lines(call, args, code, message):
    shown = call("hi", *args)
    assert (shown.code, shown.out) == (code, "")
    first, second = shown.err.splitlines()
    assert first.startswith(f"edge-lam: error: {message}")
    assert second.startswith("hint: ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.py", None, "no such file: "),
        ("t.json", "{", "t.json is not JSON: line 1, column 2"),
        ("t.json", '[{"description": "?"}]', "a tool has no name"),
        ("t.py", "import nowhere_to_be_found", "can't be imported: line 1: ModuleNotFoundError"),
        ("t.py", "def f(:", "can't be imported: line 1"),
    ],
)
def test_tools_that_can_not_be_read(call, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    shown = call("hi", "--tools", tmp_path / name)
    assert shown.code == 1
    assert message in shown.err
    assert "Traceback" not in shown.err


def test_calls_are_logged_where_asked(edge_lam, tiny_lam_path, lamp, tmp_path):
    log = tmp_path / "log" / "calls.jsonl"
    args = ("call", "a secret", "--tools", lamp, "--max-tokens", 2, "--no-run", "--model", tiny_lam_path)
    assert edge_lam(*args, "--log", log).code == 0
    assert edge_lam("--log", log, *args).code == 0
    assert edge_lam(*args, "--log", "off").code == 0
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert "a secret" not in log.read_text()
    assert json.loads(lines[0])["tokens"]["prompt"] > 0


def test_a_reply_ends_when_its_time_is_up(edge_lam, tiny_lam_path, lamp):
    args = ("call", "hello", "--tools", lamp, "--no-run", "--json", "--model", tiny_lam_path, "--log", "off")
    assert json.loads(edge_lam(*args, "--timeout", 1e-4).out)["finish_reason"] == "timeout"
    assert edge_lam(*args, "--timeout", 0).code == 2


def test_ctrl_c_in_the_middle_ends_with_130(call, tmp_path):
    path = tmp_path / "interrupt.py"
    path.write_text("import signal\ndef stop() -> None:\n    'Stop.'\n    signal.raise_signal(signal.SIGINT)")
    shown = call("go", "--tools", path, "--tool-choice", "required")
    assert (shown.code, shown.err) == (130, "edge-lam: interrupted\n")


def test_timers_that_end_with_the_command_are_mentioned(call, tmp_path):
    path = tmp_path / "timers.py"
    path.write_text(
        "from edge_lam.demo_tools import set_timer\n"
        "def start() -> dict:\n    'Start a timer.'\n    return set_timer(1, 'hours')"
    )
    shown = call("go", "--tools", path, "--tool-choice", "required")
    assert shown.err.startswith("note: timers that have not rung end with this command")


UNHELD = {
    "name": "set_code",
    "parameters": {"type": "object", "properties": {"code": {"type": "string", "pattern": "(?<=a)b"}}},
}
SERVER_TOOL = {"type": "code_interpreter", "name": "code"}


def test_tools_are_left_out_by_name(call, lamp, tmp_path):
    path = tmp_path / "more.json"
    path.write_text(json.dumps([LAMP_JSON | {"name": "set_heater"}, UNHELD]))
    sources = ("--tools", lamp, "--tools", path)
    shown = call("lamp on please", *sources, "--allow", "set_*", "--deny", "set_[ch]*", "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["reports"][0]["n_tools"] == 1
    wrong = call("lamp on please", *sources, "--deny", "sat_*")
    assert (wrong.code, wrong.out) == (1, "")
    assert "'sat_*' matches no tool\nhint: tools: set_lamp, set_heater, set_code" in wrong.err


def test_bad_tools_are_skipped_only_if_asked_and_told(call, tmp_path):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([LAMP_JSON, UNHELD, SERVER_TOOL]))
    refused = call("lamp on please", "--tools", path)
    assert (refused.code, refused.out) == (1, "")
    shown = call("lamp on please", "--tools", path, "--skip-bad-tools", "--tool-choice", "required", "--json")
    assert shown.code == 0, shown.err
    assert json.loads(shown.out)["reports"][0]["n_tools"] == 1
    first, second = shown.err.splitlines()
    assert first.startswith("note: left out: tools of type 'code_interpreter' are not supported")
    assert second.startswith("note: left out: tool 'set_code'")
