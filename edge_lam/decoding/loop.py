"""The decode loop, the only one: every reply, constrained or not, is made here.

In come the tokens of a prompt and what the reply may be; out come pieces of text, and a filled report. The constraint
proposes, the model disposes: tokens that the grammar forces ride along with the token chosen before them, so that one
pass reads them all and only the last asks for logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edge_lam.decoding.text import TextWriter

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding.constraint import Unconstrained
    from edge_lam.decoding.sampling import Sampler
    from edge_lam.decoding.vocabulary import Vocabulary
    from edge_lam.metrics.report import CallReport


def decode(
    sequence: LiveSequence,
    vocabulary: Vocabulary,
    prompt: Sequence[int],
    constraint: Unconstrained,
    sampler: Sampler,
    *,
    max_tokens: int,
    stop: Sequence[str] = (),
    report: CallReport,
) -> Iterator[str]:
    """Yield the text of a reply as it grows.

    It can be left at any point, by an exception too: the sequence then holds exactly what was decoded.

    Args:
        sequence: where to decode; what it holds of the prompt already is not decoded again.
        vocabulary: the model's tokens.
        prompt: at least one token.
        constraint: what the reply may be; fresh.
        sampler: how tokens are chosen.
        max_tokens: most tokens of the reply; together with the prompt they must fit the context.
        stop: strings that end a reply in text.
        report: gets times, tokens, passes and the finish reason, "stop" or "length".
    """
    times, tokens, passes = report.times, report.tokens, report.passes
    writer = TextWriter(vocabulary, stop)
    tokens.prompt, tokens.cached = len(prompt), sequence.reuse(prompt)
    new = _forced(constraint, max_tokens, report)  # the opening of a call that is required
    unread = [*prompt[tokens.cached :], *new]
    while True:
        if text := writer.write(new, constraint.kind):
            yield text
        if writer.stopped or constraint.is_finished:
            report.finish_reason = "stop"
            break
        if tokens.generated >= max_tokens:
            report.finish_reason = "length"
            break
        if not tokens.sampled:
            with times.measure("prefill"):
                passes.prefill += sequence.extend(unread)
        else:
            with times.measure("decode"):
                passes.decode += sequence.extend(unread)
        token = sampler.choose(sequence.logits(), constraint, times)
        tokens.sampled += 1
        if not times.first_token:
            times.first_token = report.elapsed()
        if token in vocabulary.end_tokens:
            report.finish_reason = "stop"
            break
        with times.measure("mask"):
            constraint.accept([token])
        unread = new = [token, *_forced(constraint, max_tokens - tokens.generated, report)]
    if text := writer.finish():
        yield text


def _forced(constraint: Unconstrained, most: int, report: CallReport) -> list[int]:
    """Accept and return the tokens that the grammar forces now, `most` of them at most."""
    with report.times.measure("mask"):
        forced = constraint.forced()[:most]
        if forced:
            constraint.accept(forced)
    report.tokens.forced += len(forced)
    return forced
