"""The base of an adapter: what training computes with, and what the runtime reads and answers with.

A checkpoint folder, a repository of the hub or a GGUF goes in. Of a checkpoint a GGUF is made for the runtime; the
weights of a GGUF are dequantized for training.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError, MissingPackage
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters.conversion import convert
from edge_lam_converters.sources import find

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PACKAGES = ("torch", "transformers", "peft")
RUNTIME_QUANT = "Q8_0"  # of a checkpoint: as good as its own type to count calls, and twice as fast


@dataclass(frozen=True)
class Base:
    """A base, found.

    Attributes:
        name: as it was named.
        path: a checkpoint's folder, or a GGUF.
        gguf: what the runtime loads.
    """

    name: str
    path: Path
    gguf: Path

    @classmethod
    def open(cls, name: str | Path, work: Path) -> Base:
        """Find a base, and make what the runtime loads in the folder `work`.

        Raises:
            CheckpointError: it is neither a checkpoint that can be converted nor a GGUF that can be trained.
            ModelNotFound, HubError: it can't be had from the hub.
        """
        path = find(name)
        if path.is_file():
            _check_positions(path)
            return cls(str(name), path, path)
        gguf = work / f"base-{RUNTIME_QUANT}.gguf"
        if not gguf.exists():
            convert(path, gguf, quant=RUNTIME_QUANT)
        return cls(str(name), path, gguf)

    @property
    def is_gguf(self) -> bool:
        """Whether its weights are dequantized for training."""
        return self.path.is_file()

    def model(self, device: str, dtype: torch.dtype) -> PreTrainedModel:
        """Load it for training.

        Raises:
            CheckpointError: transformers can't; carries its reason.
        """
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        where: tuple[Any, dict[str, str]] = (self.path, {})
        if self.is_gguf:
            where = self.path.parent, {"gguf_file": self.path.name}
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                where[0], **where[1], dtype=dtype, attn_implementation="sdpa"
            )
        except (ValueError, KeyError, OSError, NotImplementedError, ImportError) as error:
            reason = str(error).partition("\n")[0]
            raise CheckpointError(f"{self.name} can't be loaded for training: {reason}") from error
        loaded: PreTrainedModel = model.to(device)
        loaded.config.use_cache = False
        return loaded

    def config(self, model: PreTrainedModel, work: Path) -> Path:
        """Return a folder whose config.json tells the base's shape, as the adapter's converter wants it."""
        if not self.is_gguf:
            return self.path
        folder = work / "config"
        folder.mkdir(exist_ok=True)
        values = model.config.to_dict() | {"architectures": [type(model).__name__]}
        (folder / "config.json").write_text(json.dumps(values, default=str), encoding="utf-8")
        return folder


def _check_positions(path: Path) -> None:
    """Refuse a GGUF with scaled positions, as of Llama 3.1: transformers reads its weights, and not that."""
    header = GGUFHeader.read(path)
    kind = header.metadata.get(f"{header.architecture}.rope.scaling.type", "none")
    if kind != "none" or any(tensor.name.startswith("rope_") for tensor in header.tensors):
        wrong = f"{path} scales its positions, which transformers does not read from a GGUF"
        raise CheckpointError(wrong, hint="give the checkpoint that it was made from")


def check_packages() -> None:
    """Refuse to begin without what trains.

    Raises:
        MissingPackage: names it.
    """
    from importlib.util import find_spec

    for package in PACKAGES:
        if find_spec(package) is None:
            message = f"tuning needs {package}, which is not installed"
            raise MissingPackage(message, package=package, hint="pip install 'edge-lam[tune]'")
