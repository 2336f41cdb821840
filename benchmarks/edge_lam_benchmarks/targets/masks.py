"""What holding a reply to its tools costs per token, beside llama.cpp's GBNF over the whole vocabulary.

In goes a GGUF, out comes a `Sample` per set of tools. Times are CPU seconds of one thread; no model computes.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

from edge_lam.decoding import Vocabulary
from edge_lam.formats import XLam2Qwen
from edge_lam_benchmarks.constraint import (
    Costs,
    OnlyVocabulary,
    choose_edge_lam,
    make_task,
    run_gbnf,
)
from edge_lam_benchmarks.items import Sample

TOOLS = (1, 4, 12, 28)


def measure_masks(
    model: str, *, seed: int = 0, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Sample]:
    """Choose the tokens of replies under a constraint.

    Args:
        model: a GGUF; its vocabulary is all that is read.
        seed: of the tools.
        on_progress: hears how many sets of tools are done.

    Returns:
        For each set of tools the mean seconds per token of the reply: "time.edge-lam" where the model wants what the
        grammar allows, "time.edge-lam.masked" where it never does, "time.gbnf"; and "tools", "vocabulary".
    """
    bare = OnlyVocabulary(model)
    vocabulary = Vocabulary(bare)  # type: ignore[arg-type]  # all of a model that it reads
    choices, chat_format = random.Random(seed), XLam2Qwen()
    samples = []
    for index, count in enumerate(TOOLS):
        on_progress(index, len(TOOLS))
        task = make_task(choices, count)
        tokens = bare.tokenize(task.reply)
        ours, masked, theirs = Costs(), Costs(), Costs()
        choose_edge_lam(vocabulary, chat_format, task, tokens, ours, likely=True)  # the first one compiles
        ours = Costs()
        choose_edge_lam(vocabulary, chat_format, task, tokens, ours, likely=True)
        choose_edge_lam(vocabulary, chat_format, task, tokens, masked, likely=False)
        run_gbnf(bare, task, tokens, theirs)
        values = {
            "time.edge-lam": ours.choose.mean(1),
            "time.edge-lam.masked": masked.choose.mean(1),
            "time.gbnf": statistics.fmean(theirs.choose.seconds),
            "tools": float(count),
            "tokens": float(len(tokens)),
            "vocabulary": float(bare.n_vocab),
        }
        samples.append(Sample(values))
    return samples
