"""The Jinja environment of chat templates: what `transformers` gives them, and bounds that a hostile one can't pass.

A template comes with a model file that anyone may have written: it can reach nothing outside, and its time, memory and
output are limited. Knows nothing of messages or formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from time import monotonic
from typing import Any

from jinja2 import TemplateError, nodes, pass_eval_context
from jinja2.ext import Extension
from jinja2.filters import do_indent, do_join
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST_STEPS = 200_000  # turns of loops, and calls
MOST_SECONDS = 5.0
LONGEST_TEXT = 8_000_000  # characters of any string
MOST_ITEMS = 200_000  # of what is written out at once
LONGEST_NUMBER = 4096  # bits
WIDEST = 1000  # of padding and indentation
FILTERS = (
    "abs capitalize count d default dictsort e escape first float groupby int items last length "
    "list lower map max min reject rejectattr reverse safe select selectattr sort sum title "
    "trim unique upper wordcount"
).split()
MOST_LINES = 10_000  # of an indented text
PADDING = {"center", "expandtabs", "ljust", "rjust", "zfill", "translate", "to_bytes"}


class TooMuchError(TemplateError):
    """The template passed a bound."""


class Budget:
    """What one rendering may still use."""

    def __init__(self) -> None:
        self._steps = MOST_STEPS
        self._deadline = monotonic() + MOST_SECONDS

    def take(self, steps: int = 1) -> None:
        """Use some of it."""
        self._steps -= steps
        if self._steps < 0 or monotonic() > self._deadline:
            raise TooMuchError("it does not come to an end")


budget: ContextVar[Budget] = ContextVar("budget")


class Generation(Extension):
    """``{% generation %}``, which `transformers` marks replies with for training; nothing to a prompt."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return what stands in the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja as `transformers` sets it up for chat templates, bounded.

    The functions are those that `transformers` documents for chat templates: `tojson` that leaves HTML and Unicode
    alone, `raise_exception`, `strftime_now`, and loop controls. Filters that no chat template needs are left out.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", Generation],
            optimized=False,  # it would compute constants while compiling, outside of the bounds
            finalize=bounded,
        )
        self.filters = {name: self.filters[name] for name in FILTERS} | {
            "tojson": to_json,
            "string": lambda value: str(bounded(value)),
            "replace": _replace,
            "join": _join_filter,
            "indent": _indent_filter,
        }
        known = {name: self.globals[name] for name in ("range", "dict", "namespace", "joiner", "cycler")}
        self.globals = known | {"raise_exception": raise_exception, "strftime_now": strftime_now}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed: nodes.Template = Bounds().visit(super()._parse(source, name, filename))
        parsed.set_environment(self)
        return parsed

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute what can grow without bounds only as far as it is sensible."""
        budget.get().take()
        if operator == "**" and not (_bits(left) * abs(right) <= LONGEST_NUMBER if isinstance(right, int) else True):
            raise TooMuchError("a number is too large")
        if operator == "*":
            size = _size(left) * abs(right) if isinstance(right, int) else _size(right) * abs(left)
            if (
                size > (LONGEST_TEXT if isinstance(left, str) or isinstance(right, str) else MOST_ITEMS)
                or _bits(left) + _bits(right) > LONGEST_NUMBER
            ):
                raise TooMuchError("a product is too large")
        elif operator == "%" and isinstance(left, str):
            _check_form(left)
            bounded(right, times=left.count("%"))
        elif operator == "+" and _size(left) + _size(right) > (LONGEST_TEXT if isinstance(left, str) else MOST_ITEMS):
            raise TooMuchError("a text is too long")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call what is safe, and count it."""
        budget.get().take()
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            return _replace(owner, *arguments)
        if isinstance(owner, str) and name == "join":
            return _join(owner, *arguments)
        return super().call(context, function, *arguments, **keywords)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Tell whether a template may use an attribute: no method that pads to any width."""
        pads = isinstance(obj, str | int) and attr in PADDING
        return not pads and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Any:
        """Return the sandbox's `str.format`, which pads to no great width."""
        function = super().wrap_str_format(value)
        if function is None:
            return None
        form: str = value.__self__

        def checked(*arguments: Any, **keywords: Any) -> str:
            _check_form(form)
            bounded([*arguments, keywords], times=form.count("{"))
            return function(*arguments, **keywords)

        return checked

    def tick(self) -> None:
        """Count a turn of a loop."""
        budget.get().take()

    def concat_bounded(self, *values: Any) -> str:
        """Join values: Jinja's ``~``."""
        return "".join(str(value) for value in bounded(list(values)))


class Bounds(NodeTransformer):
    """Rewrites a template so that its loops are counted and what it joins with ``~`` is measured."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - jinja2 looks it up
        """Count each turn, at its start."""
        self.generic_visit(node)
        tick = nodes.Call(nodes.EnvironmentAttribute("tick"), [], [], None, None)
        node.body.insert(0, nodes.ExprStmt(tick))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2 looks it up
        """Measure before joining."""
        self.generic_visit(node)
        return nodes.Call(nodes.EnvironmentAttribute("concat_bounded"), node.nodes, [], None, None, lineno=node.lineno)


def bounded(value: Any, times: int = 1) -> Any:
    """Return a value that is not too large to be written out so many times.

    A list that holds another twice, which holds another twice, is small in memory and endless when it is written.
    """
    size, n_items, waiting = 0, 0, [value]
    while waiting:
        item = waiting.pop()
        n_items += 1
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, Mapping):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set):
            waiting += item
        if size * times > LONGEST_TEXT or n_items + len(waiting) > MOST_ITEMS:
            raise TooMuchError("a text is too long")
    return value


# Indented JSON is written by Python itself, five times slower: tools, the same in each call, are remembered.
_indented: dict[tuple[object, ...], str] = {}
_KEPT = 256  # texts
_WORTH_KEEPING = 20_000  # characters, at most


def to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Return JSON as `transformers` writes it for templates: raw UTF-8, nothing escaped for HTML."""
    if (isinstance(indent, int) and indent > WIDEST) or (isinstance(indent, str) and len(indent) > WIDEST):
        raise TooMuchError("an indentation is too wide")
    value = bounded(value)
    text = json.dumps(value, ensure_ascii=ensure_ascii, separators=separators, sort_keys=sort_keys)
    if indent is None:
        return text
    key = text, ensure_ascii, indent, separators and tuple(separators), sort_keys
    if (indented := _indented.get(key)) is None:
        indented = json.dumps(
            value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )
        if len(_indented) >= _KEPT:
            _indented.clear()
        if len(text) <= _WORTH_KEEPING:
            _indented[key] = indented
    return indented


def raise_exception(message: str) -> None:
    """Let the template refuse."""
    raise TemplateError(message)


def strftime_now(form: str) -> str:
    """Return the local time in words."""
    if len(form) > WIDEST or re.search(r"\d{3}", form):
        raise TooMuchError("a form of time is too long")
    return datetime.now().strftime(form)


def collect(pieces: Iterable[str]) -> str:
    """Join what a template writes, as long as it is not too much."""
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > LONGEST_TEXT:
            raise TooMuchError(f"it writes more than {LONGEST_TEXT:,} characters")
        parts.append(piece)
    return "".join(parts)


def _replace(value: Any, given: Any, put: Any, count: int | None = None) -> str:
    text, old, new = str(bounded(value)), str(bounded(given)), str(bounded(put))
    times = len(text) + 1 if not old else text.count(old)
    if len(text) + times * len(new) > LONGEST_TEXT:
        raise TooMuchError("a text is too long")
    return text.replace(old, new, -1 if count is None else count)


def _join(separator: str, values: Iterable[Any]) -> str:
    items = list(values)
    if len(items) * len(separator) > LONGEST_TEXT:
        raise TooMuchError("a text is too long")
    return separator.join(bounded(items))


@pass_eval_context
def _join_filter(context: Any, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    items = list(value)
    if len(items) * len(str(d)) > LONGEST_TEXT:
        raise TooMuchError("a text is too long")
    joined: str = do_join(context, bounded(items), d, attribute)
    return joined


def _indent_filter(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    if _size(width) > WIDEST or (isinstance(width, int) and width > WIDEST) or text.count("\n") > MOST_LINES:
        raise TooMuchError("an indentation is too large")
    indented: str = do_indent(text, width, first, blank)
    return indented


def _check_form(form: str) -> None:
    """Refuse a format that pads to a great or a computed width."""
    if re.search(r"\d{4}|%[^a-zA-Z%]*\*|:[^{}]*\{", form):
        raise TooMuchError("a width is too large")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple | bytes) else 0


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0
