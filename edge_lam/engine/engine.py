"""`Engine`: the owner of one model and its context; one request runs at a time.

In goes a request, out comes its stream of events. It knows nothing of who asks: `LAM`, a server or a benchmark.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Drafter, PassCosts, Sampler, Vocabulary, decode, reuse_prompt
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.engine.events import Event, ReplyFinished
from edge_lam.engine.prompt import PromptMaker
from edge_lam.engine.reply import Reply
from edge_lam.errors import Closed, EdgeLamError
from edge_lam.formats import normalize_messages
from edge_lam.metrics.log import CallLog
from edge_lam.metrics.memory import process_memory
from edge_lam.metrics.report import CallReport, Memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache import PrefixStore
    from edge_lam.decoding.constraint import Kind
    from edge_lam.engine.request import Request
    from edge_lam.formats import ChatFormat, ParsedReply
    from edge_lam.formats.parser import ReplyParser
    from edge_lam.llama import Context
    from edge_lam.tools import Tool


@dataclass(frozen=True)
class _Job:
    """A request that was found to be in order, ready to decode. `text` and `texts` are for the log."""

    request: Request
    text: str
    prompt: list[int]
    grammar: str
    sampler: Sampler
    max_tokens: int
    report: CallReport
    texts: dict[str, Any]


class Engine:
    """Runs requests on one context.

    Attributes:
        model, context, format: what replies are made with.
        log: where calls are logged.
        load_seconds: how long loading took, for reports.
        sampler_of: makes the sampler of a request; benchmarks put one in its place that replays known tokens.
    """

    def __init__(
        self,
        context: Context,
        chat_format: ChatFormat,
        log: CallLog,
        *,
        store: PrefixStore | None = None,
        load_seconds: float = 0.0,
    ) -> None:
        self.model = context.model
        self.context = context
        self.format = chat_format
        self.log = log
        self.load_seconds = load_seconds
        self.sampler_of: Callable[[Request], Sampler] = sampler_of
        self._prompts = PromptMaker(self.model, chat_format)
        self._vocabulary = Vocabulary(self.model, chat_format.end_of_turn)
        self._sequence = LiveSequence(context, store)
        self._drafter = Drafter(PassCosts())
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

    def prewarm(self, request: Request) -> CallReport:
        """Have what prompts with a request's tools and system message begin with in the context, read or restored.

        Raises:
            InvalidRequest, PromptTooLong, Closed: as `run`.
        """
        report = self._new_report(request)
        job = self._prepare(request, report)
        with self._exclusive():
            self._read_static(job)
        self._close_report(report)
        return report

    def prefix(self, request: Request) -> tuple[list[int], NDArray[np.uint8]]:
        """Return the tokens that `prewarm` reads, and their keys and values as `Context.state` gives them.

        Raises:
            InvalidRequest, PromptTooLong, Closed: as `run`.
        """
        job = self._prepare(request, self._new_report(request))
        with self._exclusive():
            self._sequence.keep(self._read_static(job))
            return list(self._sequence.tokens), self.context.state()

    def _read_static(self, job: _Job) -> int:
        """Read the static tokens of a prompt that are not held, and return how many there are."""
        self._check_open()
        n_static = self._prompts.n_static(job.request, job.prompt)
        reuse_prompt(self._sequence, job.prompt, lambda: n_static, job.report)
        if missing := job.prompt[len(self._sequence.tokens) : n_static]:  # too few to be stored
            self._sequence.extend(missing, logits=())
        return n_static

    def _new_report(self, request: Request) -> CallReport:
        self._check_open()
        report = CallReport(
            id=uuid.uuid4().hex,
            model=self.model.name,
            format=self.format.name,
            format_sha256=self.format.sha256,
            template_sha256=self.format.template_sha256,
            device=self.model.device,
            n_ctx=self.context.n_ctx,
            n_threads=self.context.n_threads,
            n_tools=len(request.tools),
        )
        report.times.load = self.load_seconds
        return report

    def _prepare(self, request: Request, report: CallReport) -> _Job:
        sampler = self.sampler_of(request)
        report.seed = sampler.seed
        text, prompt = self._prompts.make(request, report)
        room = self.context.n_ctx - len(prompt)
        if room < 1:
            raise self._prompts.too_long(request, len(prompt), self.context.n_ctx)
        with report.times.measure("compile"):
            grammar = grammar_of(request, self.format, self._vocabulary)
        max_tokens = min(room, request.max_tokens or room)
        return _Job(request, text, prompt, grammar, sampler, max_tokens, report, self._texts(request))

    def _texts(self, request: Request) -> dict[str, Any]:
        """Return what the log keeps of a request, so that one can train from it."""
        if not self.log.log_prompts:
            return {}
        tools = [tool.definition() for tool in request.tools]
        return {"messages": normalize_messages(request.messages), "tools": tools}

    def _events(self, job: _Job) -> Generator[Event, None, None]:
        outcome, reply = "cancelled", None
        try:
            with self._exclusive() as turn:
                reply = yield from self._reply(job, turn)
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

    def _reply(self, job: _Job, turn: object) -> Generator[Event, None, Reply]:
        """Decode and parse one reply, and yield what is certain of it."""
        self._check_open()
        request, report = job.request, job.report
        with report.times.measure("compile"):
            constraint = constraint_of(request, job.grammar, self.format, self._vocabulary)
        parser = None
        for piece in decode(
            self._sequence,
            self._vocabulary,
            job.prompt,
            constraint,
            job.sampler,
            max_tokens=job.max_tokens,
            stop=request.stop,
            drafter=self._drafter,
            n_static=lambda: self._prompts.n_static(request, job.prompt),
            report=report,
        ):
            parser = parser or self._parser(job, constraint.kind)
            with report.times.measure("parse"):
                events = parser.feed(piece)
            for event in events:
                yield event
                self._check_turn(turn)
        parser = parser or self._parser(job, constraint.kind)
        with report.times.measure("parse"):
            events = parser.finish(complete=report.finish_reason != "length")
        yield from events
        return self._read(parser.reply, report)

    def _parser(self, job: _Job, kind: Kind | None) -> ReplyParser:
        """Return the parser of a reply of which is known whether it is text or calls."""
        request = job.request
        tools: Sequence[Tool] | None = request.tools if kind == "calls" else request.callable_tools
        if kind != "calls" and job.grammar and request.response_format is not None:
            tools = None
        return self.format.parser(tools, calls_in_prose=request.calls_in_prose, reply_id=job.report.id)

    def _read(self, parsed: ParsedReply, report: CallReport) -> Reply:
        """Make a reply of what was parsed, and complete the report."""
        if parsed.calls and report.finish_reason == "stop":
            report.finish_reason = "tool_calls"
        report.n_calls = len(parsed.calls)
        self._close_report(report)
        return Reply(parsed.text, parsed.calls, report.finish_reason, report, parsed.errors, parsed.thinking)

    def _end(self, report: CallReport, error: str, job: _Job | None = None, reply: Reply | None = None) -> None:
        """Log a call, however it ended."""
        report.error = error
        if not report.times.total:
            self._close_report(report)
        texts = {"prompt": job.text, **job.texts} if job else {"prompt": ""}
        self.log.write(report, **texts, reply=reply.message if reply else None)

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


def sampler_of(request: Request) -> Sampler:
    """Return the sampler that a request asks for."""
    return Sampler(
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        min_p=request.min_p,
        seed=request.seed,
        logit_bias=request.logit_bias,
    )
