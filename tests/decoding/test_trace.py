"""Notes on a reply leave it as it is, wherever its prompt ends in a pass."""

from __future__ import annotations

import pytest

from edge_lam.decoding import Names, Sampler, Trace, decode
from edge_lam.metrics import CallReport


@pytest.fixture
def trace(vocabulary, chat_format, tools) -> Trace:
    syntax = chat_format.syntax
    return Trace(vocabulary, Names([syntax.call_opening(tool.name) for tool in tools], syntax.depth), n_top=2)


@pytest.fixture
def reply(sequence, vocabulary, constrain):
    def reply(prompt, choice, trace=None, **sampling):
        report = CallReport(id="test")
        sampler, options = Sampler(**sampling), {"max_tokens": 24, "trace": trace, "report": report}
        return "".join(decode(sequence, vocabulary, prompt, constrain(choice), sampler, **options)), report

    return reply


@pytest.mark.parametrize("length", [251, 252, 253, 254, 255, 256, 257])
def test_a_pass_of_logits_may_begin_anywhere(reply, sequence, prompt, trace, length):
    """Passes here are of 256 tokens: the forced opening of a call, and the place before it, fall on both sides."""
    assert sequence.context.n_batch == 256
    noted, report = reply(prompt[:length], "required", trace)
    sequence.keep(0)
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
