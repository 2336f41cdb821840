"""Puts a file, or a line, in place whole or not at all, and removes what killed writers left, whatever is in it.

A writer holds a lock on its partial file, which the system gives up when the process ends, however it ends: what can be
locked belongs to nobody.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge_lam._util.debug import suppressed

logger = logging.getLogger("edge_lam.files")

STALE_SECONDS = 3600  # where a file system knows no locks, what was not touched for so long is nobody's
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{16}\.partial")


@contextmanager
def atomic_write(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write, which takes the place of `path` once all is on disk.

    On any error, Ctrl-C included, it is removed and `path` is left as it was. What a killed writer left in the folder
    is removed at the next call.

    Args:
        path: what is written or replaced.
        private: whether only the owner may read it.

    Raises:
        OSError: the folder or the disk refuses.
    """
    remove_abandoned(path.parent)
    partial, descriptor = _create_partial(path, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)  # while it is locked
    except BaseException:
        with suppressed(logger, f"{partial} stays", OSError):
            partial.unlink()
        raise


def append_line(descriptor: int, line: bytes, *, may_cut: bool = True) -> None:
    """Append a line to a file that is open to read and append: all of it or nothing.

    What a killed process left of a line stays a line of its own. A line that another is just writing may look like
    that, and an empty one then comes behind it.

    Args:
        descriptor: of the file.
        line: ends with a line feed.
        may_cut: whether what could not be written whole is cut off again; not where others may have appended since.

    Raises:
        OSError: the disk refuses, or took only a part.
    """
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    written = 0
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes could be written")
    finally:
        if may_cut and written < len(line):
            os.truncate(descriptor, size)


def partial_path(path: Path, unique: str) -> Path:
    """Return the name of a partial file of `path`; `unique` has 16 hexadecimal digits."""
    return path.with_name(f".{path.name[:100]}.{unique}.partial")


def remove_abandoned(folder: Path) -> None:
    """Remove the partial files of writers that are gone; what can't be removed stays."""
    with suppressed(logger, f"{folder} is not searched for partial files", OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL.fullmatch(entry.name):
                with suppressed(logger, f"{entry.path} stays", OSError):
                    _remove_if_abandoned(Path(entry.path))


def try_lock(descriptor: int) -> bool:
    """Lock a file until it is closed; False where another holds it.

    Raises:
        OSError: the system or the file system has no locks.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        raise OSError("no locks") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # the answer to the question
        return False
    return True


def is_linked(descriptor: int) -> bool:
    """Tell whether an open file still has a name: before it is locked, another process may take it for abandoned."""
    return os.fstat(descriptor).st_nlink > 0


def _create_partial(path: Path, mode: int) -> tuple[Path, int]:
    while True:
        partial = partial_path(path, os.urandom(8).hex())
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        try:
            if try_lock(descriptor) and is_linked(descriptor):
                return partial, descriptor
        except OSError:  # no locks here: others go by its age
            return partial, descriptor
        os.close(descriptor)
        partial.unlink(missing_ok=True)


def _remove_if_abandoned(partial: Path) -> None:
    found = partial.lstat()
    if not stat.S_ISREG(found.st_mode) or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
        return
    descriptor = os.open(partial, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        abandoned = try_lock(descriptor)
    except OSError:  # no locks here
        abandoned = time.time() - found.st_mtime > STALE_SECONDS
    try:
        if abandoned:
            partial.unlink()
    finally:
        os.close(descriptor)
