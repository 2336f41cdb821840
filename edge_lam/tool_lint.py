"""What tools cost and how calls of them are held to their schemas, found out without a single reply.

In come whatever should be tools, a model and its format; out comes a line for each tool: what it takes of the prompt,
what becomes of every keyword, and why it would be refused. Knows no terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge_lam.decoding import Vocabulary
from edge_lam.errors import InvalidRequest, InvalidSchema, InvalidTool
from edge_lam.formats.grammar import check_together, try_out
from edge_lam.tools.likes import as_tool

if TYPE_CHECKING:
    from edge_lam.formats import ChatFormat
    from edge_lam.llama import Model
    from edge_lam.schema.split import Support
    from edge_lam.tools import Tool

QUESTION = "?"


@dataclass(frozen=True)
class LintedTool:
    """One tool.

    Attributes:
        name: or "tool N" for what has none.
        tokens: what it adds to the prompt; None where it can't be rendered.
        support: what becomes of every keyword of its parameters.
        refusal: why a request with it is refused, or "".
        path: JSON pointer into its parameters where that is, or "".
        open: JSON pointers of the objects that list properties and take others too.
    """

    name: str
    tokens: int | None = None
    support: tuple[Support, ...] = ()
    refusal: str = ""
    path: str = ""
    open: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        keywords = [
            {"path": support.path, "keyword": support.keyword, "verdict": support.how, "reason": support.reason}
            for support in self.support
        ]
        refused = {"reason": self.refusal, "path": self.path} if self.refusal else None
        return {
            "name": self.name,
            "tokens": self.tokens,
            "refused": refused,
            "open": list(self.open),
            "keywords": keywords,
        }


class ToolLint:
    """Looks at tools through the eyes of one model.

    Args:
        model: whose tokens count.
        chat_format: how its prompts are written.
        vocabulary: of the model, where there is one already; building it takes a moment. Its engine of grammars is the
            one that holds calls.
    """

    def __init__(self, model: Model, chat_format: ChatFormat, vocabulary: Vocabulary | None = None) -> None:
        self._model = model
        self._format = chat_format
        self._vocabulary = vocabulary or Vocabulary(model, chat_format.end_of_turn)
        self._frame: int | None = None

    def look_at(self, values: Iterable[Any]) -> list[LintedTool]:
        """Return what is to say of each tool, in order.

        Args:
            values: tools, functions, models and definitions; what is none of these is refused by name.
        """
        found: dict[str, LintedTool] = {}
        for number, value in enumerate(values, 1):
            linted = self._look_at(value, number)
            name = linted.name
            if name in found:
                name, linted = f"tool {number}", LintedTool(name, refusal=f"two tools are named {name!r}")
            found[name] = linted
        return list(found.values())

    def prompt_tokens(self, tools: Sequence[Tool]) -> int:
        """Return the tokens of a shortest prompt with these tools.

        Raises:
            InvalidRequest: the format can't render them.
        """
        return len(self._model.tokenize_parts(self._format.render_segments(QUESTION, tools)))

    def _look_at(self, value: Any, number: int) -> LintedTool:
        try:
            tool = as_tool(value)
        except InvalidTool as error:
            return LintedTool(error.tool or _name(value) or f"tool {number}", refusal=str(error), path=_path(error))
        schema = tool.schema.under(self._vocabulary.engine)
        found = LintedTool(tool.name, support=schema.support, open=schema.open)
        try:
            found = replace(found, tokens=self._tokens(tool))
            check_together([tool])
            try_out([tool], self._vocabulary.exceeded_limit)
        except InvalidRequest as error:
            return replace(found, refusal=str(error), path=_path(error))
        return found

    def _tokens(self, tool: Tool) -> int:
        one = self.prompt_tokens([tool])
        if self._frame is None:  # what the format writes around tools: the second one adds nothing but itself
            self._frame = 2 * one - self.prompt_tokens([tool, tool])
        return one - self._frame


def _name(value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "__name__", "")
    return name if isinstance(name, str) else ""


def _path(error: InvalidRequest) -> str:
    return error.path if isinstance(error, InvalidSchema) else ""
