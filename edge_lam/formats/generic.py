"""Any other model: whatever Jinja template its file carries.

In come messages and tools as `transformers` would give them, out comes what the template makes of them. What replies
look like is not known: calls are read in every spelling that the parser knows, and held to a JSON array where they are
asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats.base import ChatFormat
from edge_lam.formats.reply_text import MARKS
from edge_lam.formats.syntax import ARRAY
from edge_lam.formats.template import Template

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.formats.template import Segment
    from edge_lam.tools import Tool


class Generic(ChatFormat):
    """A template without a format of its own.

    Tools go to it in OpenAI's nested form, which is what most templates in circulation expect.
    """

    name = "generic"
    about = "any model whose file carries a chat template"
    end_of_turn = ""
    syntax = ARRAY
    markers = ()
    options = ("nested_tools",)
    nests_tools = True

    def __init__(self, template: str | None = None, *, verbatim: bool | None = False, **options: Any) -> None:
        super().__init__(template, verbatim=bool(verbatim), **options)
        self.end_of_turn = self.special.eos

    @classmethod
    def own_template(cls) -> str:
        """Refuse: there is none.

        Raises:
            UnsupportedModel: always.
        """
        raise UnsupportedModel("the model carries no chat template", hint="give one, or name a format")

    @cached_property
    def renders_tools(self) -> bool:
        """Whether the template reads `tools`."""
        return "tools" in self._template.variables

    @property
    def guarantee(self) -> str:
        """What holds for this format, in one line for people."""
        tools = "reads" if self.renders_tools else "does not read"
        return (
            f"the template {tools} tools; calls are found in every known spelling, but the model's own is not enforced"
        )

    def render_segments(self, messages: Messages, tools: Sequence[Tool] = ()) -> list[Segment]:
        """Render the prompt, cut at its control tokens. See `ChatFormat.render_segments`.

        Raises:
            InvalidRequest: the messages can't be rendered, or the template leaves a tool out.
        """
        segments = super().render_segments(messages, tools)
        text = "".join(segment.text for segment in segments)
        if missing := [tool.name for tool in tools if tool.name not in text]:
            raise InvalidRequest(f"the chat template leaves out the tool {missing[0]!r}", param="tools")
        return segments

    def _read_template(self) -> Template:
        special = self.special
        tokens = (special.bos, special.eos, *special.control, *special.frames)
        return Template(
            self.template,
            tuple(dict.fromkeys(token for token in tokens if token)),
            assembled=True,
            tags=special.tags(self.template, MARKS),
            literal=self._literal,
        )
