"""llama.cpp's own quantizer, in this process: one GGUF in, another out.

Also says beforehand which type each tensor will get.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.gguf_types import FILE_TYPES, TENSOR_TYPES
from edge_lam.llama.library import library, log
from edge_lam.llama.threads import default_threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_BUFFER_BYTES = 256 * 2**20  # of rows held in memory at once; llama.cpp's own default is 8 GiB
_POLL_SECONDS = 0.1
_MAX_TEXT_BYTES = 127  # of a key or a text that llama.cpp adds to the metadata

# llama.cpp refuses these without an importance matrix, for at least one tensor of an ordinary model.
NEED_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "Q2_K_S"})
# Tensor types that are useless without one; for some of them llama.cpp would end the process.
_TENSOR_NEEDS_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS"})
_NO_TARGET = frozenset({"NVFP4"})  # llama.cpp reads it, but does not quantize to it
_NO_TENSOR_TARGET = _NO_TARGET | {"Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"}  # for arithmetic, not for weights

FILE_TYPE_NUMBERS = {name: number for number, name in FILE_TYPES.items() if name not in _NO_TARGET}
"""llama.cpp's number for each type of file that it can write, by name, such as ``{"Q4_K_M": 15}``."""

TENSOR_TYPE_NUMBERS = {name: n for n, (name, _, _) in TENSOR_TYPES.items() if name not in _NO_TENSOR_TARGET}
"""ggml's number for each type that a tensor can be written in, by name, such as ``{"Q6_K": 14}``."""


@dataclass(frozen=True)
class Recipe:
    """How to quantize a model.

    Attributes:
        file_type: a name from `FILE_TYPE_NUMBERS`.
        overrides: pairs of a regular expression and a name from `TENSOR_TYPE_NUMBERS`; the first that is found in a
            tensor's name decides its type.
        imatrix: importance of each column of a tensor, by the tensor's name: shape (columns,), or of stacked experts
            (experts * columns,).
        metadata: keys and values to write into the result, at most 127 bytes each.
    """

    file_type: str
    overrides: tuple[tuple[str, str], ...] = ()
    imatrix: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    metadata: Mapping[str, str | int] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what llama.cpp can't do.

        Raises:
            InvalidRequest: no such type or pattern, or a type that needs an importance matrix.
        """
        check_file_type(self.file_type, has_imatrix=bool(self.imatrix))
        for pattern, tensor_type in self.overrides:
            check_override(pattern, tensor_type)


@dataclass(frozen=True, slots=True)
class Fallback:
    """A tensor whose rows are no multiple of the blocks of the type meant for it, so that it gets another.

    Attributes:
        tensor: its name.
        n_columns: length of its rows.
        wanted, used: names of the types.
    """

    tensor: str
    n_columns: int
    wanted: str
    used: str


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """What `quantize_file` will write: the type of each tensor, in the order of the file, and the fallbacks."""

    types: dict[str, str]
    fallbacks: tuple[Fallback, ...]


def check_file_type(name: str, *, has_imatrix: bool = False) -> None:
    """Refuse a file type that `quantize_file` can't write.

    Raises:
        InvalidRequest: no such type, or one that needs an importance matrix.
    """
    if name not in FILE_TYPE_NUMBERS:
        raise InvalidRequest(
            f"there is no quantization {name}", hint=f"one of {', '.join(FILE_TYPE_NUMBERS)}", param="quant"
        )
    if name in NEED_IMATRIX and not has_imatrix:
        raise InvalidRequest(
            f"{name} needs an importance matrix",
            hint="make one with `edge-lam calibrate`, or choose IQ3_S, Q2_K or a larger type",
            param="quant",
        )


def plan_quantization(source: Path, recipe: Recipe) -> QuantizationPlan:
    """Ask llama.cpp which type each tensor of the GGUF `source` will get. Its values are not read.

    Raises:
        InvalidRequest: the recipe can't be followed, or one of its patterns is found in no tensor's name.
        BackendError: llama.cpp refused; carries its reason.
    """
    recipe.check()
    with log.capture():
        reason = _run(source, Path(), recipe, n_threads=1, dry_run=True)
        text = log.text()
    if reason is not None:
        raise _failure(recipe, reason)
    plan = QuantizationPlan(_planned_types(text), _fallbacks(text))
    if plan.types.keys() != {tensor.name for tensor in GGUFHeader.read(source).tensors}:
        raise _failure(recipe, "it does not say which type each tensor gets")
    _check_imatrix(source, recipe)
    for pattern, _ in recipe.overrides:
        if not any(re.search(pattern, name) for name in plan.types):
            raise InvalidRequest(f"no tensor is called anything like {pattern}", param="tensor_type")
    for name, tensor_type in plan.types.items():
        if tensor_type in _TENSOR_NEEDS_IMATRIX and name not in recipe.imatrix:
            raise InvalidRequest(
                f"{name} would be {tensor_type}, for which it needs an importance matrix",
                hint="make one with `edge-lam calibrate`, or give the tensor another type",
                param="tensor_type",
            )
    return plan


def quantize_file(
    source: Path,
    target: Path,
    recipe: Recipe | str,
    n_threads: int | None = None,
    *,
    on_wait: Callable[[], None] = lambda: None,
) -> None:
    """Quantize the GGUF `source` into `target`, which is overwritten.

    The work is done in a thread of its own, so that Ctrl-C ends the wait at once. llama.cpp can't be stopped: after an
    interrupt that thread writes on into `target` until the process ends or the file is complete.

    Args:
        source: a GGUF of BF16, F16 or F32 tensors.
        target: the file to write.
        recipe: how, or only the name of a file type.
        n_threads: threads that compute; by default one per physical core.
        on_wait: called about ten times a second while llama.cpp works, and when it is through.

    Raises:
        InvalidRequest: the recipe can't be followed.
        BackendError: llama.cpp refused or failed; carries its reason.
    """
    recipe = Recipe(recipe) if isinstance(recipe, str) else recipe
    recipe.check()
    library()  # an error in loading is raised here, not in the thread
    reasons: list[str | None] = []

    def work() -> None:
        with log.capture():
            reasons.append(_run(source, target, recipe, n_threads or default_threads().n))

    worker = threading.Thread(target=work, name="quantize", daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(_POLL_SECONDS)
        if worker.is_alive():
            on_wait()
    reason = reasons[0] if reasons else "its thread ended"
    if reason is not None:
        raise _failure(recipe, reason)
    on_wait()  # a small file is done before the first wait


def _run(source: Path, target: Path, recipe: Recipe, n_threads: int, *, dry_run: bool = False) -> str | None:
    """Call llama.cpp and return the reason why it failed, None if it did not."""
    llama_cpp = library()
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = FILE_TYPE_NUMBERS[recipe.file_type]
    params.nthread = n_threads
    params.max_buf_size = _MAX_BUFFER_BYTES
    params.dry_run = dry_run
    # The arrays must live as long as the call; each ends with an empty entry.
    overrides, imatrix, metadata = _overrides(recipe), _imatrix(recipe), _metadata(recipe)
    if len(overrides) > 1:
        params.tt_overrides = overrides
    if len(imatrix) > 1:
        params.imatrix = imatrix
    if len(metadata) > 1:
        params.kv_overrides = metadata
    if llama_cpp.llama_model_quantize(bytes(source), bytes(target), params) == 0:
        return None
    return log.last_error().removeprefix("failed to quantize: ")


def _overrides(recipe: Recipe) -> ctypes.Array[Any]:
    entries = [(pattern.encode(), TENSOR_TYPE_NUMBERS[kind]) for pattern, kind in recipe.overrides]
    return _ended_array(library().llama_model_tensor_override, entries)


def _imatrix(recipe: Recipe) -> ctypes.Array[Any]:
    pointer = ctypes.POINTER(ctypes.c_float)
    entries = [
        (name.encode(), values.ctypes.data_as(pointer), values.size)  # the pointer keeps its array alive
        for name, values in ((name, _contiguous(values)) for name, values in recipe.imatrix.items())
    ]
    return _ended_array(library().llama_model_imatrix_data, entries)


def _metadata(recipe: Recipe) -> ctypes.Array[Any]:
    llama_cpp = library()
    entries = []
    for key, value in recipe.metadata.items():
        held = llama_cpp.llama_model_kv_override_value()
        if isinstance(value, int):
            tag, held.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
        else:
            tag, held.val_str = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, short_text(value).encode()
        entries.append((tag, key.encode(), held))
    return _ended_array(llama_cpp.llama_model_kv_override, entries)


def _ended_array(kind: type[ctypes.Structure], entries: list[tuple[Any, ...]]) -> ctypes.Array[Any]:
    return (kind * (len(entries) + 1))(*(kind(*entry) for entry in entries))


def _contiguous(values: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    return np.ascontiguousarray(values, dtype=np.float32)


def short_text(text: str) -> str:
    """Return `text` as far as it fits into what llama.cpp adds to the metadata."""
    return text.encode()[:_MAX_TEXT_BYTES].decode(errors="ignore")


def _check_imatrix(source: Path, recipe: Recipe) -> None:
    """Refuse an importance matrix that is not of this model: llama.cpp would leave out what it can't place."""
    tensors = {tensor.name: tensor for tensor in GGUFHeader.read(source).tensors}
    for name, values in recipe.imatrix.items():
        tensor = tensors.get(name)
        if tensor is None or values.size != tensor.shape[0] * math.prod(tensor.shape[2:]):
            has = f"{values.size} columns for {name}" if tensor else f"{name}, which this one has not"
            raise InvalidRequest(
                f"the importance matrix is of another model: it has {has}",
                hint="make one with `edge-lam calibrate`, from this model",
                param="imatrix",
            )


def _planned_types(text: str) -> dict[str, str]:
    """Read what llama.cpp prints of each tensor: "[ 1/ 30] NAME - [64, ...], type = bf16, size = 2.0 MiB -> ...".

    The new type stands in brackets at the end, where it is another.
    """
    line = re.compile(
        r"^\[ *\d+/ *\d+\] (\S+) +- \[[^]]*\], type = +(\w+), size = [^\n]*?(?:\((\w+)\))?$", re.MULTILINE
    )
    return {match[1]: (match[3] or match[2]).upper() for match in line.finditer(text)}


def _fallbacks(text: str) -> tuple[Fallback, ...]:
    """Read llama.cpp's warnings of tensors that can't have the type meant for them."""
    line = re.compile(
        r"^warning: (\S+) +- ncols +(\d+) not divisible by +\d+ \(required for type +(\w+)\)"
        r"[^\n]*-> falling back to +(\w+)$",
        re.MULTILINE,
    )
    return tuple(Fallback(match[1], int(match[2]), match[3].upper(), match[4].upper()) for match in line.finditer(text))


def check_override(pattern: str, tensor_type: str) -> None:
    """Refuse an override that llama.cpp can't follow.

    Raises:
        InvalidRequest: no such type, or no regular expression.
    """
    if tensor_type not in TENSOR_TYPE_NUMBERS:
        raise InvalidRequest(
            f"there is no tensor type {tensor_type}",
            hint=f"one of {', '.join(TENSOR_TYPE_NUMBERS)}",
            param="tensor_type",
        )
    try:
        re.compile(pattern)
    except re.error as error:
        raise InvalidRequest(f"{pattern} is no regular expression: {error}", param="tensor_type") from error


def _failure(recipe: Recipe, reason: str) -> BackendError:
    return BackendError(f"llama.cpp could not quantize to {recipe.file_type}: {reason or 'no reason given'}")
