"""What a conversion will write, and what it wrote. Plain facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_lam_converters.quantize import Fallback


@dataclass(frozen=True)
class FilePlan:
    """A GGUF that is to be written.

    Attributes:
        quant: llama.cpp's name of the file type.
        path: where.
        size: bytes of the file.
        tensors: name, type and size in bytes of each tensor, in the order of the file.
        n_parameters: weights of the model.
        fallbacks: tensors whose shape does not allow the type meant for them.
    """

    quant: str
    path: Path
    size: int
    tensors: tuple[tuple[str, str, int], ...]
    n_parameters: int
    fallbacks: tuple[Fallback, ...] = ()

    @property
    def bits_per_weight(self) -> float:
        """Of the tensors as they will be, not as the type's name promises."""
        return 8 * sum(n_bytes for _, _, n_bytes in self.tensors) / self.n_parameters

    @property
    def tensor_types(self) -> dict[str, int]:
        """How many tensors are of each type."""
        return dict(Counter(kind for _, kind, _ in self.tensors))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "quant": self.quant,
            "path": str(self.path),
            "size": self.size,
            "bits_per_weight": self.bits_per_weight,
            "tensor_types": self.tensor_types,
            "fallbacks": [asdict(fallback) for fallback in self.fallbacks],
        }


@dataclass(frozen=True)
class ConversionReport:
    """What was written, and from what.

    Attributes:
        source: the checkpoint or GGUF, as it was given.
        adapter: the adapter that was merged in, "" for none.
        path: the GGUF.
        quant: llama.cpp's name of the file type.
        architecture: the class that config.json declares; of a GGUF source llama.cpp's name.
        license: as the model card states it, "" when it does not.
        n_parameters: weights of the model.
        size: bytes of the GGUF.
        bits_per_weight: of the tensors as they are, not as the type's name promises.
        tensor_types: how many tensors are of each type.
        fallbacks: tensors whose shape does not allow the type meant for them.
        template_format: the format whose chat template the file got; "" for the checkpoint's own, or none.
        template_replaced: whether the checkpoint has one that is broken; the metadata keep it.
        seconds: duration of the whole run, in which several files may have been written.
        peak_memory: the most bytes that the process held up to the end of the run.
    """

    source: str
    adapter: str
    path: str
    quant: str
    architecture: str
    license: str
    n_parameters: int
    size: int
    bits_per_weight: float
    tensor_types: dict[str, int]
    fallbacks: tuple[Fallback, ...]
    template_format: str
    template_replaced: bool
    seconds: float
    peak_memory: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)
