"""`ChatFormat`: how one generation of models is talked to.

A format holds the template, the grammar of replies and their parser, so that what is asked, allowed and read can't
drift apart. Knows nothing of tokens, models in memory or decoding.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edge_lam.formats.messages import normalize_messages
from edge_lam.formats.template import Segment, Template

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.formats.parser import ParsedReply
    from edge_lam.tools import Tool

__all__ = ["ChatFormat", "Segment"]

TEMPLATES = Path(__file__).parent / "templates"


class ChatFormat(ABC):
    """Template, grammar and parser of one generation of models.

    Class attributes:
        name: as in reports and `edge-lam info`.
        end_of_turn: the control token that ends a reply.
        call_opening: what a reply with calls begins with, and one in text doesn't.
        markers: the control tokens that the template writes.

    Attributes:
        template: the Jinja text in use, which may be embedded in a GGUF as it is.
        template_sha256: its hash, for reports.
        verbatim: whether the template is the one that the model file carries, defects included.
        nested_tools: whether definitions are rendered in OpenAI's nested form.

    Args:
        template: a template to use as it is, instead of this format's own; messages then go to it unrepaired.
        nested_tools: render ``{"type": "function", "function": {...}}`` instead of the flat definition.
    """

    name: ClassVar[str]
    end_of_turn: ClassVar[str]
    call_opening: ClassVar[str]
    markers: ClassVar[tuple[str, ...]]

    def __init__(self, template: str | None = None, *, nested_tools: bool = False) -> None:
        self.verbatim = template is not None
        self.template = self.own_template() if template is None else template
        self.template_sha256 = hashlib.sha256(self.template.encode()).hexdigest()
        self.nested_tools = nested_tools
        self._template = Template(self.template, self.markers)

    @classmethod
    def own_template(cls) -> str:
        """Return the text of this format's own template."""
        return (TEMPLATES / f"{cls.name}.jinja").read_text(encoding="utf-8")

    def render_segments(self, messages: Messages, tools: Sequence[Tool] = ()) -> list[Segment]:
        """Render the prompt up to the opening of the assistant's reply, cut at its control tokens.

        Tokenize each segment by itself: special ones as control tokens, the others as plain text. A message that
        spells ``<|im_end|>`` then stays text. Models split text at control tokens anyway, so the tokens are those of
        the whole prompt.

        Raises:
            InvalidRequest: the messages can't be rendered.
        """
        definitions = [self._definition(tool) for tool in tools]
        checked = normalize_messages(messages)
        if self.verbatim and not isinstance(messages, str):
            checked = [dict(message) for message in messages]
        return self._template.render(
            messages=checked, tools=definitions or None, add_generation_prompt=True, nested_tools=self.nested_tools
        )

    def render(self, messages: Messages, tools: Sequence[Tool] = ()) -> str:
        """Return the whole prompt as text. See `render_segments`."""
        return "".join(segment.text for segment in self.render_segments(messages, tools))

    @abstractmethod
    def parts(self, messages: Messages, tools: Sequence[Tool] = ()) -> dict[str, str]:
        """Return the prompt's text by what takes the room: "system", "tools" and "messages"."""

    @abstractmethod
    def grammar(self, tools: Sequence[Tool], tool_choice: str = "auto", *, parallel: bool = True) -> str:
        """Return the llguidance grammar of a reply, in Lark syntax.

        Args:
            tools: what may be called.
            tool_choice: "auto" (text or calls), "required", "none", or the name of the one tool to call.
            parallel: whether one reply may hold several calls.

        Raises:
            InvalidRequest: the choice names no tool, or asks for calls without tools; `param` is "tool_choice".
            InvalidSchema: a tool's schema can't be enforced; names tool and path.
        """

    @abstractmethod
    def parse(self, text: str, tools: Sequence[Tool], *, complete: bool = True) -> ParsedReply:
        """Read a reply.

        Args:
            text: everything the model wrote, without the end of turn.
            tools: what could be called; without any, a reply is text.
            complete: False if the reply was cut off, by a token limit for example.
        """

    def _definition(self, tool: Tool) -> dict[str, Any]:
        definition = tool.definition()
        return {"type": "function", "function": definition} if self.nested_tools else definition
