"""Tensor data and metadata against llama.cpp's own converter, for every architecture and type of file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from compare_reference import compare
from oracle import ROOT, Oracle, Result

from edge_lam.errors import EdgeLamError
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.converters.gguf_facts import folder_digest, gguf_facts

TITLE = "Tensors and metadata against the reference converter"
ABOUT = (
    "A random checkpoint of each shape is converted by us and by `convert_hf_to_gguf.py`. Every tensor must have the "
    "same name, shape, type and bytes, and every metadata key the same type and value, but for those explained below."
)

TINY = [name for name in SHAPES if name.startswith("tiny-")]
# Checkpoint's type, files, type of the GGUF: as it is for every shape, and each way of rounding for one.
CASES = [(name, "BF16", 1, "BF16") for name in TINY]
CASES += [("tiny-llama3", source, 1, target) for source in ("BF16", "F16", "F32") for target in ("F16", "F32")]
CASES += [("tiny-llama", "F32", 1, "BF16"), ("tiny-llama", "F16", 1, "BF16"), ("tiny-mixtral", "F32", 3, "F16")]
CASES += [("tiny-mixtral", "BF16", 3, "BF16"), ("tiny-qwen2", "BF16", 2, "BF16")]
# What the reference makes of these is kept, for a test of `make test`, which has no torch to run it with.
RECORDED = [("tiny-qwen2", "BF16", 1, "BF16"), ("tiny-llama3", "F32", 1, "F16")]
RECORD = ROOT / "tests" / "converters" / "reference.json"


def run(oracle: Oracle) -> Iterator[Result]:
    """Convert and compare each case."""
    jobs: list[object] = []
    for name, dtype, n_shards, target in CASES:
        folder, _, reference = _paths(oracle, name, dtype, n_shards, target)
        if not folder.is_dir():
            write_random_checkpoint(folder, SHAPES[name], dtype=dtype, n_shards=n_shards)
        jobs += [folder, reference, target.lower(), SHAPES[name].tokenizer]
    oracle.run("run_reference.py", oracle.llama_cpp, *jobs)
    recorded = {}
    for name, dtype, n_shards, target in CASES:
        folder, ours, reference = _paths(oracle, name, dtype, n_shards, target)
        subject = f"{name}, {dtype} in {n_shards} file{'s' if n_shards > 1 else ''}, to {target}"
        try:
            convert(folder, ours, quant=target, force=True)
        except EdgeLamError as error:
            yield Result(subject, f"not converted: {error.message}", passed=False)
            continue
        found = compare(ours, reference)
        explained = (f"{key}: {reason}" for key, reason in found.explained.items())
        yield Result(subject, found.summary, found.passed, (*explained, *found.different))
        if (name, dtype, n_shards, target) in RECORDED:
            facts = {
                "shape": name,
                "name": folder.name,
                "dtype": dtype,
                "quant": target,
                "checkpoint": folder_digest(folder),
            }
            recorded[subject] = facts | {"explained": sorted(found.explained)} | gguf_facts(reference)
    RECORD.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


def _paths(oracle: Oracle, name: str, dtype: str, n_shards: int, target: str) -> tuple[Path, Path, Path]:
    """Return the checkpoint, our GGUF of it and the reference's."""
    folder = oracle.work / "reference" / f"{name}-{dtype}-{n_shards}"
    return folder, *(folder.with_name(f"{folder.name}-{target}-{who}.gguf") for who in ("ours", "reference"))
