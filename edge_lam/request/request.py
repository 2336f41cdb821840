"""`Request`: what one call asks for, checked before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter, cleandoc, signature
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from edge_lam.decoding import Sampler
from edge_lam.errors import InvalidRequest
from edge_lam.params import GREEDY, SAMPLING_PARAMS, SamplingParams
from edge_lam.request.logit_bias import read_bias
from edge_lam.request.response_format import ResponseFormat, read_response_format
from edge_lam.request.tool_choice import ANY_TOOL, ToolChoice
from edge_lam.tools import Tool, as_tools

if TYPE_CHECKING:
    from pydantic import BaseModel

    from edge_lam.formats.messages import Messages
    from edge_lam.tools.likes import ToolLike

# What other APIs have and this one doesn't, and what to do instead.
UNSUPPORTED = {
    "audio": "replies are text and calls",
    "best_of": "there is one reply per call",
    "echo": "the prompt is not repeated",
    "frequency_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "function_call": "use tool_choice",
    "functions": "use tools",
    "grammar": "use response_format or tools",
    "max_completion_tokens": "use max_tokens",
    "max_new_tokens": "use max_tokens",
    "metadata": "",
    "modalities": "replies are text and calls",
    "model": "load another model",
    "n": "there is one reply per call",
    "prediction": "",
    "presence_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "reasoning_effort": "",
    "repeat_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "service_tier": "",
    "store": "see the log option of load",
    "stream": "use LAM.stream",
    "stream_options": "every reply has its report",
    "suffix": "",
    "user": "",
    "verbosity": "",
    "web_search_options": "give a tool that searches",
}


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

# What ends a reply that would never end by itself, unless the request says otherwise.
MAX_TOKENS = 4096
MAX_TOOL_CALLS = 64
_LONGEST_TIMEOUT = 10**6  # seconds
_OF_CHOICE = ("tool_choice", "allowed_tools", "parallel_tool_calls")
_OF_CALLS = ("tools", "tool_choice", "allowed_tools", "parallel_tool_calls", "max_tool_calls", "calls_in_prose")
_MAX_TOP = 20  # as OpenAI has it


class ReplyOptions(TypedDict, total=False):
    """How the model is to reply. None stands for the default of an option.

    Keys:
        tool_choice: "auto" (the model decides), "required", "none", or the one tool to call, by its name or as
            ``{"type": "function", "function": {"name": ...}}``; OpenAI's ``{"type": "allowed_tools", ...}`` too.
        allowed_tools: names of the tools that may be called; by default all. The prompt still lists every tool, so
            that it stays cached.
        parallel_tool_calls: whether one reply may hold several calls.
        response_format: holds a reply in text to JSON, in OpenAI's form: ``{"type": "json_object"}``, or
            ``{"type": "json_schema", "json_schema": {"schema": ...}}``; or a pydantic model, an instance of which is
            then in `Reply.parsed`. The prompt is yours: ask for JSON in it.
        temperature: 0 (the default) takes the most likely token.
        top_k: sample among that many of the most likely tokens; 0 (the default) among all.
        top_p: sample among the most likely tokens that together reach this probability.
        min_p: leave out what is less likely than this share of the most likely token's probability.
        logit_bias: what to add to the logits of tokens, from -100 to 100. Keys are token ids, also as strings of
            digits, or texts such as " London", each of which must be one token of the model. Tokens that the grammar
            forces are not chosen, and so not changed.
        logprobs: have the log probability of each token of the reply, in `Reply.logprobs`.
        top_logprobs: with them, those of that many of the most likely tokens at each place, at most 20.
        prompt_logprobs: with logprobs, those of each token of the prompt too, in `Reply.prompt_logprobs`, for prompts
            as they are (`LAM.generate`); the whole prompt is read for it, and `max_tokens` may be 0.
        seed: the same seed repeats a reply, as far as the logits do: their last digits depend on how much of the
            prompt was cached.
        max_tokens: longest reply in tokens, 4,096 by default; or what the context leaves, if that is less.
        max_tool_calls: most calls of one reply, 64 by default. One more ends it, with the finish reason "length".
        stop: a string or strings that end a reply in text.
        adapter: which of the named `adapters` of `load` to compute with; "" (the default) is none, or those of that
            name.
        timeout: seconds for the whole reply, waiting for other requests included; when they are over, it ends as it is,
            with the finish reason "timeout".
        calls_in_prose: also read calls from an array that follows text without a marker, as in ``Sure: [{...}]``.
        sampler: chooses the tokens, in place of temperature, top_k, top_p, min_p, logit_bias and seed. A
            `decoding.ReplaySampler` writes a known reply.
        constrain: hold calls to the tools' schemas and text to the response format; False lets the model write what
            it wants, to see what that is.
    """

    tool_choice: str | Mapping[str, Any] | None
    allowed_tools: Sequence[str] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | type[BaseModel] | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    logit_bias: Mapping[Any, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    prompt_logprobs: bool | None
    seed: int | None
    max_tokens: int | None
    max_tool_calls: int | None
    stop: str | Sequence[str] | None
    adapter: str | None
    timeout: float | None
    calls_in_prose: bool | None
    constrain: bool | None
    sampler: Sampler | None


class ChatOptions(ReplyOptions, total=False):
    """The keyword arguments of `LAM.chat` and `LAM.stream`: those of `ReplyOptions`, and tools.

    Keys:
        tools: functions, `Tool` objects, pydantic models or any vendor's definitions.
    """

    tools: Iterable[ToolLike] | None


def shows_options(function: FunctionT) -> FunctionT:
    """Let `help` show what a function takes as ``**options: Unpack[ChatOptions]``, each with its type and meaning."""
    before = [each for each in signature(function).parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    hints = {name: getattr(hint, "__forward_arg__", hint) for name, hint in ChatOptions.__annotations__.items()}
    options = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hints[name]) for name in hints]
    function.__dict__["__signature__"] = signature(function).replace(parameters=[*before, *options])
    keys = [cleandoc(kind.__doc__ or "").partition("Keys:\n")[2] for kind in (ReplyOptions, ChatOptions)]
    if function.__doc__:  # there is none with -OO
        function.__doc__ = "\n".join([cleandoc(function.__doc__), "", "Options:", *keys])
    return function


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of the model: the options of `ChatOptions`, checked and in one form.

    `choice` says what may be called; `response_format` is None where the reply is plain text. `prompt` stands in for
    messages where nothing is to be rendered: text in which control tokens are read as such, or token ids.
    """

    messages: Messages = ()
    prompt: str | tuple[int, ...] | None = None
    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = ANY_TOOL
    response_format: ResponseFormat | None = None
    sampling: SamplingParams = GREEDY
    logit_bias: dict[int | str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    prompt_logprobs: bool = False
    max_tokens: int = MAX_TOKENS
    max_tool_calls: int = MAX_TOOL_CALLS
    stop: tuple[str, ...] = ()
    adapter: str = ""
    timeout: float | None = None
    calls_in_prose: bool = False
    constrain: bool = True
    sampler: Sampler | None = None

    @classmethod
    def of(cls, messages: Messages, options: Mapping[str, Any]) -> Request:
        """Check the options of a call and bring them into one form.

        Raises:
            InvalidRequest: an unknown or unsupported option, an impossible value, or options that contradict each
                other; `param` names the option.
            InvalidTool: a tool that can't be read.
        """
        if options.get("prompt_logprobs"):
            hint = "use generate with the prompt that render returns"
            raise InvalidRequest("prompt_logprobs of messages", hint=hint, param="prompt_logprobs")
        return cls._checked(messages, options)

    @classmethod
    def _checked(cls, messages: Messages, options: Mapping[str, Any]) -> Request:
        known = list(ChatOptions.__annotations__)
        for name, value in options.items():
            if name in UNSUPPORTED and value is not None:
                raise InvalidRequest(f"the option {name!r} is not supported", hint=UNSUPPORTED[name], param=name)
            if name not in known and name not in UNSUPPORTED:
                raise InvalidRequest(f"unknown option {name!r}", hint=f"known options: {', '.join(known)}", param=name)
        options = {name: value for name, value in options.items() if value is not None}
        tools = tuple(as_tools(options.get("tools")))
        values = {
            **{name: value for name, value in options.items() if name not in (*_OF_CHOICE, *SAMPLING_PARAMS)},
            "tools": tools,
            "choice": ToolChoice.of(options, tools),
            "sampling": SamplingParams(**{name: options[name] for name in SAMPLING_PARAMS if name in options}),
            "response_format": read_response_format(options.get("response_format")),
            "logit_bias": read_bias(options.get("logit_bias")),
            "stop": _stop(options.get("stop", ())),
        }
        return cls(messages=messages, **values)

    @classmethod
    def raw(cls, prompt: str | Sequence[int], options: Mapping[str, Any]) -> Request:
        """Check a prompt and the options of its continuation, which is text as the model writes it.

        Raises:
            InvalidRequest: no text and no list of token ids, an option of calls, or as `of`.
        """
        for name in _OF_CALLS:
            if options.get(name) is not None:
                hint = "a prompt as it is holds its own; use chat or stream"
                raise InvalidRequest(f"{name} beside a prompt", hint=hint, param=name)
        is_text, is_list = isinstance(prompt, str), isinstance(prompt, Sequence) and not isinstance(prompt, bytes)
        if not is_text and not (is_list and all(type(token) is int for token in prompt)):
            raise InvalidRequest("a prompt is text or a list of token ids", param="prompt")
        if not prompt:
            raise InvalidRequest("the prompt is empty", param="prompt")
        return replace(cls._checked((), options), prompt=prompt if isinstance(prompt, str) else tuple(prompt))

    @property
    def allowed(self) -> tuple[Tool, ...]:
        """The tools that are allowed, whether or not this reply may call any."""
        return self.choice.among(self.tools)

    @property
    def callable_tools(self) -> tuple[Tool, ...]:
        """The tools that the reply may call."""
        return self.choice.callable(self.tools)

    def __post_init__(self) -> None:
        if self.response_format is not None and self.choice.mode not in ("auto", "none"):
            hint = "a reply that must call a tool has no text to format"
            wrong = f"response_format with tool_choice={self.choice.mode!r}"
            raise InvalidRequest(wrong, hint=hint, param="response_format")
        for name in ("logprobs", "prompt_logprobs", "calls_in_prose", "constrain"):
            if not isinstance(value := getattr(self, name), bool):
                raise InvalidRequest(f"{name} must be True or False, not {value!r}", param=name)
        for name in ("max_tokens", "max_tool_calls"):
            limit = getattr(self, name)
            least = 0 if name == "max_tokens" and self.prompt_logprobs else 1
            if isinstance(limit, bool) or not isinstance(limit, int) or limit < least:
                raise InvalidRequest(f"{name} must be a whole number of at least {least}, not {limit!r}", param=name)
        seconds = self.timeout
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and not (is_number and 0 < seconds <= _LONGEST_TIMEOUT):
            raise InvalidRequest(
                f"timeout must be a number of seconds above 0, at most {_LONGEST_TIMEOUT}, not {seconds!r}",
                param="timeout",
            )
        self._check_top_logprobs()
        self._check_prompt_logprobs()
        if not isinstance(self.adapter, str):
            raise InvalidRequest(f"adapter must be a name, not {self.adapter!r}", param="adapter")
        if self.sampler is not None and not isinstance(self.sampler, Sampler):
            raise InvalidRequest(f"sampler must be a Sampler, not {self.sampler!r}", param="sampler")

    def _check_top_logprobs(self) -> None:
        count = self.top_logprobs
        if count is None:
            return
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MAX_TOP:
            wrong = f"top_logprobs must be a whole number from 0 to {_MAX_TOP}, not {count!r}"
            raise InvalidRequest(wrong, param="top_logprobs")
        if not self.logprobs:
            raise InvalidRequest("top_logprobs without logprobs", hint="add logprobs=True", param="top_logprobs")

    def _check_prompt_logprobs(self) -> None:
        if self.prompt_logprobs and not self.logprobs:
            raise InvalidRequest("prompt_logprobs without logprobs", hint="add logprobs=True", param="prompt_logprobs")


def _stop(stop: object) -> tuple[str, ...]:
    strings = (stop,) if isinstance(stop, str) else stop
    if not isinstance(strings, Sequence) or not all(isinstance(string, str) and string for string in strings):
        raise InvalidRequest(f"stop must be strings that are not empty, not {stop!r}", param="stop")
    return tuple(strings)
