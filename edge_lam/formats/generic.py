"""Any other model: whatever Jinja template its file carries.

In come messages and tools as `transformers` would give them, out comes what the template makes of them. What replies
look like is not known: calls are read in every spelling that the parser knows, and held to a JSON array where they are
asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from time import thread_time
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats.base import ChatFormat
from edge_lam.formats.syntax import ARRAY
from edge_lam.formats.template import Template, rendering_within
from edge_lam.formats.template_traits import (
    Passing,
    Traits,
    find_passing,
    find_traits,
    needs_descriptions,
    pass_tools,
    with_descriptions,
)

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
        self._seconds_to_probe = 10.0  # of the processor

    @classmethod
    def own_template(cls) -> str:
        """Refuse: there is none.

        Raises:
            UnsupportedModel: always.
        """
        raise UnsupportedModel("the model carries no chat template", hint="give one, or name a format")

    @cached_property
    def _passing(self) -> Passing | None:
        """How the template takes tools; None if it writes none."""
        return find_passing(self._probe, self.tool_template or self.template)

    @cached_property
    def traits(self) -> Traits:
        """What the template takes of the calls of an assistant."""
        return find_traits(self._probe, self._passing)

    @cached_property
    def _needs_descriptions(self) -> bool:
        return self._passing is not None and needs_descriptions(self._probe, self._passing)

    @property
    def renders_tools(self) -> bool:
        """Whether the template writes tools into the prompt."""
        return self._passing is not None

    @property
    def several_calls(self) -> bool:
        """Whether the template takes several calls in a message."""
        return self._passing is None or self.traits.several

    @property
    def guarantee(self) -> str:
        """What holds for this format, in one line for people."""
        if not self.renders_tools:
            return "the template does not read tools"
        calls = "calls" if self.several_calls else "calls, one a reply,"
        return (
            f"the template reads tools; {calls} are found in every known spelling, but the model's own is not enforced"
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

    def _variables(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        if self.verbatim:
            return super()._variables(messages, tools)
        if any(message.get("tool_calls") or message["role"] == "tool" for message in messages):
            messages = self.traits.fit(messages, self._spell)
        if self._passing is None or not (tools or self._passing == "functions"):  # which is never without them
            return super()._variables(messages, [])
        messages, variables = pass_tools(self._passing, messages, tools)
        return super()._variables(messages, []) | variables

    def _definition(self, tool: Tool) -> dict[str, Any]:
        definition = super()._definition(tool)
        return with_descriptions(definition) if self.nested_tools and self._needs_descriptions else definition

    def _spell(self, calls: list[dict[str, Any]]) -> str:
        functions = [call["function"] for call in calls]
        return self.syntax.reply([(function["name"], function["arguments"]) for function in functions])

    def _probe(self, messages: list[dict[str, Any]], variables: dict[str, Any]) -> str:
        """Render messages and variables as they are, in time of its own: what comes of it holds for every request."""
        given = super()._variables(messages, []) | variables
        tokens = {"bos_token": self.special.written_bos, "eos_token": self.special.eos}
        start = thread_time()
        try:
            with rendering_within(None if self._seconds_to_probe > 0 else 0.0):
                segments = self._tool_template.render(add_generation_prompt=True, **tokens, **given)
        finally:
            self._seconds_to_probe -= thread_time() - start
        return "".join(text for text, _ in segments)

    def _read_template(self, source: str) -> Template:
        special = self.special
        tokens = (special.bos, special.eos, *special.control, *special.frames)
        return Template(
            source,
            tuple(dict.fromkeys(token for token in tokens if token)),
            assembled=True,
            tags=self._tags,
            literal=self._literal,
        )
