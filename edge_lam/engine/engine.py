"""`Engine`: the owner of one model and its context; one request runs at a time.

In goes a request, out comes its stream of events. It knows nothing of who asks: `LAM`, a server or a benchmark.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Constraint, Sampler, Unconstrained, Vocabulary, decode
from edge_lam.engine.events import CallFinished, Event, ReplyFinished, TextDelta
from edge_lam.engine.reply import Reply
from edge_lam.engine.text_stream import TextStream
from edge_lam.errors import Closed, EdgeLamError, PromptTooLong
from edge_lam.metrics.log import CallLog
from edge_lam.metrics.memory import process_memory
from edge_lam.metrics.report import CallReport, Memory

if TYPE_CHECKING:
    from edge_lam.decoding.constraint import Kind
    from edge_lam.engine.request import Request
    from edge_lam.formats import ChatFormat
    from edge_lam.llama import Context
    from edge_lam.tools import Tool


@dataclass(frozen=True)
class _Job:
    """A request that was found to be in order, ready to decode. `text` is the prompt for the log, if it wants it."""

    request: Request
    text: str
    prompt: list[int]
    grammar: str
    sampler: Sampler
    max_tokens: int
    report: CallReport


class Engine:
    """Runs requests on one context.

    Attributes:
        model, context, format: what replies are made with.
        log: where calls are logged.
        load_seconds: how long loading took, for reports.
    """

    def __init__(self, context: Context, chat_format: ChatFormat, log: CallLog, *, load_seconds: float = 0.0) -> None:
        self.model = context.model
        self.context = context
        self.format = chat_format
        self.log = log
        self.load_seconds = load_seconds
        self._vocabulary = Vocabulary(self.model)
        self._sequence = LiveSequence(context)
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._turn: object = None
        self._closed = False

    def run(self, request: Request) -> Generator[Event, None, None]:
        """Check a request and return its events; nothing is decoded before the first one is asked for.

        The stream may be left at any point. While it is open, requests of other threads wait; a new one of the same
        thread ends it. Its line in the log is written when it is left.

        Raises:
            InvalidRequest: the request can't be served.
            InvalidSchema: a tool's schema can't be enforced.
            PromptTooLong: the prompt leaves no room for a reply.
            Closed: after `close()`.
        """
        report = self._new_report(request)
        try:
            job = self._prepare(request, report)
        except EdgeLamError as error:
            self._end(report, error=error.code)
            raise
        return self._events(job)

    def _new_report(self, request: Request) -> CallReport:
        self._check_open()
        report = CallReport(
            id=uuid.uuid4().hex,
            model=self.model.name,
            format=self.format.name,
            template_sha256=self.format.template_sha256,
            device=self.model.device,
            n_ctx=self.context.n_ctx,
            n_threads=self.context.n_threads,
            n_tools=len(request.tools),
        )
        report.times.load = self.load_seconds
        return report

    def _prepare(self, request: Request, report: CallReport) -> _Job:
        sampler = Sampler(temperature=request.temperature, top_p=request.top_p, seed=request.seed)
        report.seed = sampler.seed
        with report.times.measure("render"):
            segments = self.format.render_segments(request.messages, request.tools)
        with report.times.measure("tokenize"):
            # Only what the template writes may become a control token: "<|im_end|>" in a message stays text.
            tokenize = self.model.tokenize
            prompt = [token for text, special in segments for token in tokenize(text, parse_special=special)]
        report.tokens.prompt = len(prompt)
        room = self.context.n_ctx - len(prompt)
        if room < 1:
            raise self._too_long(request, len(prompt))
        with report.times.measure("compile"):
            grammar = ""
            if request.constrain and request.tools:
                parallel = request.parallel_tool_calls
                grammar = self.format.grammar(request.tools, request.tool_choice, parallel=parallel)
        text = "".join(text for text, _ in segments) if self.log.log_prompts else ""
        return _Job(request, text, prompt, grammar, sampler, min(room, request.max_tokens or room), report)

    def _too_long(self, request: Request, n_prompt: int) -> PromptTooLong:
        n_ctx = self.context.n_ctx
        texts = self.format.parts(request.messages, request.tools)
        parts = {name: len(self.model.tokenize(text)) for name, text in texts.items()}
        shares = ", ".join(f"{name} {count}" for name, count in parts.items())
        excess = n_prompt + 1 - n_ctx  # a reply has at least one token
        message = f"the prompt has {n_prompt} tokens ({shares}), {excess} more than the context of {n_ctx} can take"
        return PromptTooLong(message, n_prompt=n_prompt, n_ctx=n_ctx, excess=excess, parts=parts)

    def _events(self, job: _Job) -> Generator[Event, None, None]:
        outcome, reply = "cancelled", None
        try:
            with self._exclusive() as turn:
                reply = yield from self._reply(job, turn)
            yield from map(CallFinished, reply.tool_calls)
            outcome = ""
            yield ReplyFinished(reply)
        except GeneratorExit:
            raise
        except BaseException as error:
            outcome = error.code if isinstance(error, EdgeLamError) else type(error).__name__
            raise
        finally:
            if not sys.is_finalizing():  # a stream still open when Python ends: nothing can be imported any more
                self._end(job.report, outcome, job, reply)

    def _reply(self, job: _Job, turn: object) -> Generator[TextDelta, None, Reply]:
        """Decode and parse one reply, and yield its text as it becomes certain."""
        self._check_open()
        request, report = job.request, job.report
        with report.times.measure("compile"):
            constraint = self._constraint(job)
        tools = () if request.tool_choice == "none" else request.tools
        stream = TextStream(with_tools=bool(tools))
        written = ""
        for piece in decode(
            self._sequence,
            self._vocabulary,
            job.prompt,
            constraint,
            job.sampler,
            max_tokens=job.max_tokens,
            stop=request.stop,
            report=report,
        ):
            written += piece
            if constraint.kind != "calls" and (delta := stream.feed(piece)):
                yield TextDelta(delta)
                self._check_turn(turn)
        reply = self._read(written, tools, report)
        if rest := stream.finish(reply.text):
            yield TextDelta(rest)
        return reply

    def _constraint(self, job: _Job) -> Unconstrained:
        if not job.grammar:
            return Unconstrained()
        kind: Kind | None = "calls"
        if job.request.tool_choice in ("auto", "none"):
            kind = None if job.request.tool_choice == "auto" else "text"
        return Constraint(self._vocabulary, job.grammar, kind=kind, opening=self.format.call_opening)

    def _read(self, written: str, tools: Sequence[Tool], report: CallReport) -> Reply:
        """Parse what was written, and complete the report."""
        with report.times.measure("parse"):
            parsed = self.format.parse(written, tools, complete=report.finish_reason != "length")
        if parsed.calls and report.finish_reason == "stop":
            report.finish_reason = "tool_calls"
        report.n_calls = len(parsed.calls)
        self._close_report(report)
        text = parsed.text.strip()
        return Reply(text, parsed.calls, report.finish_reason, report, parsed.errors, parsed.thinking)

    def _end(self, report: CallReport, error: str, job: _Job | None = None, reply: Reply | None = None) -> None:
        """Log a call, however it ended."""
        report.error = error
        if not report.times.total:
            self._close_report(report)
        self.log.write(report, prompt=job.text if job else "", reply=reply.message if reply else None)

    def _close_report(self, report: CallReport) -> None:
        memory = process_memory()
        weights, kv, compute = self.model.size, self.context.kv_bytes, self.context.compute_bytes
        report.memory = Memory(memory.resident, memory.peak, weights, kv, compute)
        report.times.total = report.elapsed()
        if report.tokens.generated and not report.times.first_token:  # the grammar left no choice at all
            report.times.first_token = report.times.total

    @contextmanager
    def _exclusive(self) -> Iterator[object]:
        """Let one reply at a time have the context.

        Other threads wait. A thread that holds it already left a stream unread, or it would not be here: it takes the
        context over from itself, since nobody could ever free it otherwise.
        """
        turn = object()
        if self._thread != threading.get_ident():
            self._lock.acquire()
        self._thread, self._turn = threading.get_ident(), turn
        try:
            yield turn
        finally:
            if self._turn is turn:
                self._thread = self._turn = None
                self._lock.release()

    def _check_turn(self, turn: object) -> None:
        if self._turn is not turn:
            raise Closed("this stream ended when the same thread started another call", hint="read it to its end first")

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"the model {self.model.name} is closed")

    def close(self) -> None:
        """Free context and model, after the reply that another thread may be reading; a second call does nothing."""
        with self._exclusive():
            self._closed = True
            self.context.close()
            self.model.close()
