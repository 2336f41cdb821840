"""Our own decode loop in three ways: token by token, with forced tokens, and with drafts as well.

In go a model and answers, out comes a `Sample` per answer: passes and seconds of each way, on the same answer, in a
random order, with the prompt read once for all. Knows nothing of peers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Drafter, PassCosts, Vocabulary, decode
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam.metrics.report import CallReport
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.replay import Replay, Replays, ReplaySampler

if TYPE_CHECKING:
    from edge_lam_benchmarks.answers import Answer

WAYS = ("plain", "forced", "drafts")
ROOM = 512  # tokens of the longest reply


def measure_loops(
    model: str,
    answers: Sequence[Answer],
    *,
    n_ctx: int,
    n_threads: int | None = None,
    seed: int = 0,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Replay answers in every way.

    Args:
        model: a GGUF.
        answers: those that don't fit their tools or the context are left out.
        n_ctx: tokens of context.
        n_threads: threads that compute.
        seed: of the order of the ways.
        tell: hears how many answers are done.

    Returns:
        For each answer "passes.WAY" (with the one that reads the last token of the prompt) and "time.WAY" (seconds from
        there to the end), "tokens", "tokens.chosen", "tokens.prompt"; for drafts also "tokens.drafted" and
        "tokens.accepted", and "time.decode", of it the seconds in llama_decode.
    """
    samples: list[Sample] = []
    with Model(model) as loaded:
        chat_format = detect(loaded.metadata)
        replays = Replays(Vocabulary(loaded, chat_format.end_of_turn), chat_format)
        loop = _Loop(LiveSequence(Context(loaded, n_ctx=n_ctx, n_threads=n_threads)), replays)
        order = random.Random(seed)
        for index, answer in enumerate(answers):
            tell(index, len(answers))
            samples += loop.samples(replays.of([answer]), order)
    return samples


class _Loop:
    def __init__(self, sequence: LiveSequence, replays: Replays) -> None:
        self._sequence, self._replays = sequence, replays
        self._drafter = Drafter(PassCosts())  # learns over all answers, as in an engine

    def samples(self, replays: Iterable[Replay], order: random.Random) -> Iterable[Sample]:
        """Yield what each answer took."""
        for replay in replays:
            prompt = replay.prompt
            if len(prompt) + ROOM > self._sequence.context.n_ctx:
                continue
            held = self._sequence.reuse(prompt)
            if missing := prompt[held:-1]:
                self._sequence.extend(missing, logits=())
            counts = {"tokens": len(replay.tokens), "tokens.chosen": len(replay.chosen), "tokens.prompt": len(prompt)}
            values: dict[str, float] = {name: float(count) for name, count in counts.items()}
            for way in order.sample(WAYS, len(WAYS)):
                values |= self._run(replay, way)
            yield Sample(values, {"answer": replay.answer.id})

    def _run(self, replay: Replay, way: str) -> dict[str, float]:
        """Write an answer in one way; all but the last token of the prompt is in the context."""
        vocabulary, report = self._replays.vocabulary, CallReport(id="replay")
        plain = way == "plain"
        constraint = (
            self._replays.unforced(replay.grammar)
            if plain
            else self._replays.constraint(replay.request, replay.grammar)
        )
        start = time.perf_counter()
        for _ in decode(
            self._sequence,
            vocabulary,
            replay.prompt,
            constraint,
            ReplaySampler(replay.tokens if plain else replay.chosen),
            max_tokens=ROOM,
            drafter=self._drafter if way == "drafts" else None,
            report=report,
        ):
            pass
        seconds = time.perf_counter() - start
        passes = report.passes.prefill + report.passes.decode
        values: dict[str, float] = {f"passes.{way}": passes, f"time.{way}": seconds}
        if way == "drafts":
            values["tokens.drafted"], values["tokens.accepted"] = report.tokens.drafted, report.tokens.accepted
            values["time.decode"] = report.times.decode + report.times.prefill
        return values
