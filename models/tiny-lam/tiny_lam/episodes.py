"""Episodes: one system text, one set of tools, and several independent conversations over them.

Draws tools (hand-written, renamed, procedural), requests (one call, parallel, irrelevant, missing information, chat)
and follow-ups (tool results turned into text, tool errors, second requests). Everything is text; it knows nothing of
tokens.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any, Literal

from tiny_lam import catalog, phrasings, replies, slots
from tiny_lam.absent import near_tool, other_procedural, other_tool, same_app
from tiny_lam.procedural import procedural_tool
from tiny_lam.prompt import DEFAULT_SYSTEM
from tiny_lam.spec import PLACEHOLDER, Param, ToolSpec, flat, nested
from tiny_lam.wording import disguise, split_silent, wrap

Kind = Literal["call", "parallel", "irrelevant", "missing", "result", "chat"]
Call = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One message and the reply to it; `kind` is what the reply does. `before` are the results of earlier calls."""

    role: Literal["user", "tool"]
    content: str
    reply: str | list[Call]
    kind: Kind
    before: tuple[str, ...] = ()

    @property
    def contents(self) -> tuple[str, ...]:
        """All messages that the reply answers."""
        return (*self.before, self.content)


@dataclass(frozen=True)
class Episode:
    """Tools shared by several conversations, each a list of turns that sees only the tools and itself."""

    system: str
    tools: list[ToolSpec]
    conversations: list[list[Turn]]


@dataclass(frozen=True)
class Mix:
    """What to draw: number of tools, whose tools, and how often each kind of request comes.

    Attributes:
        n_tools: smallest and largest number of tools of one episode.
        demo: share of episodes over the demo's tools (half of them with all eight).
        procedural: share of procedural tools among the others.
        renamed: share of the others that get other names, parameter names or descriptions.
        held_phrasing: use only the held-out templates.
        held_values: use only held-out slot values.
        more_values: draw them from the larger pools too, or compose them; so does `more`.
        tools: draw from these instead of the trained catalog.
        apps: sets of them that belong together, none of which does another's work: they are drawn together, and a
            request for one that is not given is declined.
        more: draw requests from the tools' patterns too, many in other words, and values and sums in more forms;
            requests that no tool serves from patterns of small talk. Only training does, so that what the evaluation
            draws stays the same when phrasings are added.
        toolless: share of episodes without any tool, in which a request is answered by saying so.
        results: how often parallel calls are followed by all their results.
        near: how often an irrelevant request is for a tool like those given: another of the demo's, or a twin.
        wrapped: how often polite words go around a request.
        scrambled: how often a slot for strings takes values of any kind, so that what is usual there can't be guessed.
        weights: how often each kind of conversation comes.

    """

    n_tools: tuple[int, int] = (1, 5)
    demo: float = 0.33
    procedural: float = 0.35
    renamed: float = 0.4
    held_phrasing: bool = False
    held_values: bool = False
    more_values: bool = False
    tools: tuple[ToolSpec, ...] = ()
    apps: tuple[tuple[ToolSpec, ...], ...] = ()
    wrapped: float = 0.4
    scrambled: float = 0.0
    more: bool = False
    toolless: float = 0.0
    results: float = 0.0
    near: float = 0.0
    weights: tuple[tuple[Kind, float], ...] = (
        ("call", 0.41),
        ("parallel", 0.17),
        ("irrelevant", 0.19),
        ("missing", 0.11),
        ("result", 0.09),
        ("chat", 0.03),
    )


SYSTEMS = (
    "You are a helpful assistant.",
    "You are an assistant on a phone. Be short.",
    "You help the user with tools.",
    "Answer briefly.",
    "You are a friendly voice assistant.",
)
TOOLLESS_WEIGHTS: tuple[tuple[Kind, float], ...] = (("irrelevant", 0.6), ("chat", 0.4))
MAX_FAILURES = 50
CONNECTORS = (", and ", " and ", " and also ", ". Also, ", ", then ", " and then ", "; ", ". And ", ", plus ", " and ")


def draw_episode(rng: random.Random, mix: Mix, n_conversations: int) -> Episode:
    """Draw one episode with `n_conversations` conversations."""
    if mix.toolless and rng.random() < mix.toolless:
        tools, weights = [], TOOLLESS_WEIGHTS
    else:
        tools, weights = draw_tools(rng, mix), mix.weights
    system = rng.choice(SYSTEMS) if rng.random() < 0.05 else DEFAULT_SYSTEM
    kinds, shares = zip(*weights, strict=True)
    conversations: list[list[Turn]] = []
    failures = 0
    while len(conversations) < n_conversations:
        kind = rng.choices(kinds, shares)[0]
        conversation = draw_conversation(rng, mix, tools, kind)
        if conversation:
            conversations.append(conversation)
            continue
        failures += 1
        if failures == MAX_FAILURES:  # such as two different calls of one tool without parameters
            tools, conversations, failures = draw_tools(rng, mix), [], 0
    return Episode(system, tools, conversations)


def draw_tools(rng: random.Random, mix: Mix) -> list[ToolSpec]:
    """Draw the tools of one episode; names are unique."""
    count = rng.randint(*mix.n_tools)
    pool = list(mix.tools) or catalog.TRAINED
    chosen: list[ToolSpec] = []
    if not mix.tools and rng.random() < mix.demo:
        chosen = list(catalog.DEMO) if rng.random() < 0.4 else rng.sample(catalog.DEMO, min(count, len(catalog.DEMO)))
        if mix.n_tools[1] == 1:
            chosen = chosen[:1]
    while len(chosen) < count:
        if rng.random() < mix.procedural:
            twin = rng.choice(chosen).name.split("_") if chosen and rng.random() < 0.4 else []
            same_verb = len(twin) == 2 and rng.random() < 0.5
            noun = twin[1] if len(twin) == 2 and not same_verb else ""
            new = procedural_tool(rng, verb=twin[0] if same_verb else "", noun=noun, more=mix.more)
        else:
            of_the_app = same_app({tool.origin or tool.name for tool in chosen}, mix.apps) if mix.apps else []
            new = rng.choice(of_the_app if of_the_app and rng.random() < 0.5 else pool)
        if rng.random() < mix.renamed:
            new = disguise(new, rng)
        if new.name not in {tool.name for tool in chosen}:
            chosen.append(new)
    rng.shuffle(chosen)
    return chosen


def draw_conversation(rng: random.Random, mix: Mix, tools: list[ToolSpec], kind: Kind) -> list[Turn]:
    """Draw one conversation of `kind`, or [] where these tools allow none."""
    if kind == "chat":
        return [_chat(rng, tools)]
    if kind == "irrelevant":
        reply = replies.NO_TOOL if tools else replies.NO_TOOLS_AT_ALL
        return [Turn("user", _irrelevant(rng, mix, tools), reply, "irrelevant")]
    if kind == "missing":
        return _missing(rng, mix, tools)
    if kind == "parallel":
        text, calls = _parallel(rng, mix, tools)
        if len(calls) < 2:
            return []
        turns = [Turn("user", text, calls, "parallel")]
        return [*turns, _results(rng, tools, calls)] if mix.results and rng.random() < mix.results else turns
    tool = rng.choice(tools)
    text, calls, _said = ask(rng, tool, mix)
    turns = [Turn("user", text, calls, "call")]
    if kind == "result":
        content, answer = draw_result(rng, tool, calls[0]["arguments"])
        turns.append(Turn("tool", content, answer, "result"))
        if rng.random() < 0.3:
            other = rng.choice(tools)
            text, calls, _said = ask(rng, other, mix)
            turns.append(Turn("user", text, calls, "call"))
    return turns


def ask(rng: random.Random, tool: ToolSpec, mix: Mix) -> tuple[str, list[Call], dict[str, str]]:
    """Draw a request for one call of `tool`: text, calls, and what was said for each parameter."""
    # Wrapped before it is filled: no value loses its full stop or gets a capital that the call does not have.
    return _fill(rng, tool, wrap(_template(rng, tool, mix), rng, mix.wrapped), mix)


def _template(rng: random.Random, tool: ToolSpec, mix: Mix) -> str:
    if mix.more:
        return phrasings.draw_template(tool, rng, phrasings.FREE if tool in catalog.DEMO else phrasings.NEAR)
    return rng.choice(tool.held if mix.held_phrasing and tool.held else tool.says)


def _fill(rng: random.Random, tool: ToolSpec, template: str, mix: Mix) -> tuple[str, list[Call], dict[str, str]]:
    """Fill a template; a "2" slot makes a second call that shares what it does not name itself."""
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    said: dict[str, str] = {}
    lower = rng.random() < 0.08
    for match in PLACEHOLDER.finditer(template):  # first what is fixed: a second unit must fit it
        if match["value"] is not None:
            target = second if match["second"] else first
            target[match["name"]] = _constant(tool, match["name"], match["value"])
    parts, end = [], 0
    for match in PLACEHOLDER.finditer(template):
        name, target = match["name"], second if match["second"] else first
        parts.append(template[end : match.start()])
        end = match.end()
        if match["value"] is not None:
            continue
        taken = {str(value).lower() for value in (*first.values(), *target.values())}
        param = tool.params[name]
        for _ in range(5):  # two calls, and two values of one call, should differ
            surface, value = _draw_value(rng, param, mix, _unit_of(tool, {**first, **target}))
            if not isinstance(value, str) or value.lower() not in taken:
                break
        else:
            if param.kind in slots.KINDS:
                surface = value = slots.draw_other(param.kind, taken, rng)
        if lower and isinstance(value, str) and surface == value:
            surface = value.lower()
            value = value if param.surfaces else surface  # an enum's value stays as the schema spells it
        target[name] = value
        said[name + match["second"]] = surface
        parts.append(surface)
    text = "".join([*parts, template[end:]])
    ordered = [first] if not second else [first, {**first, **second}]
    return text, [{"name": tool.name, "arguments": in_order(tool, arguments)} for arguments in ordered], said


def _unit_of(tool: ToolSpec, arguments: dict[str, Any]) -> str | None:
    return next((value for name, value in arguments.items() if tool.params[name].kind == "unit"), None)


def _draw_value(rng: random.Random, param: Param, mix: Mix, unit: str | None) -> tuple[str, Any]:
    """Draw what is said and what is meant; a second unit measures what the first, `unit`, does."""
    if param.kind in slots.KINDS and param.schema["type"] == "string" and rng.random() < mix.scrambled:
        value = slots.draw_any(rng, param.kind)
        return value, value
    if param.schema["type"] == "array" and param.kind and mix.scrambled and rng.random() < mix.scrambled:
        items = slots.draw_any_list(rng, param.kind)
        return slots.join_words(items, rng), items
    if unit and param.kind == "unit":
        value = slots.draw_like_unit(unit, rng, held_out=mix.held_values)
        return value, value
    return param.draw(rng, held_out=mix.held_values, more=mix.more or mix.more_values)


def in_order(tool: ToolSpec, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments by parameter as a call holds them, in schema order."""
    return nested({name: arguments[name] for name in tool.params if name in arguments})


def _constant(tool: ToolSpec, name: str, text: str) -> Any:
    if tool.params[name].schema["type"] == "string":
        return text
    return json.loads(text)


def _parallel(rng: random.Random, mix: Mix, tools: list[ToolSpec]) -> tuple[str, list[Call]]:
    doubles = [tool for tool in tools if tool.many]
    if doubles and rng.random() < 0.4:
        tool = rng.choice(doubles)
        text, calls, _said = _fill(rng, tool, wrap(rng.choice(tool.many), rng, mix.wrapped), mix)
        return text, calls
    count = 3 if rng.random() < 0.12 else 2
    used = [rng.choice(tools) for _ in range(count)]
    if len(tools) > 1 and used[0] is used[1]:
        used[1] = rng.choice([tool for tool in tools if tool is not used[0]])
    texts, calls = [], []
    for position, tool in enumerate(used):
        template = _template(rng, tool, mix)
        if position == 0:
            template = wrap(template, rng, mix.wrapped)
        template, silent = split_silent(template)
        template = template.rstrip("?.!") + silent
        text, new, _said = _fill(rng, tool, template, mix)
        if new[0] in calls:
            return "", []
        texts.append(text)
        calls.extend(new)
    end = rng.choice(("", "", "?", "."))
    return ", ".join(texts[:-1]) + rng.choice(CONNECTORS) + texts[-1] + end, calls


def _missing(rng: random.Random, mix: Mix, tools: list[ToolSpec]) -> list[Turn]:
    able = [tool for tool in tools if tool.missing]
    if not able:
        return []
    tool = rng.choice(able)
    left_out = rng.choice(sorted(tool.missing))
    text, calls, _said = _fill(rng, tool, wrap(rng.choice(tool.missing[left_out]), rng, mix.wrapped), mix)
    turns = [Turn("user", text, replies.ask_for(left_out.rpartition(".")[2]), "missing")]
    if rng.random() < 0.25:  # the user then says it
        surface, value = tool.params[left_out].draw(rng, held_out=mix.held_values, more=mix.more or mix.more_values)
        call = {"name": tool.name, "arguments": in_order(tool, {**flat(calls[0]["arguments"]), left_out: value})}
        turns.append(Turn("user", surface, [call], "call"))
    return turns


def _irrelevant(rng: random.Random, mix: Mix, tools: list[ToolSpec]) -> str:
    plain = replace(mix, held_phrasing=False)
    if mix.near and rng.random() < mix.near and (near := near_tool(rng, tools, mix.apps)):
        return ask(rng, near, plain)[0]
    roll = rng.random()
    if mix.more and roll < 0.4:
        demo = all(tool in catalog.DEMO for tool in tools)
        return wrap(phrasings.small_talk(rng, demo=demo), rng, mix.wrapped)
    if roll < 0.5:
        texts = replies.IRRELEVANT_HELD_OUT if mix.held_values else replies.IRRELEVANT
        return wrap(rng.choice(texts), rng, mix.wrapped)
    return ask(rng, other_tool(rng, tools, mix.tools) if roll < 0.85 else other_procedural(rng, tools), plain)[0]


def _chat(rng: random.Random, tools: list[ToolSpec]) -> Turn:
    if rng.random() < 0.25:
        text = rng.choice(replies.WHAT_CAN_YOU_DO)
        return Turn("user", text, replies.tool_list([tool.name for tool in tools]), "chat")
    reply, texts = rng.choice(replies.CHAT)
    text = rng.choice(texts)
    return Turn("user", text.capitalize() if rng.random() < 0.3 else text, reply, "chat")


ERRORS = (
    "ValueError: unknown {word}", "TimeoutError: no answer after {n} s", "FileNotFoundError: {word}",
    "PermissionError: {word} is protected", "KeyError: '{word}'", "ConnectionError: {word} is offline",
    "ValueError: {n} is too large", "RuntimeError: {word} failed with code {n}", "TypeError: {word} is no number",
)  # fmt: skip


def draw_result(rng: random.Random, tool: ToolSpec, arguments: dict[str, Any]) -> tuple[str, str]:
    """Draw what the tool returns, as the text of the tool message, and the answer that states it."""
    if rng.random() < 0.12 or not tool.result:
        error = rng.choice(ERRORS).format(word=slots.made_up_word(rng), n=rng.randint(1, 600))
        return json.dumps({"error": error}, ensure_ascii=False), replies.tool_failed(error)
    result: dict[str, Any] = {}
    for key, kind in tool.result.items():
        if key in arguments and rng.random() < 0.8:
            result[key] = arguments[key]
        elif callable(kind):
            result[key] = kind(rng)
        elif isinstance(kind, str):
            result[key] = slots.draw(kind, rng)
        else:
            result[key] = slots.number(rng, *kind)[1]
    # An answer may use parameters only where the call carried them.
    known = {**flat(arguments), **result}
    able = [text for text in tool.answers if all(match["name"] in known for match in PLACEHOLDER.finditer(text))]
    if able:
        # Always the first that fits: what is said the same way each time is learnt soonest.
        answer = PLACEHOLDER.sub(lambda match: _say(known[match["name"]]), able[0])
    else:
        answer = "; ".join(f"{replies.words_of(key)}: {_say(value)}" for key, value in result.items()) + "."
    return json.dumps(result, ensure_ascii=False), answer


def _results(rng: random.Random, tools: list[ToolSpec], calls: list[Call]) -> Turn:
    """The results of several calls, and the answer that states each of them."""
    by_name = {tool.name: tool for tool in tools}
    drawn = [draw_result(rng, by_name[call["name"]], call["arguments"]) for call in calls]
    *before, last = (content for content, _answer in drawn)
    return Turn("tool", last, " ".join(answer for _content, answer in drawn), "result", tuple(before))


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)
