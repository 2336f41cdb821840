"""Reads files that nobody vouches for: in bounded memory, and without waiting for ever for a pipe."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read.

    Raises:
        OSError: it can't be read, or is a folder, a pipe or a device, which could make one wait or read for ever.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(descriptor, "rb")  # refuses folders
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file")
    return file


def read_bounded(path: Path, most: int) -> bytes:
    """Return what is in a file of any kind: people also name pipes.

    Raises:
        OSError: it can't be read, or has more than `most` bytes.
    """
    with path.open("rb") as file:
        return _read(file, most)


def read_regular(path: Path, most: int) -> bytes:
    """Return what is in a file that someone else chose; errors are those of `open_regular` and `read_bounded`."""
    with open_regular(path) as file:
        return _read(file, most)


def as_text(data: bytes) -> str:
    """Return a text file's text, its lines ended as Python ends them.

    Raises:
        UnicodeDecodeError: it is no UTF-8.
    """
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")


def _read(file: BinaryIO, most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MiB")
    return data
