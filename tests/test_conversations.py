"""Conversations on disk: the next turn goes on after a restart, in every format that has a place for it."""

from __future__ import annotations

import time

import pytest

import edge_lam
from edge_lam.cache import prefix_files, read_header
from edge_lam.demo_tools import DEMO_TOOLS

QUESTION = (
    "Convert 5 miles to km, please. I would like to know how far it is to the next town, and how to get there. " * 2
)
TOOLS = DEMO_TOOLS[:1]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prefixes"


def load(folder, **options):
    return edge_lam.load(log=False, prefix_cache=folder, **{"save_conversations": True, **options})


def lengths(folder):
    """Return how many tokens are stored, by kind."""
    headers = [read_header(path) for path in prefix_files(folder)]
    found = {"static": [], "conversation": []}
    for header in headers:
        found[header.kind].append(header.n_tokens)
    return found


def results(reply):
    return [
        {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": '{"distance": 8.05, "unit": "km"}' * 4}
        for call in reply.tool_calls
    ]


@pytest.mark.parametrize("chat_format", ["xlam-2-qwen", "xlam-2-llama", "xlam-1-general", "generic"])
def test_a_conversation_goes_on_after_a_restart(folder, chat_format):
    messages = [{"role": "user", "content": QUESTION}]
    with load(folder, format=chat_format) as lam:
        first = lam.chat(messages, tools=TOOLS, tool_choice="required", max_tokens=60)
    (static,), (said,) = lengths(folder).values()
    assert static + 32 < said <= first.report.tokens.prompt + 60
    messages += [first.message, *results(first)]
    with load(folder, format=chat_format) as lam:
        second = lam.chat(messages, tools=TOOLS, max_tokens=8)
    assert second.report.tokens.restored == second.report.tokens.cached == said
    assert (lengths(folder)["static"], len(lengths(folder)["conversation"])) == ([static], 1)
    assert lengths(folder)["conversation"][0] > said
    with load(False, format=chat_format) as lam:
        alone = lam.chat(messages, tools=TOOLS, max_tokens=8)
    assert alone.text == second.text


def test_a_format_without_a_history_has_none_to_keep(folder):
    with load(folder, format="xlam-1-fc") as lam:
        lam.chat(QUESTION, tools=TOOLS, max_tokens=8)
    assert lengths(folder)["conversation"] == []


def test_they_are_not_kept_unless_asked_for(folder):
    with load(folder, save_conversations=False) as lam:
        lam.chat(QUESTION, tools=TOOLS, max_tokens=4)
    assert lengths(folder)["conversation"] == []


def test_they_are_kept_while_the_model_rests(folder):
    messages = [{"role": "user", "content": QUESTION}]
    with load(folder) as lam:
        reply = lam.chat(messages, tools=TOOLS, max_tokens=4)
        assert lengths(folder)["conversation"] == [], "not before the reply"
        messages.clear()  # the list is the caller's
        end = time.monotonic() + 30
        while not lengths(folder)["conversation"] and time.monotonic() < end:
            time.sleep(0.05)
        assert lengths(folder)["conversation"][0] > reply.report.tokens.prompt - 16
        again = lam.chat(QUESTION, tools=TOOLS, max_tokens=4)
        assert again.text == reply.text
        assert again.report.memory.prefixes > reply.report.memory.prefixes > 0


def test_conversations_side_by_side_are_all_kept(folder):
    with load(folder, n_parallel=2) as lam:
        streams = [lam.stream(f"I am in {town}. {QUESTION}", tools=TOOLS, max_tokens=8) for town in ("Oslo", "Lima")]
        for stream in streams:
            list(stream)
    assert len(lengths(folder)["conversation"]) == 2


def test_a_short_exchange_is_not_worth_a_file(folder):
    with load(folder) as lam:
        lam.chat("Hello!", tools=TOOLS, max_tokens=2)
    assert lengths(folder)["conversation"] == []
