"""Gives back memory of a mapped model file: pages that were read once, to copy their weights, need not stay.

In goes a path; what is mapped of it stays valid, and is read again from the page cache where it is used. Linux only.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

_MADV_DONTNEED = 4  # of Linux, on all of its processors but Alpha


def release_pages(path: Path, maps: Path = Path("/proc/self/maps")) -> int:
    """Take the pages of a file out of this process, and return how many bytes of it are mapped.

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
