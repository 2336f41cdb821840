"""Notes on a reply leave it as it is, wherever its prompt ends in a pass."""

from __future__ import annotations

import pytest

from edge_lam.decoding import CallTracker, Sampler, Trace
from edge_lam.params import SamplingParams


@pytest.fixture
def trace(vocabulary, chat_format, tools) -> Trace:
    syntax = chat_format.syntax
    return Trace(vocabulary, CallTracker([syntax.call_opening(tool.name) for tool in tools], syntax.depth), n_top=2)


@pytest.fixture
def reply(run, constrain):
    def reply(prompt, choice, trace=None, **sampling):
        return run(prompt, constrain(choice), Sampler(SamplingParams(**sampling)), max_tokens=24, trace=trace)

    return reply


@pytest.mark.parametrize(
    ("vocabulary", "length"),
    [*(("llguidance", length) for length in range(251, 258)), ("gbnf", 255), ("gbnf", 256)],
    indirect=["vocabulary"],
)
def test_a_pass_of_logits_may_begin_anywhere(reply, slot, prompt, trace, length):
    """Passes here are of 256 tokens: the forced opening of a call, and the place before it, fall on both sides."""
    assert slot.context.n_batch == 256
    slot.keep(0)
    noted, report = reply(prompt[:length], "required", trace)
    slot.keep(0)
    plain, other = reply(prompt[:length], "required")
    assert noted == plain
    assert report.passes.decode == other.passes.decode
    assert 0 <= trace.cut_at_start <= 1
    assert b"".join(entry.bytes for entry in trace.logprobs).decode(errors="replace") == noted


@pytest.mark.parametrize("choice", ["auto", "required", "none"])
def test_a_sampled_reply_is_the_same_with_notes_and_without(reply, prompt, trace, choice):
    options = {"temperature": 0.8, "seed": 5}
    reply(prompt, choice, **options)  # what is cached from here on is the same
    plain, _ = reply(prompt, choice, **options)
    noted, _ = reply(prompt, choice, trace, **options)
    assert noted == plain
