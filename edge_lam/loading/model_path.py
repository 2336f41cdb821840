"""Where a model is: in goes a file or a name, out comes the path of its GGUF, downloaded if it must be."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.cut_files import JOIN_HINT, is_cut
from edge_lam._util.extras import require
from edge_lam._util.paths import cache_dir, user_path
from edge_lam.errors import InvalidModelFile, InvalidRequest
from edge_lam.loading.smol_lam import SMOL_LAM

if TYPE_CHECKING:
    from edge_lam.hub.download import Progress

_CHUNK, _BLOCKS = 1 << 20, 64  # bytes; a part is known by that many of them

EMBEDDED_NAME = "tiny-lam"
EMBEDDED_MODEL = Path(__file__).parents[1] / "assets" / "tiny-lam-Q8_0.gguf"


def find_model(model: str | os.PathLike[str] | None = None, *, on_progress: Progress | None = None) -> Path:
    """Return the file of a model, downloaded if it is on the hub.

    Args:
        model: a file or a name; None is smol-lam if it was made here before (`edge-lam pull smol-lam`), else the
            embedded tiny-lam.
        on_progress: hears of a download, as of `edge_lam.hub.pull`.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        HubError: the hub can't be reached.
        InvalidModelFile: a piece of a GGUF that was cut.
        InvalidRequest: neither a path nor a name.
        MissingPackage: it is on the hub, and huggingface_hub is not installed; or what merges smol-lam is not.
    """
    if model is None:
        return SMOL_LAM.made() or EMBEDDED_MODEL
    if not isinstance(model, str | os.PathLike):
        raise InvalidRequest(f"model must be a path or a name, not {type(model).__name__}", param="model")
    path = user_path(model, param="model")
    if is_cut(path.name) and path.exists():
        raise InvalidModelFile(f"{path} is a piece of a GGUF", hint=JOIN_HINT)
    if isinstance(model, os.PathLike) or path.exists() or model.lower().startswith("file://"):
        return path
    if model.lower() == EMBEDDED_NAME:
        return EMBEDDED_MODEL
    if model.lower() == SMOL_LAM.name:
        return SMOL_LAM.find(on_progress)
    from edge_lam.hub import resolve

    try:
        return resolve(model, on_progress=on_progress)
    except ModuleNotFoundError:
        require("huggingface_hub", "models of the hub", param="model")
        raise


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model that was given as a file descriptor.

    Attributes:
        path: where it can be opened as long as this is not closed.
        descriptor: our own, or None where it is not needed.
    """

    path: Path
    descriptor: int | None = None

    def close(self) -> None:
        """Close our descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def open_descriptor(given: Any) -> OpenedModel:
    """Return the model in an open file, or in a part of one.

    Args:
        given: a descriptor; or descriptor, offset and length in bytes.

    Raises:
        InvalidRequest: it is no such thing, not open, no regular file, or the part is not inside of it.
    """
    fd, *part = given if isinstance(given, tuple | list) else (given,)
    if len(part) not in (0, 2) or not all(type(value) is int and value >= 0 for value in (fd, *part)):
        hint = "a file descriptor, or (descriptor, offset, length)"
        raise InvalidRequest(f"fd can't be {given!r}", hint=hint, param="fd")
    try:
        file = os.fstat(fd)
    except OSError as error:
        raise InvalidRequest(f"the file descriptor {fd} can't be used: {error.strerror}", param="fd") from error
    if not stat.S_ISREG(file.st_mode):
        hint = "write what comes through it into a file"
        raise InvalidRequest(f"the file descriptor {fd} is no regular file", hint=hint, param="fd")
    offset, length = part or (0, file.st_size)
    if offset + length > file.st_size:
        problem = f"{length:,} bytes from {offset:,} on are not all in a file of {file.st_size:,}"
        raise InvalidRequest(problem, hint="an asset may be compressed: store it (noCompress)", param="fd")
    folder = {"linux": "/proc/self/fd", "android": "/proc/self/fd", "darwin": "/dev/fd"}.get(sys.platform)
    if folder and (offset, length) == (0, file.st_size):
        own = os.dup(fd)
        return OpenedModel(Path(folder, str(own)), own)
    return OpenedModel(_copied(fd, offset, length))


def _copied(fd: int, offset: int, length: int) -> Path:
    """Return a file in the cache folder with a part of an open file; what was copied before is taken again."""
    digest = hashlib.sha256(str(length).encode())
    for index in range(_BLOCKS):
        digest.update(_read_at(fd, offset + (length * index // _BLOCKS), min(_CHUNK, length) // _BLOCKS))
    digest.update(_read_at(fd, offset, min(_CHUNK, length)))
    path = cache_dir() / "models" / f"{digest.hexdigest()[:32]}.gguf"
    if path.exists() and path.stat().st_size == length:
        return path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(path, private=True) as file:
            for at in range(0, length, _CHUNK):
                file.write(_read_at(fd, offset + at, min(_CHUNK, length - at)))
    except OSError as error:
        raise InvalidRequest(f"{path} can't be written: {error.strerror or error}", param="fd") from error
    return path


def _read_at(fd: int, offset: int, length: int) -> bytes:
    """Read, and leave the descriptor where it is, as far as the system can do that."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    before = os.lseek(fd, 0, os.SEEK_CUR)
    os.lseek(fd, offset, os.SEEK_SET)
    try:
        return os.read(fd, length)
    finally:
        os.lseek(fd, before, os.SEEK_SET)
