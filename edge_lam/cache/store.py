"""`PrefixStore`: prefix states in memory and on disk, found by the longest run of tokens that a prompt begins with.

In goes a prompt, out comes the longest stored prefix of it. Both tiers hold a limited number of bytes and drop what was
not used for longest. Several processes may share the folder. Knows nothing of contexts, tools and chat.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.cache.prefix_file import Prefix, read_prefix, write_prefix
from edge_lam.paths import cache_dir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".prefix"
STALE_SECONDS = 3600


class PrefixStore:
    """The prefixes that are valid for one model as it is loaded.

    Args:
        key: what a state depends on: model, build, types of keys and values. A folder of its own holds its files.
        folder: where prefixes of all keys are kept; None keeps them in memory only.
        memory_bytes: most bytes in memory.
        disk_bytes: most bytes in the folder, prefixes of other keys included.
    """

    def __init__(
        self, key: Mapping[str, Any], folder: Path | None, *, memory_bytes: int = 256 << 20, disk_bytes: int = 2 << 30
    ) -> None:
        self.key = dict(key)
        self.memory_bytes, self.disk_bytes = memory_bytes, disk_bytes
        self.folder = folder
        self._home = folder / _digest(json.dumps(self.key, sort_keys=True).encode()) if folder else None
        self._memory: OrderedDict[str, Prefix] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Bytes in memory."""
        return sum(prefix.n_bytes for prefix in self._memory.values())

    def find(self, prompt: Sequence[int], *, longer_than: int = 0) -> Prefix | None:
        """Return the longest prefix that a prompt begins with, or None.

        Args:
            prompt: token ids; the last one is never part of a prefix, since it has to give logits.
            longer_than: only prefixes of more tokens are of use.
        """
        import numpy as np

        ids = np.asarray(prompt[:-1], dtype="<i4")
        names = set(self._memory) | {path.stem for path in self._files()}
        for n_tokens, name in sorted(((_n_tokens(name), name) for name in names), reverse=True):
            if not longer_than < n_tokens <= len(ids) or name != _name(ids[:n_tokens]):
                continue
            prefix = self._load(name)
            if prefix is not None and np.array_equal(prefix.tokens, ids[:n_tokens]):
                return prefix
        return None

    def has(self, tokens: Sequence[int]) -> bool:
        """Tell whether exactly these tokens are stored."""
        import numpy as np

        name = _name(np.asarray(tokens, dtype="<i4"))
        return name in self._memory or bool(self._home and (self._home / (name + SUFFIX)).exists())

    def save(self, tokens: Sequence[int], state: NDArray[np.uint8]) -> None:
        """Keep a prefix. A folder that can't be written to, or is too small, is no error: memory keeps it."""
        import numpy as np

        prefix = Prefix(np.asarray(tokens, dtype=np.int32), state)
        name = _name(prefix.tokens)
        self._remember(name, prefix)
        if self._home is None or self.folder is None or prefix.n_bytes > self.disk_bytes:
            return
        with contextlib.suppress(OSError):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            write_prefix(self._home / (name + SUFFIX), self.key, tokens, state)
            trim(self.folder, self.disk_bytes)

    def add(self, prefix: Prefix) -> None:
        """Hold a prefix in memory, however large it is."""
        self.memory_bytes = max(self.memory_bytes, prefix.n_bytes)
        self._remember(_name(prefix.tokens), prefix)

    def clear(self) -> None:
        """Forget what is in memory; the folder stays."""
        self._memory.clear()

    def _load(self, name: str) -> Prefix | None:
        prefix = self._memory.get(name)
        if prefix is None and self._home:
            path = self._home / (name + SUFFIX)
            prefix = read_prefix(path, self.key)
            with contextlib.suppress(OSError):
                # What can't be used is removed; what was used is the newest.
                os.utime(path) if prefix else path.unlink()
        if prefix is not None:
            self._remember(name, prefix)
        return prefix

    def _remember(self, name: str, prefix: Prefix) -> None:
        if prefix.n_bytes > self.memory_bytes:
            return
        self._memory[name] = prefix
        self._memory.move_to_end(name)
        while self.held_bytes > self.memory_bytes:
            self._memory.popitem(last=False)

    def _files(self) -> list[Path]:
        if self._home is None:
            return []
        try:
            return [path for path in self._home.iterdir() if path.suffix == SUFFIX]
        except OSError:
            return []


def prefix_folder(wanted: str | os.PathLike[str] | bool | None = None) -> Path | None:
    """Return the folder for prefixes, or None for none.

    Args:
        wanted: a folder; "off" or False for none; None takes EDGE_LAM_PREFIX_CACHE, else the user's cache folder.
    """
    choice = (os.environ.get("EDGE_LAM_PREFIX_CACHE") or True) if wanted is None else wanted
    if choice is False or choice == "off":
        return None
    return cache_dir() / "prefixes" if choice is True else Path(choice).expanduser()


def prefix_files(folder: Path) -> list[Path]:
    """Return all prefix files of a folder, whatever their key, the least recently used first."""
    found = []
    for path in folder.glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may remove one meanwhile
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found)]


def trim(folder: Path, most_bytes: int) -> None:
    """Remove the least recently used files until the rest fits, and what killed writers left behind."""
    files = prefix_files(folder)
    sizes = {}
    for path in files:
        with contextlib.suppress(OSError):
            sizes[path] = path.stat().st_size
    total = sum(sizes.values())
    for path in files:
        if total <= most_bytes:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        total -= sizes.get(path, 0)
    for path in folder.glob("*/.*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def _name(ids: NDArray[np.int32]) -> str:
    return f"{len(ids)}-{_digest(ids.astype('<i4').tobytes())}"


def _n_tokens(name: str) -> int:
    count = name.partition("-")[0]
    return int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
