"""Chat templates: Jinja as `transformers` runs it, and the control tokens told apart from what users wrote.

In comes a template's text with messages and tools; out come segments of the prompt. Knows nothing of any one model's
template, nor of tokens.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_lam.errors import InvalidRequest, UnsupportedModel

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate


class Segment(NamedTuple):
    """A piece of a prompt.

    Attributes:
        text: the piece.
        special: True for a control token that the template wrote; False for everything between two of them, which is
            to be tokenized as plain text even where it spells a control token.
    """

    text: str
    special: bool


class Template:
    """One chat template, ready to render.

    What the template itself writes as a control token is told apart from the same characters in a message by rendering
    a copy in which each marker is a random name of its own; no message can spell that name.

    Args:
        source: the Jinja text.
        markers: the control tokens that the template writes, such as ``<|im_end|>``.
    """

    def __init__(self, source: str, markers: tuple[str, ...]) -> None:
        self.source = source
        self._markers = {f"\x00{secrets.token_hex(16)}\x00": marker for marker in markers}

    @cached_property
    def _jinja(self) -> JinjaTemplate:
        from jinja2 import TemplateSyntaxError

        source = self.source
        for name, marker in self._markers.items():
            source = source.replace(marker, name)
        try:
            template: JinjaTemplate = _environment().from_string(source)
        except TemplateSyntaxError as error:
            raise UnsupportedModel(f"the chat template can't be read: line {error.lineno}: {error.message}") from error
        return template

    def render(self, **variables: Any) -> list[Segment]:
        """Render the prompt, cut at its control tokens; the texts of the segments joined are the whole prompt.

        Raises:
            InvalidRequest: the template refuses these messages.
            UnsupportedModel: the template is not Jinja.
        """
        try:
            text = self._jinja.render(**variables)
        except UnsupportedModel:
            raise
        except Exception as error:  # a template from a model file can fail in any way
            raise InvalidRequest(f"the chat template refuses the messages: {error}", param="messages") from error
        names = "|".join(map(re.escape, self._markers))
        pieces = re.split(f"({names})", text)
        return [Segment(self._markers.get(piece, piece), piece in self._markers) for piece in pieces if piece]


def _environment() -> Any:
    """Return a sandboxed Jinja environment with the settings and functions of `transformers`."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def to_json(
        value: object,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def strftime_now(form: str) -> str:
        return datetime.now().strftime(form)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json  # Jinja's own escapes HTML
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = strftime_now
    return environment
