"""Importance matrices and quantizing with them, against llama-imatrix and llama-quantize, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from oracle import ROOT, Oracle, Result

from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters import convert
from edge_lam_converters.imatrix import Imatrix, read_imatrix
from edge_lam_converters.quality import calibrate
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

TITLE = "Importance matrices against llama-imatrix and llama-quantize"
ABOUT = (
    "Random checkpoints as F32 GGUFs. llama-imatrix and edge-lam read the same text in the same pieces of 512 tokens: "
    "counts must be equal, and sums within 0.1 % of their norm of each other for every matrix. Where a token goes to "
    "the two of four experts that it fits best, near ties may be decided otherwise: of experts the counts, too, must "
    "differ by less than 0.1 %. Then llama-quantize quantizes with edge-lam's file and edge-lam with llama-imatrix's, "
    "and each must give the same tensors, byte for byte, as the other with the same matrix."
)

TOLERANCE = 0.001
QUANTS = ("Q4_0", "Q4_K_M", "IQ4_NL")


def run(oracle: Oracle) -> Iterator[Result]:
    """Check one shape of each architecture."""
    text = ROOT / "CONTRIBUTING.md"
    for name in ("tiny-qwen2", "tiny-llama", "tiny-mixtral"):
        folder = oracle.work / "imatrix" / name
        write_random_checkpoint(folder, SHAPES[name], dtype="F32")
        model, theirs_path, ours_path = (folder / file for file in ("model.gguf", "theirs.gguf", "ours.gguf"))
        convert(folder, model, quant="F32", force=True)
        oracle.call("llama-imatrix", "-m", model, "-f", text, "-o", theirs_path, "-c", 512, "--no-ppl", "-t", 1)
        calibrate(model, text=text, device="cpu", n_threads=1).write(ours_path)
        yield _same_sums(name, read_imatrix(ours_path), read_imatrix(theirs_path))
        for quant in QUANTS:
            for made, path in (("edge-lam's", ours_path), ("llama-imatrix's", theirs_path)):
                yield _same_tensors(oracle, f"{name} as {quant} with {made}", model, quant, path)


def _same_sums(name: str, ours: Imatrix, theirs: Imatrix) -> Result:
    worst, counts_differ = 0.0, 0.0
    for matrix, (squares, counts) in ours.sums.items():
        their_squares, their_counts = theirs.sums[matrix]
        worst = max(worst, float(np.linalg.norm(squares - their_squares) / np.linalg.norm(their_squares)))
        counts_differ = max(counts_differ, float(np.abs(counts - their_counts).max() / their_counts.max()))
    has_experts = any(len(sums.counts) > 1 for sums in ours.sums.values())
    same = ours.sums.keys() == theirs.sums.keys() and (counts_differ < TOLERANCE if has_experts else not counts_differ)
    told = f"counts {counts_differ:.1e} apart" if counts_differ else "counts equal"
    tokens = int(max(sums.counts.max() for sums in theirs.sums.values()))
    return Result(
        f"{name}: sums of {len(theirs.sums)} matrices over {tokens} tokens",
        f"largest difference {worst:.1e} of the norm, {told}",
        same and worst < TOLERANCE,
    )


def _same_tensors(oracle: Oracle, subject: str, model: Path, quant: str, imatrix: Path) -> Result:
    ours, theirs = (model.with_name(f"{who}-{quant}.gguf") for who in ("edge-lam", "llama-quantize"))
    matrix = read_imatrix(imatrix)
    convert(model, ours, quant=quant, imatrix=matrix.importance(), calibration=matrix.metadata("i"), force=True)
    oracle.call("llama-quantize", "--imatrix", imatrix, model, theirs, quant)
    one, other = _tensors(ours), _tensors(theirs)
    differing = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
    outcome = f"{len(differing)} of {len(one)} tensors differ" if differing else f"{len(one)} tensors the same"
    return Result(subject, outcome, not differing, tuple(sorted(differing)))


def _tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    data = np.memmap(path, np.uint8, "r")
    tensors = GGUFHeader.read(path).tensors
    return {tensor.name: (tensor.type, data[tensor.offset :][: tensor.n_bytes].tobytes()) for tensor in tensors}
