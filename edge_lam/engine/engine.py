"""`Engine`: the owner of one model and its context; requests run side by side on its sequences.

In goes a request, out comes its stream of events. It knows nothing of who asks: `LAM`, a server or a benchmark.
"""

from __future__ import annotations

import logging
import threading
import uuid
import weakref
from collections.abc import Callable, Generator
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from edge_lam.decoding import Drafter, PassCosts, Sampler, Vocabulary
from edge_lam.engine.bias import token_bias
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.engine.call import Call, Sink
from edge_lam.engine.events import Event
from edge_lam.engine.prewarming import Prewarming
from edge_lam.engine.prompt import PromptMaker
from edge_lam.engine.scheduler import Scheduler
from edge_lam.engine.stream import events_of
from edge_lam.errors import EdgeLamError
from edge_lam.formats import normalize_messages
from edge_lam.formats.reply_text import MARKS
from edge_lam.formats.thinking import thinking_end
from edge_lam.llama.library import memory_in_use
from edge_lam.metrics.log import CallLog
from edge_lam.metrics.meter import Meter
from edge_lam.metrics.report import CallReport, Memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache import LiveSequence, PrefixStore
    from edge_lam.decoding import TokenizerAhead
    from edge_lam.engine.reply import Reply
    from edge_lam.engine.request import Request
    from edge_lam.formats import ChatFormat
    from edge_lam.llama import Context, Model

QUEUE_LIMIT = 64
T = TypeVar("T")

logger = logging.getLogger("edge_lam")


class Engine:
    """Runs requests on one context, which only a thread of its own uses.

    Attributes:
        model, context, format: what replies are made with.
        log: where calls are logged.
        meter: reads what process and machine tell, for reports.
        load_seconds: how long loading took, for reports.
        sampler_of: makes the sampler of a request; benchmarks put one in its place that replays known tokens.
        vocabulary: the model's tokens.
        drafter: guesses tokens for all replies.
        prompts: makes prompts of requests; only the owner's thread may ask.
    """

    def __init__(
        self,
        context: Context,
        chat_format: ChatFormat,
        log: CallLog,
        *,
        store: PrefixStore | None = None,
        queue_limit: int = QUEUE_LIMIT,
        load_seconds: float = 0.0,
        ahead: TokenizerAhead | None = None,
    ) -> None:
        """Take over a context.

        Args:
            context: what to run on; its sequences are the requests that run side by side.
            chat_format: how prompts and replies are written.
            log: where calls are logged.
            store: where prefixes are kept.
            queue_limit: requests that may wait for others; one more is refused.
            load_seconds: how long loading took.
            ahead: what builds the tokenizer of grammars already.
        """
        self.model = context.model
        self.context = context
        self.format = chat_format
        self.log = log
        self.meter = Meter(gpu=self.model.device != "cpu")
        self.load_seconds = load_seconds
        self.sampler_of: Callable[[Request], Sampler] = partial(sampler_of, self.model)
        self.vocabulary = Vocabulary(self.model, chat_format.end_of_turn, marks=MARKS, ahead=ahead)
        self.vocabulary.build()
        self.drafter = Drafter(PassCosts())
        self.prompts = PromptMaker(self.model, chat_format)
        self._compiling = threading.Lock()  # callers' threads use the model under it, and it is freed under it
        self._store = store
        release = partial(_release, context, self.vocabulary, self._compiling)
        self.scheduler = Scheduler(context, store, queue_limit=queue_limit, release=release)
        # The scheduler knows nothing of the engine: one that nobody holds any more ends its thread.
        self._close = weakref.finalize(self, self.scheduler.close)

    def run(self, request: Request) -> Generator[Event, None, None]:
        """Check a request, begin with it, and return its events.

        The stream may be left at any point, which ends the reply. Its line in the log is written by then.

        Raises:
            InvalidRequest: the request can't be served.
            InvalidSchema: a tool's schema can't be enforced.
            PromptTooLong: the prompt leaves no room for a reply.
            Busy: too many requests wait already.
            BackendError: llama.cpp failed, or the process was forked.
            Closed: after `close()`.
        """
        return events_of(lambda sink: self.submit(request, sink))

    def submit(self, request: Request, sink: Sink) -> Call:
        """Check a request and begin with it.

        Args:
            request: what is asked for.
            sink: takes each event, in the owner's thread; at last the error that ended the reply, or None.

        Raises:
            As `run`; the sink gets nothing then.
        """
        self.scheduler.check_open()
        if request.tools and self.context.kv_type.is_coarse:
            _warn_of_coarse_kv(self.context.kv_type.name)
        report = self.new_report(request)
        try:
            prompt = self.prompts.render(request, report)
            thinking = thinking_end("".join(text for text, _ in prompt[-8:]))
            with self._compiling:
                self.scheduler.check_open()  # it may have been closed while this thread waited
                sampler = self.sampler_of(request)
                report.seed = sampler.seed
                with report.times.measure("compile"):
                    grammar = grammar_of(request, self.format, self.vocabulary, thinking)
                    constraint = constraint_of(request, grammar, self.format, self.vocabulary, thinking)
            call = Call(
                self,
                request,
                prompt,
                report=report,
                constraint=constraint,
                is_bound=bool(grammar),
                sampler=sampler,
                sink=sink,
            )
            call.begin()
        except EdgeLamError as error:
            report.error = report.error or error.code
            self.write_log(request, report)
            raise
        return call

    def prewarm(self, request: Request) -> CallReport:
        """Have what prompts with a request's tools and system message begin with in the context, read or restored.

        Raises:
            InvalidRequest, PromptTooLong, Busy, BackendError, Closed: as `run`.
        """
        report = self.new_report(request)
        self._work(request, report, lambda sequence: None)
        self.close_report(report)
        return report

    def prefix(self, request: Request) -> tuple[list[int], NDArray[np.uint8]]:
        """Return the tokens that `prewarm` reads, and their keys and values as `Context.state` gives them.

        Raises:
            InvalidRequest, PromptTooLong, Busy, BackendError, Closed: as `run`.
        """
        return self._work(request, self.new_report(request), lambda sequence: (list(sequence.tokens), sequence.state()))

    def _work(self, request: Request, report: CallReport, result: Callable[[LiveSequence], T]) -> T:
        """Have the static tokens of a request in a sequence, and nothing else, and return what `result` makes of it."""
        with self._compiling:
            self.scheduler.check_open()
            grammar_of(request, self.format, self.vocabulary)
        job = Prewarming(request, self.prompts, n_ctx=self.context.n_ctx, report=report, result=result)
        self.scheduler.submit(job)
        try:
            return job.result()
        finally:
            self.scheduler.stop(job, "cancelled")

    def new_report(self, request: Request) -> CallReport:
        """Open the report of a request."""
        report = CallReport(
            id=uuid.uuid4().hex,
            model=self.model.name,
            format=self.format.name,
            format_sha256=self.format.sha256,
            template_sha256=self.format.sha256_of_template(with_tools=bool(request.tools)),
            device=self.model.device,
            n_ctx=self.context.n_ctx,
            n_threads=self.context.n_threads,
            n_tools=len(request.tools),
        )
        report.times.load = self.load_seconds
        report.begin(self.meter)
        return report

    def write_log(self, request: Request, report: CallReport, *, prompt: str = "", reply: Reply | None = None) -> None:
        """Log a call, however it ended; with all that one needs to train from it, if the log wants texts."""
        if not report.times.total:
            self.close_report(report)
        texts: dict[str, Any] = {"prompt": prompt}
        if prompt and self.log.log_prompts:
            texts["messages"] = normalize_messages(request.messages)
            texts["tools"] = [tool.definition() for tool in request.tools]
        self.log.write(report, **texts, reply=reply.message if reply else None)

    def close_report(self, report: CallReport) -> None:
        """Fill in what is known at the end."""
        memory = self.meter.memory()
        report.memory = Memory(
            resident=memory.resident,
            peak=memory.peak,
            weights=self.model.size,
            kv=self.context.kv_bytes,
            compute=self.context.compute_bytes,
            proportional=memory.proportional,
            gpu=memory.gpu,
            gpu_used=None if self.model.device == "cpu" else memory_in_use("gpu"),
            prefixes=self._store.held_bytes if self._store else 0,
        )
        report.end(self.meter)
        if report.tokens.generated and not report.times.first_token:  # the grammar left no choice at all
            report.times.first_token = report.times.total

    def close(self) -> None:
        """End all replies with `Closed`, and free context and model; a second call does nothing."""
        self._close()


@cache  # once per process
def _warn_of_coarse_kv(kv_type: str) -> None:
    logger.warning("keys and values are kept as %s, which may make calls less reliable than f16 or q8_0 do", kv_type)


def sampler_of(model: Model, request: Request) -> Sampler:
    """Return the sampler that a request asks for.

    Raises:
        InvalidRequest: a setting is out of its range, or a text in `logit_bias` is not one token of the model.
    """
    return Sampler(
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        min_p=request.min_p,
        seed=request.seed,
        logit_bias=token_bias(request.logit_bias, model),
    )


def _release(context: Context, vocabulary: Vocabulary, compiling: threading.Lock) -> None:
    with compiling:  # grammars ask the model for tokens while they are compiled
        vocabulary.wait()
        context.close()
        context.model.close()
