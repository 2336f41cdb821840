"""pytorch_model*.bin through torch's weights-only loading: the same values as were saved, and no code."""

from __future__ import annotations

import json
from collections.abc import Iterator

from oracle import Oracle, Result

from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

TITLE = "Weights saved by torch"
ABOUT = (
    "torch saves a checkpoint's weights as `pytorch_model*.bin`; our reader must give back the same bytes, and refuse "
    "what holds anything else than plain tensors, without running what is in it."
)


def run(oracle: Oracle) -> Iterator[Result]:
    """Save, read and compare in the oracle's environment."""
    checkpoint = oracle.work / "torch" / "checkpoint"
    write_random_checkpoint(checkpoint, SHAPES["tiny-llama"], dtype="F32")
    printed = oracle.run("torch_files.py", checkpoint, oracle.work / "torch", ours=True)
    found = json.loads(printed.splitlines()[-1])
    for kind, wrong in found["differing"].items():
        yield Result(kind, "other values: " + ", ".join(wrong) if wrong else "the same bytes", not wrong)
    for kind, message in found["refusals"].items():
        yield Result(kind, f"refused: {message}" if message else "not refused", bool(message))
    yield Result("code in a pickle", "was run" if found["code was run"] else "not run", not found["code was run"])
