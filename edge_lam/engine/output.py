"""`Output`: the tokens of a reply -> text -> parser -> events, and at the end the whole reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from edge_lam.engine.reply import Event, LogprobsDelta, Reply, ReplyFinished
from edge_lam.errors import Cancelled, Closed, EdgeLamError
from edge_lam.formats.events import CallFinished, CallStarted

if TYPE_CHECKING:
    from edge_lam.cache import Slot
    from edge_lam.decoding import Detokenizer
    from edge_lam.engine.decoder import Decoder
    from edge_lam.engine.recorder import Record
    from edge_lam.engine.sequence import Rows, Sequence
    from edge_lam.formats.events import ParserEvent
    from edge_lam.formats.parser import ReplyParser
    from edge_lam.metrics.report import CallReport
    from edge_lam.stream import Channel

T = TypeVar("T")


class Output:
    """Runs the decoder of a sequence, shows what is certain of its reply, and makes the reply when it is whole.

    Args:
        sequence: what runs.
        decoder: chooses its tokens.
        detokenizer: makes text of them.
        parser_of: returns the parser of the text, given the one so far; called before each piece.
        record: of the call; closed at the end.
        channel: gets the events, and the reply or the error.
        remember: takes the whole reply with its slot, before anybody sees it.
    """

    def __init__(
        self,
        sequence: Sequence,
        decoder: Decoder,
        *,
        detokenizer: Detokenizer,
        parser_of: Callable[[ReplyParser | None], ReplyParser],
        record: Record,
        channel: Channel[Event, Reply],
        remember: Callable[[Reply, Slot], None],
    ) -> None:
        self._sequence, self._decoder, self._detokenizer = sequence, decoder, detokenizer
        self._parser_of, self._max_calls = parser_of, record.request.max_tool_calls
        self._record, self._channel, self._remember = record, channel, remember
        self._parser: ReplyParser | None = None
        self._slot: Slot | None = None
        self._n_begun = 0
        self._n_shown = self._n_shown_bytes = 0  # tokens whose logprobs were shown
        self._cut_at_name: list[float | None] = []

    def begin(self, slot: Slot) -> None:
        """Show what the reply has to begin with, before anything is read."""
        self._slot = slot
        self._sequence.note_start()
        self._write(self._decoder.begin())

    def advance(self, logits: Rows, n_others: int) -> None:
        """Choose the next tokens, and show what is certain of them."""
        self._write(self._decoder.step(logits, n_others))

    def end(self, error: BaseException | None) -> None:
        """Make a reply of what was written, unless an error ended it, and let the reader have it."""
        reply = None
        try:
            if error is None:
                reply = self._complete()
                if self._slot:
                    self._remember(reply, self._slot)
        except Exception as failure:
            error = failure
        try:
            if error is not None:
                self._record.close(self._sequence, error=error_code(error))
            elif reply is not None:
                self._channel.put(ReplyFinished(reply))
            self._record.sign_off()  # before the end, so that the line in the log is there with it
        finally:  # who waits always hears of it
            if error is None and reply is not None:
                self._channel.finish(reply)
            else:
                self._channel.fail(error or Cancelled("the request was cancelled"))

    def _write(self, tokens: list[int]) -> None:
        text = self._detokenizer.write(tokens, self._decoder.constraint.kind)
        if self._detokenizer.stopped:
            self._sequence.finish_reason = "stop"
        if text:
            self._show_logprobs(self._detokenizer.n_shown)
            self._feed(text)

    def _show_logprobs(self, n_bytes: int | None = None) -> None:
        """Show the logprobs, if they are wanted, of the tokens that make up so many bytes; by default of all."""
        logprobs = self._decoder.trace.logprobs if self._decoder.trace else None
        if not logprobs:
            return
        first = self._n_shown
        for token in logprobs[first:]:
            if n_bytes is not None and self._n_shown_bytes + len(token.bytes) > n_bytes:
                break
            self._n_shown, self._n_shown_bytes = self._n_shown + 1, self._n_shown_bytes + len(token.bytes)
        if self._n_shown > first:
            self._channel.put(LogprobsDelta(tuple(logprobs[first : self._n_shown])))

    def _feed(self, text: str) -> None:
        if self._is_full:
            return
        with self._sequence.times.measure("parse"):
            events = self._open_parser().feed(text)
        self._show(events)
        if self._is_full:
            self._sequence.finish_reason = "length"

    def _open_parser(self) -> ReplyParser:
        self._parser = self._parser_of(self._parser)
        return self._parser

    @property
    def _is_full(self) -> bool:
        return self._n_begun > self._max_calls

    def _show(self, events: Iterable[ParserEvent]) -> None:
        """Show events, and note when a tool's name and a whole call first were certain.

        From the first call on that is one too many, nothing is shown any more.
        """
        times, trace = self._sequence.times, self._decoder.trace
        for event in events:
            if isinstance(event, CallStarted):
                self._n_begun = event.index + 1
                if not self._is_full and times.name is None:
                    times.name = self._sequence.elapsed()
            if self._is_full:
                return
            if isinstance(event, CallFinished):
                times.call = self._sequence.elapsed() if times.call is None else times.call
                self._cut_at_name.append(trace.cut_at_name(self._n_begun - 1) if trace else None)
            self._channel.put(event)

    def _complete(self) -> Reply:
        """Make a reply of what was written."""
        sequence, trace = self._sequence, self._decoder.trace
        if self._detokenizer.stopped:
            sequence.counts.dropped = self._n_dropped()
            if trace:
                trace.cut(self._detokenizer.stop)
        self._show_logprobs()
        if text := self._detokenizer.finish():
            self._feed(text)
        parser = self._open_parser()
        with sequence.times.measure("parse"):
            events = parser.finish(complete=sequence.finish_reason == "stop")
        self._show(events)
        parsed = parser.reply
        calls = parsed.calls[: self._max_calls]
        finish_reason = "tool_calls" if calls and sequence.finish_reason == "stop" else sequence.finish_reason
        report = self._record.close(
            sequence,
            finish_reason=finish_reason,
            n_calls=len(calls),
            cut_at_start=trace.cut_at_start if trace else None,
            cut_at_name=self._cut_at_name,
        )
        form = self._record.request.response_format
        self._record.reply = Reply(
            parsed.text,
            calls,
            finish_reason,
            report,
            parsed.errors,
            parsed.thinking,
            None if trace is None or trace.logprobs is None else tuple(trace.logprobs),
            None if form is None else form.model,
            self._detokenizer.stopped_by,
            None if trace is None or trace.prompt_logprobs is None else tuple(trace.prompt_logprobs),
            None if trace is None else trace.end_logprob,
        )
        return self._record.reply

    def _n_dropped(self) -> int:
        """Return how many tokens came behind the stop string: the pass that wrote it may have confirmed more."""
        tokens, left = self._sequence.tokens, self._detokenizer.n_behind
        n_kept = len(tokens)
        while n_kept and (left := left - len(self._detokenizer.text_of(tokens[n_kept - 1]))) >= 0:
            n_kept -= 1
        return self._sequence.counts.generated - n_kept  # with the end of the turn, if that was confirmed too


class PrefixOutput(Generic[T]):
    """What a sequence of no tokens is run for: something of the slot that holds its prompt.

    Args:
        sequence: what runs.
        record: closed at the end.
        result: makes it of the slot and the report, in the engine's thread.
        channel: gets it, or the error.
    """

    def __init__(
        self,
        sequence: Sequence,
        record: Record,
        result: Callable[[Slot, CallReport], T],
        channel: Channel[Event, T],
    ) -> None:
        self._sequence, self._record, self._result, self._channel = sequence, record, result, channel
        self._slot: Slot | None = None

    def begin(self, slot: Slot) -> None:
        """Note where the prompt is read."""
        self._slot = slot
        self._sequence.note_start()

    def advance(self, logits: Rows, n_others: int) -> None:
        """Do nothing: there are no logits."""

    def end(self, error: BaseException | None) -> None:
        """Let the reader have the result."""
        try:
            if error is not None or self._slot is None:
                raise error or Closed("the model was closed")
            self._channel.finish(self._result(self._slot, self._record.close(self._sequence)))
        except BaseException as failure:
            self._channel.fail(failure)


def error_code(error: BaseException) -> str:
    """Return what the log calls an error."""
    return error.code if isinstance(error, EdgeLamError) else type(error).__name__
