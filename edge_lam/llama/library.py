"""Loads llama.cpp once, keeps its log, and says what was built and which devices it sees.

In goes the installed llama-cpp-python; out come its low-level functions (`library()`) and plain facts (`build_info()`).
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from edge_lam._util.addresses import check_addresses, numpy_room, spare_addresses
from edge_lam._util.once import once
from edge_lam.errors import BackendError
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.stamp import read_stamp

INSTALL_HINT = "build it with `make demo`, or install it with `pip install 'llama-cpp-python>=0.3.36,<0.4'`"
# Some 50 microseconds: longer than threads with cores of their own mostly wait, far shorter than a time slice. OpenMP's
# own default is 300,000. On two cores, calls with two threads took 25 ms with that, 27 with 4,000, and 30 with 1,000.
# With four busy programs beside them they took 2.1 s with the default, and 0.3 s with 1,000.
MAX_SPINS = "4000"
_ADDRESSES = 48 << 20  # bytes: its libraries take 21 MiB, the rest is for the thread that begins with it
_LEVEL_ERROR, _LEVEL_CONTINUED = 4, 5  # ggml_log_level
_DEVICE_KINDS = ("cpu", "gpu", "gpu", "accelerator", "meta")  # ggml_backend_dev_type: CPU, GPU, IGPU, ACCEL, META

_Lines: TypeAlias = "deque[tuple[int, str]]"

logger = logging.getLogger("edge_lam.llama.cpp")  # its own lines


class BackendLog:
    """The last lines of llama.cpp's log, which is written in the thread that calls it: each captures its own."""

    def __init__(self) -> None:
        self._shared: _Lines = deque(maxlen=100)
        self._local = threading.local()

    def write(self, level: int, text: str) -> None:
        """Take one piece of text from llama.cpp; a continuation goes to the line before it."""
        lines = self._lines
        if level == _LEVEL_CONTINUED and lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + text)
            return
        lines.append((level, text))
        logger.debug("%s", text.rstrip())

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Keep what llama.cpp logs inside apart, for this thread."""
        outer = self._lines
        self._local.lines = deque(maxlen=5000)
        try:
            yield
        finally:
            self._local.lines = outer

    @property
    def _lines(self) -> _Lines:
        return getattr(self._local, "lines", self._shared)

    def text(self) -> str:
        """Return what is kept, as llama.cpp wrote it."""
        return "".join(text for _, text in list(self._lines))

    def last_error(self) -> str:
        """Return the reason of the last failure in one line, without the name of llama.cpp's function, or ""."""
        errors = [text.strip() for level, text in list(self._lines) if level == _LEVEL_ERROR]
        # The very last line only repeats that loading failed; the reason stands before it.
        reasons = [text for text in errors if not text.endswith(": failed to load model")] or errors
        return re.sub(r"^\w+: ", "", " ".join(reasons[-1].split())) if reasons else ""

    def buffer_bytes(self, kind: str, *, but: str = "") -> int:
        """Sum the sizes that llama.cpp printed for its `kind` buffers ("compute", "output", "KV", "model").

        It prints one for each type of buffer; `but` leaves one of them out.
        """
        pattern = re.compile(rf": +(\S+) +{kind} buffer size = +([\d.]+) MiB")
        found = (pattern.search(text) for _, text in list(self._lines))
        sizes = {match[1]: float(match[2]) for match in found if match}
        return int(sum(n for name, n in sizes.items() if name != but) * 2**20)


log = BackendLog()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that llama.cpp can use; memory in bytes.

    `kind` is "cpu", "gpu", "accelerator" or "meta"; `backend` is llama.cpp's name of its driver ("CPU", "CUDA", ...).
    """

    name: str
    description: str
    kind: str
    backend: str
    memory_free: int
    memory_total: int


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What was built and loaded.

    Attributes:
        version: of llama-cpp-python.
        llama_cpp: version of the llama.cpp inside it.
        revision: of its source; "" where none of our backend files built it.
        backend: "cpu", "cuda", "metal", ...: where a model goes by default.
        library: path of the loaded libllama.
        features: compiled-in features by backend, such as ``{"CPU": {"AVX2": "1"}}``.
        devices: what llama.cpp sees on this machine.
    """

    version: str
    llama_cpp: str
    backend: str
    library: str
    features: dict[str, dict[str, str]]
    devices: tuple[Device, ...]
    revision: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


@once
def library() -> ModuleType:
    """Return llama-cpp-python's low-level functions, loaded and initialised once per process.

    Raises:
        BackendError: it is not installed, or its native library does not load.
        InsufficientMemory: too few addresses are left for it.
    """
    spare_addresses()
    check_addresses(_ADDRESSES + numpy_room(), "llama.cpp")
    try:
        with _limit_spins():
            import llama_cpp
    except ModuleNotFoundError as error:
        name = "llama-cpp-python" if error.name == "llama_cpp" else error.name
        raise BackendError(f"{name} is not installed", hint=INSTALL_HINT) from error
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise BackendError(f"llama.cpp could not be loaded: {reason}", hint=INSTALL_HINT) from error
    llama_cpp.llama_log_set(_log_callback(), None)
    interruptible(llama_cpp.llama_backend_init)
    return llama_cpp


@contextmanager
def _limit_spins() -> Iterator[None]:
    """Have GNU's OpenMP, if it is loaded inside, put threads to sleep soon that wait for another.

    They wait for each other at every node of the graph, hundreds of times a pass, and spin for milliseconds before they
    sleep. That costs nothing where each has a core of its own. But where other programs want the cores, the thread that
    all wait for is one that was put aside, and those that spin keep it from coming back. OpenMP reads the variable
    once, when it is loaded; child processes don't inherit it. Who set one of the two knows better.
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = MAX_SPINS
    try:
        yield
    finally:
        os.environ.pop("GOMP_SPINCOUNT", None)


@once  # llama.cpp keeps only the address: the callback object must live as long as the process
def _log_callback() -> object:
    def write(level: int, text: bytes | None, _: int | None) -> None:
        log.write(level, (text or b"").decode("utf-8", "replace"))

    return ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(write)


@once
def devices() -> tuple[Device, ...]:
    """Return the devices that llama.cpp sees, in its order."""
    count = ggml("ggml_backend_dev_count", ctypes.c_size_t)()
    get = ggml("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    return tuple(_device(get(index)) for index in range(count))


def _device(handle: int) -> Device:
    def text(function: str, argument: int) -> str:
        return str((ggml(function, ctypes.c_char_p, ctypes.c_void_p)(argument) or b"").decode("utf-8", "replace"))

    free, total = _memory(handle)
    kind = ggml("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)(handle)
    registry = ggml("ggml_backend_dev_backend_reg", ctypes.c_void_p, ctypes.c_void_p)(handle)
    return Device(
        name=text("ggml_backend_dev_name", handle),
        description=text("ggml_backend_dev_description", handle).strip(),
        kind=_DEVICE_KINDS[kind] if 0 <= kind < len(_DEVICE_KINDS) else "other",
        backend=text("ggml_backend_reg_name", registry) if registry else "",
        memory_free=free,
        memory_total=total,
    )


def _memory(handle: int) -> tuple[int, int]:
    """Return the bytes of a device that are free now, and all."""
    size_p = ctypes.POINTER(ctypes.c_size_t)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ggml("ggml_backend_dev_memory", None, ctypes.c_void_p, size_p, size_p)(handle, free, total)
    return free.value, total.value


def memory_in_use(kind: str) -> int | None:
    """Return the bytes that are in use now on all devices of a kind, by all processes; None where there are none.

    Metal tells what this process has in use, the others what all have.
    """
    get = ggml("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    found = [_memory(get(index)) for index, device in enumerate(devices()) if device.kind == kind]
    return sum(total - free for free, total in found) if found else None


@cache
def ggml(name: str, result: object, *arguments: object) -> Callable[..., Any]:
    """Return a function of ggml, which llama-cpp-python does not bind; it is found through libllama's dependencies.

    Args:
        name: of C.
        result: its type, of ctypes.
        *arguments: theirs.

    Raises:
        BackendError: this build does not show it.
    """
    bound = library().llama_cpp.ctypes_function(name, list(arguments), result)
    try:
        function: Callable[..., Any] = bound(lambda: None)
    except AttributeError as error:
        raise BackendError(f"this build of llama.cpp hides {name}", hint=INSTALL_HINT) from error
    return function


@once  # llama_print_system_info keeps its text in one place: two threads at once would both free it
def build_info() -> BuildInfo:
    """Return what was built and loaded."""
    llama_cpp = library()
    gpus = [device for device in devices() if device.kind == "gpu"]
    path = _library_path(llama_cpp).resolve()
    stamp = read_stamp(path.parent)
    return BuildInfo(
        version=llama_cpp.__version__,
        llama_cpp=ggml("llama_version", ctypes.c_char_p)().decode("utf-8", "replace"),
        backend=device_label(gpus[0].name).partition(":")[0] if gpus else "cpu",
        library=os.fspath(path),
        features=parse_features(llama_cpp.llama_print_system_info().decode("utf-8", "replace")),
        devices=devices(),
        revision=stamp.revision if stamp else "",
    )


def _library_path(llama_cpp: ModuleType) -> Path:
    """Return the file of libllama, where llama-cpp-python looks for it."""
    folder = Path(os.environ.get("LLAMA_CPP_LIB_PATH") or Path(str(llama_cpp.__file__)).parent / "lib")
    names = ("libllama.so", "libllama.dylib", "llama.dll", "libllama.dll")
    return next(filter(Path.exists, (folder / name for name in names)), folder)


def parse_features(system_info: str) -> dict[str, dict[str, str]]:
    """Parse "CPU : AVX2 = 1 | FMA = 1 | CUDA : ARCHS = 900 | "."""
    features: dict[str, dict[str, str]] = {}
    backend = ""
    for part in system_info.split(" | "):
        head, separator, item = part.rpartition(" : ")
        if separator:
            backend = head.strip()
        name, equals, value = item.partition(" = ")
        if equals:
            features.setdefault(backend, {})[name.strip()] = value.strip()
    return features


def device_label(name: str) -> str:
    """Turn llama.cpp's name of a device into ours: "CUDA0" is "cuda:0", "MTL0" and "Metal" are "metal"."""
    match = re.fullmatch(r"(\D+?)(\d*)", name)
    if not match:
        return name.lower()
    backend, index = match[1].lower(), match[2]
    if backend in ("mtl", "metal"):
        return "metal"
    return f"{backend}:{index}" if index else backend


def string_length() -> Any:
    """Return C's strlen, a callback that llama.cpp can ask without waiting for Python.

    Of "" it is 0, of anything else true: what llama.cpp hands to it is a flag of one character.
    """
    libc = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
    return libc.strlen
