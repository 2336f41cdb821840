"""What each GGUF of a conversion will hold, and its size, before anything is written.

A source and its targets go in; plans with the type of every tensor come out. For quantizations llama.cpp itself is
asked, with an outline of the file. Reads no values.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.gguf_types import TENSOR_TYPES
from edge_lam.llama.library import build_info
from edge_lam_converters.dtypes import STORAGE
from edge_lam_converters.gguf_writer import gguf_bytes
from edge_lam_converters.metadata import PREFIX, values_bytes
from edge_lam_converters.quantize import Fallback, Recipe, plan_quantization, short_text
from edge_lam_converters.report import FilePlan
from edge_lam_converters.sources import CheckpointSource, Outline, Source
from edge_lam_converters.targets import Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCKS = {name: (n_values, n_bytes) for name, n_values, n_bytes in TENSOR_TYPES.values()}


@dataclass(frozen=True)
class PlannedFile:
    """One file to write: what and how. `recipe.metadata` is what it adds to the model's metadata."""

    plan: FilePlan
    recipe: Recipe
    direct: bool

    @property
    def path(self) -> Path:
        """Where it goes."""
        return self.plan.path


@dataclass(frozen=True)
class ConversionPlan:
    """All files of one conversion.

    Attributes:
        files: a file each.
        base: the float file among them from which llama.cpp can quantize without a loss, or None.
        scratch_bytes: size of the intermediate file that is needed in its place, 0 if none is.
    """

    files: tuple[PlannedFile, ...]
    base: PlannedFile | None
    scratch_bytes: int

    @property
    def n_bytes(self) -> int:
        """Disk space that the conversion takes at its fullest."""
        return sum(file.plan.size for file in self.files) + self.scratch_bytes


def plan_conversion(
    source: Source,
    targets: Sequence[Target],
    tensor_types: Sequence[tuple[str, str]] = (),
    imatrix: Mapping[str, NDArray[np.float32]] | None = None,
    calibration: Mapping[str, str | int] | None = None,
    *,
    calibrates: bool = False,
) -> ConversionPlan:
    """Plan every file.

    Args:
        source: what is converted.
        targets: what it becomes.
        tensor_types: patterns of tensor names, each with the type that such tensors get when quantized.
        imatrix: the importance of columns by tensor name, as of `quantize.Recipe` in shape.
        calibration: what the metadata say about it.
        calibrates: whether there will be an importance matrix, which is not known yet.

    Raises:
        InvalidRequest: a pattern that fits no tensor, a tensor that needs an importance matrix, or a matrix that is of
            another model.
        BackendError: llama.cpp refused the plan.
    """
    direct = [isinstance(source, CheckpointSource) and target.quant in STORAGE for target in targets]
    if all(target.quant in STORAGE for target in targets):
        _refuse_recipe(tensor_types, calibrated=calibrates or bool(imatrix))
    try:
        with tempfile.TemporaryDirectory() as folder:
            outline = source.outline(Path(folder))
            columns = _every_column(outline.path) if calibrates else imatrix or {}
            recipes = [_recipe(source, target.quant, tensor_types, columns, calibration or {}) for target in targets]
            files = tuple(
                PlannedFile(_plan(source, target, recipe, outline, direct=is_direct), recipe, is_direct)
                for target, recipe, is_direct in zip(targets, recipes, direct, strict=True)
            )
    except OSError as error:
        raise InvalidRequest(
            f"temporary files can't be written: {error}", hint="set TMPDIR to another folder"
        ) from error
    lossless = [file for file in files if file.direct and source.float_types == (file.plan.quant,)]
    needs_scratch = isinstance(source, CheckpointSource) and not lossless and not all(direct)
    return ConversionPlan(files, lossless[0] if lossless else None, outline.size if needs_scratch else 0)


def _refuse_recipe(tensor_types: Sequence[tuple[str, str]], *, calibrated: bool) -> None:
    """Refuse what only a quantization can follow."""
    if tensor_types:
        raise InvalidRequest("types of single tensors need a quantization, such as Q4_K_M", param="tensor_type")
    if calibrated:
        raise InvalidRequest("an importance matrix needs a quantization, such as Q4_K_M", param="imatrix")


def _every_column(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return an importance matrix that takes all columns for equally important, to plan with."""
    import numpy as np

    matrices = [tensor for tensor in GGUFHeader.read(path).tensors if len(tensor.shape) > 1]
    return {
        tensor.name: np.ones(tensor.shape[0] * math.prod(tensor.shape[2:]), np.float32)
        for tensor in matrices
        if tensor.name.startswith("blk.")
    }


def _recipe(
    source: Source,
    quant: str,
    tensor_types: Sequence[tuple[str, str]],
    imatrix: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, str | int],
) -> Recipe:
    """Return how a file is made, and the metadata that say so."""
    if quant in STORAGE:
        metadata = {**source.provenance(), f"{PREFIX}.quant": quant}
        return Recipe(quant, metadata=_shortened(metadata))
    made = f"{quant} from {' and '.join(source.float_types)} by llama-cpp-python {build_info().version}"
    overrides = {f"{PREFIX}.quant.override.{i}": f"{pattern}={kind}" for i, (pattern, kind) in enumerate(tensor_types)}
    metadata = {**source.provenance(), f"{PREFIX}.quant": made, **overrides, **calibration}
    return Recipe(quant, tuple(tensor_types), imatrix, _shortened(metadata))


def _shortened(metadata: Mapping[str, str | int]) -> dict[str, str | int]:
    return {key: short_text(value) if isinstance(value, str) else value for key, value in metadata.items()}


def _plan(source: Source, target: Target, recipe: Recipe, outline: Outline, *, direct: bool) -> FilePlan:
    if direct and isinstance(source, CheckpointSource):
        outputs = source.tensors(target.quant)
        tensors = tuple((tensor.name, tensor.dtype, tensor.n_bytes) for tensor in outputs)
        n_parameters = sum(math.prod(tensor.shape) for tensor in outputs)
        fallbacks: tuple[Fallback, ...] = ()
    else:
        header = GGUFHeader.read(outline.path)
        counts = {tensor.name: tensor.n_elements for tensor in header.tensors}
        plan = plan_quantization(outline.path, recipe)
        tensors = tuple((name, kind, _n_bytes(kind, counts[name])) for name, kind in plan.types.items())
        n_parameters, fallbacks = header.n_parameters, plan.fallbacks
    size = gguf_bytes(outline.header + values_bytes(recipe.metadata), [n_bytes for _, _, n_bytes in tensors])
    return FilePlan(target.quant, target.path, size, tensors, n_parameters, fallbacks)


def _n_bytes(kind: str, n_elements: int) -> int:
    n_values, n_bytes = _BLOCKS[kind]
    return n_elements // n_values * n_bytes
