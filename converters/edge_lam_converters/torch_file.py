"""One pytorch_model*.bin: its tensors through torch's weights-only loading, which executes no code of the file.

torch is imported only when such a file is read; its tensors stay in the memory-mapped file until their values are asked
for.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_lam.errors import CheckpointError, InvalidRequest
from edge_lam_converters.dtypes import STORAGE, Array
from edge_lam_converters.source_tensor import SourceTensor, check_float

_DTYPES = {"torch.bfloat16": "BF16", "torch.float16": "F16", "torch.float32": "F32"}


@dataclass(frozen=True)
class TorchTensor(SourceTensor):
    """A tensor in a file of torch's.

    Attributes:
        data: a torch.Tensor, whose values are pages of the file.
        file_size: bytes of the file when it was opened.
    """

    data: Any
    file_size: int

    def pieces(self, multiple: int = 1) -> Iterator[Array]:
        """Yield the values; shapes and errors are those of `SourceTensor.pieces`, which raises `CheckpointError`."""
        import torch  # type: ignore[import-not-found,unused-ignore]  # not among our dependencies

        rows = self.data if self.data.dim() else self.data.reshape(1)
        row = max(1, self.n_values // max(1, rows.shape[0]))
        # Whole rows, as many as are a multiple: a view that is not contiguous is copied by these few only.
        n_rows = max(1, self.piece_size(max(multiple, row)) // row)
        for start in range(0, rows.shape[0], n_rows):
            # Pages past the end of a file that was cut short would end the process.
            if not self.path.is_file() or self.path.stat().st_size != self.file_size:
                raise CheckpointError(f"{self.path.name} changed while tensor {self.name} was read")
            part = rows[start : start + n_rows].detach().contiguous().view(-1)
            bits = part.view(torch.int16) if self.dtype == "BF16" else part
            yield bits.numpy().view(STORAGE[self.dtype])


def read_torch(path: Path) -> dict[str, SourceTensor]:
    """Return the tensors of one file that torch.save wrote, by name, in the file's order.

    Raises:
        InvalidRequest: torch is not installed.
        CheckpointError: the file is damaged, or holds anything but tensors by name in BF16, F16 or F32.
    """
    if find_spec("torch") is None:
        raise InvalidRequest(
            f"reading {path.name} needs torch, not installed here",
            hint="pip install torch, or save the checkpoint as safetensors (save_pretrained does)",
        )
    import torch  # type: ignore[import-not-found,unused-ignore]  # not among our dependencies

    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path.name} is no whole file of torch.save's: it was cut short, or written by torch before 1.6",
            hint="download the checkpoint again, or as safetensors",
        )
    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path.name} holds more than tensors, or is damaged; it was not loaded, for it could run code",
            hint="get the checkpoint as safetensors",
        ) from error
    except Exception as error:  # torch raises whatever its zip reader or the file's values raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{path.name} can't be read by torch: {reason[:150]}", hint="download the checkpoint again"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path.name} holds a {type(state).__name__}, not tensors by name")
    tensors: dict[str, SourceTensor] = {}
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise CheckpointError(f"{path.name}: {str(name)[:60]!r} is no tensor")
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise CheckpointError(f"{path.name}: tensor {name[:100]} is no plain tensor of floats")
        dtype = check_float(path, name[:100], _DTYPES.get(str(value.dtype), str(value.dtype)))
        tensors[name] = TorchTensor(name, dtype, tuple(value.shape), path, value, path.stat().st_size)
    return tensors
