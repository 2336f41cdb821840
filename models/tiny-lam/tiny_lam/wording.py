"""Surface variation: polite wrappers and casing of requests, other names and descriptions of tools."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from tiny_lam import slots
from tiny_lam.spec import PLACEHOLDER, ToolSpec

_COMMANDS = set(
    "add alert archive ask book build buy calculate call cancel change check clean close compare compress compute "
    "convert copy count create cut decrease define deliver deploy dial dim disable display download drop email enable "
    "encode estimate explain export extract file find fix flip get give go grab handle help increase issue jot keep "
    "launch let list lock log look lower make mark measure message move mute name navigate note notify open order "
    "organize pause pay pick ping plan play post print pull put quiz raise rank rate read record reduce refund remind "
    "remove rename rent reopen report request reserve resize restart restore resume return roll run save scan schedule "
    "search select send set share show shut skip sort spell split start stop store submit subtract sum switch take "
    "tell text toggle track transfer translate turn unlock unmute update upload use vacuum wake warm write zip".split()
)
_BEFORE_COMMAND = ("please ", "can you ", "could you ", "could you please ", "can you please ", "would you ",
                   "I need you to ", "I want you to ", "I'd like you to ", "go ahead and ", "just ", "hey, can you ")  # fmt: skip
_BEFORE_ANY = ("hey, ", "hi, ", "ok, ", "so, ", "hello, ", "quick question: ", "ok so ", "well, ", "hey ", "hi! ")
_AFTER = (" please", ", please", " thanks", ", thanks", ", thank you", " for me", " now", " right now", ", ok?")


def wrap(text: str, rng: random.Random, share: float) -> str:
    """Put polite words around a request or its template, change its first letter or final mark, each now and then."""
    text, silent = split_silent(text)
    first = text.split(" ", 1)[0].lower()
    if rng.random() < share:
        if first in _COMMANDS and rng.random() < 0.7:
            text = rng.choice(_BEFORE_COMMAND) + text[0].lower() + text[1:]
        elif rng.random() < 0.6:
            text = rng.choice(_BEFORE_ANY) + text
        elif text[-1] not in "?.!":
            text += rng.choice(_AFTER[:6])
    if rng.random() < 0.45 and text[0].islower():
        text = text[0].upper() + text[1:]
    roll = rng.random()
    if roll < 0.15:
        text = text.rstrip("?.!")
    elif roll < 0.35 and text[-1] not in "?.!":
        text += "?" if re.match(r"(?i)(can|could|would|what|how|which|who|when|where|is|are|do|does)\b", text) else "."
    return text + silent


def split_silent(template: str) -> tuple[str, str]:
    """Split off the ``{name=value}`` at the end of a template, which print nothing: a final mark goes before them."""
    match = re.search(r"(\{\w+=[^{}]*\})+$", template)
    return (template[: match.start()], match[0]) if match else (template, "")


_SYNONYMS = {
    "get": ("fetch", "retrieve", "lookup", "read", "query"), "set": ("configure", "define", "put", "assign"),
    "find": ("search", "locate", "lookup", "discover"), "search": ("find", "query", "lookup"),
    "create": ("make", "new", "add", "build"), "add": ("insert", "create", "append", "put"),
    "delete": ("remove", "erase", "drop"), "remove": ("delete", "erase", "drop"), "send": ("deliver", "dispatch", "post"),
    "list": ("show", "enumerate", "display", "get"), "show": ("display", "get", "view"), "book": ("reserve", "order"),
    "convert": ("transform", "change", "translate"), "calculate": ("compute", "eval", "evaluate", "work_out"),
    "check": ("verify", "inspect", "get"), "start": ("begin", "launch", "run"), "play": ("start", "stream"),
    "city": ("location", "town", "place", "where"), "location": ("place", "city", "where"), "name": ("title", "label", "who"),
    "person": ("contact", "name", "recipient", "who"), "to": ("recipient", "target", "destination"),
    "date": ("day", "when", "on_date"), "time": ("at", "hour", "when"), "text": ("content", "body", "message"),
    "message": ("text", "body", "content"), "amount": ("value", "quantity", "number"), "value": ("amount", "number", "input"),
    "query": ("q", "term", "search_text", "keywords"), "item": ("product", "thing", "article"), "path": ("folder", "dir", "directory"),
    "file": ("filename", "path", "document"), "title": ("name", "heading", "label"), "unit": ("units", "measure"),
    "expression": ("formula", "input", "math"), "language": ("lang", "target_language"), "count": ("n", "number", "how_many"),
    "topic": ("subject", "theme", "about"), "email": ("mail", "address", "recipient"), "room": ("area", "zone", "place"),
    "resource": ("what", "component", "part"), "duration": ("length", "minutes", "how_long"), "song": ("track", "title"),
}  # fmt: skip


def disguise(tool: ToolSpec, rng: random.Random) -> ToolSpec:
    """The same tool under other names: style of the name, synonyms, parameter names, order, lost descriptions."""
    names = {old: _rename(old, rng, 0.5) for old in tool.params}
    if len(set(names.values())) < len(names):
        names = {old: old for old in tool.params}
    items = list(tool.params.items())
    if rng.random() < 0.3:
        rng.shuffle(items)
    params = {}
    for old, param in items:
        description = param.description
        if rng.random() < 0.15:
            description = names[old].replace("_", " ").capitalize()
        params[names[old]] = replace(param, description=description)

    def renamed(text: str) -> str:
        return PLACEHOLDER.sub(
            lambda m: (
                "{"
                + names.get(m["name"], m["name"])
                + m["second"]
                + (f"={m['value']}" if m["value"] is not None else "")
                + "}"
            ),
            text,
        )

    # Results keep their keys: an answer then names parameters under their old names, which `draw_result` skips.
    return replace(
        tool,
        name=_style(_rename(tool.name, rng, 0.4), rng),
        description=tool.description.rstrip(".") + rng.choice(("", ".", " for the user.", " now.")),
        params=params,
        says=tuple(map(renamed, tool.says)),
        held=tuple(map(renamed, tool.held)),
        many=tuple(map(renamed, tool.many)),
        more=tuple(map(renamed, tool.more)),
        missing={names[left_out]: tuple(map(renamed, texts)) for left_out, texts in tool.missing.items()},
        answers=tuple(map(renamed, tool.answers)) if not set(tool.params) & set(tool.result) else (),
        origin=tool.origin or tool.name,
    )


def _rename(name: str, rng: random.Random, share: float) -> str:
    if rng.random() < 0.08:
        return slots.made_up_word(rng, capital=False)
    words = [rng.choice(_SYNONYMS[w]) if w in _SYNONYMS and rng.random() < share else w for w in split_words(name)]
    return "_".join(words)


def split_words(name: str) -> list[str]:
    """Words of an identifier in any style."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\s_.\-]+", spaced) if word]


def _style(name: str, rng: random.Random) -> str:
    words = split_words(name)
    roll = rng.random()
    if roll < 0.55 or len(words) < 2:
        return "_".join(words)
    if roll < 0.75:
        return words[0] + "".join(word.capitalize() for word in words[1:])
    if roll < 0.88:
        return words[-1] + "." + "_".join(words[:-1])
    return "-".join(words)
