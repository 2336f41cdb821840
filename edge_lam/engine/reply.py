"""`Reply`: what the model answered, and the events it comes in.

Every way to get a reply, whole or streamed, is a view of one `ReplyStream`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_lam.decoding import TokenLogprob
from edge_lam.decoding.logprobs import openai_logprobs
from edge_lam.errors import InvalidCall, InvalidReply
from edge_lam.formats.events import ParserEvent
from edge_lam.metrics.report import CallReport
from edge_lam.stream import EventStream
from edge_lam.tools import ToolCall

if TYPE_CHECKING:
    from pydantic import BaseModel

    from edge_lam.engine.sequence import Sequence
    from edge_lam.stream import Channel


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the model.

    Attributes:
        text: for the user; empty if there are only calls.
        tool_calls: in the order in which the model wrote them.
        finish_reason: "stop", "tool_calls", or, if it was cut off, "length" at the token limit and "timeout".
        report: where time and memory went.
        errors: what was meant as a call but can't be used; under a constraint only numbers out of range.
        thinking: what the model wrote in a leading <think> block.
        logprobs: one for each token that the model wrote, in order, or None if they were not requested. Together the
            tokens are the raw reply, calls in the model's own spelling; the end of the turn and what a stop string cut
            off are left out.
        response_model: the pydantic model that was the response format, if one was.
        stop: the stop string that ended it, or "".
        prompt_logprobs: one for each token of the prompt, if `prompt_logprobs` was requested; the first has none.
        end_logprob: that of the token that ended the turn, if logprobs were requested and one did.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    report: CallReport
    errors: tuple[InvalidCall, ...] = ()
    thinking: str = ""
    logprobs: tuple[TokenLogprob, ...] | None = None
    response_model: type[BaseModel] | None = field(default=None, repr=False)
    stop: str = ""
    prompt_logprobs: tuple[TokenLogprob, ...] | None = None
    end_logprob: TokenLogprob | None = None

    @property
    def parsed(self) -> Any:
        """The text as an instance of the pydantic model that was the response format; None if it calls tools instead.

        Raises:
            InvalidReply: the text is none, as where the reply was cut off or the model has checks of its own.
        """
        if self.response_model is None or self.tool_calls:
            return None
        from pydantic import ValidationError

        from edge_lam.tools.tool import faults_of

        try:
            return self.response_model.model_validate_json(self.text)
        except ValidationError as error:
            message = f"the reply is no {self.response_model.__name__}: {faults_of(error)}"
            raise InvalidReply(message, raw=self.text) from error

    @property
    def message(self) -> dict[str, Any]:
        """The assistant's message in OpenAI's form, to append to the history.

        What it thought stands in ``reasoning_content``: whether the next prompt holds it is for the template to say.
        """
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        if self.tool_calls:
            message["content"] = self.text or None
            message["tool_calls"] = [call.to_openai() for call in self.tool_calls]
        return message

    @property
    def openai_logprobs(self) -> dict[str, Any] | None:
        """The logprobs as those of a choice in OpenAI's form; None if they were not requested."""
        if self.logprobs is None:
            return None
        return openai_logprobs(self.logprobs)


@dataclass(frozen=True, slots=True)
class LogprobsDelta:
    """Log probabilities, if they were requested, of the tokens that the next events come from.

    All deltas of a reply add up to its `logprobs`.
    """

    tokens: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last event."""

    reply: Reply


Event: TypeAlias = ParserEvent | LogprobsDelta | ReplyFinished


class ReplyStream(EventStream[Event, Reply]):
    """The events of one reply, and the reply as their result."""

    def __init__(self, begin: Callable[[Channel[Event, Reply]], None], sequence: Sequence) -> None:
        super().__init__(begin)
        self._sequence = sequence

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt; 0 until it has begun."""
        return len(self._sequence.prompt)

    @property
    def progress(self) -> tuple[int, int]:
        """How many tokens of the prompt were cached, and how many are read, those included; zeros while it waits."""
        sequence = self._sequence
        return sequence.counts.cached, min(sequence.n_computed, len(sequence.prompt))
