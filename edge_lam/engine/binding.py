"""What a reply is held to and read by: a request's grammar, constraint and parser, for any format and vocabulary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from edge_lam._util.extras import is_installed, require
from edge_lam.decoding import CallTracker, GrammarConstraint, Unconstrained
from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.formats.events import ParsedReply, TextDelta
from edge_lam.formats.grammar import check_together, try_out
from edge_lam.formats.parser import ReplyParser
from edge_lam.request import response_format
from edge_lam.tools.likes import as_tool, as_tools, listed

if TYPE_CHECKING:
    from edge_lam.decoding import Constraint, Vocabulary
    from edge_lam.decoding.constraint import Kind
    from edge_lam.formats import ChatFormat
    from edge_lam.formats.events import ParserEvent
    from edge_lam.request import Request
    from edge_lam.tools import Tool
    from edge_lam.tools.likes import ToolLike


_KEPT_GRAMMARS = 16
_LONGEST_TEXT = 64 * 2**10  # characters


class Grammars:
    """The grammars of one engine's requests, for one thread at a time.

    Programs ask with the same tools again and again: what was made for the same tools and choice is kept.

    Args:
        vocabulary: the model's tokens.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._known: dict[tuple[ChatFormat, str], str] = {}  # what was not asked for longest comes first

    def of(self, request: Request, chat_format: ChatFormat, thinking_end: str = "") -> str:
        """Return the grammar of a reply; arguments and errors are those of `grammar_of`."""
        decisive = _decisive(request, thinking_end)
        key = chat_format, decisive
        if key in self._known:
            _refuse_unchecked(request)
            grammar = self._known.pop(key)
        else:
            grammar = grammar_of(request, chat_format, self._vocabulary, thinking_end)
        if decisive:
            self._known[key] = grammar
            if len(self._known) > _KEPT_GRAMMARS:
                del self._known[next(iter(self._known))]
        return grammar


def _decisive(request: Request, thinking_end: str) -> str:
    """Return what decides about the grammar of a reply beside its format, as text; "" if that would be too long."""
    form, choice = request.response_format, request.choice
    tools = [(tool.name, tool.parameters) for tool in request.tools]
    values = [request.constrain, choice.mode, choice.allowed, choice.parallel, form and form.schema, tools]
    try:
        text = json.dumps([*values, thinking_end])
    except (TypeError, ValueError, RecursionError):  # `grammar_of` says what is wrong, if anything is
        return ""
    return text if len(text) <= _LONGEST_TEXT else ""


def grammar_of(request: Request, chat_format: ChatFormat, vocabulary: Vocabulary, thinking_end: str = "") -> str:
    """Return the grammar of a reply, compiled and tried out; "" if anything may come.

    Args:
        request: what is requested.
        chat_format: how replies are written.
        vocabulary: the model's tokens.
        thinking_end: what closes the thinking that the prompt ends inside of; "" if it ends in none.

    Raises:
        InvalidRequest: the reply can't be held to the tools or the response format.
        InvalidSchema: a tool's schema can't be enforced; names tool and path.
        MissingPackage: something is left to jsonschema, which is not installed.
    """
    _refuse_unchecked(request)
    tools = request.allowed
    form = request.response_format
    schema = None if form is None else form.schema
    if not request.constrain or not (tools or schema):
        return ""
    if form and request.callable_tools and (not form.is_object or chat_format.syntax.first.startswith("{")):
        hint = "use tool_choice='none': the calls of this model are JSON too"
        raise InvalidRequest("response_format beside tools", hint=hint, param="response_format")
    grammar = chat_format.grammar(
        tools,
        request.choice.mode,
        parallel=request.choice.parallel,
        response_schema=schema,
        thinking_end=thinking_end,
        thinking_token=vocabulary.special_token(thinking_end) if thinking_end else None,
    )
    if schema and vocabulary.engine == "gbnf":
        response_format.refuse_beyond_gbnf(schema)
    vocabulary.matcher(grammar)
    try_out(request.callable_tools, vocabulary.exceeded_limit)
    if schema:
        response_format.try_out(schema, vocabulary.exceeded_limit)
    return grammar


def _refuse_unchecked(request: Request) -> None:
    """Refuse a request whose calls the grammar alone can't hold to the tools where no package can check them.

    Raises:
        MissingPackage: names what is left to it.
    """
    if is_installed("jsonschema"):
        return
    for tool in request.callable_tools:
        if not request.constrain:
            require("jsonschema", "calls that are not constrained", param="constrain")
        if left := tool.schema.left_to_check:
            use = f"calls of {tool.name!r}, for {left.keyword!r} at {left.path or '/'},"
            require("jsonschema", use, param="tools")


def usable_tools(
    values: Iterable[ToolLike], vocabulary: Vocabulary, on_bad: Callable[[InvalidTool], object]
) -> list[Tool]:
    """Return the tools that a reply can be held to; `on_bad` hears why not of each other."""

    def usable(value: ToolLike) -> Tool | None:
        try:
            tool = as_tool(value)
            check_together([tool])
            try_out([tool], vocabulary.exceeded_limit)
        except InvalidTool as error:
            on_bad(error)
            return None
        return tool

    return as_tools([tool for value in listed(values) if (tool := usable(value)) is not None])


def constraint_of(
    request: Request, grammar: str, chat_format: ChatFormat, vocabulary: Vocabulary, thinking_end: str = ""
) -> Constraint:
    """Return a fresh constraint for a reply within a grammar of `grammar_of`, which got the same `thinking_end`."""
    if not grammar:
        return Unconstrained(thinking_end)
    has_format = request.response_format is not None
    kind: Kind | None = "calls"
    if request.callable_tools and request.choice.mode == "auto":
        kind = None
    elif has_format or (request.choice.mode == "none" and chat_format.syntax.plain_text):
        kind = "text"
    opening = chat_format.syntax.first
    return GrammarConstraint(
        vocabulary, grammar, kind=kind, opening=opening, whole=has_format, thinking_end=thinking_end
    )


def call_tracker(request: Request, chat_format: ChatFormat, thinking_end: str = "") -> CallTracker:
    """Return what follows a reply to where it names the tools that it may call."""
    syntax = chat_format.syntax
    return CallTracker([syntax.call_opening(tool.name) for tool in request.callable_tools], syntax.depth, thinking_end)


def open_parser(
    request: Request, chat_format: ChatFormat, constraint: Constraint, reply_id: str, parser: ReplyParser | None
) -> ReplyParser:
    """Return the parser of a reply, which is told as soon as it is known that the reply is text in a format.

    Args:
        request: what is requested.
        chat_format: how replies are written.
        constraint: what the reply is held to; it tells what the reply is.
        reply_id: the ids of the calls are made of it.
        parser: what was returned before.
    """
    if request.prompt is not None:
        return parser or RawReplyParser()
    kind, thinking_end = constraint.kind, constraint.thinking_end
    parser = parser or chat_format.parser(
        request.tools if kind == "calls" else request.callable_tools,
        calls_in_prose=request.calls_in_prose,
        reply_id=reply_id,
        thinking_end=thinking_end,
    )
    is_text = kind == "text" or (kind is None and not thinking_end)
    if is_text and request.response_format is not None and not isinstance(constraint, Unconstrained):
        parser.read_as_text()
    return parser


class RawReplyParser(ReplyParser):
    """Gives the continuation of a prompt as it is written, whatever it looks like."""

    def __init__(self) -> None:
        super().__init__(None)

    def feed(self, piece: str) -> list[ParserEvent]:
        """Return the piece."""
        self._raw.append(piece)
        return [TextDelta(piece)]

    def finish(self, *, complete: bool = True) -> list[ParserEvent]:
        """Return nothing: nothing was held back."""
        return []

    @property
    def reply(self) -> ParsedReply:
        """All of it as text, white space around it too."""
        text = "".join(self._raw)
        return ParsedReply(text, raw=text)
