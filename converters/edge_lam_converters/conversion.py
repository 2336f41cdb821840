"""From a checkpoint or a float GGUF to GGUFs, quantized where requested: the order of the work.

Everything that can be checked is checked before the first byte is written. The results appear under their names whole
or not at all. A callback hears of the progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.metrics.memory import process_memory
from edge_lam_converters.chat_template import FORMAT_KEY, REPLACED_KEY
from edge_lam_converters.gguf_writer import partial_file, scratch_file
from edge_lam_converters.planning import ConversionPlan, PlannedFile, plan_conversion
from edge_lam_converters.progress import Progress, no_progress
from edge_lam_converters.quantize import check_file_type, check_override, quantize_file
from edge_lam_converters.report import ConversionReport, FilePlan
from edge_lam_converters.sources import CheckpointSource, GGUFSource, Source, open_source
from edge_lam_converters.targets import Target, check_space, check_targets, choose_targets, make_folder, not_written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

_EXTRA = ("gguf", "safetensors", "tokenizers", "yaml")


class ConvertOptions(TypedDict, total=False):
    """How to convert.

    Attributes:
        adapter: folder or repository of a LoRA adapter, which is merged into the checkpoint.
        tensor_types: patterns of tensor names, each with the type that such tensors get when quantized.
        imatrix: importance of the columns of each tensor, by its name; shape (columns,).
        calibration: what the metadata say about the importance matrix.
        calibrate: makes importance matrix and metadata from the float GGUF, once it is there; instead of the
            two, and in the same forms.
        allow_non_finite: whether NaN and infinite values are written rather than refused.
        force: whether existing files may be replaced.
        n_threads: threads that quantize; by default one per physical core.
        on_progress: hears how far the work is.
    """

    adapter: str | Path | None
    tensor_types: Sequence[tuple[str, str]]
    imatrix: Mapping[str, NDArray[np.float32]] | None
    calibration: Mapping[str, str | int] | None
    calibrate: Callable[[Path], tuple[Mapping[str, NDArray[np.float32]], Mapping[str, str | int]]] | None
    allow_non_finite: bool
    force: bool
    n_threads: int | None
    on_progress: Progress


def convert(
    source: str | Path, out: str | Path | None = None, *, quant: str = "BF16", **options: Unpack[ConvertOptions]
) -> ConversionReport:
    """Convert a checkpoint or a float GGUF to one GGUF; see `convert_all`."""
    return convert_all(source, out, quants=[quant], **options)[0]


def convert_all(
    source: str | Path, out: str | Path | None = None, *, quants: Sequence[str], **options: Unpack[ConvertOptions]
) -> list[ConversionReport]:
    """Convert a checkpoint or a float GGUF to a GGUF of each type; all of them appear in the end, or none.

    BF16, F16 and F32 are written directly from a checkpoint. Any other type is made by llama.cpp from the float GGUF:
    from the one that is requested, if it loses nothing, or from one intermediate file beside the results, in the types
    of the checkpoint, which is removed in the end, after an error too.

    Args:
        source: a checkpoint folder; a GGUF in BF16, F16 or F32; "owner/repo" of either on the hub.
        out: a folder, or for a single type the GGUF to write; by default beside the source, named after it. A folder
            is made if it ends with a slash, or for several types.
        quants: llama.cpp's names of file types, in any case.
        **options: see `ConvertOptions`.

    Raises:
        CheckpointError: a source or an adapter that can't be converted.
        InvalidRequest: an unknown type, or an output that can't be written.
        InvalidModelFile: a GGUF that is none.
        ModelNotFound, HubError: the source can't be had from the hub.
        BackendError: llama.cpp failed to quantize.
    """
    started = time.monotonic()
    model, targets = _open(source, out, quants, options)
    check_targets(targets, model.files, force=options.get("force", False))
    planned = _planned(model, targets, options)
    folder = make_folder(targets)
    check_space(folder, planned.n_bytes)
    on_progress = options.get("on_progress", no_progress)
    model.hash(on_progress)
    try:
        with ExitStack() as stack:
            partials = {file.path: stack.enter_context(partial_file(file.path)) for file in planned.files}
            _write(model, planned, partials, options, on_progress)
            model.check_unchanged()
            headers = [GGUFHeader.read(path) for path in partials.values()]
    except OSError as error:
        place = targets[0].path if len(targets) == 1 else folder
        raise not_written(place, planned.n_bytes, error) from error
    seconds = time.monotonic() - started
    return [_report(source, model, file, header, seconds) for file, header in zip(planned.files, headers, strict=True)]


def plan(
    source: str | Path, out: str | Path | None = None, *, quants: Sequence[str], **options: Unpack[ConvertOptions]
) -> list[FilePlan]:
    """Return what `convert_all` would write: sizes, types and fallbacks. Reads no weights and writes nothing.

    Arguments and errors are those of `convert_all`; whether the outputs can be written is not asked.
    """
    return [file.plan for file in _planned(*_open(source, out, quants, options), options).files]


def _open(
    source: str | Path, out: str | Path | None, quants: Sequence[str], options: ConvertOptions
) -> tuple[Source, list[Target]]:
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise InvalidRequest(
            f"converting needs {', '.join(missing)}, not installed here", hint='pip install "edge-lam[convert]"'
        )
    # Before a download that may take an hour:
    for quant in quants:
        check_file_type(quant.strip().upper(), has_imatrix=bool(options.get("imatrix") or options.get("calibrate")))
    for pattern, kind in options.get("tensor_types", ()):
        check_override(pattern, kind)
    allow_non_finite = options.get("allow_non_finite", False)
    model = open_source(source, options.get("adapter"), allow_non_finite=allow_non_finite)
    return model, choose_targets(quants, out, model.folder, model.name)


def _planned(model: Source, targets: Sequence[Target], options: ConvertOptions) -> ConversionPlan:
    return plan_conversion(
        model,
        targets,
        options.get("tensor_types", ()),
        options.get("imatrix"),
        options.get("calibration"),
        calibrates=options.get("calibrate") is not None,
    )


def _write(
    model: Source,
    planned: ConversionPlan,
    partials: Mapping[Path, Path],
    options: ConvertOptions,
    on_progress: Progress,
) -> None:
    """Write every file into its partial one: the float ones, then the quantized ones."""
    for file in planned.files:
        if file.direct and isinstance(model, CheckpointSource):
            model.write(partials[file.path], file.plan.quant, file.recipe.metadata, on_progress)
    quantized = [file for file in planned.files if not file.direct]
    if not quantized:
        return
    progress = _QuantizeProgress.of(quantized, on_progress)
    with _float_file(model, planned, partials, quantized[0], on_progress) as base:
        calibrate = options.get("calibrate")
        made = calibrate(base) if calibrate else None
        for file in quantized:
            recipe = replace(file.recipe, metadata={**file.recipe.metadata, **model.provenance()})
            if made:
                recipe = replace(recipe, imatrix=made[0], metadata={**recipe.metadata, **made[1]})
            on_wait = partial(progress.on_wait, file, partials[file.path])
            quantize_file(base, partials[file.path], recipe, options.get("n_threads"), on_wait=on_wait)


@contextmanager
def _float_file(
    model: Source, planned: ConversionPlan, partials: Mapping[Path, Path], first: PlannedFile, on_progress: Progress
) -> Iterator[Path]:
    """Yield the GGUF from which llama.cpp quantizes."""
    if isinstance(model, GGUFSource):
        yield model.path
    elif planned.base:
        yield partials[planned.base.path]
    elif isinstance(model, CheckpointSource):
        # The checkpoint's own types: nothing is rounded before the quantizer sees it.
        name = f"{first.path.name}.{model.float_types[0].lower()}"
        with scratch_file(first.path.with_name(name)) as scratch:
            model.write(scratch, None, {}, on_progress)
            yield scratch


@dataclass(frozen=True)
class _QuantizeProgress:
    """Tells how far the quantizer is, by the size of the file that it writes.

    Attributes:
        before: bytes of the files that come before each file.
        total: bytes of all files.
    """

    before: dict[Path, int]
    total: int
    on_progress: Progress

    @classmethod
    def of(cls, files: Sequence[PlannedFile], on_progress: Progress) -> _QuantizeProgress:
        sizes = [file.plan.size for file in files]
        starts = accumulate(sizes, initial=0)
        return cls(dict(zip((file.path for file in files), starts, strict=False)), sum(sizes), on_progress)

    def on_wait(self, file: PlannedFile, path: Path) -> None:
        """Say how much of a file has been written to `path`, and at which tensor that is."""
        done = path.stat().st_size
        left = done - (file.plan.size - sum(n_bytes for _, _, n_bytes in file.plan.tensors))
        item = ""
        for name, _, n_bytes in file.plan.tensors:
            item = name
            left -= n_bytes
            if left < 0:
                break
        self.on_progress("quantize", self.before[file.path] + done, self.total, f"{file.plan.quant} {item}")


def _report(
    source: str | Path, model: Source, file: PlannedFile, header: GGUFHeader, seconds: float
) -> ConversionReport:
    written = {tensor.name: tensor.type for tensor in header.tensors}
    return ConversionReport(
        source=str(source),
        adapter=model.adapter,
        path=str(file.path),
        quant=file.plan.quant,
        architecture=model.architecture,
        license=model.license,
        n_parameters=header.n_parameters,
        size=header.size,
        bits_per_weight=header.bits_per_weight,
        tensor_types={kind: list(written.values()).count(kind) for kind in dict.fromkeys(written.values())},
        fallbacks=file.plan.fallbacks,
        template_format=str(header.metadata.get(FORMAT_KEY, "")),
        template_replaced=REPLACED_KEY in header.metadata,
        seconds=seconds,
        peak_memory=process_memory().peak,
    )
