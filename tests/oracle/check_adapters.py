"""LoRA adapters against PEFT, which trains and merges them, and against llama.cpp's own adapter converter."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from check_logits import N_TOKENS, TOLERANCE, f32_logits
from compare_reference import compare
from gguf import GGUFReader
from oracle import Oracle, OracleError, Result

from edge_lam_converters import convert, export_adapter
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

TITLE = "LoRA adapters"
ABOUT = (
    "PEFT makes an adapter for a random checkpoint and merges it in float32. Merged by us, every tensor must be within "
    "two units in the last place of float32 of PEFT's (sums are rounded in another order). Exported by us, the file "
    "must be that of `convert_lora_to_gguf.py`: the same names, shapes, types and bytes. And base and exported adapter "
    "together, in llama.cpp with keys and values in F32, must give PEFT's logits within 0.001. (rsLoRA's scale and "
    "alphas by pattern are lost by the reference, so that these adapters are judged by their logits alone.)"
)

_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_PLAIN: dict[str, Any] = {"r": 8, "lora_alpha": 16, "target_modules": _LINEAR}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("plain", name, _PLAIN) for name in ("tiny-qwen2", "tiny-llama", "tiny-llama3", "tiny-mistral")
]
CASES += [
    ("rsLoRA, attention only", "tiny-llama", {**_PLAIN, "use_rslora": True, "target_modules": _LINEAR[:4]}),
    (
        "ranks and alphas by pattern",
        "tiny-qwen2",
        {**_PLAIN, "rank_pattern": {"down_proj": 4}, "alpha_pattern": {"q_proj": 32}},
    ),
    ("output matrix too", "tiny-qwen2-untied", {**_PLAIN, "target_modules": [*_LINEAR, "lm_head"]}),
]


def run(oracle: Oracle) -> Iterator[Result]:
    """Merge, export and run each case."""
    tokens = np.random.default_rng(0).integers(0, 600, N_TOKENS).tolist()
    folder = oracle.work / "adapters"
    jobs = []
    for number, (_, shape, config) in enumerate(CASES):
        base, work = folder / shape, folder / str(number)
        if not base.is_dir():
            write_random_checkpoint(base, SHAPES[shape], dtype="F32")
        jobs.append({"base": str(base), "config": config, "work": str(work)})
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    oracle.run("run_peft.py", ",".join(map(str, tokens)), folder / "jobs.json")
    for (what, shape, config), job in zip(CASES, jobs, strict=True):
        base, work = Path(job["base"]), Path(job["work"])
        yield _merged(f"{shape}, {what}: merged", base, work)
        export_adapter(base, work / "adapter", work / "adapter.gguf", force=True)
        if not config.keys() & {"use_rslora", "alpha_pattern"}:
            yield _exported(f"{shape}, {what}: exported", oracle, base, work)
        yield _at_run_time(f"{shape}, {what}: at run time", base, work, tokens)


def _merged(subject: str, base: Path, work: Path) -> Result:
    for file in base.iterdir():  # PEFT saves weights and config.json alone
        if not (work / "merged" / file.name).exists() and file.suffix != ".safetensors":
            shutil.copy(file, work / "merged" / file.name)
    convert(base, work / "ours.gguf", quant="F32", adapter=work / "adapter", force=True)
    convert(work / "merged", work / "peft.gguf", quant="F32", force=True)
    ours, theirs = ({tensor.name: tensor.data for tensor in GGUFReader(path).tensors} for path in _pair(work))
    if ours.keys() != theirs.keys():
        return Result(subject, f"other tensors: {sorted(ours.keys() ^ theirs.keys())}", passed=False)
    worst = max(_units(ours[name], theirs[name]) for name in ours)
    equal = sum(int((ours[name] == theirs[name]).sum()) for name in ours) / sum(data.size for data in ours.values())
    return Result(subject, f"{equal:.2%} of the values the same, {worst:.1f} units at most between others", worst <= 2)


def _pair(work: Path) -> tuple[Path, Path]:
    return work / "ours.gguf", work / "peft.gguf"


def _units(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, in units in the last place of the largest value of its row."""
    scale = np.spacing(np.abs(theirs).max(axis=-1, keepdims=True).astype(np.float32))
    return float((np.abs(ours - theirs) / scale).max())


def _exported(subject: str, oracle: Oracle, base: Path, work: Path) -> Result:
    script, reference = oracle.llama_cpp / "convert_lora_to_gguf.py", work / "reference.gguf"
    command = [str(oracle.python), str(script), "--base", str(base), "--outfile", str(reference), "--outtype", "f32"]
    done = subprocess.run([*command, str(work / "adapter")], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OracleError(f"{script.name} failed:\n{done.stderr[-3000:]}")
    found = compare(work / "adapter.gguf", reference)
    explained = (f"{key}: {reason}" for key, reason in found.explained.items())
    return Result(subject, found.summary, found.passed, (*explained, *found.different))


def _at_run_time(subject: str, base: Path, work: Path, tokens: list[int]) -> Result:
    convert(base, work / "base.gguf", quant="F32", force=True)
    found = f32_logits(work / "base.gguf", tokens, work / "adapter.gguf")
    expected = np.load(work / "logits.npy")
    worst, change = (float(np.abs(found - other).max()) for other in (expected, f32_logits(work / "base.gguf", tokens)))
    outcome = f"largest difference {worst:.1e}, where the adapter changes logits by up to {change:.1f}"
    return Result(subject, outcome, worst < TOLERANCE < change)
