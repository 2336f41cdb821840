"""From a checkpoint folder to one GGUF, quantized where asked: the order of the work.

Everything that can be checked is checked before the first byte is written. The result appears under its name whole or
not at all. Knows nothing of terminals: progress is told to a callback.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.library import build_info
from edge_lam.llama.quantize import FILE_TYPE_NUMBERS, check_file_type, quantize_file
from edge_lam_converters.architectures import Architecture, architecture_of
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.dtypes import STORAGE
from edge_lam_converters.gguf_writer import PARTIAL, partial_file, scratch_file, write_gguf
from edge_lam_converters.metadata import license_of, read_card, write_general, write_provenance
from edge_lam_converters.progress import Progress, silent
from edge_lam_converters.tokenizer import Tokenizer
from edge_lam_converters.weights import Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter, Metadata

_EXTRA = ("gguf", "safetensors", "tokenizers", "yaml")


@dataclass(frozen=True)
class ConversionReport:
    """What was written, and from what.

    Attributes:
        source: the checkpoint folder.
        path: the GGUF.
        quant: llama.cpp's name of the file type.
        architecture: the class that config.json declares.
        license: as the model card states it, "" when it does not.
        n_parameters: weights of the model.
        size: bytes of the GGUF.
        bits_per_weight: of the tensors as they are, not as the type's name promises.
        tensor_types: how many tensors are of each type.
        seconds: duration of the conversion.
    """

    source: str
    path: str
    quant: str
    architecture: str
    license: str
    n_parameters: int
    size: int
    bits_per_weight: float
    tensor_types: dict[str, int]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def convert(
    checkpoint: str | Path,
    out: str | Path | None = None,
    *,
    quant: str = "BF16",
    force: bool = False,
    n_threads: int | None = None,
    on_progress: Progress = silent,
) -> ConversionReport:
    """Convert a checkpoint folder to a GGUF.

    BF16, F16 and F32 are written directly. Any other type goes through one intermediate file beside `out`, in the
    types of the checkpoint, which llama.cpp quantizes; it is removed in the end, after an error too.

    Args:
        checkpoint: folder with config.json, tokenizer.json and safetensors.
        out: the GGUF to write; by default beside the folder, named after it and the type.
        quant: llama.cpp's name of a file type, in any case.
        force: whether an existing `out` may be replaced.
        n_threads: threads that quantize; by default one per physical core.
        on_progress: hears how far the work is.

    Raises:
        CheckpointError: a checkpoint that can't be converted.
        InvalidRequest: an unknown type, or an output that can't be written.
        BackendError: llama.cpp failed to quantize.
    """
    started = time.monotonic()
    _check_installed()
    quant = quant.upper()
    check_file_type(quant)
    model = _Model.open(Path(checkpoint))
    target = Path(out) if out is not None else default_path(Path(checkpoint), quant)
    _check_output(target, model.checkpoint, force=force)
    _check_space(target.parent, model.weights, quant)
    digests = _hash(model.checkpoint, on_progress)
    try:
        with partial_file(target) as partial:
            if quant in STORAGE:
                writer = model.metadata(quant, digests, recipe=quant)
                write_gguf(partial, writer, model.weights.outputs(quant, on_progress))
            else:
                _write_quantized(partial, target, model, quant, digests, n_threads=n_threads, on_progress=on_progress)
            model.checkpoint.check_unchanged()
            header = GGUFHeader.read(partial)
    except OSError as error:
        raise InvalidRequest(f"{target} can't be written: {error.strerror or error}", param="out") from error
    return ConversionReport(
        source=str(checkpoint),
        path=str(target),
        quant=quant,
        architecture=model.checkpoint.config["architectures"][0],
        license=license_of(model.card),
        n_parameters=header.n_parameters,
        size=header.size,
        bits_per_weight=header.bits_per_weight,
        tensor_types=dict(Counter(tensor.type for tensor in header.tensors)),
        seconds=time.monotonic() - started,
    )


def default_path(checkpoint: Path, quant: str) -> Path:
    """Return where the GGUF of a checkpoint folder goes when nothing else is said: beside it."""
    folder = checkpoint.resolve()
    return folder.with_name(f"{folder.name}-{quant}.gguf")


@dataclass(frozen=True)
class _Model:
    """A checkpoint that passed every check, and what was read from it."""

    checkpoint: Checkpoint
    architecture: Architecture
    weights: Weights
    tokenizer: Tokenizer
    card: Metadata

    @classmethod
    def open(cls, path: Path) -> _Model:
        checkpoint = Checkpoint.open(path)
        architecture = architecture_of(checkpoint.config)
        weights = Weights.match(checkpoint, architecture)
        tokenizer = Tokenizer.read(checkpoint, architecture.vocab_size)
        return cls(checkpoint, architecture, weights, tokenizer, read_card(checkpoint, weights.n_parameters))

    def metadata(self, file_type: str, digests: dict[str, str], *, recipe: str) -> GGUFWriter:
        """Return a writer that holds all metadata, and no file yet."""
        import gguf

        writer = gguf.GGUFWriter(None, self.architecture.gguf_name)
        write_general(writer, self.checkpoint, self.card)
        self.architecture.write_metadata(writer)
        writer.add_file_type(FILE_TYPE_NUMBERS[file_type])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        self.tokenizer.write(writer)
        write_provenance(writer, self.checkpoint, digests, recipe)
        return writer


def _write_quantized(
    partial: Path,
    target: Path,
    model: _Model,
    quant: str,
    digests: dict[str, str],
    *,
    n_threads: int | None,
    on_progress: Progress,
) -> None:
    dtypes = model.weights.dtypes
    recipe = f"{quant} from {' and '.join(dtypes)} by llama-cpp-python {build_info().version}"
    with scratch_file(target.with_name(f"{target.name}.{dtypes[0].lower()}{PARTIAL}")) as scratch:
        # The checkpoint's own types: nothing is rounded before the quantizer sees it.
        write_gguf(scratch, model.metadata(dtypes[0], digests, recipe=recipe), model.weights.outputs(None, on_progress))

        def on_wait() -> None:
            on_progress("quantize", partial.stat().st_size, None)

        quantize_file(scratch, partial, quant, n_threads, on_wait=on_wait)


def _check_installed() -> None:
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise InvalidRequest(
            f"converting needs {', '.join(missing)}, not installed here", hint='pip install "edge-lam[convert]"'
        )


def _check_output(target: Path, checkpoint: Checkpoint, *, force: bool) -> None:
    folder = target.parent
    if not folder.is_dir():
        raise InvalidRequest(f"there is no folder {folder}", param="out")
    if target.is_dir():
        raise InvalidRequest(f"{target} is a folder", hint="name the file to write", param="out")
    if any(target.exists() and target.samefile(file) for file in checkpoint.files):
        raise InvalidRequest(f"{target} is a file of the checkpoint itself", param="out")
    if target.exists() and not force:
        raise InvalidRequest(f"{target} exists", hint="use --force to replace it", param="out")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidRequest(f"the folder {folder} can't be written", param="out")


def _check_space(folder: Path, weights: Weights, quant: str) -> None:
    needed = weights.n_bytes(quant) if quant in STORAGE else weights.n_bytes(None) + weights.quantized_bytes()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InvalidRequest(
            f"{folder} has {free / 2**20:,.0f} MiB free, but the conversion needs {needed / 2**20:,.0f} MiB",
            param="out",
        )


def _hash(checkpoint: Checkpoint, on_progress: Progress) -> dict[str, str]:
    done = 0

    def advance(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        on_progress("hash", done, checkpoint.n_bytes)

    return checkpoint.sha256(advance)
