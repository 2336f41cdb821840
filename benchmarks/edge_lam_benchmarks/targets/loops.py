"""Our own decode loop in three ways: token by token, with forced tokens, and with drafts as well.

In go a model and answers, out comes a `Sample` per answer: passes and seconds of each way, on the same answer, in a
random order. Reading prompts is no part of it: an answer is written behind as many tokens as its prompt has, whatever
they say, so that a longer one of another answer needs no reading again. Knows nothing of peers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
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
        answers: those that don't fit their tools or the context are left out; longer prompts come first.
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
        fitting = [replay for replay in replays.of(answers) if len(replay.prompt) + ROOM <= n_ctx]
        for index, replay in enumerate(sorted(fitting, key=lambda replay: -len(replay.prompt))):
            tell(index, len(fitting))
            samples.append(loop.sample(replay, order))
    return samples


class _Loop:
    def __init__(self, sequence: LiveSequence, replays: Replays) -> None:
        self._sequence, self._replays = sequence, replays
        self._drafter = Drafter(PassCosts())  # learns over all answers, as in an engine

    def sample(self, replay: Replay, order: random.Random) -> Sample:
        """Return what an answer took."""
        self._hold(replay.prompt[:-1])
        counts = {"": len(replay.tokens), ".chosen": len(replay.chosen), ".prompt": len(replay.prompt)}
        values = {f"tokens{name}": float(count) for name, count in counts.items()}
        for way in order.sample(WAYS, len(WAYS)):
            values |= self._run(replay, way)
        return Sample(values, {"answer": replay.answer.id})

    def _hold(self, tokens: Sequence[int]) -> None:
        """Have as many tokens in the context as these, and take them for these: a pass behind them costs the same."""
        sequence = self._sequence
        sequence.keep(min(len(sequence.tokens), len(tokens)))
        sequence.tokens = list(tokens[: len(sequence.tokens)])
        if missing := tokens[len(sequence.tokens) :]:
            sequence.extend(missing, logits=())

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
