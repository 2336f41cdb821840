"""Our own decoder in three ways: token by token, with forced tokens, and with drafts as well.

In go a model and answers, out comes a `Sample` per answer: passes and seconds of each way, on the same answer, in a
random order. Reading prompts is no part of it: an answer is written behind as many tokens as its prompt has, whatever
they say, so that a longer one of another answer needs no reading again. Knows nothing of peers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge_lam.cache import Slots
from edge_lam.decoding import PassCosts, ReplaySampler, Speculator, Vocabulary
from edge_lam.engine import Decoder, EngineCore
from edge_lam.engine import Sequence as Generation
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.replay import Replay, Replays, Writing

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
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Replay answers in every way.

    Args:
        model: a GGUF.
        answers: those that don't fit their tools or the context are left out; longer prompts come first.
        n_ctx: tokens of context.
        n_threads: threads that compute.
        seed: of the order of the ways.
        on_progress: hears how many answers are done.

    Returns:
        For each answer "passes.WAY" (with the one that reads the last token of the prompt) and "time.WAY" (seconds from
        there to the end), "tokens", "tokens.chosen", "tokens.prompt"; for drafts also "tokens.drafted" and
        "tokens.accepted", and "time.decode", of it the seconds in llama_decode.
    """
    samples: list[Sample] = []
    with Model(model) as loaded:
        chat_format = detect(loaded.metadata)
        replays = Replays(Vocabulary(loaded, chat_format.end_of_turn), chat_format)
        fitting = [replay for replay in replays.of(answers) if len(replay.prompt) + ROOM <= n_ctx]
        loop, order = _Loop(Context(loaded, n_ctx=n_ctx, n_threads=n_threads), replays), random.Random(seed)
        for index, replay in enumerate(sorted(fitting, key=lambda replay: -len(replay.prompt))):
            on_progress(index, len(fitting))
            samples.append(loop.sample(replay, order))
        loop.close()
    return samples


class _Loop:
    def __init__(self, context: Context, replays: Replays) -> None:
        self._replays, costs = replays, PassCosts()
        self._speculator = Speculator(costs)  # learns over all answers, as in an engine
        slots = Slots(context)
        self._core = EngineCore(context, slots, costs, queue_limit=0, release=context.close)
        self._slot = slots.all[0]

    def close(self) -> None:
        """Free the context."""
        self._core.close()

    def sample(self, replay: Replay, order: random.Random) -> Sample:
        """Return what an answer took."""
        self._hold(replay.prompt)
        counts = {"": len(replay.tokens), ".chosen": len(replay.chosen), ".prompt": len(replay.prompt)}
        values = {f"tokens{name}": float(count) for name, count in counts.items()}
        for way in order.sample(WAYS, len(WAYS)):
            values |= self._run(replay, way)
        return Sample(values, {"answer": replay.answer.id})

    def _hold(self, prompt: Sequence[int]) -> None:
        """Have as many tokens in the context as the prompt, and take them for it: a pass behind them costs the same."""
        held = self._slot.tokens
        if len(held) < len(prompt) - 1:
            Writing(self._core, Generation(0, [*held, *prompt[len(held) :]])).wait()
        self._slot.tokens[: len(prompt) - 1] = prompt[:-1]

    def _run(self, replay: Replay, way: str) -> dict[str, float]:
        """Write an answer in one way; all but the last token of the prompt is in the context."""
        plain = way == "plain"
        constraint = (
            self._replays.unforced(replay.grammar)
            if plain
            else self._replays.constraint(replay.request, replay.grammar)
        )
        sequence = Generation(ROOM, replay.prompt)
        decoder = Decoder(
            sequence,
            constraint,
            ReplaySampler(replay.tokens if plain else replay.chosen),
            self._speculator if way == "drafts" else None,
            end_tokens=self._replays.vocabulary.end_tokens,
        )
        start = time.perf_counter()
        Writing(self._core, sequence, decoder).wait()
        seconds = time.perf_counter() - start
        passes, times = sequence.passes.prefill + sequence.passes.decode, sequence.times
        values: dict[str, float] = {f"passes.{way}": passes, f"time.{way}": seconds}
        if way == "drafts":
            values["tokens.drafted"] = sequence.counts.drafted
            values["tokens.accepted"] = sequence.counts.accepted
            values["time.decode"] = times.decode + times.prefill
        return values
