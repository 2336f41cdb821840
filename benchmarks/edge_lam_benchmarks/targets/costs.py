"""What passes of 1 to 32 tokens cost, measured beside the loops: no loop can be faster than the passes it needs.

In goes a model, out comes a `Sample` per turn of all sizes. Knows nothing of answers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

from edge_lam.llama import Context, Model
from edge_lam_benchmarks.items import Sample

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
N_HELD = 800  # tokens before them, as many as the leaderboard's prompts have on average
TURNS = 3


def measure_costs(
    model: str, *, n_threads: int, seed: int = 0, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Sample]:
    """Time passes of each size behind the same tokens.

    Args:
        model: a GGUF.
        n_threads: threads that compute.
        seed: of the tokens, and of the order of sizes.
        on_progress: hears how many turns are done.

    Returns:
        For each turn "pass.SIZE" in seconds; as in the loop, the last token alone gives logits.
    """
    draw = random.Random(seed)
    samples = []
    with Model(model) as loaded:
        context = Context(loaded, n_ctx=N_HELD + max(SIZES), n_threads=n_threads)
        tokens = [draw.randrange(loaded.n_vocab) for _ in range(N_HELD + max(SIZES))]
        context.decode(tokens[:N_HELD], start=0)
        for turn in range(-1, TURNS):  # the first one warms up
            on_progress(max(turn, 0), TURNS)
            seconds = {}
            for size in draw.sample(SIZES, len(SIZES)):
                start = time.perf_counter()
                context.decode(tokens[N_HELD : N_HELD + size], start=N_HELD)
                seconds[f"pass.{size}"] = time.perf_counter() - start
                context.truncate(N_HELD)
            if turn >= 0:
                samples.append(Sample({name: seconds[name] for name in sorted(seconds, key=_size)}))
        context.close()
    return samples


def cost_of(passes: Mapping[int, float], n_tokens: float) -> float:
    """Return the seconds of a pass of so many tokens, between measured sizes interpolated, beyond them extrapolated.

    Args:
        passes: seconds by size, at least two.
        n_tokens: 1 or more; a mean over passes need not be whole.
    """
    sizes = sorted(passes)
    above = next((place for place, size in enumerate(sizes) if size >= n_tokens), len(sizes) - 1)
    low, high = sizes[max(above, 1) - 1], sizes[max(above, 1)]
    share = (n_tokens - low) / (high - low)
    return passes[low] + share * (passes[high] - passes[low])


def _size(name: str) -> int:
    return int(name.rpartition(".")[2])
