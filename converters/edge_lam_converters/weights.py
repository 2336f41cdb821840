"""The weights: which tensors the GGUF gets, in which type, and their values piece by piece.

A checkpoint and its architecture go in and must agree; tensors ready to be written come out.
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
from edge_lam_converters.source_tensor import SourceTensor


@dataclass(frozen=True)
class PlannedTensor:
    """A tensor of the GGUF and the tensors of the checkpoint that it is made of: one, a stack of experts, or none."""

    plan: TensorPlan
    sources: tuple[SourceTensor, ...]

    @property
    def n_values(self) -> int:
        """How many values it has."""
        return sum(source.n_values for source in self.sources) or self.plan.shape[0]

    @property
    def dtype(self) -> str:
        """The type of its sources; F32, which holds all, if they differ or there is none."""
        types = {source.dtype for source in self.sources}
        return types.pop() if len(types) == 1 else "F32"

    def pieces(self, dtype: str, *, allow_non_finite: bool) -> Iterator[Array]:
        """Yield its values, flat, as `dtype`."""
        if self.plan.values is not None:
            yield cast(self.plan.values, "F32", dtype)
        for source in self.sources:
            yield from _converted(source, self.plan.head_dim, dtype, allow_non_finite=allow_non_finite)


@dataclass(frozen=True)
class Weights:
    """The tensors of the GGUF: computed ones first, then in the checkpoint's order, a stack where its last part is."""

    tensors: list[PlannedTensor]

    @classmethod
    def match(cls, checkpoint: Checkpoint, architecture: Architecture) -> Weights:
        """Pair what the checkpoint holds with what config.json calls for.

        Raises:
            CheckpointError: a tensor is missing, not known, or of another shape than config.json says.
        """
        plans = list(architecture.tensors())
        shapes = {source: plan.source_shape for plan in plans for source in plan.sources}
        found = {name: tensor for name, tensor in checkpoint.tensors.items() if not architecture.is_ignored(name)}
        if missing := sorted(shapes.keys() - found.keys()):
            raise CheckpointError(f"the checkpoint lacks the {_named(missing)}, which config.json calls for")
        if unknown := sorted(found.keys() - shapes.keys()):
            raise CheckpointError(f"the checkpoint holds the {_named(unknown)}, which config.json does not call for")
        for name, tensor in found.items():
            if tensor.shape != shapes[name]:
                raise CheckpointError(
                    f"{tensor.path.name}: tensor {name} is {_shown(tensor.shape)}, "
                    f"but config.json makes it {_shown(shapes[name])}"
                )
        _sort_as_found(plans, list(found))
        return cls([PlannedTensor(plan, tuple(found[source] for source in plan.sources)) for plan in plans])

    @property
    def n_parameters(self) -> int:
        """How many weights there are."""
        return sum(tensor.n_values for tensor in self.tensors)

    @property
    def n_experts(self) -> int:
        """How many experts each layer has, 0 in a model without."""
        return max((len(tensor.sources) for tensor in self.tensors if tensor.plan.is_stack), default=0)

    @property
    def n_expert_parameters(self) -> int:
        """How many weights one expert of every layer has."""
        return sum(tensor.sources[0].n_values for tensor in self.tensors if tensor.plan.is_stack)

    @property
    def dtypes(self) -> list[str]:
        """The types of the matrices in the checkpoint: one, unless it mixes them."""
        return sorted({tensor.dtype for tensor in self.tensors if not tensor.plan.stays_f32})

    def n_bytes(self, dtype: str | None) -> int:
        """Return the size of all tensors when `outputs(dtype)` writes them."""
        return sum(output.n_bytes for output in self.outputs(dtype))

    def quantized_bytes(self) -> int:
        """Return the most that all tensors take once quantized: Q8_0 is the largest, F16 stands in for odd rows."""
        n_bytes = 0
        for tensor in self.tensors:
            plan = tensor.plan
            per_32 = 128 if plan.stays_f32 else 34 if plan.shape[-1] % 32 == 0 else 64
            n_bytes += tensor.n_values * per_32 // 32
        return n_bytes

    def outputs(
        self, dtype: str | None, on_progress: Progress | None = None, *, allow_non_finite: bool = False
    ) -> list[OutputTensor]:
        """Return the tensors to be written.

        Args:
            dtype: "BF16", "F16" or "F32" for the matrices, or None to leave each in the type that it has.
            on_progress: hears of every piece.
            allow_non_finite: whether NaN and infinite values are written rather than refused.
        """
        outputs = []
        for tensor in self.tensors:
            target = "F32" if tensor.plan.stays_f32 else dtype or tensor.dtype
            pieces = tensor.pieces(target, allow_non_finite=allow_non_finite)
            outputs.append(OutputTensor(tensor.plan.name, tensor.plan.shape, target, pieces))
        return _counted(outputs, on_progress) if on_progress else outputs


def _sort_as_found(plans: list[TensorPlan], names: list[str]) -> None:
    """Sort computed tensors to the front and the others as their sources lie, as the reference converter has them.

    The stacks of a layer's experts come together, where the last of all these experts is.
    """
    position = {name: i for i, name in enumerate(names)}
    places: dict[str, int] = {}
    last: dict[str, int] = {}
    for plan in plans:
        places[plan.name] = max((position[source] for source in plan.sources), default=-1)
        if plan.is_stack:
            last[plan.block] = max(last.get(plan.block, 0), places[plan.name])
    plans.sort(key=lambda plan: last[plan.block] if plan.is_stack else places[plan.name])


def _converted(source: SourceTensor, head_dim: int, dtype: str, *, allow_non_finite: bool) -> Iterator[Array]:
    """Yield the values of one tensor of the checkpoint as `dtype`, the rows of each head in llama.cpp's order."""
    row = source.shape[-1] if len(source.shape) > 1 else 1
    for values in source.pieces(multiple=head_dim * row or 1):
        if not allow_non_finite and not all_finite(values, source.dtype):
            raise CheckpointError(
                f"{source.path.name}: tensor {source.name} holds NaN or infinite values",
                hint="the training went wrong or the file is damaged: use another checkpoint",
            )
        piece = interleaved(values, head_dim, row) if head_dim else values
        converted = cast(piece, source.dtype, dtype)
        if dtype != source.dtype and not allow_non_finite and not all_finite(converted, dtype):
            raise CheckpointError(
                f"{source.path.name}: tensor {source.name} holds values that {dtype} has no room for",
                hint=f"convert to {source.dtype} instead",
            )
        yield converted


def interleaved(values: Array, head_dim: int, row: int) -> Array:
    """Return whole heads whose rows i and i + head_dim / 2 have become neighbours: llama.cpp rotates such pairs."""
    pairs: Array = values.reshape(-1, 2, head_dim // 2, row).swapaxes(1, 2)
    return pairs.reshape(-1)


def _counted(outputs: list[OutputTensor], on_progress: Progress) -> list[OutputTensor]:
    """Return the same tensors, whose pieces are reported to `on_progress` as they are taken."""
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
