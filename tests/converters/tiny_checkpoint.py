"""Tiny checkpoints of every architecture, their tensors, and the tokens that are computed with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from edge_lam_converters.random_checkpoint import SHAPES, random_values, tensor_shapes, write_random_checkpoint
from tests.converters import decoder_numpy

TOKENS = [5, 99, 301, 42, 42, 7, 250, 598, 12, 77, 405, 3, 511, 64, 128, 256]


def write(folder: Path, name: str, **options: Any) -> None:
    """Write a tiny checkpoint, always with the same tokenizer: here it is the weights that count."""
    write_random_checkpoint(folder, dataclasses.replace(SHAPES[name], tokenizer="qwen2"), **options)


def tensors_of(config: dict[str, Any]) -> decoder_numpy.Tensors:
    return {
        name: np.concatenate(list(random_values(name, shape))).reshape(shape)
        for name, shape in tensor_shapes(config).items()
    }
