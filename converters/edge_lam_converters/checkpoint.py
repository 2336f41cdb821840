"""A checkpoint folder in Hugging Face's layout: configuration, tokenizer files and weights.

A path goes in; a `Checkpoint` comes out, whose files are there, readable and consistent with each other. Tensors stay
on disk until their values are requested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.json_file import read_json
from edge_lam_converters.source_files import SourceFiles
from edge_lam_converters.source_tensor import SourceTensor
from edge_lam_converters.weight_files import WeightFiles

__all__ = ["Checkpoint", "read_json"]

# Files beside the weights that decide what the GGUF holds.
_TEXT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "added_tokens.json",
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
    files: SourceFiles

    @classmethod
    def open(cls, path: str | Path) -> Checkpoint:
        """Open a checkpoint folder and check that its files are there and agree.

        Raises:
            CheckpointError: no checkpoint, or one that can't be read; names the file at fault.
        """
        path = Path(path)
        _check_is_checkpoint(path)
        weights = WeightFiles.find(path)
        files = SourceFiles.of((*(path / name for name in _TEXT_FILES if (path / name).is_file()), *weights.paths))
        return cls(path, read_json(path / "config.json"), weights.tensors(), files)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    def optional_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file of the folder, empty when there is no such file."""
        file = self.path / name
        return read_json(file) if file.is_file() else {}


def _check_is_checkpoint(path: Path) -> None:
    try:
        if path.is_file():
            with path.open("rb") as file:
                is_gguf = file.read(4) == b"GGUF"
            what = "a GGUF, already converted" if is_gguf else "a file"
            raise CheckpointError(
                f"{path} is {what}; a checkpoint is a folder",
                hint="give the folder that holds config.json and the weights",
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
            hint="a checkpoint folder holds config.json, the tokenizer and safetensors files",
        )
