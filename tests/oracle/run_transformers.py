"""Computes checkpoints' logits with transformers, in float32.

    python tests/oracle/run_transformers.py 5,99,301 CHECKPOINT OUT.npy [CHECKPOINT OUT.npy ...]

Run in the oracle's environment. Each result has one row per token, shape (tokens, vocabulary).
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM


def logits(checkpoint: str, tokens: list[int]) -> np.ndarray:
    """Return a checkpoint's logits after each token."""
    model, report = AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    wrong = {key: sorted(report[key]) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]}
    if wrong:
        raise SystemExit(f"transformers does not find the tensors that it wants in {checkpoint}: {wrong}")
    with torch.inference_mode():
        return model.eval()(torch.tensor([tokens])).logits[0].numpy()


def main() -> None:
    """Compute and save the logits."""
    torch.set_num_threads(1)
    tokens, *words = sys.argv[1:]
    for checkpoint, out in zip(*[iter(words)] * 2, strict=True):
        np.save(out, logits(checkpoint, [int(token) for token in tokens.split(",")]))


if __name__ == "__main__":
    main()
