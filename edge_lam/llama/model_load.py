"""How a model is loaded and freed: where to, llama.cpp's parameters for it, and what its log tells about the result."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from types import ModuleType

from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama.cpu import cpu, lacking_features
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.library import build_info, device_label, devices, library, log, string_length
from edge_lam.llama.self_test import accelerator_verdict

_ALL_LAYERS = -1
_MADV_DONTNEED = 4  # of Linux, on all of its processors but Alpha
_NO_DEVICES = (ctypes.c_void_p * 1)(None)  # a list that ends at once; llama.cpp gets its address


def load_model(path: Path, device: str, *, use_mmap: bool, repack: bool, vocab_only: bool, no_alloc: bool) -> int:
    """Let llama.cpp load a file, and return the address of its model.

    Args:
        path: a GGUF that was checked: llama.cpp ends the process on some others.
        device: as `choose_device` returned it.
        use_mmap: map the weights into memory.
        repack: let llama.cpp copy weights into an order that suits the processor, where that was seen to work.
        vocab_only: load no weights.
        no_alloc: read no weights and take no memory for them.

    Raises:
        BackendError: llama.cpp was built for another processor, or refused the model; carries its reason.
    """
    _check_processor()
    llama = library()
    params = llama.llama_model_default_params()
    is_mapped = use_mmap and not no_alloc
    params.load_mode = llama.LLAMA_LOAD_MODE_MMAP if is_mapped else llama.LLAMA_LOAD_MODE_NONE
    params.use_extra_bufts = repack and accelerator_verdict().ok
    params.n_gpu_layers = 0 if device == "cpu" else _ALL_LAYERS
    if device == "cpu":
        # Zero layers alone would still let llama.cpp send large matrix products to a GPU: list no devices.
        params.devices = ctypes.cast(_NO_DEVICES, ctypes.c_void_p)
    params.vocab_only, params.no_alloc = vocab_only, no_alloc
    goes_on = ctypes.create_string_buffer(b"1")  # emptied to stop: llama.cpp looks at it before each tensor
    params.progress_callback = ctypes.cast(string_length(), llama.llama_progress_callback)
    params.progress_callback_user_data = ctypes.addressof(goes_on)

    def load() -> tuple[int, int]:
        with log.capture():
            pointer: int | None = llama.llama_model_load_from_file(os.fsencode(path), params)
            reason = log.last_error() or "no reason given"
            copied = log.buffer_bytes("model", but="CPU_Mapped")
        if not pointer:
            raise BackendError(f"llama.cpp could not load {path}: {reason}")
        return pointer, copied

    def stop() -> None:
        goes_on.value = b""

    pointer, copied = interruptible(load, stop=stop, discard=lambda loaded: llama.llama_model_free(loaded[0]))
    if copied and use_mmap:
        release_pages(path)
    return pointer


def release_pages(path: Path, maps: Path = Path("/proc/self/maps")) -> int:
    """Take the pages of a file out of this process, and return how many bytes of it are mapped; Linux only.

    What was read once, to copy weights, need not stay; it is read again from the page cache where it is used.
    Only mappings that can't be written to are touched: nothing is in their pages that is not in the file.

    Args:
        path: the file.
        maps: where the system lists what is mapped.
    """
    name = str(path.resolve())
    released = 0
    try:
        lines = maps.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    for line in lines:
        span, access, *_, mapped = (*line.split(maxsplit=5), "")[:6]
        if mapped != name or access != "r--s":
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        if libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED) == 0:
            released += end - start
    return released


def _check_processor() -> None:
    """Refuse a build whose first pass would end the process.

    Raises:
        BackendError: it uses instructions that this processor does not have.
    """
    found = cpu()
    lacking = lacking_features(build_info().features.get("CPU", {}), found)
    if lacking:
        raise BackendError(
            f"this llama.cpp was built for a processor with {', '.join(lacking)}, which {found.model} does not have",
            hint="build it on this machine, or without them; `edge-lam doctor` shows what was built",
        )
    verdict = accelerator_verdict()
    if verdict.fatal:
        raise BackendError(
            f"this llama.cpp was built for a newer processor than {found.model}: {verdict.detail}",
            hint="build it on this machine; `edge-lam doctor` shows what was built",
        )


def choose_device(wanted: str) -> str:
    """Return the label of the device that "auto", "cpu" or "gpu" stands for here.

    Raises:
        InvalidRequest: another word.
        BackendError: there is no GPU.
    """
    if wanted not in ("auto", "cpu", "gpu"):
        raise InvalidRequest(f"device must be auto, cpu or gpu, not {wanted!r}", param="device")
    gpus = [device for device in devices() if device.kind == "gpu"]
    if wanted == "gpu" and not gpus:
        raise BackendError(
            "this build of llama.cpp has no GPU backend, or sees no GPU",
            hint="build with `make demo BACKEND=cuda`, =metal or =vulkan; `edge-lam doctor` lists the devices",
        )
    return device_label(gpus[0].name) if gpus and wanted != "cpu" else "cpu"


def free_model(llama: ModuleType, pointer: int, process: int) -> None:
    """Free a model, in the process that loaded it only."""
    if os.getpid() == process:  # a forked child shares the memory, but not the threads and GPU handles behind it
        llama.llama_model_free(pointer)
