"""Chat templates: Jinja as `transformers` runs it, and the control tokens told apart from what users wrote.

In comes a template's text with messages and tools; out come segments of the prompt.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_lam._util.paths import user_path
from edge_lam._util.read_file import as_text, read_bounded
from edge_lam.errors import InvalidRequest, UnsupportedModel

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2 import Template as JinjaTemplate


LONGEST_TEMPLATE = 1_000_000  # characters
LONGEST_PROMPT = 8_000_000
LONGEST_REASON = 300
_LONG_NUMBER = re.compile(r"\d[\da-fA-FxX_]{4096}")

_time_left: ContextVar[float | None] = ContextVar("time_left", default=None)


@contextmanager
def rendering_within(seconds: float | None) -> Iterator[None]:
    """Let renderings inside take no longer than so many seconds: the limit of a request covers its template too."""
    outer = _time_left.set(seconds)
    try:
        yield
    finally:
        _time_left.reset(outer)


def read_template(path: str | os.PathLike[str]) -> str:
    """Read a chat template from a file.

    Raises:
        InvalidRequest: it can't be read, or is no text.
    """
    try:
        return as_text(read_bounded(user_path(path, param="template"), 4 * LONGEST_TEMPLATE))
    except (OSError, ValueError, TypeError) as error:  # ValueError: bytes that are no UTF-8, or a NUL in the path
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InvalidRequest(f"the template {str(path)!r} can't be read: {reason}", param="template") from error


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
        assembled: whether the template may put markers together from parts, such as ``"<|" + role + "|>"``. What
            messages spell is then hidden while the template is rendered, so that what is found in the prompt is the
            template's.
        tags: other tokens that the template may write, and look for in what an assistant said. They are hidden only in
            what others say, and only if `assembled`.
        literal: tokens that a tokenizer finds in plain text too. Where plain text spells one, it is cut into two
            segments behind its first character.
        trusted: whether it comes with edge-lam, so that nothing that it does need be weighed.
    """

    def __init__(
        self,
        source: str,
        markers: tuple[str, ...] = (),
        *,
        assembled: bool = False,
        tags: tuple[str, ...] = (),
        literal: tuple[str, ...] = (),
        trusted: bool = False,
    ) -> None:
        self.source, self._trusted = source, trusted
        hidden = (*markers, *tags) if assembled else ()
        self._hidden: dict[str, str] = {marker: secrets.token_hex(16) for marker in hidden}
        self._spelled, self._in_assistant = _finder(hidden), _finder(markers if assembled else ())
        self._literal = _finder(literal)
        self._names = {marker: f"\x00{secrets.token_hex(16)}\x00" for marker in markers}
        self._markers = {name: marker for marker, name in self._names.items()}

    @cached_property
    def _environment(self) -> Environment:
        from edge_lam.formats.sandbox import BoundedEnvironment, ChatEnvironment

        return ChatEnvironment() if self._trusted else BoundedEnvironment()

    @cached_property
    def _jinja(self) -> JinjaTemplate:
        source = self.source
        for marker, name in self._names.items():
            source = source.replace(marker, name)
        with self._reading():
            return self._environment.from_string(source)

    @cached_property
    def variables(self) -> frozenset[str]:
        """The variables that the template reads, such as "messages" and "tools".

        Raises:
            UnsupportedModel: the template is not Jinja.
        """
        from jinja2 import meta

        with self._reading():
            return frozenset(meta.find_undeclared_variables(self._environment.parse(self.source)))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Refuse what would take long to read, and name what is wrong with a template."""
        from jinja2 import TemplateError, TemplateSyntaxError

        if len(self.source) > LONGEST_TEMPLATE:
            raise UnsupportedModel(f"the chat template has {len(self.source):,} characters")
        if not self._trusted and _LONG_NUMBER.search(self.source):  # Jinja would take 270 bytes for each of its digits
            raise UnsupportedModel("the chat template can't be read: it writes a number of more than 4,096 digits")
        try:
            yield
        except TemplateSyntaxError as error:
            raise UnsupportedModel(f"the chat template can't be read: line {error.lineno}: {error.message}") from error
        except Exception as error:  # such as one that is nested too deeply
            reason = error.message if isinstance(error, TemplateError) else type(error).__name__
            raise UnsupportedModel(f"the chat template can't be read: {reason}") from error

    def render(self, *, bos_token: str = "", eos_token: str = "", **variables: Any) -> list[Segment]:
        """Render the prompt, cut at its control tokens; the texts of the segments joined are the whole prompt.

        A template that does not come with edge-lam has two seconds of the processor, and by the clock as many as
        `rendering_within` leaves it.

        Raises:
            InvalidRequest: the template refuses these messages, or comes to no end.
            UnsupportedModel: the template is not Jinja.
        """
        from edge_lam.formats.budget import Budget, budget
        from edge_lam.formats.template_functions import join_bounded

        template = self._jinja
        tokens = {"bos_token": bos_token, "eos_token": eos_token}
        variables |= {key: self._names.get(token, token) for key, token in tokens.items()}
        outer = budget.set(Budget(_time_left.get()))
        try:
            if self._hidden:
                variables = {key: self._hide(value, self._spelled) for key, value in variables.items()}
            text = join_bounded(template.generate(**variables), LONGEST_PROMPT)
        except Exception as error:  # a template from a model file can fail in any way
            reason = str(error).partition("\n")[0][:LONGEST_REASON] or type(error).__name__
            raise InvalidRequest(f"the chat template refuses the messages: {reason}", param="messages") from error
        finally:
            budget.reset(outer)
        segments: list[Segment] = []
        for piece in self._names_in.split(text):
            if piece in self._markers:
                segments.append(Segment(self._markers[piece], True))
            else:
                segments += self._plain(piece)
        return segments

    @cached_property
    def _names_in(self) -> re.Pattern[str]:
        return re.compile(f"({'|'.join(map(re.escape, self._markers)) or '(?!)'})")

    def _hide(self, value: Any, spelled: re.Pattern[str]) -> Any:
        """Return a value in which no string spells a marker."""
        if isinstance(value, str):
            return spelled.sub(lambda found: self._hidden[found[0]], value)
        if isinstance(value, Mapping):
            if value.get("role") == "assistant":
                spelled = self._in_assistant
            return {self._hide(key, spelled): self._hide(item, spelled) for key, item in value.items()}
        return [self._hide(item, spelled) for item in value] if isinstance(value, list | tuple) else value

    def _plain(self, text: str) -> Iterator[Segment]:
        """Cut what stands between two markers at those that the template put together."""
        has_hidden = any(name in text for name in self._hidden.values())
        for piece in self._spelled.split(text):
            if piece in self._hidden:
                yield Segment(piece, True)
            else:
                yield from self.as_text(self._shown(piece) if has_hidden else piece)

    def as_text(self, text: str) -> Iterator[Segment]:
        """Cut plain text so that no tokenizer finds a token in it that is not meant."""
        start = 0
        for found in self._literal.finditer(text):
            end = found.start() + 1
            yield Segment(text[start:end], False)
            start = end
        if text[start:]:
            yield Segment(text[start:], False)

    def _shown(self, text: str) -> str:
        for marker, name in self._hidden.items():
            text = text.replace(name, marker)
        return text


def _finder(tokens: Sequence[str]) -> re.Pattern[str]:
    """Return what finds tokens, the longer ones first.

    There may be a thousand of them: each begins with a character of a set, which is what `re` finds fastest, and is
    tried only behind its own.
    """
    if not tokens:
        return re.compile("(\\0(?!))")  # nothing, which `re` sees at once
    rests: dict[str, list[str]] = {}
    for token in sorted(tokens, key=len, reverse=True):
        rests.setdefault(token[0], []).append(re.escape(token[1:]))
    behind = "|".join(f"(?<={re.escape(first)})(?:{'|'.join(rest)})" for first, rest in rests.items())
    return re.compile(f"([{''.join(map(re.escape, rests))}](?:{behind}))")
