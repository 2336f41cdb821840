"""Where the results of a conversion go: their names, whether they may be written, and whether there is room.

Everything here is checked before the first byte is written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_lam.errors import InvalidRequest
from edge_lam_converters.source_files import SourceFiles


@dataclass(frozen=True)
class Target:
    """A GGUF to be written: its file type by llama.cpp's name, its path, and whether its folder may be made for it."""

    quant: str
    path: Path
    makes_folder: bool = False


def choose_targets(quants: Sequence[str], out: str | Path | None, folder: Path, name: str) -> list[Target]:
    """Return a target for each file type.

    Args:
        quants: names of file types, in any case; one that is named twice is written once.
        out: a file for a single target, a folder for any number, which is made if it ends with a slash or several
            targets need it; None for `folder`.
        folder: where files go by default.
        name: of the model; files are called NAME-QUANT.gguf.

    Raises:
        InvalidRequest: no type, or several for one file.
    """
    names = list(dict.fromkeys(quant.strip().upper() for quant in quants))
    if not names:
        raise InvalidRequest("no quantization is asked for", param="quant")
    path = folder if out is None else Path(out)
    is_new_folder = not path.exists() and (str(out).endswith(("/", os.sep)) or (len(names) > 1 and not _is_gguf(path)))
    if path.is_dir() or is_new_folder:
        return [Target(quant, path / f"{name}-{quant}.gguf", is_new_folder) for quant in names]
    if len(names) > 1:
        raise InvalidRequest(f"{' and '.join(names)} can't both be {path}", hint="give a folder", param="out")
    return [Target(names[0], path)]


def _is_gguf(path: Path) -> bool:
    return path.suffix.lower() == ".gguf"


def check_targets(targets: Iterable[Target], sources: Sequence[SourceFiles], *, force: bool) -> None:
    """Refuse targets that can't or must not be written.

    Raises:
        InvalidRequest: no such folder, no right to write, a file of the source, or a file that exists without `force`.
    """
    for target in targets:
        path, folder = target.path, target.path.parent
        if target.makes_folder:
            folder = next(parent for parent in folder.parents if parent.exists())
        if not folder.is_dir():
            raise InvalidRequest(f"there is no folder {folder}", param="out")
        if path.is_dir():
            raise InvalidRequest(f"{path} is a folder", hint="name the file to write", param="out")
        if any(files.holds(path) for files in sources):
            raise InvalidRequest(f"{path} is a file of the source itself", param="out")
        if path.exists() and not force:
            raise InvalidRequest(f"{path} exists", hint="use --force to replace it", param="out")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InvalidRequest(f"the folder {folder} can't be written", param="out")


def make_folder(targets: Sequence[Target]) -> Path:
    """Return the folder of the targets, made if they may.

    Raises:
        InvalidRequest: it can't be made.
    """
    folder = targets[0].path.parent
    if targets[0].makes_folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidRequest(f"the folder {folder} can't be made: {error.strerror}", param="out") from error
    return folder


def check_space(folder: Path, needed: int) -> None:
    """Refuse to start without room on the disk for `needed` bytes in `folder`.

    Raises:
        InvalidRequest: there is less.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InvalidRequest(
            f"{folder} has {free / 2**20:,.0f} MiB free, but the conversion needs {needed / 2**20:,.0f} MiB",
            hint=f"make room for {_mebibytes(needed - free)} more, or write to another disk with --out",
            param="out",
        )


def not_written(place: Path, needed: int, error: OSError) -> InvalidRequest:
    """Return the error of a conversion that could not be written; of a disk that filled up, how much is missing.

    Args:
        place: the file or the folder that was written.
        needed: bytes of all files; what was written of them is gone again.
        error: what the system reported.
    """
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):  # how much is missing is unknown; that the disk is full is still reported
            lacking = needed - shutil.disk_usage(place if place.is_dir() else place.parent).free
            hint = f"make room for {_mebibytes(lacking)} more, or write to another disk" if lacking > 0 else ""
    return InvalidRequest(f"{place} can't be written: {error.strerror or error}", hint=hint, param="out")


def _mebibytes(n_bytes: int) -> str:
    return f"{-(-n_bytes // 2**20):,} MiB"
