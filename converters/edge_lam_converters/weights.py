"""The weights: which tensors the GGUF gets, in which type, and their values piece by piece.

A checkpoint and its architecture go in and must agree; tensors ready to be written come out. Knows nothing of files
beyond the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_lam.errors import CheckpointError
from edge_lam_converters.architectures import Architecture, TensorPlan
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.dtypes import Array, all_finite, cast
from edge_lam_converters.gguf_writer import OutputTensor
from edge_lam_converters.progress import Progress
from edge_lam_converters.safetensors_file import SourceTensor


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint, each with its plan, in the checkpoint's order."""

    _pairs: list[tuple[TensorPlan, SourceTensor]]

    @classmethod
    def match(cls, checkpoint: Checkpoint, architecture: Architecture) -> Weights:
        """Pair what the checkpoint holds with what config.json calls for.

        Raises:
            CheckpointError: a tensor is missing, not known, or of another shape than config.json says.
        """
        plans = {plan.source: plan for plan in architecture.tensors()}
        found = {name: tensor for name, tensor in checkpoint.tensors.items() if not architecture.is_ignored(name)}
        if missing := sorted(plans.keys() - found.keys()):
            raise CheckpointError(f"the checkpoint lacks the {_named(missing)}, which config.json calls for")
        if unknown := sorted(found.keys() - plans.keys()):
            raise CheckpointError(f"the checkpoint holds the {_named(unknown)}, which config.json does not call for")
        for name, tensor in found.items():
            if tensor.shape != plans[name].shape:
                raise CheckpointError(
                    f"{tensor.path.name}: tensor {name} is {_shown(tensor.shape)}, "
                    f"but config.json makes it {_shown(plans[name].shape)}"
                )
        return cls([(plans[name], tensor) for name, tensor in found.items()])

    @property
    def n_parameters(self) -> int:
        """How many weights there are."""
        return sum(tensor.n_values for _, tensor in self._pairs)

    @property
    def dtypes(self) -> list[str]:
        """The types of the matrices in the checkpoint: one, unless it mixes them."""
        return sorted({tensor.dtype for plan, tensor in self._pairs if not plan.stays_f32})

    def n_bytes(self, dtype: str | None) -> int:
        """Return the size of all tensors when `outputs(dtype)` writes them."""
        return sum(output.n_bytes for output in self.outputs(dtype))

    def quantized_bytes(self) -> int:
        """Return the most that all tensors take once quantized: Q8_0 is the largest, F16 stands in for odd rows."""
        n_bytes = 0
        for plan, tensor in self._pairs:
            per_32 = 128 if plan.stays_f32 else 34 if plan.shape[-1] % 32 == 0 else 64
            n_bytes += tensor.n_values * per_32 // 32
        return n_bytes

    def outputs(self, dtype: str | None, on_progress: Progress | None = None) -> list[OutputTensor]:
        """Return the tensors to be written.

        Args:
            dtype: "BF16", "F16" or "F32" for the matrices, or None to leave each in the type that it has.
            on_progress: hears of every piece.
        """
        outputs = []
        for plan, tensor in self._pairs:
            target = "F32" if plan.stays_f32 else dtype or tensor.dtype
            outputs.append(OutputTensor(plan.name, plan.shape, target, _converted(tensor, target)))
        return _counted(outputs, on_progress) if on_progress else outputs


def _converted(tensor: SourceTensor, dtype: str) -> Iterator[Array]:
    for piece in tensor.pieces():
        if not all_finite(piece, tensor.dtype):
            raise CheckpointError(
                f"{tensor.path.name}: tensor {tensor.name} holds NaN or infinite values",
                hint="the training went wrong or the file is damaged: use another checkpoint",
            )
        converted = cast(piece, tensor.dtype, dtype)
        if dtype != tensor.dtype and not all_finite(converted, dtype):
            raise CheckpointError(
                f"{tensor.path.name}: tensor {tensor.name} holds values that {dtype} has no room for",
                hint=f"convert to {tensor.dtype} instead",
            )
        yield converted


def _counted(outputs: list[OutputTensor], on_progress: Progress) -> list[OutputTensor]:
    """Return the same tensors, whose pieces are told to `on_progress` as they are taken."""
    total = sum(output.n_bytes for output in outputs)
    done = 0

    def count(output: OutputTensor) -> Iterator[Array]:
        nonlocal done
        for piece in output.pieces:
            yield piece
            done += piece.nbytes
            on_progress("write", done, total, output.name)

    return [OutputTensor(output.name, output.shape, output.dtype, count(output)) for output in outputs]


def _named(names: list[str]) -> str:
    return f"tensor {names[0][:100]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape) or "a single value"
