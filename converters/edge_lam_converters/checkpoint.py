"""A checkpoint folder in Hugging Face's layout: configuration, tokenizer files and safetensors, one or sharded.

A path goes in; a `Checkpoint` comes out, whose files are there, readable and consistent with each other. Tensors stay
on disk until their values are asked for. Knows nothing of architectures or GGUF.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.safetensors_file import PIECE_BYTES, SourceTensor, read_header

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_MAX_TEXT_BYTES = 256 * 2**20  # the largest tokenizer.json in the field is under 40 MiB

# Files beside the weights that decide what the GGUF holds.
_TEXT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "README.md",
)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder, opened and checked.

    Attributes:
        path: the folder.
        config: config.json.
        tensors: every tensor by name, ordered by file and then by name.
        files: every file that decides what is converted, weights last.
    """

    path: Path
    config: dict[str, Any]
    tensors: dict[str, SourceTensor]
    files: tuple[Path, ...]
    _stamps: dict[Path, tuple[int, int]]

    @classmethod
    def open(cls, path: str | Path) -> Checkpoint:
        """Open a checkpoint folder and check that its files are there and agree.

        Raises:
            CheckpointError: no checkpoint, or one that can't be read; names the file at fault.
        """
        path = Path(path)
        _check_is_checkpoint(path)
        weights = _weight_files(path)
        files = (*(path / name for name in _TEXT_FILES if (path / name).is_file()), *weights)
        stamps = {file: _stamp(file) for file in files}
        tensors: dict[str, SourceTensor] = {}
        for file, names in weights.items():
            found = read_header(file)
            if names is not None and names != set(found):
                raise CheckpointError(
                    f"{file.name} and {_INDEX} disagree about tensor {min(names ^ set(found))}",
                    hint="a shard is incomplete or from another checkpoint: download it again",
                )
            if twice := tensors.keys() & found.keys():
                raise CheckpointError(f"{file.name}: tensor {min(twice)} is also in {tensors[min(twice)].path.name}")
            tensors |= found
        return cls(path, read_json(path / "config.json"), tensors, files, stamps)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    def optional_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file of the folder, empty when there is no such file."""
        file = self.path / name
        return read_json(file) if file.is_file() else {}

    def sha256(self, on_bytes: Callable[[int], None] = lambda n: None) -> dict[str, str]:
        """Return the SHA-256 of each of `files` by its name; `on_bytes` hears how many bytes were read."""
        digests = {}
        for file in self.files:
            digest = hashlib.sha256()
            try:
                with file.open("rb") as source:
                    while piece := source.read(PIECE_BYTES):
                        digest.update(piece)
                        on_bytes(len(piece))
            except OSError as error:
                raise CheckpointError(f"{file.name} can't be read: {error.strerror or error}") from error
            digests[file.name] = digest.hexdigest()
        return digests

    @property
    def n_bytes(self) -> int:
        """Size of all `files`."""
        return sum(size for size, _ in self._stamps.values())

    def check_unchanged(self) -> None:
        """Raise CheckpointError if a file was changed since the checkpoint was opened."""
        for file, stamp in self._stamps.items():
            if not file.is_file() or _stamp(file) != stamp:
                raise CheckpointError(
                    f"{file.name} changed while it was converted", hint="wait until it is written, then convert again"
                )


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in `file`.

    Raises:
        CheckpointError: missing, unreadable, over 256 MiB, or not a JSON object.
    """
    try:
        if file.stat().st_size > _MAX_TEXT_BYTES:
            raise CheckpointError(f"{file.name} is larger than 256 MiB, which no checkpoint needs")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{file.name} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name} is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{file.name} holds no JSON object")
    return value


def _check_is_checkpoint(path: Path) -> None:
    try:
        if path.is_file():
            with path.open("rb") as file:
                is_gguf = file.read(4) == b"GGUF"
            what = "a GGUF, already converted" if is_gguf else "a file"
            raise CheckpointError(
                f"{path} is {what}; a checkpoint is a folder",
                hint="give the folder that holds config.json and the safetensors files",
            )
        if not path.is_dir():
            raise CheckpointError(f"no such folder: {path}")
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    if "config.json" not in names:
        has_gguf = any(name.endswith(".gguf") for name in names)
        raise CheckpointError(
            f"{path} is no checkpoint: there is no config.json" + (", only GGUF files" if has_gguf else ""),
            hint="a checkpoint folder holds config.json, tokenizer.json and safetensors files",
        )


def _weight_files(path: Path) -> dict[Path, set[str] | None]:
    """Return the weight files, each with the tensors that the index promises in it (None without an index)."""
    if (path / _INDEX).is_file():
        return {path / name: tensors for name, tensors in sorted(_read_index(path / _INDEX).items())}
    if (path / _SINGLE).is_file():
        return {path / _SINGLE: None}
    if any(path.glob("*.safetensors")):
        raise CheckpointError(
            f"{path}: neither {_SINGLE} nor {_INDEX} is there, though other safetensors files are",
            hint="a sharded checkpoint needs its index: download it again",
        )
    has_pickles = any(path.glob("pytorch_model*.bin"))
    raise CheckpointError(
        f"{path} holds no safetensors weights" + (", only pytorch_model*.bin" if has_pickles else ""),
        hint="save the model with safe_serialization=True" if has_pickles else f"expected {_SINGLE} or {_INDEX}",
    )


def _read_index(file: Path) -> dict[str, set[str]]:
    weight_map = read_json(file).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{file.name} has no weight_map")
    shards: dict[str, set[str]] = {}
    for tensor, shard in weight_map.items():
        # A shard lies in the folder itself: a name with a folder in it could lead anywhere on the machine.
        plain = isinstance(shard, str) and shard == PurePosixPath(shard).name == PureWindowsPath(shard).name
        if not plain or not shard.endswith(".safetensors"):
            raise CheckpointError(
                f"{file.name}: tensor {tensor} is mapped to {shard!r}, which is no safetensors file name"
            )
        shards.setdefault(shard, set()).add(tensor)
    for shard in sorted(shards):
        if not (file.parent / shard).is_file():
            raise CheckpointError(f"{shard} is missing: {file.name} names it", hint="download the checkpoint again")
    return shards


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns
