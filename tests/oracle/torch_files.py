"""Reads weights out of pytorch_model*.bin with our reader, where torch is installed: prints one JSON object.

    python tests/oracle/torch_files.py CHECKPOINT WORK

Run in the oracle's environment, with our packages on its path. The safetensors of CHECKPOINT are saved by torch in
every way that checkpoints come, and read back; then files that must be refused are made and read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from edge_lam.errors import EdgeLamError
from edge_lam_converters.weight_files import WeightFiles

State = dict[str, torch.Tensor]


class RunsCode:
    """Loading this calls a function."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.marker,)


def save(folder: Path, state: State, n_shards: int = 1) -> None:
    """Save weights as Transformers did before safetensors."""
    folder.mkdir(parents=True)
    if n_shards == 1:
        torch.save(state, folder / "pytorch_model.bin")
        return
    weight_map = {}
    for shard in range(n_shards):
        file = f"pytorch_model-{shard + 1:05d}-of-{n_shards:05d}.bin"
        names = list(state)[shard::n_shards]
        torch.save({name: state[name] for name in names}, folder / file)
        weight_map |= dict.fromkeys(names, file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))


def differing(folder: Path, state: State) -> list[str]:
    """Return the tensors that are read with other values than were saved."""
    tensors = WeightFiles.find(folder).tensors()
    wrong = sorted(tensors.keys() ^ state.keys())
    for name in tensors.keys() & state.keys():
        expected = state[name].contiguous()
        expected = expected.view(torch.int16) if expected.dtype == torch.bfloat16 else expected
        values = np.concatenate(list(tensors[name].pieces()))
        if values.tobytes() != expected.numpy().tobytes() or tensors[name].shape != tuple(state[name].shape):
            wrong.append(name)
    return wrong


def refusal(folder: Path, content: object) -> str:
    """Return how a file with `content` is refused, "" if it is not."""
    folder.mkdir(parents=True)
    path = folder / "pytorch_model.bin"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    try:
        WeightFiles.find(folder).tensors()
    except EdgeLamError as error:
        return error.message
    return ""


def main() -> None:
    """Try everything."""
    checkpoint, work = map(Path, sys.argv[1:])
    state = load_file(checkpoint / "model.safetensors")
    matrix = next(name for name in state if state[name].dim() == 2)
    kinds: dict[str, tuple[State, int]] = {
        "bfloat16": ({name: values.bfloat16() for name, values in state.items()}, 1),
        "float16 in 3 files": ({name: values.half() for name, values in state.items()}, 3),
        "float32": (state, 1),
        "transposed views": (state | {matrix: state[matrix].t().contiguous().t()}, 1),
        "views of one storage": (state | {matrix: torch.cat([state[matrix]] * 2)[: len(state[matrix])]}, 1),
    }
    found: dict[str, Any] = {"differing": {}, "refusals": {}}
    for kind, (values, n_shards) in kinds.items():
        save(work / kind, values, n_shards)
        found["differing"][kind] = differing(work / kind, values)
    whole = (work / "float32" / "pytorch_model.bin").read_bytes()
    marker = work / "marker"
    contents: dict[str, Callable[[], object]] = {
        "a pickle with code": lambda: {matrix: RunsCode(marker)},
        "cut in the middle": lambda: whole[: len(whole) // 2],
        "not a torch file": lambda: b"nonsense" * 100,
        "an empty file": lambda: b"",
        "a single tensor": lambda: state[matrix],
        "integers": lambda: {matrix: torch.zeros(4, dtype=torch.int8)},
        "a sparse tensor": lambda: {matrix: torch.eye(4).to_sparse()},
        "more than tensors": lambda: {"model": state},
    }
    for kind, content in contents.items():
        found["refusals"][kind] = refusal(work / kind, content())
    found["code was run"] = marker.exists()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
