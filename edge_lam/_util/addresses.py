"""Where addresses are limited (`ulimit -v`, RLIMIT_AS of setrlimit(2)): how many are left, and whether they suffice.

What finds none in llama.cpp, llguidance or OpenBLAS ends the process there, with a line of its own at best. So whoever
is about to have them take many looks before. What only Python takes is a MemoryError, and needs no such care.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

from edge_lam._util.sizes import size
from edge_lam._util.system_files import text_of
from edge_lam.errors import InsufficientMemory

_NUMPY = 96 << 20  # bytes: 83 MiB with one thread of OpenBLAS, 40 more for each further one
_USUAL_STACK = 8 << 20
_M_ARENA_MAX = -8  # of glibc's mallopt


def address_space() -> int | None:
    """Return the bytes of addresses that this process may still take, or None without a limit."""
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    for line in text_of(Path("/proc/self/status")).splitlines():
        if line.startswith("VmSize:"):
            return max(0, limit - int(line.split()[1]) * 1024)
    return None


def check_addresses(needed: int, what: str) -> None:
    """Refuse what would take more addresses than are left.

    Args:
        needed: bytes.
        what: takes them.

    Raises:
        InsufficientMemory: there are fewer.
    """
    left = address_space()
    if left is not None and left < needed:
        raise InsufficientMemory(
            f"{what} takes up to {size(needed)} of addresses, more than the {size(left)} that are left (ulimit -v)",
            hint="raise the limit of this shell",
            needed=needed,
            available=left,
            n_ctx=None,
        )


def numpy_room() -> int:
    """Return the bytes of addresses that numpy will take when it is imported; 0 where it was."""
    return 0 if "numpy" in sys.modules else _NUMPY


def stacks(n_threads: int) -> int:
    """Return the bytes of addresses that the stacks of threads take."""
    try:
        import resource
    except ImportError:  # Windows has none
        return n_threads * _USUAL_STACK
    limit, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return n_threads * (_USUAL_STACK if limit == resource.RLIM_INFINITY else limit)


def spare_addresses() -> None:
    """Have libraries that are not loaded yet take fewer addresses, where those are limited.

    Threads then share one heap (glibc sets 64 MiB aside for each one's own), and OpenBLAS has one thread instead of one
    for each core. Where even so there is no room for numpy, to import it raises InsufficientMemory.
    """
    if address_space() is None or "numpy" in sys.modules:
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path.insert(0, _BeforeNumpy())
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


class _BeforeNumpy(MetaPathFinder):
    """Looks whether there is room for numpy when it is imported; finds nothing itself."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "numpy":
            check_addresses(numpy_room(), "numpy")
