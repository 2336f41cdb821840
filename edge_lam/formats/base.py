"""`ChatFormat`: how one generation of models is talked to.

A format holds the template, the grammar of replies and their parser, so that what is requested, allowed and read can't
drift apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats.grammar import reply_grammar
from edge_lam.formats.messages import normalize_messages, refuse_frame
from edge_lam.formats.named_calls import RECIPIENT
from edge_lam.formats.parser import ReplyParser
from edge_lam.formats.reply_text import MARKS
from edge_lam.formats.special_tokens import SpecialTokens
from edge_lam.formats.template import Segment, Template
from edge_lam.formats.thinking import thinking_end, tokens_in

if TYPE_CHECKING:
    from edge_lam.formats.events import ParsedReply
    from edge_lam.formats.messages import Messages
    from edge_lam.formats.syntax import CallSyntax
    from edge_lam.tools import Tool, ToolCall

__all__ = ["ChatFormat", "Segment"]

TEMPLATES = Path(__file__).parent / "templates"
FORMATS: dict[str, type[ChatFormat]] = {}  # by name: every subclass that has one of its own registers itself


class ChatFormat(ABC):
    """Template, grammar and parser of one generation of models.

    A subclass with a name registers itself in `FORMATS`: it is found by its signature and its name pattern, and stands
    in every list of formats.

    Class attributes:
        name: as in reports and `edge-lam info`.
        about: which models speak it, in a few words.
        signature: what every revision of its models' template says; () if their template tells nothing.
        name_pattern: finds the names of its models; None if names tell nothing.
        names_decide: whether such a name also decides for a file that carries a template, because that is the template
            of a base model, which knows nothing of tools. If not, a name decides only where there is no template.
        architectures: those of its models, where names tell them apart from another format's; () for any.
        syntax: how a reply with calls is spelled.
        markers: the control tokens that the template writes, apart from bos and eos.
        frame: what the template writes around messages in plain text; models can't tell it from the same words in a
            message, so that such messages are refused.
        options: the arguments of the constructor that this format knows, of `nested_tools` and `mark_required`.
        nests_tools: the default of `nested_tools`.
        reads_results: whether the results of calls can be given back for an answer.

    Attributes:
        end_of_turn: the control token that ends a reply; "" if only the model's vocabulary knows.
        template: the Jinja text in use, which may be embedded in a GGUF as it is.
        template_sha256: its hash, for reports.
        sha256: the hash of all that decides how the prompt is written and the reply is read, for reports.
        verbatim: whether messages go to the template as they are, unrepaired.
        nested_tools: whether definitions are rendered in OpenAI's nested form.
        mark_required: whether required properties are marked where the schema around them is left out.

    Args:
        template: a template to use instead of this format's own.
        tool_template: another one, for requests with tools and conversations with calls; None for the same.
        verbatim: give messages to the template as they are; by default if it is not this format's own.
        special: the model's control tokens.
        nested_tools: render ``{"type": "function", "function": {...}}`` instead of the flat definition.
        mark_required: write ``"required": true`` into required properties.

    Raises:
        InvalidRequest: an option that this format doesn't know.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    signature: ClassVar[tuple[str, ...]] = ()
    name_pattern: ClassVar[re.Pattern[str] | None] = None
    names_decide: ClassVar[bool] = False
    architectures: ClassVar[tuple[str, ...]] = ()
    end_of_turn: str
    syntax: ClassVar[CallSyntax]
    markers: ClassVar[tuple[str, ...]]
    frame: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ()
    nests_tools: ClassVar[bool] = False
    reads_results: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the format."""
        super().__init_subclass__(**options)
        if "name" in cls.__dict__:
            FORMATS[cls.name] = cls

    def __init__(
        self,
        template: str | None = None,
        *,
        tool_template: str | None = None,
        verbatim: bool | None = None,
        special: SpecialTokens | None = None,
        nested_tools: bool | None = None,
        mark_required: bool | None = None,
    ) -> None:
        for option, value in (("nested_tools", nested_tools), ("mark_required", mark_required)):
            if value is not None and option not in self.options:
                raise InvalidRequest(f"the format {self.name} has no option {option}", param=option)
        self.verbatim = template is not None if verbatim is None else verbatim
        self._is_own = template is None
        self.template = self.own_template() if template is None else template
        self.tool_template = tool_template
        self.template_sha256 = _sha256(self.template)
        self.nested_tools = self.nests_tools if nested_tools is None else nested_tools
        self.mark_required = mark_required is not False
        decisive = [self.name, self.template_sha256, asdict(self.syntax), self.verbatim, self.nested_tools]
        decisive += [] if tool_template is None else [_sha256(tool_template)]
        self.sha256 = _sha256(json.dumps([*decisive, self.mark_required]))
        self.special = special or SpecialTokens()
        self._template = self._read_template(self.template)
        self._tool_template = self._template if tool_template is None else self._read_template(tool_template)

    @classmethod
    def own_template(cls) -> str:
        """Return the text of this format's own template."""
        return (TEMPLATES / f"{cls.name}.jinja").read_text(encoding="utf-8")

    def sha256_of_template(self, *, with_tools: bool) -> str:
        """Return the hash of the template that a request is rendered with, for reports."""
        return _sha256(self.tool_template) if with_tools and self.tool_template else self.template_sha256

    @property
    def renders_tools(self) -> bool:
        """Whether the template writes tools into the prompt."""
        return self._is_own or "tools" in self._tool_template.variables

    @property
    def several_calls(self) -> bool:
        """Whether one reply may hold several calls; if not, parallel calls are off whatever a request says."""
        return True

    @property
    def guarantee(self) -> str:
        """What holds for this format, in one line for people."""
        if self._is_own:
            return "the published prompt of these models, known defects repaired"
        return "another template than the format's own, as it is; replies are read and enforced as in the format"

    def render_segments(self, messages: Messages, tools: Sequence[Tool] = ()) -> list[Segment]:
        """Render the prompt up to the opening of the assistant's reply, cut at its control tokens.

        Tokenize each segment by itself: special ones as control tokens, the others as plain text. A message that
        spells ``<|im_end|>`` then stays text. Models split text at control tokens anyway, so the tokens are those of
        the whole prompt.

        Raises:
            InvalidRequest: the messages can't be rendered; tools can't be in this format.
        """
        if tools and not self.renders_tools:
            hint = "call without tools, or take a model that was trained on them"
            raise InvalidRequest(f"the template of the format {self.name} renders no tools", param="tools", hint=hint)
        checked = normalize_messages(messages)
        refuse_frame(self.frame, checked, tools)
        if self.verbatim and not isinstance(messages, str):
            checked = [dict(message) for message in messages]
        has_tools = bool(tools) or any(message.get("tool_calls") or message["role"] == "tool" for message in checked)
        segments = (self._tool_template if has_tools else self._template).render(
            add_generation_prompt=True,
            bos_token=self.special.written_bos,
            eos_token=self.special.eos,
            **self._variables(checked, [self._definition(tool) for tool in tools]),
        )
        bos = Segment(self.special.bos, True)
        return [bos, *segments] if self.special.add_bos and segments[:1] != [bos] else segments

    def render(self, messages: Messages, tools: Sequence[Tool] = ()) -> str:
        """Return the whole prompt as text. See `render_segments`."""
        return "".join(segment.text for segment in self.render_segments(messages, tools))

    def parts(self, messages: Messages, tools: Sequence[Tool] = ()) -> dict[str, str]:
        """Return the prompt's text by what takes the room: "system", "tools" and "messages"."""
        prompt = self.render(messages, tools)
        tools_text = self._tools_text(tools)
        before, found, after = prompt.partition(tools_text) if tools_text else ("", "", prompt)
        if not found:  # no tools, or a carried template that writes definitions in its own way
            return {"system": "", "tools": "", "messages": prompt}
        return {"system": before, "tools": tools_text, "messages": after}

    def reply_segments(self, calls: Sequence[ToolCall], text: str = "") -> list[Segment]:
        """Return a reply as the model should write it, with the control token that ends it.

        It is what `parse` reads: calls in this format's syntax, or text. Thinking that prompts begin is closed first,
        without a thought. What the syntax has no room for is left out, such as text beside the calls of xLAM-2.
        """
        reply = self.syntax.reply([(call.name, call.arguments) for call in calls], text)
        thinking = [Segment(self.thinking_end, True), Segment("\n\n", False)] if self.thinking_end else []
        segments = [*thinking, Segment(reply, False), Segment(self.end_of_turn or self.special.eos, True)]
        return [segment for segment in segments if segment.text]

    def grammar(
        self,
        tools: Sequence[Tool],
        tool_choice: str = "auto",
        *,
        parallel: bool = True,
        response_schema: dict[str, Any] | None = None,
        thinking_end: str = "",
        thinking_token: int | None = None,
    ) -> str:
        """Return the llguidance grammar of a reply, in Lark syntax.

        Args:
            tools: what may be called.
            tool_choice: "auto" (text or calls), "required", "none", or the name of the one tool to call.
            parallel: whether one reply may hold several calls.
            response_schema: JSON Schema that a reply without calls has to fit, instead of plain text.
            thinking_end: what closes the thinking that the prompt ends inside of, as `thinking_end` of a prompt tells;
                the reply then begins with anything up to it.
            thinking_token: the id of that text, if it is a special token of the model.

        Raises:
            InvalidRequest: the choice names no tool, or asks for calls without tools; `param` is "tool_choice".
            InvalidSchema: a tool's schema can't be enforced; names tool and path.
        """
        return reply_grammar(
            self.syntax,
            tools,
            tool_choice,
            parallel=parallel and self.several_calls,
            response_schema=response_schema,
            thinking_end=thinking_end,
            thinking_token=thinking_token,
        )

    @cached_property
    def _prompt(self) -> str:
        """A prompt of one user message; "" if there can be none, or it tells nothing: our own open no thinking."""
        if self._is_own:
            return ""
        try:
            return self.render("?")
        except (InvalidRequest, UnsupportedModel):  # the template refuses a lone user message; requests get that error
            return ""

    @property
    def thinking_end(self) -> str:
        """What closes the thinking that a prompt of one user message ends inside of; "" if it ends in none.

        A prompt tells it better: templates may open thinking in one and not in another, see
        `edge_lam.formats.thinking.thinking_end`.
        """
        return thinking_end(self._prompt)

    @property
    def marks(self) -> frozenset[str]:
        """The control tokens that say how a reply is to be read, and are part of its text for that."""
        return MARKS | tokens_in(self.thinking_end)

    @property
    def reply_opening(self) -> str:
        """What a prompt writes of the reply: Functionary's ``>>>``, before the name of who is meant; else ""."""
        return RECIPIENT.opening if self._prompt.endswith(RECIPIENT.opening) else ""

    def parser(
        self,
        tools: Sequence[Tool] | None,
        *,
        calls_in_prose: bool = False,
        reply_id: str = "",
        thinking_end: str | None = None,
    ) -> ReplyParser:
        """Return a parser for one reply as it grows.

        Args:
            tools: what could be called. Without any, a reply is text, unless the models always write calls around it;
                with None, it is text whatever it looks like.
            calls_in_prose: also read an array of calls that follows prose without a marker.
            reply_id: the ids of the calls are made of it; "" for a new one.
            thinking_end: what closes the thinking that the prompt ended inside of, "" for none; by default that of this
                format's prompts.
        """
        if not tools and self.syntax.plain_text:
            tools = None
        end = self.thinking_end if thinking_end is None else thinking_end
        return ReplyParser(
            tools,
            calls_in_prose=calls_in_prose,
            reply_id=reply_id,
            thinking_end=end,
            opening=self.reply_opening,
        )

    def parse(
        self, text: str, tools: Sequence[Tool] | None, *, complete: bool = True, calls_in_prose: bool = False
    ) -> ParsedReply:
        """Read a whole reply.

        Args:
            text: everything the model wrote, without the end of turn.
            tools: as for `parser`.
            complete: False if the reply was cut off, by a token limit for example.
            calls_in_prose: as for `parser`.
        """
        parser = self.parser(tools, calls_in_prose=calls_in_prose)
        parser.feed(text)
        parser.finish(complete=complete)
        return parser.reply

    def _definition(self, tool: Tool) -> dict[str, Any]:
        """Return a tool as the template gets it."""
        definition = tool.definition(as_given=self.verbatim)
        return {"type": "function", "function": definition} if self.nested_tools else definition

    def _tools_text(self, tools: Sequence[Tool]) -> str:
        """Return how the template writes the tools, for `parts`; "" if that is not known."""
        return ""

    def _variables(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what the template gets.

        Args:
            messages: in the form that `normalize_messages` gives them, or as they were given if `verbatim`.
            tools: definitions, as `_definition` returns them.

        Raises:
            InvalidRequest: this format can't express the messages.
        """
        return {"messages": messages, "tools": tools or None, "nested_tools": self.nested_tools}

    def _read_template(self, source: str) -> Template:
        tokens = (*self.markers, self.special.bos, self.special.eos)
        markers = tuple(dict.fromkeys(token for token in tokens if token))
        return Template(source, markers, literal=self._literal, trusted=self._is_own)

    @property
    def _literal(self) -> tuple[str, ...]:
        """The tokens that llama.cpp finds in plain text too, and that a text may not become by spelling them."""
        own = set(self.special.user_defined).intersection((*self.markers, self.end_of_turn))
        return tuple({*own, *self.special.frames, *self._tags})

    @property
    def _tags(self) -> tuple[str, ...]:
        return self.special.tags(self.template + (self.tool_template or ""), MARKS)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
