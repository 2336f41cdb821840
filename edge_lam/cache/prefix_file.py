"""One prefix on disk: its token ids, and the keys and values that a context computed for them.

In goes a state with the key that it is valid for, out comes the same, or None: a file that is cut short, corrupt or of
something else is never an error.

Layout, little-endian: magic "elprefix", u32 version, u32 length of the header; the header, JSON
``{"key", "kind", "n_tokens", "n_bytes"}``; the token ids, i32 each; the state; SHA-256 of all before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, get_args

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.debug import reason
from edge_lam._util.read_file import open_regular
from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger("edge_lam.cache")

Kind: TypeAlias = Literal["static", "conversation"]

MAGIC = b"elprefix"
VERSION = 1
FIXED = struct.Struct("<8sII")
MAX_HEADER = 1 << 16
CHECKSUM_BYTES = 32
_NO_HEADER = "it is no prefix file of this version, or cut short"


@dataclass(frozen=True)
class Prefix:
    """Tokens and their state.

    Attributes:
        tokens: ids, shape (n_tokens,), int32.
        state: as `Context.state` copied it, shape (bytes,), uint8.
        kind: "static" for system message and tools, which many prompts begin with; "conversation" for what was written
            after them too.
    """

    tokens: NDArray[np.int32]
    state: NDArray[np.uint8]
    kind: Kind = "static"

    @property
    def n_bytes(self) -> int:
        """Memory that it holds."""
        return self.tokens.nbytes + self.state.nbytes


@dataclass(frozen=True)
class PrefixHeader:
    """What a file says of itself before its tokens.

    Attributes:
        key: what the state is valid for, as given to `write_prefix`.
        kind: what the tokens are, as in `Prefix`.
        n_tokens: how many tokens.
        n_bytes: of the state.
    """

    key: dict[str, Any]
    kind: Kind
    n_tokens: int
    n_bytes: int


def write_prefix(
    path: Path,
    key: Mapping[str, Any],
    tokens: Sequence[int] | NDArray[np.int32],
    state: NDArray[np.uint8],
    *,
    kind: Kind = "static",
) -> None:
    """Write a file whole or not at all, readable by its owner only: prompts can be read from it.

    Args:
        path: the file.
        key: what the state depends on, as `state_key` returns it.
        tokens: ids.
        state: their keys and values, shape (bytes,).
        kind: what they are of.

    Raises:
        OSError: the folder or the disk refuses.
    """
    import numpy as np

    ids = np.asarray(tokens, dtype="<i4")
    text = json.dumps({"key": dict(key), "kind": kind, "n_tokens": len(ids), "n_bytes": state.nbytes}).encode()
    parts: list[bytes | memoryview] = [FIXED.pack(MAGIC, VERSION, len(text)) + text, ids.tobytes(), state.data]
    checksum = hashlib.sha256()
    with atomic_write(path, private=True) as file:
        for part in parts:
            checksum.update(part)
            file.write(part)
        file.write(checksum.digest())


def read_header(path: Path) -> PrefixHeader | None:
    """Read what a file says of itself; None if it is no file of this version."""
    try:
        with open_regular(path) as file:
            header = _read_header(file)
    except OSError as error:
        logger.debug("%s is not read: %s", path, reason(error))
        return None
    if header is None:
        logger.debug("%s is not read: %s", path, _NO_HEADER)
    return header


def read_prefix(path: Path, key: Mapping[str, Any]) -> Prefix | None:
    """Read a whole file; None if it is corrupt or not for `key`."""
    import numpy as np

    try:
        with open_regular(path) as file:
            header = _read_header(file)
            if not header or header.key != dict(key):
                logger.debug("%s is not used: %s", path, _difference(header, key))
                return None
            checksum = hashlib.sha256()
            length = file.tell()
            file.seek(0)
            checksum.update(file.read(length))
            tokens = np.fromfile(file, dtype="<i4", count=header.n_tokens)
            state = np.fromfile(file, dtype=np.uint8, count=header.n_bytes)
            for part in (tokens, state):
                checksum.update(part.data)
            if file.read() != checksum.digest():
                logger.debug("%s is not used: it is damaged", path)
                return None
    except (OSError, MemoryError) as error:
        logger.debug("%s is not used: %s", path, reason(error))
        return None
    return Prefix(tokens, state, header.kind)


def _difference(header: PrefixHeader | None, key: Mapping[str, Any]) -> str:
    """Return what a file is not for."""
    if header is None:
        return _NO_HEADER
    other = ", ".join(name for name in key if header.key.get(name) != key[name])
    return f"it was made for another {other}" if other else "it was made for something else"


def _read_header(file: BinaryIO) -> PrefixHeader | None:
    try:
        head = file.read(FIXED.size)
        if len(head) < FIXED.size:
            return None
        magic, version, length = FIXED.unpack(head)
        if magic != MAGIC or version != VERSION or length > MAX_HEADER:
            return None
        fields = json.loads(file.read(length))
        header = PrefixHeader(fields["key"], fields["kind"], fields["n_tokens"], fields["n_bytes"])
    except (ValueError, KeyError, TypeError, RecursionError):  # not what we write: the caller logs which file it is
        return None
    counts = header.n_tokens, header.n_bytes
    if not isinstance(header.key, dict) or header.kind not in get_args(Kind) or {*map(type, counts)} != {int}:
        return None
    expected = FIXED.size + length + 4 * header.n_tokens + header.n_bytes + CHECKSUM_BYTES
    whole = os.fstat(file.fileno()).st_size == expected
    return header if whole and header.n_tokens > 0 and header.n_bytes >= 0 else None


class BakedFile:
    """A prefix file that has to fit, read in the background while the model that it is for is loaded.

    Args:
        path: the file.

    Raises:
        InvalidRequest: it is missing, or no prefix file; `param` is "prefix".
    """

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        if not path.exists():
            raise InvalidRequest(f"no such prefix file: {path}", hint="edge-lam bake makes one", param="prefix")
        if header is None:
            raise self._damaged(path)
        self._path, self._key = path, header.key
        self._prefix: Prefix | None = None
        self._reading = threading.Thread(target=self._read, name="edge-lam-baked", daemon=True)
        self._reading.start()

    def is_for(self, key: Mapping[str, Any]) -> bool:
        """Tell whether it was made for a key."""
        return self._key == dict(key)

    def prefix_for(self, key: Mapping[str, Any]) -> Prefix:
        """Return what is in it; unlike `read_prefix`, say why it can't be used.

        Raises:
            InvalidRequest: it is for another model, build, device or adapter, or damaged; `param` is "prefix".
        """
        differing = [name for name in self._key | dict(key) if self._key.get(name) != key.get(name)]
        if "kv_type" in differing:  # the layout is another one for that
            differing = [name for name in differing if name != "kv_layout"]
        if differing:
            shown = ", ".join(
                f"{name} {_short(self._key.get(name))}, not {_short(key.get(name))}" for name in differing
            )
            raise InvalidRequest(f"{self._path} was baked for {shown}", hint="bake it again", param="prefix")
        self._reading.join()
        if self._prefix is None:
            raise self._damaged(self._path)
        return self._prefix

    def _read(self) -> None:
        self._prefix = read_prefix(self._path, self._key)

    @staticmethod
    def _damaged(path: Path) -> InvalidRequest:
        return InvalidRequest(f"{path} is no prefix file, or damaged", hint="bake it again", param="prefix")


def _short(value: object) -> str:
    return str(value)[:12]
