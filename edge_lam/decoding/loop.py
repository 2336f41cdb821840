"""The decode loop, the only one: every reply, constrained or not, is made here.

In come the tokens of a prompt and what the reply may be; out come pieces of text, and a filled report. Constraint and
drafts propose, the model disposes: tokens that the grammar forces, and guesses to verify, ride along with the token
chosen before them, so that one pass reads them all. The loop says what it wants read and waits: whoever drives it may
read the tokens of several replies in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from edge_lam.cache.live import common_length
from edge_lam.decoding.drafts import Draft, Lookup
from edge_lam.decoding.text import TextWriter

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding.constraint import Unconstrained
    from edge_lam.decoding.drafts import Drafter
    from edge_lam.decoding.sampling import Sampler
    from edge_lam.decoding.trace import Trace
    from edge_lam.decoding.vocabulary import Vocabulary
    from edge_lam.metrics.report import CallReport

MOST_DRAFTED = 128  # tokens: all that need logits have to go down in one pass


@dataclass(frozen=True, slots=True)
class Read:
    """Tokens that a reply needs read next.

    Attributes:
        tokens: at least one.
        rows: after which of them it needs logits, by their indices, ascending. All tokens from the first of them on
            must fit one pass: logits are gone with the next.
    """

    tokens: list[int]
    rows: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What reading them took.

    Attributes:
        seconds: in passes.
        n_passes: how many passes had a part of them.
        n_tokens: tokens of the last pass, those of other replies included.
    """

    seconds: float
    n_passes: int
    n_tokens: int


class TimeUp(Exception):  # noqa: N818  (it ends a reply, which then is whole: nothing failed)
    """Thrown into `steps` to end a reply where it is."""


class LimitReached(Exception):  # noqa: N818
    """Raised by what takes the text of a reply, to end it there: it is as long as it may be."""


Reads: TypeAlias = Generator[Read, "Done", None]


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
    trace: Trace | None = None,
    report: CallReport,
) -> Iterator[str]:
    """Yield the text of a reply as it grows, with a sequence of its own; arguments are those of `steps`."""
    pieces: list[str] = []
    reads = steps(
        sequence,
        vocabulary,
        prompt,
        constraint,
        sampler,
        write=pieces.append,
        max_tokens=max_tokens,
        stop=stop,
        drafter=drafter,
        n_static=n_static,
        trace=trace,
        report=report,
    )
    read = next(reads, None)
    while read is not None:
        yield from pieces
        pieces.clear()
        done = read_alone(sequence, read)
        try:
            read = reads.send(done)
        except StopIteration:
            break
    yield from pieces


def read_alone(sequence: LiveSequence, read: Read) -> Done:
    """Read what a reply needs in passes of its own."""
    start = perf_counter()
    tokens, rows, n_passes = read.tokens, read.rows, 0
    if rows and 0 < rows[0] < (len(tokens) - 1) // sequence.context.n_batch * sequence.context.n_batch:
        # Logits come from one pass: what stands before their tokens is read by itself.
        first = rows[0]
        n_passes = sequence.extend(tokens[:first], ())
        tokens, rows = tokens[first:], [row - first for row in rows]
    n_passes += sequence.extend(tokens, rows)
    return Done(perf_counter() - start, n_passes, len(tokens))


def steps(
    sequence: LiveSequence,
    vocabulary: Vocabulary,
    prompt: Sequence[int],
    constraint: Unconstrained,
    sampler: Sampler,
    *,
    write: Callable[[str], None],
    max_tokens: int,
    stop: Sequence[str] = (),
    drafter: Drafter | None = None,
    n_static: Callable[[], int] | None = None,
    trace: Trace | None = None,
    report: CallReport,
) -> Reads:
    """Make a reply, step by step: yield what has to be read before it can go on.

    It can be left at any point, by an exception too: the sequence then holds exactly what was decoded. `TimeUp` ends
    the reply and leaves it whole.

    Args:
        sequence: where the reply is; what it holds of the prompt already is not read again. When what was yielded is
            answered, with what reading took, the tokens are in there.
        vocabulary: the model's tokens.
        prompt: at least one token.
        constraint: what the reply may be; fresh.
        sampler: how tokens are chosen.
        write: takes the text of the reply, piece by piece; it may raise `LimitReached`.
        max_tokens: most tokens of the reply; together with the prompt they must fit the context.
        stop: strings that end a reply in text.
        drafter: guesses tokens to verify; without one, each pass chooses one token.
        n_static: says how many tokens of the prompt other calls will share, so that their state is stored; it is asked
            only if they have to be read.
        trace: takes note of the tokens as they are chosen.
        report: gets times, tokens, passes and the finish reason, "stop", "length" or "timeout".
    """
    writer = TextWriter(vocabulary, stop, constraint.thinking_end)

    def show(tokens: Sequence[int]) -> bool:
        if text := writer.write(tokens, constraint.kind):
            write(text)
        return writer.stopped

    try:
        yield from reuse_prompt(sequence, prompt, n_static, report)
        yield from _reply(
            sequence,
            vocabulary,
            prompt,
            constraint,
            sampler,
            show=show,
            max_tokens=max_tokens,
            drafter=drafter,
            trace=trace,
            report=report,
        )
    except TimeUp:
        report.finish_reason = "timeout"
    except LimitReached:
        report.finish_reason = "length"
    if trace and writer.stopped:
        trace.cut(stop)
    if text := writer.finish():
        write(text)


def _reply(
    sequence: LiveSequence,
    vocabulary: Vocabulary,
    prompt: Sequence[int],
    constraint: Unconstrained,
    sampler: Sampler,
    *,
    show: Callable[[Sequence[int]], bool],
    max_tokens: int,
    drafter: Drafter | None,
    trace: Trace | None,
    report: CallReport,
) -> Reads:
    """Read the rest of the prompt, and choose tokens until the reply ends; `show` tells whether a stop string came."""
    tokens = report.tokens
    lookup = Lookup(prompt, max_tokens)
    with report.times.measure("mask"):
        asks = trace is not None and trace.begin(constraint)
    new = _forced(constraint, max_tokens, trace, report)  # the opening of a call that is required
    unread, draft, n_others = [*prompt[len(sequence.tokens) :], *new], Draft(), 0
    start = [len(unread) - len(new) - 1] if asks and new else []
    while True:
        if show(new) or constraint.is_finished or report.finish_reason:
            report.finish_reason = "stop"
            return
        if tokens.generated >= max_tokens:
            report.finish_reason = "length"
            return
        lookup.add(new)
        if trace and start and len(new) >= sequence.context.n_batch:  # both rows don't fit one pass
            yield from _read(unread[: start[0] + 1], Draft(), [], report)
            trace.start(sequence.logits(0))
            unread, start = new, []
        if drafter and tokens.sampled:
            most = min(max_tokens - tokens.generated, MOST_DRAFTED, sequence.context.n_batch) - 1
            with report.times.measure("draft"):
                draft = drafter.draft(lookup, constraint, len(unread), most, n_others)
        done = yield from _read(unread, draft, start, report)
        if trace and start:
            trace.start(sequence.logits(0))
            sequence.first_row, start = sequence.first_row + 1, []
        n_others = max(0, done.n_tokens - len(unread) - len(draft.tokens))
        held = len(sequence.tokens) - len(draft.tokens)
        accepted = tokens.accepted
        new = _choose(
            sequence,
            vocabulary,
            constraint,
            sampler,
            draft=draft,
            max_tokens=max_tokens,
            trace=trace,
            report=report,
        )
        if drafter:
            if done.n_passes == 1:  # of several, only the seconds of all are known
                drafter.costs.record(done.n_tokens, done.seconds)
            drafter.learn(lookup, draft, new, tokens.accepted - accepted)
        known = common_length(draft.tokens, new)
        sequence.keep(held + known)
        unread = new[known:]


def reuse_prompt(
    sequence: LiveSequence, prompt: Sequence[int], n_static: Callable[[], int] | None, report: CallReport
) -> Reads:
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
    yield from read_prompt(prompt[cached:static], report)
    with report.times.measure("save"):
        sequence.save()


def read_prompt(tokens: Sequence[int], report: CallReport) -> Reads:
    """Have tokens of a prompt read, without logits."""
    done = yield Read(list(tokens))
    report.times.prefill += done.seconds
    report.passes.prefill += done.n_passes


def _read(unread: list[int], draft: Draft, start: list[int], report: CallReport) -> Generator[Read, Done, Done]:
    """Have the next tokens read, the draft behind those that are certain; `start` is a row that is wanted besides."""
    done = yield Read([*unread, *draft.tokens], [*start, *draft.rows(len(unread))])
    report.tokens.drafted += len(draft.guesses)
    if report.tokens.sampled:
        report.times.decode += done.seconds
        report.passes.decode += done.n_passes
    else:
        report.times.prefill += done.seconds
        report.passes.prefill += done.n_passes
    return done


def _choose(
    sequence: LiveSequence,
    vocabulary: Vocabulary,
    constraint: Unconstrained,
    sampler: Sampler,
    *,
    draft: Draft,
    max_tokens: int,
    trace: Trace | None,
    report: CallReport,
) -> list[int]:
    """Return the next tokens of the reply: guesses that the model confirms, one that it chooses, and forced ones."""
    tokens, new = report.tokens, list[int]()
    for row in range(len(draft.guesses) + 1):
        logits = sequence.logits(row)
        token = sampler.choose(logits, constraint, report.times)
        guessed = draft.guessed(row, token)
        tokens.accepted += guessed
        tokens.sampled += not guessed
        if not report.times.first_token:
            report.times.first_token = report.elapsed()
        if token in vocabulary.end_tokens:
            report.finish_reason = "stop"
            break
        if trace:
            with report.times.measure("sample"):
                trace.chosen(token, logits, constraint, guessed=guessed)
        with report.times.measure("mask"):
            constraint.accept([token])
        new += [token, *_forced(constraint, max_tokens - tokens.generated, trace, report)]
        if not guessed or constraint.is_finished or tokens.generated >= max_tokens:
            break
    return new


def _forced(constraint: Unconstrained, most: int, trace: Trace | None, report: CallReport) -> list[int]:
    """Accept and return the tokens that the grammar forces now, `most` of them at most."""
    with report.times.measure("mask"):
        forced = constraint.forced()[:most]
        if forced:
            constraint.accept(forced)
    if trace and forced:
        trace.forced(forced)
    report.tokens.forced += len(forced)
    return forced
