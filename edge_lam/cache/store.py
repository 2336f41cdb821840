"""`PrefixStore`: prefix states in memory and on disk, found by the longest run of tokens that a prompt begins with.

In goes a prompt, out comes the longest stored prefix of it. Both tiers hold a limited number of bytes and drop what was
not used for longest. Several processes may share the folder; what another user could have put there is not read, since
llama.cpp takes states on trust.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam._util.debug import reason, suppressed
from edge_lam.cache.folder import STEM, SUFFIX, is_ours, prefix_files, trim
from edge_lam.cache.prefix_file import Kind, Prefix, read_header, read_prefix, write_prefix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger("edge_lam.cache")

# What the parts of a key are called in reports.
_KEY_WORDS = {"llama_cpp": "build", "bindings": "build", "kv_layout": "kv_type", "rope": "context length"}


class PrefixMemory:
    """Prefixes in memory, of as many keys as stores share it; the least recently used go first.

    Args:
        limit: most bytes.

    Attributes:
        n_bytes: bytes of all.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.n_bytes = limit, 0
        self._held: OrderedDict[tuple[str, str], Prefix] = OrderedDict()  # by digest of the key, and name

    def names(self, key: str) -> set[str]:
        """Return the names of all that are held for a key."""
        return {name for owner, name in self._held if owner == key}

    def get(self, key: str, name: str) -> Prefix | None:
        """Return a prefix if it is held."""
        return self._held.get((key, name))

    def put(self, key: str, name: str, prefix: Prefix) -> None:
        """Hold a prefix as the newest, unless it alone is too large."""
        if prefix.n_bytes > self.limit:
            return
        self.drop(key, name)
        self._held[key, name] = prefix
        self.n_bytes += prefix.n_bytes
        while self.n_bytes > self.limit:
            self.drop(*next(iter(self._held)))

    def drop(self, key: str, name: str) -> None:
        """Hold it no longer."""
        if prefix := self._held.pop((key, name), None):
            self.n_bytes -= prefix.n_bytes


class PrefixStore:
    """The prefixes that are valid for one model as it is loaded, with the adapters of one name.

    Args:
        key: what a state depends on: model, build, types of keys and values. A folder of its own holds its files.
        folder: where prefixes of all keys are kept; None keeps them in memory only.
        memory_bytes: most bytes in memory.
        disk_bytes: most bytes in the folder, prefixes of other keys included.
        conversations: whether conversations are to be kept too.
        memory: what is held in memory, if it is shared; `memory_bytes` says nothing then.
    """

    def __init__(
        self,
        key: Mapping[str, Any],
        folder: Path | None,
        *,
        memory_bytes: int = 256 << 20,
        disk_bytes: int = 2 << 30,
        conversations: bool = False,
        memory: PrefixMemory | None = None,
    ) -> None:
        self.key = dict(key)
        self.disk_bytes, self.folder, self.conversations = disk_bytes, folder, conversations
        self._owner = _digest(json.dumps(self.key, sort_keys=True).encode())
        self._key_folder = folder / self._owner if folder else None
        self._memory = memory or PrefixMemory(memory_bytes)

    def sibling(self, key: Mapping[str, Any]) -> PrefixStore:
        """Return the store of another key, in the same folder and the same memory."""
        return PrefixStore(
            key, self.folder, disk_bytes=self.disk_bytes, conversations=self.conversations, memory=self._memory
        )

    @property
    def held_bytes(self) -> int:
        """Bytes in memory, those of siblings included."""
        return self._memory.n_bytes

    def find(self, prompt: Sequence[int], *, longer_than: int = 0) -> Prefix | None:
        """Return the longest prefix that a prompt begins with, or None.

        Args:
            prompt: token ids; the last one is never part of a prefix, since it has to give logits.
            longer_than: only prefixes of more tokens are of use.
        """
        import numpy as np

        ids = np.asarray(prompt[:-1], dtype="<i4")
        for name in self._matching(ids):
            n_tokens = _n_tokens(name)
            if n_tokens <= longer_than:
                break
            prefix = self._load(name)
            if prefix is not None and np.array_equal(prefix.tokens, ids[:n_tokens]):
                return prefix
        return None

    def miss_reason(self, prompt: Sequence[int]) -> str:
        """Return why no prefix was found that a prompt begins with, in words that follow "miss: ".

        Returns:
            What differs, such as "other build", if one is kept that would fit but for that; "other tools" if all that
            are kept are of other tools or another system message; else "nothing stored".
        """
        import numpy as np

        ids = np.asarray(prompt[:-1], dtype="<i4")
        for path in prefix_files(self.folder) if self.folder else []:
            n_tokens = _n_tokens(path.stem)
            if path.parent == self._key_folder or n_tokens > len(ids) or path.stem != _name(ids[:n_tokens]):
                continue
            if header := read_header(path):
                names = {name for name in {*header.key, *self.key} if header.key.get(name) != self.key.get(name)}
                what = ", ".join(sorted({_KEY_WORDS.get(name, name) for name in names}))
                logger.debug("%s is not used: it is of %s", path, f"another {what}")
                return f"other {what}"
        return "other tools" if self._memory.names(self._owner) or self._files() else "nothing stored"

    def longest(self, tokens: Sequence[int]) -> int:
        """Return how many tokens the longest prefix has that these begin with, as far as names tell; 0 for none."""
        import numpy as np

        return next(map(_n_tokens, self._matching(np.asarray(tokens, dtype="<i4"))), 0)

    def has(self, tokens: Sequence[int]) -> bool:
        """Tell whether exactly these tokens are stored, as far as names tell."""
        return bool(tokens) and self.longest(tokens) == len(tokens)

    def save(self, tokens: Sequence[int], state: NDArray[np.uint8], *, kind: Kind = "static") -> None:
        """Keep a prefix. A folder that can't be written to, or is too small, is no error: memory keeps it.

        A conversation takes the place of its own beginnings, but for the static one.

        Args:
            tokens: ids.
            state: their keys and values, shape (bytes,).
            kind: what they are of.
        """
        import numpy as np

        prefix = Prefix(np.asarray(tokens, dtype=np.int32), state, kind)
        name = _name(prefix.tokens)
        beginnings = [found for found in self._matching(prefix.tokens) if found != name]
        self._memory.put(self._owner, name, prefix)
        if self._key_folder and self.folder and prefix.n_bytes <= self.disk_bytes:
            with suppressed(logger, f"a prefix of {len(tokens)} tokens is not kept in {self.folder}", OSError):
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._key_folder.mkdir(mode=0o700, exist_ok=True)
                if not is_ours(self._key_folder.lstat(), stat.S_IFDIR):
                    raise PermissionError(f"{self._key_folder} could be another user's")
                write_prefix(self._key_folder / (name + SUFFIX), self.key, prefix.tokens, state, kind=kind)
                trim(self.folder, self.disk_bytes)
        if kind == "conversation":
            self._replace(beginnings)

    def add(self, prefix: Prefix) -> None:
        """Hold a prefix in memory, however large it is."""
        self._memory.limit = max(self._memory.limit, prefix.n_bytes)
        self._memory.put(self._owner, _name(prefix.tokens), prefix)

    def drop(self, prefix: Prefix) -> None:
        """Forget a prefix that is of no use, in memory and in the folder."""
        name = _name(prefix.tokens)
        self._memory.drop(self._owner, name)
        if self._key_folder:
            path = self._key_folder / (name + SUFFIX)
            with suppressed(logger, f"{path} stays, and is a miss again", OSError):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget what is in memory; the folder stays."""
        for name in self._memory.names(self._owner):
            self._memory.drop(self._owner, name)

    def _matching(self, ids: NDArray[np.int32]) -> Iterator[str]:
        """Yield the names of all prefixes that these tokens begin with, the longest first."""
        names = self._memory.names(self._owner) | {path.stem for path in self._files()}
        for n_tokens, name in sorted(((_n_tokens(name), name) for name in names), reverse=True):
            if n_tokens <= len(ids) and name == _name(ids[:n_tokens]):
                yield name

    def _load(self, name: str) -> Prefix | None:
        prefix = self._memory.get(self._owner, name)
        if prefix is None and self._key_folder:
            path = self._key_folder / (name + SUFFIX)
            with suppressed(logger, f"{path} is not used", OSError):
                file = path.lstat()
                if not is_ours(file, stat.S_IFREG):
                    logger.debug("%s is not used: it could be another user's", path)
                elif file.st_size > self.disk_bytes:
                    logger.debug("%s is not used: its %d bytes are more than the folder may have", path, file.st_size)
                else:
                    prefix = read_prefix(path, self.key)
                # What can't be used is removed; what was used is the newest.
                os.utime(path) if prefix else path.unlink()
        if prefix is not None:
            self._memory.put(self._owner, name, prefix)
        return prefix

    def _replace(self, beginnings: Sequence[str]) -> None:
        """Drop those of them that are conversations, and count the others as used."""
        for name in beginnings:
            held = self._memory.get(self._owner, name)
            if held and held.kind == "conversation":
                self._memory.drop(self._owner, name)
            elif held:
                self._memory.put(self._owner, name, held)
            path = self._key_folder / (name + SUFFIX) if self._key_folder else None
            if path and (header := read_header(path)):
                with suppressed(logger, f"{path} stays as it is", OSError):
                    path.unlink() if header.kind == "conversation" else os.utime(path)

    def _files(self) -> list[Path]:
        if self._key_folder is None:
            return []
        try:
            if not is_ours(self._key_folder.lstat(), stat.S_IFDIR):
                raise PermissionError(f"{self._key_folder} could be another user's")
            return [path for path in self._key_folder.iterdir() if path.suffix == SUFFIX and STEM.fullmatch(path.stem)]
        except FileNotFoundError:  # nothing was kept yet
            return []
        except OSError as error:
            logger.debug("no prefixes are read from %s: %s", self._key_folder, reason(error))
            return []


def _name(ids: NDArray[np.int32]) -> str:
    return f"{len(ids)}-{_digest(ids.astype('<i4').tobytes())}"


def _n_tokens(name: str) -> int:
    return int(name.partition("-")[0])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
