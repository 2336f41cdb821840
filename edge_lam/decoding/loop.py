"""The decode loop, the only one: every reply, constrained or not, is made here.

In come the tokens of a prompt and what the reply may be; out come pieces of text, and a filled report. Constraint and
drafts propose, the model disposes: tokens that the grammar forces, and guesses to verify, ride along with the token
chosen before them, so that one pass reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from edge_lam.decoding.drafts import Draft, Lookup
from edge_lam.decoding.text import TextWriter

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding.constraint import Unconstrained
    from edge_lam.decoding.drafts import Drafter
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
    drafter: Drafter | None = None,
    n_static: Callable[[], int] | None = None,
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
        drafter: guesses tokens to verify; without one, each pass chooses one token.
        n_static: says how many tokens of the prompt other calls will share, so that their state is stored; it is asked
            only if they have to be read.
        report: gets times, tokens, passes and the finish reason, "stop" or "length".
    """
    tokens = report.tokens
    writer = TextWriter(vocabulary, stop)
    lookup = Lookup(prompt, max_tokens)
    reuse_prompt(sequence, prompt, n_static, report)
    new = _forced(constraint, max_tokens, report)  # the opening of a call that is required
    unread, draft = [*prompt[len(sequence.tokens) :], *new], Draft()
    while True:
        if text := writer.write(new, constraint.kind):
            yield text
        if writer.stopped or constraint.is_finished or report.finish_reason:
            report.finish_reason = "stop"
            break
        if tokens.generated >= max_tokens:
            report.finish_reason = "length"
            break
        lookup.add(new)
        if drafter and tokens.sampled:
            with report.times.measure("draft"):
                draft = drafter.draft(lookup, constraint, len(unread), max_tokens - tokens.generated - 1)
        seconds = _read(sequence, unread, draft, report)
        held = len(sequence.tokens) - len(draft.tokens)
        accepted = tokens.accepted
        new = _choose(sequence, vocabulary, constraint, sampler, draft=draft, max_tokens=max_tokens, report=report)
        if drafter:
            drafter.costs.record(len(unread) + len(draft.tokens), seconds)
            drafter.learn(draft, new, tokens.accepted - accepted)
        known = _shared(draft.tokens, new)
        sequence.keep(held + known)
        unread = new[known:]
    if text := writer.finish():
        yield text


def reuse_prompt(
    sequence: LiveSequence, prompt: Sequence[int], n_static: Callable[[], int] | None, report: CallReport
) -> None:
    """Let the sequence begin the prompt with what is known of it, and store its static tokens if they are new.

    Args:
        sequence: where to decode.
        prompt: at least one token.
        n_static: says how many of them other calls will share; asked only if they have to be read.
        report: gets times, tokens and passes.
    """
    report.tokens.prompt, report.tokens.cached = len(prompt), sequence.reuse(prompt)
    if sequence.store is None or n_static is None:
        return
    with report.times.measure("restore"):
        report.tokens.restored = sequence.restore(prompt)
    report.tokens.cached = cached = len(sequence.tokens)
    enough = cached + sequence.WORTH_STORING
    if len(prompt) < enough or (static := min(n_static(), len(prompt) - 1)) < enough:
        return
    with report.times.measure("prefill"):
        report.passes.prefill += sequence.extend(prompt[cached:static], logits=())
    with report.times.measure("save"):
        sequence.save()


def _read(sequence: LiveSequence, unread: list[int], draft: Draft, report: CallReport) -> float:
    """Pass the next tokens through the model, the draft behind those that are certain; return the seconds."""
    start = report.elapsed()
    n_passes = sequence.extend([*unread, *draft.tokens], draft.rows(len(unread)))
    seconds = report.elapsed() - start
    report.tokens.drafted += len(draft.guesses)
    if report.tokens.sampled:
        report.times.decode += seconds
        report.passes.decode += n_passes
    else:
        report.times.prefill += seconds
        report.passes.prefill += n_passes
    return seconds


def _choose(
    sequence: LiveSequence,
    vocabulary: Vocabulary,
    constraint: Unconstrained,
    sampler: Sampler,
    *,
    draft: Draft,
    max_tokens: int,
    report: CallReport,
) -> list[int]:
    """Return the next tokens of the reply: guesses that the model confirms, one that it chooses, and forced ones."""
    tokens, new = report.tokens, list[int]()
    for row in range(len(draft.guesses) + 1):
        token = sampler.choose(sequence.logits(row), constraint, report.times)
        guessed = draft.guessed(row, token)
        tokens.accepted += guessed
        tokens.sampled += not guessed
        if not report.times.first_token:
            report.times.first_token = report.elapsed()
        if token in vocabulary.end_tokens:
            report.finish_reason = "stop"
            break
        with report.times.measure("mask"):
            constraint.accept([token])
        new += [token, *_forced(constraint, max_tokens - tokens.generated, report)]
        if not guessed or constraint.is_finished or tokens.generated >= max_tokens:
            break
    return new


def _forced(constraint: Unconstrained, most: int, report: CallReport) -> list[int]:
    """Accept and return the tokens that the grammar forces now, `most` of them at most."""
    with report.times.measure("mask"):
        forced = constraint.forced()[:most]
        if forced:
            constraint.accept(forced)
    report.tokens.forced += len(forced)
    return forced


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    shared = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared += 1
    return shared
