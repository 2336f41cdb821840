"""Which files hold a checkpoint's weights, and that they agree with their index.

A folder goes in; the tensors of its safetensors files come out, or, where there are none, those of its
pytorch_model*.bin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from edge_lam.errors import CheckpointError
from edge_lam_converters.json_file import read_json
from edge_lam_converters.safetensors_file import read_header
from edge_lam_converters.source_tensor import SourceTensor
from edge_lam_converters.torch_file import read_torch


@dataclass(frozen=True)
class _Kind:
    """How Transformers names weight files: one, or shards with an index."""

    what: str
    single: str
    shards: str
    read: Callable[[Path], dict[str, SourceTensor]]

    @property
    def index(self) -> str:
        return f"{self.single}.index.json"

    @property
    def suffix(self) -> str:
        return Path(self.single).suffix


_SAFETENSORS = _Kind("safetensors", "model.safetensors", "*.safetensors", read_header)
_TORCH = _Kind("torch", "pytorch_model.bin", "pytorch_model*.bin", read_torch)


@dataclass(frozen=True)
class WeightFiles:
    """The files that hold the weights.

    Attributes:
        promised: each file, with the tensors that the index promises in it; None without an index.
    """

    promised: dict[Path, set[str] | None]
    _kind: _Kind

    @classmethod
    def find(cls, folder: Path) -> WeightFiles:
        """Find the weight files of a checkpoint.

        Raises:
            CheckpointError: there are none, one is missing, or the index is unsound.
        """
        for kind in (_SAFETENSORS, _TORCH):
            if (folder / kind.index).is_file():
                shards = _read_index(folder / kind.index, kind)
                return cls({folder / name: tensors for name, tensors in sorted(shards.items())}, kind)
            if (folder / kind.single).is_file():
                return cls({folder / kind.single: None}, kind)
            if any(folder.glob(kind.shards)):
                raise CheckpointError(
                    f"{folder}: neither {kind.single} nor {kind.index} is there, though other {kind.what} files are",
                    hint="a sharded checkpoint needs its index: download it again",
                )
        raise CheckpointError(
            f"{folder} holds no weights", hint=f"expected {_SAFETENSORS.single} or {_SAFETENSORS.index}"
        )

    @property
    def paths(self) -> list[Path]:
        """The files, in the order of their names."""
        return list(self.promised)

    def tensors(self) -> dict[str, SourceTensor]:
        """Return the tensors by name, ordered by file and then as the file orders them.

        Raises:
            CheckpointError: a file is damaged, or does not hold what the index says.
        """
        tensors: dict[str, SourceTensor] = {}
        for file, names in self.promised.items():
            found = self._kind.read(file)
            if names is not None and names != set(found):
                raise CheckpointError(
                    f"{file.name} and {self._kind.index} disagree about tensor {min(names ^ set(found))}",
                    hint="a shard is incomplete or from another checkpoint: download it again",
                )
            if twice := tensors.keys() & found.keys():
                raise CheckpointError(f"{file.name}: tensor {min(twice)} is also in {tensors[min(twice)].path.name}")
            tensors |= found
        return tensors


def _read_index(file: Path, kind: _Kind) -> dict[str, set[str]]:
    weight_map = read_json(file).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{file.name} has no weight_map")
    shards: dict[str, set[str]] = {}
    for tensor, shard in weight_map.items():
        # A shard lies in the folder itself: a name with a folder in it could lead anywhere on the machine.
        plain = isinstance(shard, str) and shard == PurePosixPath(shard).name == PureWindowsPath(shard).name
        if not plain or not shard.endswith(kind.suffix):
            raise CheckpointError(
                f"{file.name}: tensor {tensor[:100]} is mapped to {repr(shard)[:100]}, "
                f"which is no {kind.what} file name"
            )
        shards.setdefault(shard, set()).add(tensor)
    for shard in sorted(shards):
        if not (file.parent / shard).is_file():
            raise CheckpointError(f"{shard} is missing: {file.name} names it", hint="download the checkpoint again")
    return shards
