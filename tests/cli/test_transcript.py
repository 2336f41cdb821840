from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from edge_lam.agent import ToolFinished, ToolStarted
from edge_lam.cli.answer import TurnResult
from edge_lam.cli.terminal import console
from edge_lam.cli.transcript import MAX_ARGUMENT, MAX_RESULT, Transcript, call_text
from edge_lam.engine import CallDropped, CallFinished, CallStarted, Reply, ReplyFinished, TextDelta, ThinkingDelta
from edge_lam.errors import InvalidCall
from edge_lam.metrics.report import CallReport, Machine, Times
from edge_lam.tools import ToolCall

CALL = ToolCall("call_1", "get_time", {"city": "São Paulo", "exact": True})


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return what a list of events prints."""
    monkeypatch.setenv("COLUMNS", "40")

    def show(*events, **options):
        transcript = Transcript(console(), **options)
        for event in events:
            transcript.show(event)
        return capsys.readouterr().out

    return show


def finished(reason="stop", errors=()):
    return ReplyFinished(Reply("", (), reason, CallReport("1"), errors))


def test_a_call_as_one_would_write_it():
    assert call_text(CALL) == 'get_time(city="São Paulo", exact=true)'
    assert call_text(ToolCall("1", "read_notes", {})) == "read_notes()"


def test_calls_are_shown_when_they_run(shown):
    result = ToolFinished(CALL, {"time": "11:05"}, 0.1)
    expected = '  get_time(city="São Paulo", exact=true)\n  -> {"time": "11:05"}\n'
    assert shown(CallFinished(CALL), finished("tool_calls"), ToolStarted(CALL), result) == expected


def test_calls_are_shown_when_written_if_nothing_runs(shown):
    expected = '  get_time(city="São Paulo", exact=true)\n'
    assert shown(CallFinished(CALL), finished("tool_calls"), run_tools=False) == expected


def test_calls_that_run_at_once_are_shown_in_their_order_each_with_its_result(shown):
    slow, quick = ToolCall("1", "slow", {}), ToolCall("2", "quick", {})
    denied = ToolFinished(ToolCall("3", "denied", {}), {"error": "Denied"}, outcome="denied")
    started = (denied, ToolStarted(slow), ToolStarted(quick))
    head = '  denied()\n  -> {"error": "Denied"}\n  slow()\n'
    assert shown(*started) == head
    assert shown(*started, ToolFinished(quick, 2)) == head
    assert shown(*started, ToolFinished(quick, 2), ToolFinished(slow, 1)) == head + "  -> 1\n  quick()\n  -> 2\n"


def test_a_call_that_was_asked_for_is_not_shown_twice(capsys):
    transcript = Transcript(console())
    transcript.call(CALL)
    transcript.show(ToolStarted(CALL))
    assert capsys.readouterr().out.count("get_time") == 1


def test_calls_may_be_hidden(shown):
    events = (ToolStarted(CALL), ToolFinished(CALL, "11:05"), TextDelta("It is 11:05."), finished())
    assert shown(*events, show_calls=False) == "  It is 11:05.\n"


def test_problems_and_dropped_calls_are_said(shown):
    doubtful = ToolCall("1", "get_time", {}, ("'city' is missing",))
    events = (CallFinished(doubtful), CallStarted(1, "2", "set_timer"), CallDropped(1, "2", None))
    assert shown(*events, run_tools=False) == (
        "  get_time()\n  (problem: 'city' is missing)\n  (the call of set_timer was cut off)\n"
    )


def test_thinking_is_told_from_text(shown):
    events = (
        ThinkingDelta("\nWhat is"),
        ThinkingDelta(" it?\n\n"),
        TextDelta("\n\nIt is"),
        TextDelta(" 11:05."),
        finished(),
    )
    assert shown(*events) == "  thinking: What is it?\n  It is 11:05.\n"


def test_text_streams_with_its_lines_indented(shown):
    assert shown(TextDelta("It is"), TextDelta(" 11:05.\nBy"), TextDelta("e\x1b[2J"), finished()) == (
        "  It is 11:05.\n  Bye\\x1b[2J\n"
    )


def test_text_is_wrapped_at_words_on_a_terminal_as_it_comes(monkeypatch):
    out = Console(file=io.StringIO(), width=20, force_terminal=True, color_system=None)
    transcript = Transcript(out)
    for piece in (
        "It is elev",
        "en o'clock in ",
        "Tokyo.\n\n- ",
        "one\n    two",
        " three four five 東京都千代田区丸の内一丁目",
    ):
        transcript.show(TextDelta(piece))
        assert "Tok" not in out.file.getvalue().replace("Tokyo.", "")  # never half a word
    transcript.show(finished())
    assert out.file.getvalue().splitlines() == [
        "  It is eleven",
        "  o'clock in Tokyo.",
        "  ",
        "  - one",
        "      two three four",
        "  five 東京都千代田",
        "  区丸の内一丁目",
    ]


def test_a_word_longer_than_a_line_is_broken():
    out = Console(file=io.StringIO(), width=12, force_terminal=True, color_system=None)
    transcript = Transcript(out)
    transcript.show(TextDelta("see https://example.org/a/b ok"))
    transcript.show(finished())
    assert out.file.getvalue().splitlines() == ["  see", "  https://ex", "  ample.org/", "  a/b ok"]


def test_long_arguments_are_shortened_but_not_for_who_approves(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    call = ToolCall("1", "write", {"path": "a.txt", "text": "word " * 100})
    Transcript(console()).show(CallFinished(call))
    Transcript(console(), run_tools=False).show(CallFinished(call))
    shown = capsys.readouterr().out
    assert shown.startswith('  write(path="a.txt", text="word word')
    assert shown.endswith("... (502 characters))\n")
    assert len(shown) < MAX_ARGUMENT + 100
    Transcript(console()).call(call, whole=True)
    assert capsys.readouterr().out.count("word") == 100


def test_a_tool_that_runs_shows_a_clock_that_leaves_no_trace():
    out = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    transcript = Transcript(out)
    transcript.show(ToolStarted(CALL))
    deadline = time.monotonic() + 60
    while "get_time runs: 1 s" not in out.file.getvalue():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    transcript.show(ToolFinished(CALL, {"time": "11:05"}, 2.0))
    end = out.file.getvalue().rpartition("runs: ")[2]
    assert "\x1b[2K" in end  # the line is erased before the result is printed
    assert end.endswith('  -> {"time": "11:05"}\n')


def test_a_quick_tool_shows_no_clock(shown):
    assert "runs" not in shown(ToolStarted(CALL), ToolFinished(CALL, 1, 0.1))


def test_long_results_wrap_and_are_cut(shown):
    out = shown(ToolFinished(CALL, "word " * 500, 0.1)).split("\n", 1)[1]
    lines = out.splitlines()
    assert lines[0].startswith("  -> word ")
    assert all(line.startswith("     word") for line in lines[1:-1])
    assert max(map(len, lines)) <= 40
    assert out.endswith("(2,500 characters)\n")
    assert len("".join(out.split())) < MAX_RESULT


def test_what_went_wrong_is_said(shown):
    out = shown(TextDelta("half"), finished("length", (InvalidCall("arguments of get_time are null", raw="["),)))
    assert out == "  half\n  (arguments of get_time are null)\n  (cut off after 0 tokens)\n"


def test_an_answer_that_never_came(capsys):
    Transcript(console()).finish(TurnResult("", [], "max_rounds", [], [], [CallReport("1"), CallReport("2")]))
    assert capsys.readouterr().out == "  (no answer in text after 2 replies)\n"
    Transcript(console()).finish(TurnResult("", [{}], "repeated", [], [], []))
    assert "the same call again and again" in capsys.readouterr().out
    Transcript(console()).finish(TurnResult("", [], "stop", [], [], []))
    assert capsys.readouterr().out == "  (the model said nothing)\n"
    Transcript(console()).finish(TurnResult("", [{}], "tool_calls", [], [], []))
    assert "this model reads no results" in capsys.readouterr().out
    Transcript(console(), run_tools=False).finish(TurnResult("", [{}], "tool_calls", [], [], []))
    Transcript(console()).finish(TurnResult("done", [], "stop", [], [], [CallReport("1")]))
    assert capsys.readouterr().out == ""


def test_an_answer_that_a_busy_machine_made_slow(capsys):
    def answer(seconds: float, others: float) -> TurnResult:
        report = CallReport("1", times=Times(total=seconds), machine=Machine(others_percent=others))
        return TurnResult("done", [], "stop", [], [], [report])

    Transcript(console()).finish(answer(2.5, 180))
    assert capsys.readouterr().out == "  (slow: the machine was busy, other programs took 180 % of a core)\n"
    for quick_or_quiet in (answer(0.3, 180), answer(2.5, 20)):
        Transcript(console()).finish(quick_or_quiet)
    assert capsys.readouterr().out == ""
