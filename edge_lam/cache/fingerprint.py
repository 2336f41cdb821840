"""What a prefix state is valid for: the model's content, the build, and the types of keys and values.

In goes a context, out comes a key of plain JSON types. Two keys are equal if, and only if, a state of one context means
the same in the other.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.llama import build_info

if TYPE_CHECKING:
    from edge_lam.llama import Context

BLOCK = 1 << 16
N_BLOCKS = 64


def state_key(context: Context, adapter: str = "") -> dict[str, Any]:
    """Return the key of the states that a context computes with the adapters of a name.

    Features of the processor, threads, context length and the order of the weights in memory are no part of it: they
    change the last digits of keys and values at most, as lengths of passes do. What is baked on x86-64 holds on ARM.
    """
    build = build_info()
    return {
        "model": fingerprint(context.model.path),
        "llama_cpp": build.revision or build.llama_cpp,
        "bindings": build.version,
        "device": context.model.device.partition(":")[0],  # of two GPUs of a kind either will do
        "adapters": [[fingerprint(each.path), each.scale] for each in context.adapters[adapter]],
        "kv_type": context.kv_type.name,
        "kv_layout": context.kv_layout,
        "rope": _rope(context),
    }


def _rope(context: Context) -> str:
    """Return which factors turn the keys, where that is not the file's alone to tell.

    Of a model with "longrope", llama.cpp takes those for long texts if the context is longer than the model first was
    trained for, all sequences together.
    """
    metadata, architecture = context.model.metadata, context.model.architecture
    if metadata.get(f"{architecture}.rope.scaling.type") != "longrope":
        return ""
    original = metadata.get(f"{architecture}.rope.scaling.original_context_length", context.model.n_ctx_train)
    return "long" if context.n_cells > original else "short"


def fingerprint(path: Path) -> str:
    """Return a hash of a model file's size and of 64 blocks spread over its content, header and end included.

    Reading all of a file of gigabytes would take longer than what a stored prefix saves. Quantized weights differ
    everywhere when they differ at all.
    """
    stat = path.stat()
    return _fingerprint(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _fingerprint(path: Path, size: int, modified: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(N_BLOCKS * BLOCK))
        for index in range(1, N_BLOCKS + 1):
            file.seek(max(0, size * index // N_BLOCKS - BLOCK))
            digest.update(file.read(BLOCK))
    return digest.hexdigest()
