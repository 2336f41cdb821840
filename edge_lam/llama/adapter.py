"""LoRA adapters in GGUF, added to a model at run time.

In go a loaded model and a file, out comes an adapter that a `Context` uses. The file is checked first: llama.cpp aborts
the process on some that don't fit.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.errors import BackendError, InvalidModelFile, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader, Tensor
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.library import library, log

if TYPE_CHECKING:
    from edge_lam.llama.model import Model

_ALPHA = "adapter.lora.alpha"
_FLOAT32 = 6  # GGUF's number of the type
_EMBEDDING, _OUTPUT = "token_embd.weight", "output.weight"
_MAX_SCALE = 1e6


@dataclass(frozen=True, slots=True)
class Adapter:
    """A loaded LoRA adapter, freed with its model.

    Attributes:
        path: the GGUF.
        scale: how strongly it is applied; 1 as it was trained, 0 not at all.
        pointer: the address of llama.cpp's adapter.
    """

    path: Path
    scale: float
    pointer: int


def load_adapters(model: Model, adapters: Sequence[tuple[str | os.PathLike[str], float]]) -> tuple[Adapter, ...]:
    """Load adapters beside a model.

    Args:
        model: the base.
        adapters: GGUF files, each with its scale.

    Raises:
        ModelNotFound: no such file.
        InvalidModelFile: no GGUF, or no LoRA adapter.
        InvalidRequest: a scale that is no number, or an adapter for another model; names the tensor.
        BackendError: llama.cpp refused it; carries its reason.
    """
    checked = [(Path(path), _check_scale(path, scale)) for path, scale in adapters]
    for path, _ in checked:
        _check_fits(model, GGUFHeader.read(path))
    return tuple(Adapter(path, scale, interruptible(partial(_load, model, path))) for path, scale in checked)


def adapter_bytes(adapters: Iterable[tuple[str | os.PathLike[str], float]]) -> int:
    """Return how much memory the weights of adapters take.

    Raises:
        ModelNotFound, InvalidModelFile: one is missing, or no GGUF.
    """
    return sum(tensor.n_bytes for path, _ in adapters for tensor in GGUFHeader.read(path).tensors)


def apply_adapters(context: int, adapters: Sequence[Adapter]) -> None:
    """Let llama.cpp's context at the address `context` compute with `adapters`."""
    llama_cpp, n = library(), len(adapters)
    pointers = (llama_cpp.llama_adapter_lora_p_ctypes * n)(
        *(ctypes.cast(adapter.pointer, llama_cpp.llama_adapter_lora_p_ctypes) for adapter in adapters)
    )
    scales = (ctypes.c_float * n)(*(adapter.scale for adapter in adapters))
    if llama_cpp.llama_set_adapters_lora(context, pointers, n, scales) != 0:
        raise BackendError("llama.cpp could not apply the adapters")


def _load(model: Model, path: Path) -> int:
    """Load an adapter; llama.cpp frees it with its model."""
    with log.capture():
        pointer: int | None = library().llama_adapter_lora_init(model.pointer, os.fsencode(path))
        reason = log.last_error() or "no reason given"
    if not pointer:
        raise BackendError(f"llama.cpp could not load the adapter {path}: {reason}")
    return pointer


def _check_scale(path: str | os.PathLike[str], scale: float) -> float:
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not -_MAX_SCALE <= scale <= _MAX_SCALE:
        raise InvalidRequest(f"the scale of {os.fspath(path)} is {scale!r}, no number of use", param="adapters")
    return float(scale)


def _check_fits(model: Model, header: GGUFHeader) -> None:
    kind, metadata = header.metadata.get("general.type"), header.metadata
    if kind != "adapter" or metadata.get("adapter.type") != "lora":
        raise InvalidModelFile(
            f"{header.path} is no LoRA adapter" + (", but a whole model" if kind in ("model", None) else ""),
            hint="export one with `edge-lam convert CHECKPOINT --adapter LORA --export-adapter FILE`",
        )
    if "adapter.alora.invocation_tokens" in metadata:
        raise InvalidModelFile(f"{header.path} is an activated LoRA, which edge-lam does not support")
    _check_alpha(header)
    if header.architecture != model.architecture:
        raise InvalidRequest(
            f"{header.path} adapts a {header.architecture}, but {model.name} is a {model.architecture}",
            param="adapters",
        )
    factors = {tensor.name: tensor for tensor in header.tensors}
    base = {tensor.name: tensor for tensor in model.header.tensors}
    for name in dict.fromkeys(name.removesuffix(".lora_a").removesuffix(".lora_b") for name in factors):
        a, b = factors.get(f"{name}.lora_a"), factors.get(f"{name}.lora_b")
        if a is None or b is None:
            raise InvalidModelFile(f"{header.path} has no pair of factors for {name}", hint="export the adapter again")
        _check_pair(model, header.path, base.get(name), a, b)
    if base.keys() >= {_EMBEDDING} and _OUTPUT not in base and f"{_EMBEDDING}.lora_a" in factors:
        raise InvalidRequest(
            f"{header.path} adapts the embedding, which is the output matrix of {model.name} too",
            hint="merge the adapter into the weights instead",
            param="adapters",
        )


def _check_pair(model: Model, path: Path, base: Tensor | None, a: Tensor, b: Tensor) -> None:
    name = a.name.removesuffix(".lora_a")
    if base is None:
        raise InvalidRequest(f"{path} adapts {name}, which {model.name} does not have", param="adapters")
    # GGUF names the row length first. A: (columns, rank), B: (rank, rows); of the embedding both start with the rank.
    shape = (b.shape[1], a.shape[1]) if name == _EMBEDDING else (a.shape[0], *b.shape[1:2])
    rank = a.shape[0] if name == _EMBEDDING else a.shape[1] if len(a.shape) > 1 else 0
    experts = base.shape[2:]
    if len(a.shape) < 2 or shape != base.shape[:2] or rank != b.shape[0] or not a.shape[2:] == b.shape[2:] == experts:
        raise InvalidRequest(
            f"{path} adapts {name} of another shape: factors {a.shape} and {b.shape}, tensor {base.shape}",
            hint="the adapter belongs to another base model",
            param="adapters",
        )


def _check_alpha(header: GGUFHeader) -> None:
    """Refuse an alpha of another type than llama.cpp asserts; a text that only looks like one does not matter."""
    key = struct.pack("<Q", len(_ALPHA)) + _ALPHA.encode()
    with header.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = data.find(key)
        sound = position >= 0 and isinstance(header.metadata.get(_ALPHA), float)
        while position >= 0:
            position += len(key)
            sound = sound and data[position : position + 4] == struct.pack("<I", _FLOAT32)
            position = data.find(key, position)
    if not sound:
        raise InvalidModelFile(f"{header.path} has no sound {_ALPHA}", hint="export the adapter again")
