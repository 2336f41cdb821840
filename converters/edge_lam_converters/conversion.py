"""From a checkpoint or a float GGUF to GGUFs, quantized where asked: the order of the work.

Everything that can be checked is checked before the first byte is written. The results appear under their names whole
or not at all. Knows nothing of terminals: progress is told to a callback.
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
from edge_lam_converters.planning import Job, Work, plan_work
from edge_lam_converters.progress import Progress, silent
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
        imatrix: importance of the columns of each tensor, by its name.
        calibration: what the metadata say about the importance matrix.
        calibrate: makes importance matrix and metadata from the float GGUF, once it is there; instead of the two.
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
    from the one that is asked for, if it loses nothing, or from one intermediate file beside the results, in the types
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
    work = _planned(model, targets, options)
    folder = make_folder(targets)
    check_space(folder, work.n_bytes)
    on_progress = options.get("on_progress", silent)
    model.hash(on_progress)
    try:
        with ExitStack() as files:
            partials = {job.path: files.enter_context(partial_file(job.path)) for job in work.jobs}
            _write(model, work, partials, options, on_progress)
            model.check_unchanged()
            headers = [GGUFHeader.read(path) for path in partials.values()]
    except OSError as error:
        place = targets[0].path if len(targets) == 1 else folder
        raise not_written(place, work.n_bytes, error) from error
    seconds = time.monotonic() - started
    return [_report(source, model, job, header, seconds) for job, header in zip(work.jobs, headers, strict=True)]


def plan(
    source: str | Path, out: str | Path | None = None, *, quants: Sequence[str], **options: Unpack[ConvertOptions]
) -> list[FilePlan]:
    """Return what `convert_all` would write: sizes, types and fallbacks. Reads no weights and writes nothing.

    Arguments and errors are those of `convert_all`; whether the outputs can be written is not asked.
    """
    return [job.plan for job in _planned(*_open(source, out, quants, options), options).jobs]


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


def _planned(model: Source, targets: Sequence[Target], options: ConvertOptions) -> Work:
    return plan_work(
        model,
        targets,
        options.get("tensor_types", ()),
        options.get("imatrix"),
        options.get("calibration"),
        calibrates=options.get("calibrate") is not None,
    )


def _write(
    model: Source, work: Work, partials: Mapping[Path, Path], options: ConvertOptions, on_progress: Progress
) -> None:
    """Write every file into its partial one: the float ones, then the quantized ones."""
    for job in work.jobs:
        if job.direct and isinstance(model, CheckpointSource):
            model.write(partials[job.path], job.plan.quant, job.recipe.metadata, on_progress)
    quantized = [job for job in work.jobs if not job.direct]
    if not quantized:
        return
    progress = _QuantizeProgress.of(quantized, on_progress)
    with _float_file(model, work, partials, quantized[0], on_progress) as base:
        calibrate = options.get("calibrate")
        made = calibrate(base) if calibrate else None
        for job in quantized:
            recipe = replace(job.recipe, metadata={**job.recipe.metadata, **model.provenance()})
            if made:
                recipe = replace(recipe, imatrix=made[0], metadata={**recipe.metadata, **made[1]})
            tell = partial(progress.tell, job, partials[job.path])
            quantize_file(base, partials[job.path], recipe, options.get("n_threads"), on_wait=tell)


@contextmanager
def _float_file(
    model: Source, work: Work, partials: Mapping[Path, Path], first: Job, on_progress: Progress
) -> Iterator[Path]:
    """Yield the GGUF from which llama.cpp quantizes."""
    if isinstance(model, GGUFSource):
        yield model.path
    elif work.base:
        yield partials[work.base.path]
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
    def of(cls, jobs: Sequence[Job], on_progress: Progress) -> _QuantizeProgress:
        sizes = [job.plan.size for job in jobs]
        starts = accumulate(sizes, initial=0)
        return cls(dict(zip((job.path for job in jobs), starts, strict=False)), sum(sizes), on_progress)

    def tell(self, job: Job, path: Path) -> None:
        """Say how much of a job has been written to `path`, and at which tensor that is."""
        done = path.stat().st_size
        left = done - (job.plan.size - sum(n_bytes for _, _, n_bytes in job.plan.tensors))
        item = ""
        for name, _, n_bytes in job.plan.tensors:
            item = name
            left -= n_bytes
            if left < 0:
                break
        self.on_progress("quantize", self.before[job.path] + done, self.total, f"{job.plan.quant} {item}")


def _report(source: str | Path, model: Source, job: Job, header: GGUFHeader, seconds: float) -> ConversionReport:
    written = {tensor.name: tensor.type for tensor in header.tensors}
    return ConversionReport(
        source=str(source),
        adapter=model.adapter,
        path=str(job.path),
        quant=job.plan.quant,
        architecture=model.architecture,
        license=model.license,
        n_parameters=header.n_parameters,
        size=header.size,
        bits_per_weight=header.bits_per_weight,
        tensor_types={kind: list(written.values()).count(kind) for kind in dict.fromkeys(written.values())},
        fallbacks=job.plan.fallbacks,
        template_format=str(header.metadata.get(FORMAT_KEY, "")),
        template_replaced=REPLACED_KEY in header.metadata,
        seconds=seconds,
        peak_memory=process_memory().peak,
    )
