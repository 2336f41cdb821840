"""Score a tiny-lam GGUF through the runtime: exact calls, refusals, questions and answers.

    python -m tiny_lam.evaluate MODEL.gguf [MODEL2.gguf ...] --out results.json --markdown results.md

Every set is drawn with seeds and slot values that training never uses; "demo" and "held-out phrasings" also use
templates, and "held-out tools" tools, that training never sees. `requests.jsonl` holds thirty requests written by hand.
A call counts only if names, arguments and their number are exactly the expected ones. `--seed` draws other examples.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_lam
from tiny_lam import catalog
from tiny_lam.episodes import Call, Episode, Kind, Mix, Turn, draw_episode

REQUESTS = Path(__file__).parent.parent / "requests.jsonl"
EVALUATION_SEED = 1_000_003  # of another generator than training's, which draws on from seed 1


@dataclass(frozen=True)
class EvaluationSet:
    """One row of the table: how its episodes are drawn, which replies count, and the bar for training on a CPU."""

    name: str
    mix: Mix
    kind: Kind
    bar: float | None


def _only(kind: Kind, **changes: Any) -> Mix:
    plain: dict[str, Any] = {"demo": 0.0, "procedural": 0.0, "renamed": 0.0, "held_values": True}
    return Mix(**{**plain, "weights": ((kind, 1.0),), **changes})


SETS = (
    EvaluationSet("demo tools, new values and phrasings", _only("call", demo=1.0, held_phrasing=True), "call", 0.95),
    EvaluationSet("trained tools, one tool", _only("call", n_tools=(1, 1)), "call", 0.92),
    EvaluationSet("trained tools, 1-5 tools", _only("call"), "call", 0.82),
    EvaluationSet("held-out phrasings, 1-5 tools", _only("call", held_phrasing=True), "call", 0.60),
    EvaluationSet("held-out tools, 1-5 tools", _only("call", tools=tuple(catalog.HELD_OUT)), "call", None),
    EvaluationSet("irrelevant request answered in text", _only("irrelevant", demo=0.3), "irrelevant", 0.80),
    EvaluationSet("missing information asked for", _only("missing", demo=0.3), "missing", 0.70),
    EvaluationSet("parallel calls", _only("parallel", demo=0.3), "parallel", 0.60),
    EvaluationSet("tool result turned into text", _only("result", demo=0.3), "result", 0.95),
    EvaluationSet("results of several calls", _only("parallel", demo=0.3, results=1.0), "result", None),
    EvaluationSet(
        "demo tools, values of larger pools",
        _only("call", demo=1.0, held_phrasing=True, more_values=True),
        "call",
        None,
    ),
    EvaluationSet("one tool, values of larger pools", _only("call", n_tools=(1, 1), more_values=True), "call", None),
)


def episodes(chosen: EvaluationSet, examples: int, seed: int, conversations: int = 5) -> Iterator[Episode]:
    """Draw episodes of so many conversations until `examples` replies of the set's kind were drawn."""
    rng = random.Random(seed)
    drawn = 0
    while drawn < examples:
        episode = draw_episode(rng, chosen.mix, conversations)
        drawn += sum(turn.kind == chosen.kind for conversation in episode.conversations for turn in conversation)
        yield episode


def is_right(turn: Turn, text: str, calls: list[Call]) -> bool:
    """Whether a reply does what the set asks for."""
    if turn.kind in ("call", "parallel"):
        return calls == turn.reply
    if calls:
        return False
    if turn.kind == "missing":
        asked = re.search(r"the (.+)\?$", str(turn.reply))
        return asked is not None and asked[1] in text.lower()
    if turn.before:  # a part left out, said twice or mixed with another shows only in the whole
        return text == turn.reply
    if turn.kind == "result":
        return all(value in text for value in _stated(turn))
    return bool(text)


def _stated(turn: Turn) -> list[str]:
    """The values of the tools' results that the reference answer states."""
    values: list[str] = []
    for content in turn.contents:
        for value in json.loads(content).values():
            for item in value if isinstance(value, list) else [value]:
                said = str(item)
                if said in str(turn.reply):
                    values.append(said)
    return values


def score_set(
    lam: edge_lam.LAM,
    chosen: EvaluationSet,
    examples: int,
    seed: int,
    *,
    constrain: bool,
    wrong: list[dict[str, Any]],
    conversations: int = 5,
) -> tuple[int, int]:
    """Return how many replies were right, of how many; wrong ones are appended to `wrong`.

    `conversations` share the same tools, which are read once for all of them.
    """
    right = total = 0
    for episode in episodes(chosen, examples, seed, conversations):
        tools = [tool.definition() for tool in episode.tools]
        for conversation in episode.conversations:
            messages: list[dict[str, Any]] = [{"role": "system", "content": episode.system}]
            for turn in conversation:
                messages += ({"role": turn.role, "content": content} for content in turn.contents)
                if turn.kind == chosen.kind:
                    reply = lam.chat(messages, tools=tools, constrain=constrain, max_tokens=256)
                    calls = [{"name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
                    total += 1
                    if is_right(turn, reply.text, calls):
                        right += 1
                    else:
                        got = calls or reply.text
                        wrong.append({"set": chosen.name, "asked": turn.content, "expected": turn.reply, "got": got})
                messages.append(_reference(turn))
    return right, total


def _reference(turn: Turn) -> dict[str, Any]:
    """The reply that the conversation goes on from: the expected one."""
    if isinstance(turn.reply, str):
        return {"role": "assistant", "content": turn.reply}
    calls = [{"type": "function", "function": call} for call in turn.reply]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def score_requests(lam: edge_lam.LAM, wrong: list[dict[str, Any]]) -> tuple[int, int]:
    """Score the hand-written requests over the demo's tools."""
    tools = [tool.definition() for tool in catalog.DEMO]
    right = total = 0
    for line in REQUESTS.read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        reply = lam.chat(example["request"], tools=tools, max_tokens=256)
        calls = [{"name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
        total += 1
        if calls == example["calls"]:
            right += 1
        else:
            got = calls or reply.text
            wrong.append({"set": "by hand", "asked": example["request"], "expected": example["calls"], "got": got})
    return right, total


def main() -> None:
    """Score every model and write the table."""
    parser = argparse.ArgumentParser(description="Score tiny-lam GGUFs.")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--examples", type=int, default=300, help="examples per set (default 300)")
    parser.add_argument("--seed", type=int, default=EVALUATION_SEED, help="draw other examples (default %(default)s)")
    parser.add_argument("--unconstrained", action="store_true", help="also score the first model without grammar")
    parser.add_argument("--sets", default="", help="only sets whose name contains this")
    parser.add_argument("--out", type=Path, help="write scores and every wrong reply as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    arguments = parser.parse_args()
    columns: dict[str, dict[str, tuple[int, int]]] = {}
    wrong: dict[str, list[dict[str, Any]]] = {}
    runs = [(model, True) for model in arguments.models]
    if arguments.unconstrained:
        runs.insert(1, (arguments.models[0], False))
    for model, constrain in runs:
        title = model.stem.rsplit("-", 1)[-1] + ("" if constrain else " without grammar")
        columns[title], wrong[title] = {}, []
        with edge_lam.load(model, log=False) as lam:
            for chosen in SETS:
                if arguments.sets in chosen.name:
                    scored = score_set(
                        lam, chosen, arguments.examples, arguments.seed, constrain=constrain, wrong=wrong[title]
                    )
                    columns[title][chosen.name] = scored
                    print(
                        f"{title:24} {chosen.name:40} {scored[0]:4}/{scored[1]} {scored[0] / scored[1]:.1%}", flush=True
                    )
            if constrain and not arguments.sets:
                columns[title]["thirty requests by hand"] = scored = score_requests(lam, wrong[title])
                print(f"{title:24} {'thirty requests by hand':40} {scored[0]:4}/{scored[1]}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps({"scores": columns, "wrong": wrong}, indent=1, ensure_ascii=False) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(columns))


def markdown(columns: dict[str, dict[str, tuple[int, int]]]) -> str:
    """The score table, with the bar of each set."""
    bars = {chosen.name: "reported" if chosen.bar is None else f"{chosen.bar:.0%}" for chosen in SETS}
    bars["thirty requests by hand"] = "27"
    lines = ["| set | bar | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for name, bar in bars.items():
        cells = []
        for scores in columns.values():
            right, total = scores.get(name, (0, 0))
            cells.append("" if not total else f"{right}/{total}" if total < 100 else f"{right / total:.1%}")
        lines.append(f"| {name} | {bar} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
