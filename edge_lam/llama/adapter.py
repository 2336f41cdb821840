"""LoRA adapters in GGUF, added to a model at run time.

In go a loaded model and files, out come adapters that a `Context` uses, by the names that requests choose them by. A
file is checked first: llama.cpp aborts the process on some that don't fit.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_lam.errors import BackendError, InvalidModelFile, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader, Tensor
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.library import library, log

if TYPE_CHECKING:
    from edge_lam.llama.model import Model

# A file, with its scale if that is not 1; several for all requests, or by the names that requests say.
AdapterFile: TypeAlias = str | os.PathLike[str] | tuple[str | os.PathLike[str], float]
Adapters: TypeAlias = Sequence[AdapterFile] | Mapping[str, AdapterFile | list[AdapterFile]]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # no colon: servers call them MODEL:NAME
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


def adapter_sets(adapters: Adapters) -> dict[str, tuple[tuple[Path, float], ...]]:
    """Return the files of adapters, each with its scale, by the name that a request chooses them by.

    Args:
        adapters: as `load` takes them; "" is the name for requests that choose none, and always there.

    Raises:
        InvalidRequest: neither files nor names of files, or a scale that is no number; `param` is "adapters".
    """
    sets = {"": tuple[tuple[Path, float], ...]()}
    for name, files in (adapters if isinstance(adapters, Mapping) else {"": _listed(adapters)}).items():
        if not isinstance(name, str) or (name and not _NAME.fullmatch(name)):
            hint = "letters, digits, dots, dashes and underscores make one"
            raise InvalidRequest(f"{name!r} is no name of an adapter", hint=hint, param="adapters")
        sets[name] = tuple(map(_read_file, files if isinstance(files, list) else [files]))
    return sets


def load_adapters(model: Model, adapters: Adapters) -> dict[str, tuple[Adapter, ...]]:
    """Load adapters beside a model, by their names as of `adapter_sets`; a file is loaded once for all names.

    Args:
        model: the base.
        adapters: GGUF files, as `load` takes them.

    Raises:
        ModelNotFound: no such file.
        InvalidModelFile: no GGUF, or no LoRA adapter.
        InvalidRequest: as `adapter_sets`, or an adapter for another model; names the tensor.
        BackendError: llama.cpp refused it; carries its reason.
    """
    sets, needed = adapter_sets(adapters), _needed(adapters)
    for path in dict.fromkeys(needed):
        check_fits(GGUFHeader.read(path), model.header)
    pointers = [(path, interruptible(partial(_load, model, path))) for path in needed]
    loaded = {}
    for name, files in sets.items():
        free, found = list(pointers), []
        for path, scale in files:
            index = next(index for index, (other, _) in enumerate(free) if other == path)
            found.append(Adapter(path, scale, free.pop(index)[1]))
        loaded[name] = tuple(found)
    return loaded


def _needed(adapters: Adapters) -> list[Path]:
    """Return each file as often as one name has it at most: llama.cpp adds what is loaded once only once."""
    needed = Counter[Path]()
    for files in adapter_sets(adapters).values():
        needed |= Counter(path for path, _ in files)
    return list(needed.elements())


def adapter_bytes(adapters: Adapters) -> int:
    """Return how much memory the weights of adapters take.

    Raises:
        ModelNotFound, InvalidModelFile: one is missing, or no GGUF.
        InvalidRequest: as `adapter_sets`.
    """
    return sum(tensor.n_bytes for path in _needed(adapters) for tensor in GGUFHeader.read(path).tensors)


def apply_adapters(context: int, adapters: Sequence[Adapter]) -> None:
    """Let llama.cpp's context at the address `context` compute with `adapters`.

    Raises:
        BackendError: it refused them.
    """
    llama_cpp, n = library(), len(adapters)
    pointers = (llama_cpp.llama_adapter_lora_p_ctypes * n)(
        *(ctypes.cast(adapter.pointer, llama_cpp.llama_adapter_lora_p_ctypes) for adapter in adapters)
    )
    scales = (ctypes.c_float * n)(*(adapter.scale for adapter in adapters))
    # It logs, and a Ctrl-C in that callback would be lost.
    if interruptible(partial(llama_cpp.llama_set_adapters_lora, context, pointers, n, scales)) != 0:
        raise BackendError("llama.cpp could not apply the adapters")


def _load(model: Model, path: Path) -> int:
    """Load an adapter; llama.cpp frees it with its model."""
    with log.capture():
        pointer: int | None = library().llama_adapter_lora_init(model.pointer, os.fsencode(path))
        reason = log.last_error() or "no reason given"
    if not pointer:
        raise BackendError(f"llama.cpp could not load the adapter {path}: {reason}")
    return pointer


def _listed(adapters: Any) -> list[Any]:
    return list(adapters) if isinstance(adapters, Iterable) and not isinstance(adapters, str | bytes) else [adapters]


def _read_file(file: Any) -> tuple[Path, float]:
    """Return a file and its scale, which is 1 where none is given."""
    path, scale = file if isinstance(file, tuple | list) and len(file) == 2 else (file, 1.0)
    if not isinstance(path, str | os.PathLike):
        hint = '[("my-lora.gguf", 1.0)], or {"name": "my-lora.gguf"}'
        raise InvalidRequest(f"adapters can't be read from {path!r}", hint=hint, param="adapters")
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not -_MAX_SCALE <= scale <= _MAX_SCALE:
        raise InvalidRequest(f"the scale of {os.fspath(path)} is {scale!r}, no number of use", param="adapters")
    return Path(path), float(scale)


def check_fits(adapter: GGUFHeader, base: GGUFHeader) -> None:
    """Refuse what is no LoRA adapter, or one for another model.

    Args:
        adapter: the header of its file.
        base: the header of the model's file.

    Raises:
        InvalidModelFile: no LoRA adapter, or not a whole one.
        InvalidRequest: one for another model; names the tensor.
    """
    kind, metadata = adapter.metadata.get("general.type"), adapter.metadata
    if kind != "adapter" or metadata.get("adapter.type") != "lora":
        raise InvalidModelFile(
            f"{adapter.path} is no LoRA adapter" + (", but a whole model" if kind in ("model", None) else ""),
            hint="export one with `edge-lam convert CHECKPOINT --adapter LORA --export-adapter FILE`",
        )
    if "adapter.alora.invocation_tokens" in metadata:
        raise InvalidModelFile(f"{adapter.path} is an activated LoRA, which edge-lam does not support")
    _check_alpha(adapter)
    if adapter.architecture != base.architecture:
        raise InvalidRequest(
            f"{adapter.path} adapts a {adapter.architecture}, but {base.name} is a {base.architecture}",
            param="adapters",
        )
    factors = {tensor.name: tensor for tensor in adapter.tensors}
    adapted = {tensor.name: tensor for tensor in base.tensors}
    for name in dict.fromkeys(name.removesuffix(".lora_a").removesuffix(".lora_b") for name in factors):
        a, b = factors.get(f"{name}.lora_a"), factors.get(f"{name}.lora_b")
        if a is None or b is None:
            raise InvalidModelFile(f"{adapter.path} has no pair of factors for {name}", hint="export the adapter again")
        _check_pair(base, adapter.path, adapted.get(name), a, b)
    if adapted.keys() >= {_EMBEDDING} and _OUTPUT not in adapted and f"{_EMBEDDING}.lora_a" in factors:
        raise InvalidRequest(
            f"{adapter.path} adapts the embedding, which is the output matrix of {base.name} too",
            hint="merge the adapter into the weights instead",
            param="adapters",
        )


def _check_pair(model: GGUFHeader, path: Path, base: Tensor | None, a: Tensor, b: Tensor) -> None:
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
    """Refuse an alpha that is no finite float32, as llama.cpp asserts; a text may not look like its key."""
    key = struct.pack("<Q", len(_ALPHA)) + _ALPHA.encode()
    with header.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = data.find(key)
        alpha = header.metadata.get(_ALPHA)
        sound = position >= 0 and isinstance(alpha, float) and math.isfinite(alpha)
        while position >= 0:
            position += len(key)
            sound = sound and data[position : position + 4] == struct.pack("<I", _FLOAT32)
            position = data.find(key, position)
    if not sound:
        raise InvalidModelFile(f"{header.path} has no sound {_ALPHA}", hint="export the adapter again")
