"""More tools to learn from, written as people's apps have them; one text file to a kind of app.

No tool of a file does the work of another: what is asked of one that is not given has to be declined.

    # contacts_add | Save a new contact in the address book.
    name: text person | Full name of the contact
    kind?: choice home=home|private, work | Kind of number
    age?: whole 1..99 | Age in years
    weight?: number 1..90 | Weight in kilograms
    tags?: list label | Tags to put on it
    ring?: text marimba|old phone|waves | Ring tone, of these or any other words
    days?: choices mon=Monday|Mondays, tue=Tuesday | Days on which to ring
    starred?: flag starred|as a favorite / not starred | Whether it is a favorite
    - save {name} in my contacts
    + save {name} and {name2} in my contacts
    ? name: add a contact, it is a {kind} number
    = number: 1..900
    > {name} is contact number {number}.

A line ``name: TYPE | description`` is a parameter, ``name?:`` an optional one, ``when.day:`` one in an object; "-" is a
request, "+" one for two calls, "?" one that lacks the parameter it names, "=" a value of the result and ">" an answer
that states it. Placeholders and kinds of values are tiny-lam's (`tiny_lam.spec`, `tiny_lam.slots`); "text" and
"list" take words of their own instead of a kind, "choices" is a list of an enum's values.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiny_lam.spec import B, E, I, L, N, Param, S, ToolSpec, tool

_PARAMETER = re.compile(r"(?P<name>[\w.]+)(?P<optional>\??): (?P<type>\w+) (?P<values>.+?) \| (?P<description>.+)")


def read_tools(file: Path) -> list[ToolSpec]:
    """The tools of one file.

    Raises:
        ValueError: a line that is none of these, or a request that does not fit its tool.

    """
    blocks = re.split(r"^# ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if blocks[0].strip():
        raise ValueError(f"{file}: text before the first tool, a line '# name | description'")
    return [_tool(file, block) for block in blocks[1:]]


def _tool(file: Path, block: str) -> ToolSpec:
    head, *lines = filter(None, map(str.strip, block.splitlines()))
    name, _, description = head.partition(" | ")
    params: dict[str, Param] = {}
    texts: dict[str, list[str]] = {"-": [], "+": [], ">": []}
    missing: dict[str, list[str]] = {}
    result: dict[str, Any] = {}
    for line in lines:
        sign, _, text = line.partition(" ")
        if sign in texts:
            texts[sign].append(text)
        elif sign == "?":
            left_out, _, request = text.partition(": ")
            missing.setdefault(left_out, []).append(request)
        elif sign == "=":
            key, _, kind = text.partition(": ")
            result[key] = (*_range(kind), 0) if ".." in kind else kind
        elif found := _PARAMETER.fullmatch(line):
            param = _param(found["type"], found["values"], found["description"])
            params[found["name"]] = param.opt() if found["optional"] else param
        else:
            raise ValueError(f"{file}: {name}: {line!r} is no line of a tool")
    return tool(
        name,
        description,
        params,
        says=texts["-"],
        many=texts["+"],
        missing=missing,
        result=result,
        answers=texts[">"],
    )


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("..")
    return int(low), int(high)


def _param(kind: str, values: str, description: str) -> Param:
    if kind in ("text", "list"):
        return _copied(kind, values, description)
    if kind == "whole":
        return I(description, *_range(values))
    if kind == "number":
        return N(description, *_range(values), 1)
    if kind in ("choice", "choices"):
        pairs = (value.partition("=") for value in values.split(", "))
        one = E(description, **{value: said.split("|") if said else [words(value)] for value, _, said in pairs})
        return one if kind == "choice" else replace(one, schema={"type": "array", "items": one.schema})
    if kind == "flag":
        yes, _, no = values.partition(" / ")
        return B(description, yes=yes.split("|"), no=no.split("|"))
    raise ValueError(f"unknown type {kind!r}; known: text, list, whole, number, choice, choices, flag")


def _copied(kind: str, values: str, description: str) -> Param:
    """A string or a list of them: of a kind, or of the words between the bars, which the schema does not name."""
    if "|" not in values:
        return S(description, values) if kind == "text" else L(description, values)
    schema = {"type": "string"} if kind == "text" else {"type": "array", "items": {"type": "string"}}
    return Param(description, schema, surfaces=tuple((value, (value,)) for value in values.split("|")))


def words(value: str) -> str:
    """How a value of a choice is said."""
    return value.replace("_", " ")


APPS: tuple[tuple[ToolSpec, ...], ...] = tuple(
    tuple(read_tools(file)) for file in sorted(Path(__file__).parent.glob("*.txt"))
)
TOOLS: tuple[ToolSpec, ...] = tuple(each for app in APPS for each in app)
