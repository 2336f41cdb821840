"""The Jinja environments of chat templates: what `transformers` gives them, and bounds that a hostile one can't pass.

A template comes with a model file that anyone may have written: it can reach nothing outside, and what it does is
weighed before it is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from types import GeneratorType
from typing import Any

from jinja2 import nodes, pass_environment, pass_eval_context
from jinja2.filters import do_indent, do_int, do_join, do_sum
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from edge_lam.formats.budget import LONGEST_NUMBER, LONGEST_TEXT, TooMuchError, at_hand, bits, budget, made, paid, width
from edge_lam.formats.rewriting import BoundedLength, Bounds, Generation, Queues
from edge_lam.formats.template_functions import raise_exception, strftime_now, to_json

WIDEST = 1000  # of padding and indentation
MAX_LINES = 10_000  # of an indented text

FILTERS = (
    "abs capitalize count d default dictsort e escape first float groupby indent int items join last length "
    "list lower map max min reject rejectattr replace reverse safe select selectattr sort string sum title "
    "trim unique upper wordcount"
).split()
# Filters and methods that hand on what they were given, or look at how much it is: only the width of it is paid for.
SHALLOW = frozenset(
    "copy count first get items keys last length list map reject rejectattr reverse safe select selectattr "
    "values".split()
)
READING_TESTS = frozenset("!= < <= == > >= eq equalto ge greaterthan gt in le lessthan lower lt ne upper".split())
# What a template may call of values. All else is left out, for want of a law of how much it makes.
METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        "capitalize casefold count endswith find format format_map index isalnum isalpha isascii isdecimal isdigit "
        "islower isnumeric isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind "
        "rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper".split()
    ),
    dict: frozenset("copy get items keys values".split()),
    list: frozenset("copy count index".split()),
    tuple: frozenset("count index".split()),
}
SEARCHING = frozenset("lstrip rfind rindex rpartition rsplit rstrip strip".split())


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """Jinja as `transformers` sets it up for chat templates: for the templates that come with edge-lam.

    The functions are those that `transformers` documents: `tojson` that leaves HTML and Unicode alone,
    `raise_exception`, `strftime_now`, and loop controls. Filters that no chat template needs are left out.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("extensions", ["jinja2.ext.loopcontrols", Generation])
        super().__init__(trim_blocks=True, lstrip_blocks=True, **options)
        self.filters = {name: self.filters[name] for name in FILTERS} | {"tojson": to_json}
        known = {name: self.globals[name] for name in ("range", "dict", "namespace", "joiner", "cycler")}
        self.globals = known | {"raise_exception": raise_exception, "strftime_now": strftime_now}


class BoundedEnvironment(ChatEnvironment):
    """The same for the template of a stranger: every operation is weighed, and paid for out of `budget`."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            extensions=["jinja2.ext.loopcontrols", Generation, BoundedLength],
            optimized=False,  # it would compute constants while compiling, outside of the bounds
            finalize=_written,
        )
        functions: dict[str, Any] = self.filters | {"indent": _indent, "int": _int, "join": _join_filter}
        functions |= {"replace": _replace, "sum": _sum, "trim": _trim}
        self.filters = {name: _weighed(function, _cost_of_filter(name)) for name, function in functions.items()}
        self.filters |= {"<made>": made, "<paid>": paid, "<tick>": _tick, "<concat>": _concat}  # for `Bounds` only
        tests: dict[str, Any] = self.tests
        reads = {name: paid if name in READING_TESTS else _as_it_is for name in tests}
        self.tests = {name: _weighed(function, reads[name]) for name, function in tests.items()}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed: nodes.Template = Bounds().visit(Queues().visit(super()._parse(source, name, filename)))
        parsed.set_environment(self)
        return parsed

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute or item, in time."""
        budget.get().check_time()
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item or attribute, in time."""
        budget.get().check_time()
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Tell whether a template may use an attribute: of plain values, the methods that are known."""
        if isinstance(obj, int | float | bytes | type | GeneratorType) or obj is None:
            return False
        allowed = next((names for kind, names in METHODS.items() if isinstance(obj, kind)), None)
        return (allowed is None or attr in allowed) and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute what is small enough."""
        budget.get().step()
        pay = paid if operator == "%" else made
        pay(left), pay(right)
        if operator == "**" and isinstance(right, int | float) and bits(left) * abs(right) > LONGEST_NUMBER:
            raise TooMuchError("a number is too large")
        if operator == "*":
            for value, times in ((left, right), (right, left)):
                if isinstance(value, str | list | tuple) and isinstance(times, int):
                    _check_size(width(value) * times)
        elif operator == "%" and isinstance(left, str):
            _check_form(left)
            _check_size(width(left) + left.count("%") * budget.get().weigh(right))
        return made(super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call what is safe, weighed before and after."""
        budget.get().step()
        if isinstance(function, Macro) or function is self.globals["namespace"]:  # its parts pay for themselves
            return super().call(context, function, *arguments, **keywords)
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        is_method = isinstance(owner, str | dict | list | tuple)
        pay = paid if is_method and name not in SHALLOW else made
        arguments = tuple(pay(at_hand(argument)) for argument in arguments)
        _pay_keywords(keywords)
        if isinstance(owner, str):
            paid(owner)
            if name in ("replace", "join"):
                return (_replace if name == "replace" else _join)(owner, *arguments)
            if name in SEARCHING and arguments:
                _pay_search(owner, arguments[0])
        elif is_method:
            pay(owner)
        return pay(super().call(context, function, *arguments, **keywords))

    def wrap_str_format(self, value: Any) -> Any:
        """Return the sandbox's `str.format`, which pads to no great width."""
        function = super().wrap_str_format(value)
        if function is None:
            return None
        form: str = value.__self__

        def checked(*arguments: Any, **keywords: Any) -> Any:
            _check_form(form)
            _check_size(width(form) + form.count("{") * budget.get().weigh([*arguments, keywords]))
            return function(*arguments, **keywords)

        return checked


def _weighed(function: Callable[..., Any], pay: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a filter or test that pays for what it is given and for what it makes."""
    n_passed = 1 if hasattr(function, "jinja_pass_arg") else 0  # the context or the environment

    @wraps(function)
    def weighed(*arguments: Any, **keywords: Any) -> Any:
        budget.get().step()
        values = [pay(at_hand(value)) for value in arguments[n_passed:]]
        _pay_keywords(keywords)
        return pay(function(*arguments[:n_passed], *values, **keywords))

    return weighed


def _cost_of_filter(name: str) -> Callable[[Any], Any]:
    if name in ("d", "default"):
        return _as_it_is
    return made if name in SHALLOW else paid


def _as_it_is(value: Any) -> Any:
    return value


def _pay_keywords(keywords: dict[str, Any]) -> None:
    """Pay for keyword arguments, but for those that Jinja adds."""
    for name, value in keywords.items():
        if not name.startswith("_"):
            paid(value)


def _pay_search(text: str, wanted: Any) -> None:
    """Pay for a search that may look at all of both for each place: Python has fast ones from the left only."""
    if isinstance(wanted, str):
        budget.get().spend(len(text) * len(wanted) // 16)


def _tick(_: None) -> None:
    budget.get().step()


def _written(value: Any) -> Any:
    """Pay for what is about to be written; a text may be as long as what is left to spend."""
    if isinstance(value, str):
        budget.get().spend(width(value))
        return value
    return paid(value)


def _concat(values: list[Any]) -> Any:
    """Join values: Jinja's ``~``."""
    return made("".join(str(paid(value)) for value in values))


def _int(value: Any, default: int = 0, base: int = 10) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_NUMBER:
        raise TooMuchError("a number is too large")
    return do_int(value, default, base)


def _replace(value: Any, given: Any, put: Any, count: int | None = None) -> Any:
    text, old, new = str(value), str(given), str(put)
    _check_size(width(text) + text.count(old) * width(new))
    return made(text.replace(old, new, -1 if count is None else count))


def _join(separator: str, values: Iterable[Any]) -> Any:
    items = list(values)
    _check_size(len(items) * width(separator))
    return made(separator.join(items))


@pass_eval_context
def _join_filter(context: Any, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> Any:
    items = list(value)
    _check_size(len(items) * width(str(d)))
    return do_join(context, items, d, attribute)


@pass_environment
def _sum(environment: Any, values: list[Any], attribute: str | int | None = None, start: Any = 0) -> Any:
    if not isinstance(start, int | float):  # lists: each is added to a copy of all before it
        budget.get().spend(len(values) * budget.get().weigh(values))
    return do_sum(environment, values, attribute, start)


def _trim(value: Any, chars: str | None = None) -> str:
    text = str(value)
    _pay_search(text, chars)
    return text.strip(chars)


def _indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    wide = len(width) if isinstance(width, str) else width
    if wide > WIDEST or text.count("\n") > MAX_LINES:
        raise TooMuchError("an indentation is too large")
    indented: str = do_indent(text, width, first, blank)
    return indented


def _check_form(form: str) -> None:
    """Refuse a format that pads to a great or a computed width."""
    if re.search(r"\d{4}|%[^a-zA-Z%]*\*|:[^{}]*\{", form):
        raise TooMuchError("a width is too large")


def _check_size(n_bytes: int) -> None:
    if n_bytes > LONGEST_TEXT:
        raise TooMuchError("a text is too long")
