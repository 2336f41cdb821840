"""`Engine`: requests in, streams of events out. A request is prepared in its caller's thread, and run by `EngineCore`.

`LAM`, the server and the benchmarks ask.
"""

from __future__ import annotations

import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from edge_lam.cache import MIN_PREFIX, Slots
from edge_lam.decoding import Detokenizer, PassCosts, Sampler, Speculator, Trace, Vocabulary
from edge_lam.decoding.speculator import MAX_DRAFT_TOKENS, MAX_GUESSES
from edge_lam.engine.binding import Grammars, call_tracker, constraint_of, open_parser, usable_tools
from edge_lam.engine.core import EngineCore
from edge_lam.engine.decoder import Decoder
from edge_lam.engine.output import Output, PrefixOutput, error_code
from edge_lam.engine.prompt import ModelUsers, PromptBuilder
from edge_lam.engine.recorder import Recorder
from edge_lam.engine.reply import Event, ReplyStream
from edge_lam.engine.sequence import Sequence
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.formats import normalize_messages
from edge_lam.formats.thinking import thinking_end
from edge_lam.metrics.meter import Meter
from edge_lam.request.logit_bias import token_bias
from edge_lam.stream import EventStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache import PrefixStore, Slot
    from edge_lam.decoding import Constraint, TokenizerAhead
    from edge_lam.engine.recorder import Record
    from edge_lam.engine.reply import Reply
    from edge_lam.errors import InvalidTool
    from edge_lam.formats import ChatFormat, Segment
    from edge_lam.llama import Context, Model
    from edge_lam.metrics.log import CallLog
    from edge_lam.metrics.report import CallReport
    from edge_lam.request import Request
    from edge_lam.schema.guidance import EngineName
    from edge_lam.stream import Channel
    from edge_lam.tools import Tool
    from edge_lam.tools.likes import ToolLike

T = TypeVar("T")

logger = logging.getLogger("edge_lam.engine")


class Engine:
    """Runs requests on one context, which only a thread of its own uses.

    Attributes:
        model, context, format: what replies are made with.
        vocabulary: the model's tokens.
        speculator: guesses tokens for all replies.
        prompts: makes the prompts of requests.
        recorder: makes reports and logs them.
        core: runs sequences.

    Args:
        context: what to run on, taken over; its sequences are the requests that run side by side.
        chat_format: how prompts and replies are written.
        log: where calls are logged.
        store: where prefixes are kept.
        queue_limit: requests that may wait for others; one more is refused. By default any number; `load` has its own.
        load_seconds: how long loading took, for reports.
        ahead: what builds the tokenizer of grammars already.
        constraint: what holds replies to grammars; by default what is installed.
    """

    def __init__(
        self,
        context: Context,
        chat_format: ChatFormat,
        log: CallLog,
        *,
        store: PrefixStore | None = None,
        queue_limit: int = sys.maxsize,
        load_seconds: float = 0.0,
        ahead: TokenizerAhead | None = None,
        constraint: EngineName | None = None,
    ) -> None:
        self.model, self.context, self.format = context.model, context, chat_format
        self.vocabulary = Vocabulary(
            self.model, chat_format.end_of_turn, marks=chat_format.marks, ahead=ahead, engine=constraint
        )
        self.vocabulary.build()
        self.speculator = Speculator(
            PassCosts(),
            max_tokens=min(MAX_DRAFT_TOKENS, context.n_batch - 1),
            max_guesses=min(MAX_GUESSES, context.n_logits - 1),
        )
        self._users = ModelUsers()
        self.prompts = PromptBuilder(self.model, chat_format, self._users)
        meter = Meter(gpu=self.model.device != "cpu")
        self.recorder = Recorder(
            context, chat_format, log, meter, store=store, load_seconds=load_seconds, constraint=self.vocabulary.engine
        )
        self._store = store
        self._grammars = Grammars(self.vocabulary)
        self._compiling = threading.Lock()  # so that tools which come in many requests at once are compiled once
        release = partial(_release, context, self.vocabulary, self._users)
        self.core = EngineCore(
            context, Slots(context, store), self.speculator.costs, queue_limit=queue_limit, release=release
        )
        # The core knows nothing of the engine: one that nobody holds any more ends its thread.
        self._close = weakref.finalize(self, self.core.close)

    def stream(self, request: Request) -> ReplyStream:
        """Return the events of a request, which begins when they are first requested, or with ``.start()``.

        The stream may be left at any point, which ends the reply. Its line in the log is written by then.

        Raises, when it begins:
            InvalidRequest: the request can't be served.
            InvalidSchema: a tool's schema can't be enforced.
            PromptTooLong: the prompt leaves no room for a reply.
            Busy: too many requests wait already.
            BackendError: llama.cpp failed, or the process was forked.
            Closed: after `close()`.
        """
        sequence = Sequence(request.max_tokens)
        return ReplyStream(partial(self.begin, request, sequence), sequence)

    def prewarm(self, request: Request) -> EventStream[Event, CallReport]:
        """Read what prompts with a request's tools and system message begin with, in the background.

        It is a request of no tokens: its stream has no events, and the report as its result, which raises as `stream`.
        """
        begin = partial(self._begin_prefix, request, lambda slot, report: report)
        return EventStream(begin, is_detached=True).start_in_thread()

    def prefix(self, request: Request) -> tuple[list[int], NDArray[np.uint8]]:
        """Return the tokens that `prewarm` reads, and their keys and values, shape (bytes,), as of `Context.state`.

        Raises:
            EdgeLamError: as `stream`.
        """
        begin = partial(self._begin_prefix, request, lambda slot, report: (list(slot.tokens), slot.state()))
        stream: EventStream[Event, tuple[list[int], NDArray[np.uint8]]] = EventStream(begin)
        return stream.result()

    def usable_tools(self, tools: Iterable[ToolLike], on_bad: Callable[[InvalidTool], object]) -> list[Tool]:
        """Return those of some tools that a reply can be held to; `on_bad` hears why not of each other.

        Raises:
            InvalidTool: two have the same name.
            Closed: after `close()`.
        """
        with self._compiling, self._users:
            return usable_tools(tools, self.vocabulary, on_bad)

    @contextmanager
    def use(self) -> Iterator[Model]:
        """Give the model to this thread, which keeps it open meanwhile.

        Raises:
            Closed: after `close()`.
        """
        with self._users:
            yield self.model

    def close(self, *, keep_conversations: bool = False) -> None:
        """End all replies with `Closed`, and free context and model; a second call does nothing.

        Args:
            keep_conversations: store conversations first, whether they are to be kept over a restart or not.
        """
        if keep_conversations and self._store:
            self._store.conversations = True
        self._close()

    def begin(self, request: Request, sequence: Sequence, channel: Channel[Event, Reply]) -> None:
        """Prepare a request in this thread, and hand it to the core; raises as `stream`."""
        self.core.check_open()
        self.context.check_adapter(request.adapter)
        sequence.adapter = request.adapter
        if request.tools and self.context.kv_type.is_coarse:
            warn_of_coarse_kv(self.context.kv_type.name)
        record, sequence.arrived = self.recorder.open(request), perf_counter()
        if request.timeout is not None:
            sequence.deadline = sequence.arrived + request.timeout
        try:
            with self._place(sequence):
                sequence.consumer = self._prepare(request, sequence, record, channel)
        except EdgeLamError as error:
            record.close(sequence, error=error_code(error))
            record.write()
            raise
        channel.attach(cancel=partial(self.core.stop, sequence, "cancelled"), leave=record.sign_off)

    def _begin_prefix(
        self, request: Request, result: Callable[[Slot, CallReport], T], channel: Channel[Event, T]
    ) -> None:
        """Prepare the reading of a request's static tokens, and hand it to the core."""
        self.context.check_adapter(request.adapter)
        sequence, record = Sequence(0, adapter=request.adapter), self.recorder.open(request)
        with self._place(sequence):
            segments = self.prompts.render(request, sequence)
            self._compile(request, sequence, segments)
            prompt = self.prompts.tokens(request, sequence, segments, self.context.n_ctx)
            with self._users, sequence.times.measure("render"):
                sequence.n_static = min(self.prompts.n_static(request, prompt), len(prompt) - 1)
            sequence.prompt = prompt[: sequence.n_static + 1]
            sequence.consumer = PrefixOutput(sequence, record, result, channel)
        channel.attach(cancel=partial(self.core.stop, sequence, "cancelled"))

    @contextmanager
    def _place(self, sequence: Sequence) -> Iterator[None]:
        """Hold a place in line while a sequence is prepared, and submit it then."""
        self.core.reserve()
        try:
            yield
            self.core.submit(sequence)
        except BaseException:
            self.core.give_up()
            raise

    def _prepare(self, request: Request, sequence: Sequence, record: Record, channel: Channel[Event, Reply]) -> Output:
        """Make the prompt of a sequence, and what its tokens are chosen and shown by."""
        segments = self.prompts.render(request, sequence)
        with self._users:
            bias = token_bias(request.logit_bias, self.model)
        sampler = request.sampler or Sampler(request.sampling, logit_bias=bias)
        record.seed, record.prompt = sampler.seed, segments
        constraint = self._compile(request, sequence, segments)
        sequence.prompt = self.prompts.tokens(request, sequence, segments, self.context.n_ctx)
        sequence.max_tokens = min(request.max_tokens, self.context.n_ctx - len(sequence.prompt))
        if self._store is not None and len(sequence.prompt) > MIN_PREFIX and request.prompt is None:
            sequence.n_static = self._n_static(request, sequence)
        n_top = (request.top_logprobs or 0) if request.logprobs else None
        first = sequence.prompt[0] if request.prompt_logprobs else None
        sequence.wants_prompt = request.prompt_logprobs
        calls = call_tracker(request, self.format, constraint.thinking_end)
        trace = Trace(self.vocabulary, calls, n_top, first=first)
        ends = self.vocabulary.end_tokens
        return Output(
            sequence,
            Decoder(sequence, constraint, sampler, self.speculator, end_tokens=ends, trace=trace),
            detokenizer=Detokenizer(self.vocabulary, request.stop, constraint.thinking_end),
            parser_of=partial(open_parser, request, self.format, constraint, sequence.id),
            record=record,
            channel=channel,
            remember=partial(self._remember, request),
        )

    def _compile(self, request: Request, sequence: Sequence, segments: list[Segment]) -> Constraint:
        """Return the constraint of a reply to a rendered prompt."""
        end = "" if request.prompt is not None else thinking_end("".join(segment.text for segment in segments[-8:]))
        # The model may be closed while this thread waits for another one: then nothing is compiled any more.
        with self._compiling, self._users, sequence.times.measure("compile"):
            grammar = self._grammars.of(request, self.format, end)
            return constraint_of(request, grammar, self.format, self.vocabulary, end)

    def _n_static(self, request: Request, sequence: Sequence) -> int:
        """Return how many tokens of a prompt other requests will share; 0 if the template has no place for others."""
        try:
            with self._users, sequence.times.measure("render"):
                return self.prompts.n_static(request, sequence.prompt)
        except InvalidRequest as error:
            logger.debug("the tokens of the tools are not stored, as the template refuses other messages: %s", error)
            return 0

    def _remember(self, request: Request, reply: Reply, slot: Slot) -> None:
        """Let the conversation be stored later, if that is wanted: that never delays a reply."""
        if not (self._store and self._store.folder) or request.prompt is not None:
            return
        messages, tools, prompts = request.messages, request.tools, self.prompts
        # The caller's list grows, and what is to be done must not hold the engine: it ends when nobody holds it.
        turns = [*(normalize_messages(messages) if isinstance(messages, str) else messages), reply.message]
        slot.count_next_turn = lambda tokens: prompts.n_next(turns, tools, tokens)


@cache  # once per process
def warn_of_coarse_kv(kv_type: str) -> None:
    """Warn that calls may be less reliable with keys and values in few bits."""
    logger.warning("keys and values are kept as %s, which may make calls less reliable than f16 or q8_0 do", kv_type)


def _release(context: Context, vocabulary: Vocabulary, users: ModelUsers) -> None:
    """Free a context and its model, once nobody uses them."""
    users.close()
    vocabulary.wait()
    context.close()
    context.model.close()
