"""`Dialect`: one request in the words of one API, and what answers it there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from edge_lam.engine import (
    ArgumentsDelta,
    CallDropped,
    CallFinished,
    CallStarted,
    LogprobsDelta,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
)
from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine import Event, Reply
    from edge_lam.formats.messages import Messages
    from edge_lam.model_info import ModelInfo
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure
    from edge_lam.tools import ToolCall


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a request asks for, whatever API it came by.

    Attributes:
        messages: as `LAM.chat` takes them.
        prompts: instead of them, each as `LAM.generate` takes it; or token ids with texts among them.
        options: as those take them, who check them.
        n: how many replies to the messages, or to each prompt.
        runs_tools: whether the server is to run its own tools.
        stream: whether they are wanted as they come.
        progress: whether a stream is to tell how much of its prompt is read.
    """

    messages: Messages = ()
    prompts: Sequence[str | Sequence[int | str]] = ()
    options: ChatOptions
    n: int = 1
    runs_tools: bool = False
    stream: bool = False
    progress: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """What answers state about who made them.

    Attributes:
        model: what the model is called here.
        id: unique, of letters and digits.
        created: now, in seconds since 1970.
        info: of the model.
    """

    model: str
    id: str
    created: int
    info: ModelInfo


class Dialect(ABC):
    """A request, read; made once for each. Its methods return the text that answers it.

    Class attributes:
        media_type: of a streamed answer.
        pings: whether a streamed answer may hold comments.

    Attributes:
        ask: what was requested.
        fields: what this API calls the arguments of `LAM.chat` that it calls otherwise, for errors.

    Args:
        body: the request.
        answering: who answers.

    Raises:
        InvalidRequest: something in the request can't be served; `param` names the field.
    """

    media_type: ClassVar[bytes] = b"text/event-stream; charset=utf-8"
    pings: ClassVar[bool] = True
    ask: Ask
    fields: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None: ...

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Let what is refused meanwhile name the fields as this API does."""
        try:
            yield
        except InvalidRequest as error:
            error.param = self.fields.get(error.param or "", error.param)
            raise

    @abstractmethod
    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""

    def begin(self, n_prompt: int) -> str:
        """Return what a streamed answer begins with, sent before there is a token; the prompt has so many."""
        return ""

    def progress(self, total: int, cached: int, read: int, seconds: float) -> str:
        """Return what tells how many tokens of the prompt are read, those that were cached included."""
        return ""

    def event(self, index: int, event: Event) -> str:
        """Return what tells an event of the reply with that index."""
        match event:
            case TextDelta(text):
                written = self.text(index, text)
            case ThinkingDelta(text):
                written = self.thinking(index, text)
            case CallStarted():
                written = self.call_started(index, event)
            case ArgumentsDelta():
                written = self.arguments(index, event)
            case CallFinished(call):
                written = self.call_finished(index, call)
            case CallDropped():
                written = self.call_dropped(index)
            case LogprobsDelta(tokens):
                written = self.logprobs(index, tokens)
            case ReplyFinished(reply):
                written = self.reply_finished(index, reply)
        return written

    @abstractmethod
    def text(self, index: int, text: str) -> str:
        """Return what tells more text of a reply."""

    @abstractmethod
    def thinking(self, index: int, text: str) -> str:
        """Return what tells more of what a reply thinks."""

    def call_started(self, index: int, call: CallStarted) -> str:
        """Return what tells that a call begins; this and the rest tells nothing unless an API has it."""
        return ""

    def arguments(self, index: int, delta: ArgumentsDelta) -> str:
        """Return what tells more of a call's arguments."""
        return ""

    def call_finished(self, index: int, call: ToolCall) -> str:
        """Return what tells that a call is complete."""
        return ""

    def call_dropped(self, index: int) -> str:
        """Return what tells that a call that began can't be used."""
        return ""

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> str:
        """Return what tells log probabilities; what comes of their tokens comes next."""
        return ""

    def reply_finished(self, index: int, reply: Reply) -> str:
        """Return what tells that a reply is whole."""
        return ""

    def end(self, replies: Sequence[Reply]) -> str:
        """Return what a streamed answer ends with, once all replies are whole."""
        return ""

    @abstractmethod
    def failed(self, failure: Failure) -> str:
        """Return what tells that a streamed answer ends here, with an error."""
