"""The language the tool catalog is written in: a tool, its parameters, and the ways people ask for it.

A `ToolSpec` holds everything the generator needs for one tool: its definition, request templates with `{slot}`
placeholders, requests that lack a required parameter, and what its result looks like. It knows nothing of chat
templates, tokens or training.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tiny_lam import slots

ResultKind = str | tuple[float, float, int] | Callable[[random.Random], Any]
PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z_.]+)(?P<second>2?)(?:=(?P<value>[^}]*))?\}")


@dataclass(frozen=True)
class Param:
    """One parameter: its JSON Schema and a way to draw (what the user says, what the call must hold) pairs.

    Attributes:
        description: the text shown to the model.
        schema: JSON Schema without the description, for example ``{"type": "string"}``.
        kind: a slot kind of `slots.KINDS` for strings and lists, else "".
        surfaces: for enums and booleans, the phrases that stand for each value.
        low, high, decimals: the range of integers and numbers.
        required: whether every call must carry it.

    """

    description: str
    schema: dict[str, Any]
    kind: str = ""
    surfaces: tuple[tuple[Any, tuple[str, ...]], ...] = ()
    low: float = 0
    high: float = 0
    decimals: int = 0
    required: bool = True

    def opt(self) -> Param:
        """Return the same parameter as an optional one."""
        return replace(self, required=False)

    def draw(self, rng: random.Random, *, held_out: bool = False, more: bool = False) -> tuple[str, Any]:
        """Draw one (surface, value) pair; `held_out` takes values that training never draws, `more` only it does."""
        if self.surfaces and self.schema["type"] == "array":
            chosen = rng.sample(self.surfaces, min(rng.choice((1, 2, 2, 3)), len(self.surfaces)))
            return slots.join_words([rng.choice(phrases) for _, phrases in chosen], rng), [value for value, _ in chosen]
        if self.surfaces:
            value, phrases = rng.choice(self.surfaces)
            return rng.choice(phrases), value
        if self.kind in slots.PAIRED:
            return (slots.MORE_PAIRED if more else slots.PAIRED)[self.kind](rng)
        kind = self.schema["type"]
        if kind in ("integer", "number"):
            return slots.number(rng, self.low, self.high, self.decimals)
        if kind == "array":
            count = rng.choice((1, 2, 2, 3))
            items = [slots.draw(self.kind, rng, held_out=held_out, more=more) for _ in range(count)]
            items = list(dict.fromkeys(items))
            return slots.join_words(items, rng), items
        value = slots.draw(self.kind, rng, held_out=held_out, more=more)
        return value, value


def S(description: str, kind: str) -> Param:  # noqa: N802 - one-letter names keep the catalog readable
    """String parameter whose value is copied from the request; `kind` names a slot kind."""
    if kind not in slots.KINDS and kind not in slots.PAIRED:
        raise ValueError(f"unknown slot kind {kind!r}; known: {', '.join(sorted(slots.KINDS))}")
    return Param(description, {"type": "string"}, kind=kind)


def L(description: str, kind: str) -> Param:  # noqa: N802
    """List of strings, said as "a, b and c"."""
    if kind not in slots.KINDS:
        raise ValueError(f"unknown slot kind {kind!r}; known: {', '.join(sorted(slots.KINDS))}")
    return Param(description, {"type": "array", "items": {"type": "string"}}, kind=kind)


def E(description: str, **values: list[str]) -> Param:  # noqa: N802
    """Enum of strings; each keyword is a value with the phrases that mean it: ``E("Unit", celsius=["celsius", "C"])``."""
    surfaces = tuple((value, tuple(phrases)) for value, phrases in values.items())
    return Param(description, {"type": "string", "enum": list(values)}, surfaces=surfaces)


def I(description: str, low: int, high: int) -> Param:  # noqa: N802, E743
    """Integer between `low` and `high`, inclusive."""
    return Param(description, {"type": "integer"}, low=low, high=high)


def N(description: str, low: float, high: float, decimals: int = 1) -> Param:  # noqa: N802
    """Number between `low` and `high` with up to `decimals` decimals (often none)."""
    return Param(description, {"type": "number"}, low=low, high=high, decimals=decimals)


def B(description: str, *, yes: list[str], no: list[str]) -> Param:  # noqa: N802
    """Boolean, with the phrases that mean true and those that mean false."""
    return Param(description, {"type": "boolean"}, surfaces=((True, tuple(yes)), (False, tuple(no))))


@dataclass(frozen=True)
class ToolSpec:
    """One tool of the catalog. See `tool` for the fields.

    A parameter ``when.day`` is the property ``day`` of the object ``when``.
    """

    name: str
    description: str
    params: dict[str, Param]
    says: tuple[str, ...]
    held: tuple[str, ...] = ()
    many: tuple[str, ...] = ()
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    result: dict[str, ResultKind] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    more: tuple[str, ...] = ()  # patterns of `phrasings`, drawn by training alone
    origin: str = ""  # the catalog name of a tool that goes by another one

    @property
    def required(self) -> list[str]:
        """Names of the required parameters, in schema order."""
        return [name for name, param in self.params.items() if param.required]

    def definition(self) -> dict[str, Any]:
        """The flat tool definition ``{"name", "description", "parameters"}`` that goes into the prompt."""
        return {"name": self.name, "description": self.description, "parameters": _object_schema(self.params)}


def _object_schema(params: dict[str, Param]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    members: dict[str, dict[str, Param]] = {}
    for name, param in params.items():
        parent, _, member = name.partition(".")
        if member:
            members.setdefault(parent, {})[member] = param
            properties[parent] = _object_schema(members[parent])
        else:
            properties[name] = {**param.schema, "description": param.description}
    required = dict.fromkeys(name.partition(".")[0] for name, param in params.items() if param.required)
    return {"type": "object", "properties": properties, "required": list(required)}


def nested(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments by the names of parameters as a call holds them: ``when.day`` within ``when``."""
    call: dict[str, Any] = {}
    for name, value in arguments.items():
        parent, _, member = name.partition(".")
        if member:
            call.setdefault(parent, {})[member] = value
        else:
            call[name] = value
    return call


def flat(call: dict[str, Any]) -> dict[str, Any]:
    """The opposite of `nested`."""
    arguments: dict[str, Any] = {}
    for name, value in call.items():
        arguments |= {f"{name}.{m}": v for m, v in value.items()} if isinstance(value, dict) else {name: value}
    return arguments


def tool(
    name: str,
    description: str,
    params: dict[str, Param] | None = None,
    *,
    says: list[str],
    held: list[str] | None = None,
    many: list[str] | None = None,
    missing: dict[str, list[str]] | None = None,
    result: dict[str, ResultKind] | None = None,
    answers: list[str] | None = None,
) -> ToolSpec:
    """Check and build one `ToolSpec`.

    Args:
        name: function name; any style (snake_case, camelCase, dotted).
        description: one short sentence.
        params: parameters by name, in schema order.
        says: request templates used in training; each holds every required parameter as ``{name}``, and any optional
            one it mentions. ``{name=value}`` prints nothing and sets the value, for phrases that fix it:
            ``"remind me in an hour{amount=1}{unit=hours}"``.
        held: templates never trained on, for evaluation.
        many: templates that ask for two calls: ``{city}`` belongs to the first, ``{city2}`` to the second, a
            parameter without a second form is shared.
        missing: by required parameter, requests that leave it out (they hold the other required ones).
        result: what the tool returns: by key, a slot kind, ``(low, high, decimals)``, or a function that draws a value.
        answers: texts that state the result, with ``{key}`` of the result or of the parameters.

    Raises:
        ValueError: a template misses a required parameter or names an unknown one.

    """
    spec = ToolSpec(
        name,
        description,
        params or {},
        tuple(says),
        tuple(held or ()),
        tuple(many or ()),
        {key: tuple(texts) for key, texts in (missing or {}).items()},
        result or {},
        tuple(answers or ()),
    )
    for text in (*spec.says, *spec.held, *spec.many):
        _check(spec, text, set(spec.required))
    for left_out, texts in spec.missing.items():
        if left_out not in spec.required:
            raise ValueError(f"{name}: missing={left_out!r} is not a required parameter")
        for text in texts:
            _check(spec, text, set(spec.required) - {left_out})
            if left_out in slots_of(text):
                raise ValueError(f"{name}: {text!r} holds {left_out!r}, which it should leave out")
    for text in spec.answers:
        unknown = slots_of(text) - set(spec.params) - set(spec.result)
        if unknown or not slots_of(text) & set(spec.result):
            raise ValueError(f"{name}: answer {text!r} must hold a key of the result and nothing unknown ({unknown})")
    for key, kind in spec.result.items():
        if isinstance(kind, str) and kind not in slots.KINDS:
            raise ValueError(f"{name}: result {key!r} has unknown slot kind {kind!r}")
    return spec


def slots_of(text: str) -> set[str]:
    """Names of the placeholders in a template, without the "2" of a second call."""
    return {match["name"] for match in PLACEHOLDER.finditer(text)}


def _check(spec: ToolSpec, text: str, needed: set[str]) -> None:
    found = slots_of(text)
    if needed - found:
        raise ValueError(f"{spec.name}: {text!r} lacks {sorted(needed - found)}")
    if found - set(spec.params):
        raise ValueError(f"{spec.name}: {text!r} names unknown {sorted(found - set(spec.params))}")
