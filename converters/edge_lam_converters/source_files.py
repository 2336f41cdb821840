"""The files that a conversion reads: their SHA-256, and whether they are still as they were when they were opened.

Paths go in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_lam.errors import CheckpointError

_PIECE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class SourceFiles:
    """Files with their sizes and times of change.

    Attributes:
        stamps: size in bytes and time of change in nanoseconds, by path, in the order given.
    """

    stamps: dict[Path, tuple[int, int]]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> SourceFiles:
        """Look at the files now.

        Raises:
            CheckpointError: one can't be read.
        """
        return cls({path: _stamp(path) for path in paths})

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(size for size, _ in self.stamps.values())

    def sha256(self, on_bytes: Callable[[int], None] = lambda n: None) -> dict[str, str]:
        """Return the SHA-256 of each file by its name; `on_bytes` hears how many bytes were read.

        Raises:
            CheckpointError: one can't be read.
        """
        digests = {}
        for path in self.stamps:
            digest = hashlib.sha256()
            try:
                with path.open("rb") as file:
                    while piece := file.read(_PIECE_BYTES):
                        digest.update(piece)
                        on_bytes(len(piece))
            except OSError as error:
                raise _unreadable(path, error) from error
            digests[path.name] = digest.hexdigest()
        return digests

    def check_unchanged(self) -> None:
        """Raise CheckpointError if a file was changed or removed since `of`."""
        for path, stamp in self.stamps.items():
            if not path.is_file() or _stamp(path) != stamp:
                raise CheckpointError(
                    f"{path.name} changed while it was converted", hint="wait until it is written, then convert again"
                )

    def holds(self, path: Path) -> bool:
        """Tell whether `path` is one of the files, by whatever name."""
        return path.exists() and any(file.exists() and path.samefile(file) for file in self.stamps)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return stat.st_size, stat.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path.name} can't be read: {error.strerror or error}")
