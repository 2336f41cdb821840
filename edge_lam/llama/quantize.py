"""llama.cpp's own quantizer, in this process: one GGUF in, another out.

Also names the file types that it can write. Knows nothing of checkpoints and of what becomes of the files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama.gguf_types import FILE_TYPES
from edge_lam.llama.library import library, log
from edge_lam.llama.threads import default_threads

_MAX_BUFFER_BYTES = 256 * 2**20  # of rows held in memory at once; llama.cpp's own default is 8 GiB
_POLL_SECONDS = 0.1

# llama.cpp refuses these without an importance matrix, for at least one tensor of an ordinary model.
_NEED_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "Q2_K_S"})
_NO_TARGET = frozenset({"NVFP4"})  # llama.cpp reads it, but does not quantize to it

FILE_TYPE_NUMBERS = {name: number for number, name in FILE_TYPES.items() if name not in _NO_TARGET}
"""llama.cpp's number for each type of file that it can write, by name, such as ``{"Q4_K_M": 15}``."""


def check_file_type(name: str) -> None:
    """Refuse a file type that `quantize_file` can't write.

    Raises:
        InvalidRequest: no such type, or one that needs an importance matrix.
    """
    if name not in FILE_TYPE_NUMBERS:
        raise InvalidRequest(
            f"there is no quantization {name}", hint=f"one of {', '.join(FILE_TYPE_NUMBERS)}", param="quant"
        )
    if name in _NEED_IMATRIX:
        raise InvalidRequest(
            f"{name} needs an importance matrix, which edge-lam does not make yet",
            hint="choose IQ3_S, Q2_K or a larger type",
            param="quant",
        )


def quantize_file(
    source: Path,
    target: Path,
    file_type: str,
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
        file_type: a name from `FILE_TYPE_NUMBERS`.
        n_threads: threads that compute; by default one per physical core.
        on_wait: called about ten times a second while llama.cpp works.

    Raises:
        InvalidRequest: no such type, or one that needs an importance matrix.
        BackendError: llama.cpp refused or failed; carries its reason.
    """
    check_file_type(file_type)
    llama_cpp = library()
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = FILE_TYPE_NUMBERS[file_type]
    params.nthread = n_threads or default_threads().n
    params.max_buf_size = _MAX_BUFFER_BYTES
    reasons: list[str] = []

    def work() -> None:
        with log.capture():
            if llama_cpp.llama_model_quantize(bytes(source), bytes(target), params) != 0:
                reasons.append(log.last_error().removeprefix("failed to quantize: "))

    worker = threading.Thread(target=work, name="quantize", daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(_POLL_SECONDS)
        on_wait()
    if reasons:
        raise BackendError(f"llama.cpp could not quantize to {file_type}: {reasons[0] or 'no reason given'}")
