"""Many callers on one engine for a while: random requests, cancels, time limits and restarts.

In comes a model, out come counts of replies lost and wrong, and the memory over time. A reply is held against that of a
single caller. What goes through the model together changes the last digits of logits, so two tokens that are as good as
equally likely may swap: a reply that differs is wrong unless the single caller's had so close a choice.

    python benchmarks/soak.py --minutes 60
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter

import numpy as np
from numpy.typing import NDArray

import edge_lam
from edge_lam.decoding import Sampler, Unconstrained
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import ChatOptions, Reply, Request
from edge_lam.engine.engine import sampler_of
from edge_lam.metrics.memory import process_memory
from edge_lam.metrics.report import Times

QUESTIONS = (
    "What time is it in Tokyo?",
    "Convert 5 miles to km",
    "Set a timer for ten minutes",
    "Hello!",
    "Note: buy milk",
    "What is 12*7?",
    "Tell me a joke",
    "Time in Paris and in Oslo?",
)
CALLERS = 8
CLOSE = 0.5  # logits: a choice closer than this may fall otherwise
_MIB = 2**20


class Watched(Sampler):
    """A greedy sampler that remembers its closest choice.

    Attributes:
        closest: the smallest lead of the best token over the second best.
    """

    closest = float("inf")

    def choose(self, logits: NDArray[np.float32], constraint: Unconstrained, times: Times) -> int:
        """Choose as usual."""
        second, best = np.partition(logits, -2)[-2:]
        self.closest = min(self.closest, float(best - second))
        return super().choose(logits, constraint, times)


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None, help="a GGUF; by default the embedded model")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--restart", type=float, default=1.0, help="minutes between restarts")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    expected = _alone(arguments.model)
    counts: Counter[str] = Counter()
    end = time.monotonic() + 60 * arguments.minutes
    started = time.monotonic()
    while time.monotonic() < end:
        with _load(arguments.model, n_parallel=CALLERS) as lam:
            stop = min(end, time.monotonic() + 60 * arguments.restart)
            seeds = [arguments.seed + counts["requests"] + index for index in range(CALLERS)]
            callers = [threading.Thread(target=_call, args=(lam, expected, counts, stop, seed)) for seed in seeds]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
        memory = process_memory()
        print(
            f"{(time.monotonic() - started) / 60:5.1f} min  resident {memory.resident / _MIB:.0f} MiB  "
            + "  ".join(f"{name} {count}" for name, count in sorted(counts.items())),
            flush=True,
        )
    raise SystemExit(1 if counts["wrong"] or counts["lost"] else 0)


def _load(model: str | None, *, n_parallel: int) -> edge_lam.LAM:
    return edge_lam.load(model, n_ctx=2048, n_parallel=n_parallel, prefix_cache=False, log="off")


def _options(question: str) -> ChatOptions:
    choice = "auto" if QUESTIONS.index(question) % 3 else "required"
    return {"tools": DEMO_TOOLS, "max_tokens": 60, "tool_choice": choice}


def _alone(model: str | None) -> dict[str, tuple[object, float]]:
    """Return what a single caller gets for each question, and its closest choice."""
    expected: dict[str, tuple[object, float]] = {}
    with _load(model, n_parallel=1) as lam:
        watched: list[Watched] = []

        def watch(request: Request) -> Sampler:
            watched.append(Watched())
            return watched[-1]

        lam._engine.sampler_of = watch  # closest choices are of use to nobody else
        for question in QUESTIONS:
            reply = lam.chat(question, **_options(question))
            expected[question] = _content(reply), watched[-1].closest
        lam._engine.sampler_of = sampler_of
    return expected


def _content(reply: Reply) -> object:
    return reply.text, [(call.name, call.arguments) for call in reply.tool_calls]


def _call(
    lam: edge_lam.LAM, expected: dict[str, tuple[object, float]], counts: Counter[str], end: float, seed: int
) -> None:
    """Be one caller: mostly wait for replies, at times leave early or give little time."""
    chance = random.Random(seed)
    while time.monotonic() < end:
        question, kind = chance.choice(QUESTIONS), chance.random()
        counts["requests"] += 1
        try:
            if kind < 0.15:
                stream = lam.stream(question, **_options(question))
                for _ in range(chance.randrange(3)):
                    next(stream, None)
                stream.close()
                counts["left"] += 1
                continue
            options = _options(question)
            options["timeout"] = chance.uniform(0.01, 0.5) if kind < 0.25 else None
            reply = lam.chat(question, **options)
        except Exception as error:
            print(f"lost: {question!r}: {error!r}")
            counts["lost"] += 1
            continue
        if reply.finish_reason == "timeout":
            counts["timeout"] += 1
            continue
        content, closest = expected[question]
        outcome = "same" if _content(reply) == content else "close" if closest < CLOSE else "wrong"
        counts[outcome] += 1
        if outcome == "wrong":
            print(f"wrong: {question!r} (closest {closest:.2f}): {_content(reply)} for {content}")


if __name__ == "__main__":
    main()
