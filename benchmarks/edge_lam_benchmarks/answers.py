"""Answers: requests with tools, and the calls that answer them, from the Berkeley Function Calling Leaderboard or ours.

Out come `Answer` objects, in the leaderboard's order or drawn at random. The leaderboard's data comes with the package
bfcl-eval (https://github.com/ShishirPatil/gorilla, Apache-2.0); nothing of it is imported. Knows no model.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import read_examples
from edge_lam.tools import Tool

SINGLE_TURN = (
    "simple_python",
    "simple_java",
    "simple_javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
)
"""The leaderboard's categories whose answers are calls, written in one reply."""

OWN = Path(__file__).parent / "data" / "answers.jsonl"
_VERSION = "BFCL_v4"
_OMITTED = ""  # among the accepted values: the parameter may be left out


@dataclass(frozen=True)
class Answer:
    """A request and its answer.

    Attributes:
        id: such as "live_multiple_12-4-3".
        category: such as "live_multiple"; "own" for ours, of a file its name.
        messages: in OpenAI's form, the user's last.
        tools: definitions, in the source's dialect; `edge_lam.tools.as_tools` reads them.
        calls: names and arguments of the calls that answer it.
        accepted: what the leaderboard accepts, in its own form; for ours the calls themselves.
    """

    id: str
    category: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    calls: tuple[tuple[str, dict[str, Any]], ...]
    accepted: Any = None


def answers(
    count: int | None = None, *, folder: Path | None = None, categories: Sequence[str] = SINGLE_TURN, seed: int = 0
) -> tuple[str, list[Answer]]:
    """Return answers of the leaderboard, where its data is, else ours; and a word on which they are.

    Args:
        count: how many, drawn at random; None for all, in order.
        folder: the folder "data" of bfcl-eval; by default of the one that is installed.
        categories: of the leaderboard.
        seed: of the draw.

    Raises:
        InvalidRequest: an unknown category, or data that can't be read.
    """
    data = folder or leaderboard_folder()
    found = list(leaderboard_answers(data, categories)) if data else list(own_answers())
    source = "Berkeley Function Calling Leaderboard" if data else "edge-lam's own (bfcl-eval is not installed)"
    if count is not None and count < len(found):
        found = random.Random(seed).sample(found, count)
    return source, found


def grouped(found: Sequence[Answer], count: int, *, per_group: int = 4, seed: int = 0) -> list[Answer]:
    """Draw answers that share their tools in groups, as the calls of one application do; a group stays together.

    Args:
        found: to draw from.
        count: how many at most.
        per_group: answers with the same tools that stay together; fewer where larger groups run out.
        seed: of the draw.
    """
    groups: dict[str, list[Answer]] = {}
    for answer in found:
        system = [message for message in answer.messages if message["role"] == "system"]
        groups.setdefault(json.dumps([answer.tools, system], sort_keys=True), []).append(answer)
    draw = random.Random(seed)
    parts: list[tuple[int, int, list[Answer]]] = []
    for group in draw.sample(list(groups.values()), len(groups)):
        mixed = draw.sample(group, len(group))
        cut = [mixed[start : start + per_group] for start in range(0, len(mixed), per_group)]
        parts += [(-len(part), place, part) for place, part in enumerate(cut)]
    parts.sort(key=lambda part: part[:2])  # whole parts first, and of each group one before the second of any
    return [answer for *_, part in parts for answer in part][:count]


def leaderboard_folder() -> Path | None:
    """Return the folder of the leaderboard's data, or None where bfcl-eval is not installed."""
    spec = find_spec("bfcl_eval")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return next((folder for place in places if (folder := Path(place) / "data").is_dir()), None)


def leaderboard_answers(folder: Path, categories: Sequence[str] = SINGLE_TURN) -> Iterator[Answer]:
    """Yield the requests of the leaderboard's categories, each with the first answer that it accepts.

    Args:
        folder: the folder "data" of bfcl-eval.
        categories: from `SINGLE_TURN`.

    Raises:
        InvalidRequest: an unknown category, or data that can't be read.
    """
    for category in categories:
        if category not in SINGLE_TURN:
            raise InvalidRequest(f"unknown category {category!r}", hint=f"one of {', '.join(SINGLE_TURN)}")
        name = f"{_VERSION}_{category}.json"
        accepted = {row["id"]: row["ground_truth"] for row in _rows(folder / "possible_answer" / name)}
        for row in _rows(folder / name):
            if row["id"] in accepted:
                calls = tuple(_call(call, row["function"]) for call in accepted[row["id"]])
                yield Answer(row["id"], category, row["question"][0], row["function"], calls, accepted[row["id"]])


def example_answers(path: Path, tools: Sequence[Tool] = ()) -> list[Answer]:
    """Return the lines of a file as `edge-lam calibrate --calls` takes it, those that expect calls.

    Args:
        path: the file.
        tools: for the lines that bring none.

    Raises:
        InvalidRequest: see `read_examples`.
    """
    found = []
    for example in read_examples(path, tools):
        calls = tuple((call.name, call.arguments) for call in example.calls)
        definitions = [tool.definition() for tool in example.tools]
        if calls:
            found.append(Answer(example.id, path.stem, list(example.messages), definitions, calls, calls))
    return found


def own_answers(path: Path = OWN) -> Iterator[Answer]:
    """Yield the answers of a file of ours: first lines with a name and "tools", then requests that use them.

    Raises:
        InvalidRequest: the file can't be read.
    """
    tools: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(path):
        if "definitions" in row:
            tools[row["tools"]] = row["definitions"]
            continue
        calls = tuple((call["name"], call["arguments"]) for call in row["calls"])
        definitions = [tool for name in row["tools"] for tool in tools[name]]
        yield Answer(row["id"], "own", [{"role": "user", "content": row["user"]}], definitions, calls, row["calls"])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} can't be read: {error}", param="answers") from error


def _call(accepted: Mapping[str, Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Return one call of those that the leaderboard accepts, its arguments in the order of the tool's parameters."""
    ((name, values),) = accepted.items()
    schema: Mapping[str, Any] = next((tool["parameters"] for tool in tools if tool["name"] == name), {})
    return name, _object(values, schema)


def _object(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Choose a value for each parameter: what may be left out is."""
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    chosen = {}
    for name in [
        *(name for name in properties if name in values),
        *(name for name in values if name not in properties),
    ]:
        options = values[name] if isinstance(values[name], list) else [values[name]]
        given = [option for option in options if option != _OMITTED]
        if not given or (_OMITTED in options and name not in required):
            if name in required and options:
                chosen[name] = _OMITTED
            continue
        chosen[name] = _value(given[0], properties.get(name) or {})
    return chosen


def _value(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value as its schema has it: what the leaderboard accepts of an object lies one level deeper."""
    kind = schema.get("type")
    if isinstance(value, dict):
        return _object(value, schema)
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_value(item, items) for item in value]
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
