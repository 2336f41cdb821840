"""`Call`: one request on its way to a reply: prompt, decoding, parsing, report. All but `cancel` is the owner's."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from edge_lam.decoding import LimitReached, Trace, steps
from edge_lam.engine.binding import names_of
from edge_lam.engine.events import CallFinished, CallStarted, Event, ReplyFinished
from edge_lam.engine.job import Job
from edge_lam.engine.reply import Reply
from edge_lam.errors import EdgeLamError
from edge_lam.formats import normalize_messages

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding import Reads, Sampler, Unconstrained
    from edge_lam.engine.engine import Engine
    from edge_lam.engine.request import Request
    from edge_lam.formats import Segment
    from edge_lam.formats.events import ParserEvent
    from edge_lam.formats.parser import ReplyParser
    from edge_lam.metrics.report import CallReport
Sink: TypeAlias = Callable[["Event | BaseException | None"], None]


class Call(Job):
    """A request that was found to be in order.

    Args:
        engine: makes the reply.
        request: what is asked for.
        prompt: as it was rendered.
        report: open.
        constraint: what the reply may be; fresh.
        is_bound: whether there is a grammar behind it.
        sampler: how tokens are chosen.
        sink: takes each event; at last the error that ended the reply, or None.
    """

    def __init__(
        self,
        engine: Engine,
        request: Request,
        prompt: Sequence[Segment],
        *,
        report: CallReport,
        constraint: Unconstrained,
        is_bound: bool,
        sampler: Sampler,
        sink: Sink,
    ) -> None:
        super().__init__()
        self._engine, self._request, self._report = engine, request, report
        self._segments = prompt
        self._constraint, self._is_bound, self._sampler = constraint, is_bound, sampler
        n_top = (request.top_logprobs or 0) if request.logprobs else None
        self._trace = Trace(engine.vocabulary, names_of(request, engine.format, constraint.thinking_end), n_top)
        self._begun = 0
        self._is_full = False
        self._sink = sink
        self._text = "".join(text for text, _ in prompt)
        self._parser: ReplyParser | None = None
        self._reply: Reply | None = None
        self._refusal: BaseException | None = None
        self._timer: threading.Timer | None = None
        self._ending = threading.RLock()
        self._finished = self._left = False

    def begin(self) -> None:
        """Hand the request to the owner, and wait until it has its prompt.

        Raises:
            PromptTooLong, InvalidRequest, Busy, Closed: it can't be served.
        """
        scheduler = self._engine.scheduler
        scheduler.submit(self)
        if self._request.timeout is not None:
            left = max(0.0, self._request.timeout - self._report.elapsed())
            self._timer = threading.Timer(left, scheduler.stop, (self, "timeout"))
            self._timer.daemon = True
            self._timer.start()
        try:
            self.prepared.wait()
        except BaseException:
            self.leave(wait=False)
            raise
        if self._refusal is not None:
            raise self._refusal

    def check_process(self) -> None:
        """Raise `BackendError` in a forked child."""
        self._engine.scheduler.check_process()

    def cancel(self) -> None:
        """End the reply."""
        self._engine.scheduler.stop(self, "cancelled")

    def leave(self, *, wait: bool = True) -> None:
        """Take note that nobody listens any more: end the reply, if it isn't whole, and log the call.

        Args:
            wait: until it has ended, which takes a pass at most.
        """
        with self._ending:
            already, self._left = self._left, True
            is_last = self._finished and not already
        if is_last:
            self._log()
        if not self._finished:
            self.cancel()
            if wait and self._engine.scheduler.may_wait:
                self.ended.wait()

    def prepare(self) -> list[int]:
        """Return the tokens of the prompt."""
        try:
            return self._engine.prompts.tokens(self._request, self._segments, self._report, self._engine.context.n_ctx)
        except BaseException as error:
            self._refusal = error
            raise

    def start(self, sequence: LiveSequence) -> Reads:
        """Decode and parse the reply, and show what is certain of it."""
        report, request, prompt, times = self._report, self._request, self.prompt, self._report.times
        times.queue = max(0.0, report.elapsed() - times.render - times.tokenize - times.compile)
        room = self._engine.context.n_ctx - len(prompt)
        yield from steps(
            sequence,
            self._engine.vocabulary,
            prompt,
            self._constraint,
            self._sampler,
            write=self._write,
            max_tokens=min(room, request.max_tokens),
            stop=request.stop,
            drafter=self._engine.drafter,
            n_static=lambda: self._engine.prompts.n_static(request, prompt),
            trace=self._trace,
            report=report,
        )
        self._complete()
        self._remember(sequence)

    def _remember(self, sequence: LiveSequence) -> None:
        """Let the conversation be stored later, if that is wanted: that never delays a reply."""
        if not (self._reply and sequence.store and sequence.store.conversations):
            return
        messages, tools, prompts = self._request.messages, self._request.tools, self._engine.prompts
        # The caller's list grows, and what is to be done must not hold the engine: it ends when nobody holds it.
        turns = normalize_messages(messages) if isinstance(messages, str) else list(messages)
        turns.append(self._reply.message)
        sequence.unsaved = lambda tokens: prompts.n_next(turns, tools, tokens)

    def _write(self, text: str) -> None:
        """Parse a piece of the reply, and show what is certain.

        Raises:
            LimitReached: it begins more calls than it may hold.
        """
        if self._is_full:
            return
        with self._report.times.measure("parse"):
            events = self._open_parser().feed(text)
        self._show(events)
        if self._is_full:
            raise LimitReached

    def _show(self, events: Sequence[ParserEvent]) -> None:
        """Show what is certain, and note when a tool's name and a whole call first were.

        From the first call on that is one too many, nothing is shown any more.
        """
        for event in events:
            if isinstance(event, CallStarted) and event.index == self._request.max_tool_calls:
                self._is_full = True
            if self._is_full:
                return
            if isinstance(event, CallStarted):
                self._note_name(event)
            elif isinstance(event, CallFinished):
                self._note_call()
            self._sink(event)

    def _note_name(self, event: CallStarted) -> None:
        times, self._begun = self._report.times, event.index
        times.name = self._report.elapsed() if times.name is None else times.name

    def _note_call(self) -> None:
        times = self._report.times
        times.call = self._report.elapsed() if times.call is None else times.call
        self._report.cut_at_name.append(self._trace.cut_at_name(self._begun))

    def _open_parser(self) -> ReplyParser:
        """Return the parser, which is told as soon as it is known that the reply is text in a format."""
        request, kind, thinking_end = self._request, self._constraint.kind, self._constraint.thinking_end
        if self._parser is None:
            self._parser = self._engine.format.parser(
                request.tools if kind == "calls" else request.callable_tools,
                calls_in_prose=request.calls_in_prose,
                reply_id=self._report.id,
                thinking_end=thinking_end,
            )
        is_text = kind == "text" or (kind is None and not thinking_end)
        if is_text and self._is_bound and request.response_format is not None:
            self._parser.read_as_text()
        return self._parser

    def expire(self) -> None:
        """Make a reply of nothing."""
        self._report.finish_reason = "timeout"
        self._complete()

    def _complete(self) -> None:
        """Make a reply of what was written, and complete the report."""
        report = self._report
        parser = self._open_parser()
        with report.times.measure("parse"):
            events = parser.finish(complete=report.finish_reason not in ("length", "timeout"))
        self._show(events)
        parsed = parser.reply
        calls = parsed.calls[: self._request.max_tool_calls]
        if calls and report.finish_reason == "stop":
            report.finish_reason = "tool_calls"
        report.n_calls, report.cut_at_start = len(calls), self._trace.cut_at_start
        self._engine.close_report(report)
        self._reply = Reply(
            parsed.text,
            calls,
            report.finish_reason,
            report,
            parsed.errors,
            parsed.thinking,
            None if self._trace.logprobs is None else tuple(self._trace.logprobs),
            None if self._request.response_format is None else self._request.response_format.model,
        )

    def finish(self, error: BaseException | None) -> None:
        """Show how the call ended. A sink that fails ends its own call only, and who waits always hears of it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._refusal is not None:
            self._report.error = _code(self._refusal)
            return  # whoever began gets it, and logs it
        try:
            if self._reply is not None and error is None:
                self._sink(ReplyFinished(self._reply))
        except Exception as failure:
            error = failure
        try:
            self._settle(error)
        except Exception as failure:
            error = error or failure
        with contextlib.suppress(Exception):
            self._sink(error)

    def _settle(self, error: BaseException | None) -> None:
        """Complete the report, and log the call if nobody listens any more."""
        if error is not None:
            self._report.error = _code(error)
        if not self._report.times.total:
            self._engine.close_report(self._report)
        with self._ending:
            self._finished, is_last = True, self._left
        if is_last:
            self._log()

    def _log(self) -> None:
        """Log the call: when it has ended and was left, since its report may get more until then."""
        self._engine.write_log(self._request, self._report, prompt=self._text, reply=self._reply)


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, EdgeLamError) else type(error).__name__
