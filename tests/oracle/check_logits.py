"""Logits of the F32 GGUF in llama.cpp against transformers in float32."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import numpy as np
from oracle import Oracle, Result

from edge_lam.errors import EdgeLamError
from edge_lam.llama.context import Context
from edge_lam.llama.library import library
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

TITLE = "Logits against transformers"
ABOUT = (
    "The F32 GGUF of a random checkpoint runs in llama.cpp with keys and values in F32, the checkpoint itself in "
    "transformers in float32: the largest difference of a logit must be below 0.001. The file is also opened by "
    "edge-lam's own `Model` and `Context`, whose keys and values are F16: the largest difference then is told. (Where "
    "two experts of a mixture nearly tie, that rounding may choose the other one for a token.)"
)

TOLERANCE = 1e-3
N_TOKENS = 32


def run(oracle: Oracle) -> Iterator[Result]:
    """Compare each tiny shape."""
    tokens = np.random.default_rng(0).integers(0, 600, N_TOKENS).tolist()
    folders = {name: oracle.work / "logits" / name for name in SHAPES if name.startswith("tiny-")}
    for name, folder in folders.items():
        write_random_checkpoint(folder, SHAPES[name], dtype="F32")
    pairs = [path for folder in folders.values() for path in (folder, folder.with_suffix(".npy"))]
    oracle.run("run_transformers.py", ",".join(map(str, tokens)), *pairs)
    for name, folder in folders.items():
        path = folder.with_suffix(".gguf")
        try:
            convert(folder, path, quant="F32", force=True)
            runtime = runtime_logits(path, tokens)
        except EdgeLamError as error:
            yield Result(name, f"not converted or not loaded: {error.message}", passed=False)
            continue
        expected = np.load(folder.with_suffix(".npy"))
        worst, cached = (float(np.abs(found - expected).max()) for found in (f32_logits(path, tokens), runtime))
        yield Result(
            name,
            f"largest difference {worst:.1e} of logits up to {np.abs(expected).max():.1f}; {cached:.1e} with F16 keys",
            worst < TOLERANCE,
        )


def runtime_logits(path: Path, tokens: list[int]) -> np.ndarray:
    """Return the logits after each token, as edge-lam computes them."""
    with Model(path, device="cpu") as model, Context(model, n_ctx=64, n_threads=1) as context:
        context.decode(tokens, start=0, logits="all")
        return np.stack([context.logits(i).copy() for i in range(len(tokens))])


def f32_logits(path: Path, tokens: list[int], adapter: Path | None = None) -> np.ndarray:
    """Return the logits after each token, as llama.cpp computes them with nothing rounded below float32."""
    library()  # keeps llama.cpp quiet
    model_params = llama_cpp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    # Repacked weights would be multiplied by other kernels, whose inputs are rounded.
    model_params.use_extra_bufts = False
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 64
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    context = llama_cpp.llama_init_from_model(model, params)
    if adapter:
        loaded = llama_cpp.llama_adapter_lora_init(model, str(adapter).encode())
        pointers, scales = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(loaded), (ctypes.c_float * 1)(1.0)
        if llama_cpp.llama_set_adapters_lora(context, pointers, 1, scales):
            raise RuntimeError(f"llama.cpp can't use {adapter}")
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    try:
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, i, 1, 0
            batch.logits[i] = 1
        if llama_cpp.llama_decode(context, batch):
            raise RuntimeError(f"llama.cpp can't run {path}")
        n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(context), (len(tokens), n_vocab)).copy()
    finally:
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        llama_cpp.llama_model_free(model)
