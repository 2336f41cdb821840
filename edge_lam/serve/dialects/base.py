"""`Dialect`: one request in the words of one API, and what answers it there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from edge_lam.engine import ChatOptions, Event, Reply
    from edge_lam.formats.messages import Messages
    from edge_lam.lam import ModelInfo
    from edge_lam.serve.errors import Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a request asks for, whatever API it came by.

    Attributes:
        messages: as `LAM.chat` takes them.
        options: as `LAM.chat` takes them; it checks them.
        n: how many replies.
        stream: whether they are wanted as they come.
    """

    messages: Messages
    options: ChatOptions
    n: int = 1
    stream: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """What is told of who answers.

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
        ask: what was asked for.
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

    @abstractmethod
    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""

    def begin(self) -> str:
        """Return what a streamed answer begins with, sent before there is a token."""
        return ""

    @abstractmethod
    def event(self, index: int, event: Event) -> str:
        """Return what tells an event of the reply with that index; "" for nothing."""

    def end(self, replies: Sequence[Reply]) -> str:
        """Return what a streamed answer ends with, once all replies are whole."""
        return ""

    @abstractmethod
    def failed(self, failure: Failure) -> str:
        """Return what tells that a streamed answer ends here, with an error."""
