"""`ModelFile`: a GGUF that was read and checked, of which nothing is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.shape import ModelShape


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The header of a file, and the sizes that it tells."""

    header: GGUFHeader
    shape: ModelShape

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ModelFile:
        """Read and check a file.

        Args:
            path: a GGUF, of a split one the first part.

        Raises:
            ModelNotFound: no such file.
            InvalidModelFile: not a GGUF, truncated or contradicting itself.
            UnsupportedModel: a sound file that edge-lam can't run.
        """
        header = GGUFHeader.read(Path(path))
        return cls(header, ModelShape.of(header))

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path
