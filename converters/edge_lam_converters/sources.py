"""What can be converted: a checkpoint, with an adapter merged in or without, or a GGUF that is not quantized yet.

A path or the name of a repository on the hub goes in. A `Source` comes out: opened and checked, its values not read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam._util.paths import user_path
from edge_lam.errors import CheckpointError, ModelNotFound
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters.architectures import architecture_of
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.dtypes import STORAGE
from edge_lam_converters.gguf_writer import OutputTensor, gguf_bytes, write_gguf, write_outline
from edge_lam_converters.lora import LoraAdapter
from edge_lam_converters.merging import merge
from edge_lam_converters.metadata import (
    license_of,
    read_card,
    write_adapter,
    write_general,
    write_provenance,
    write_values,
)
from edge_lam_converters.origin import Origin
from edge_lam_converters.progress import Progress
from edge_lam_converters.quantize import FILE_TYPE_NUMBERS
from edge_lam_converters.source_files import SourceFiles
from edge_lam_converters.tokenizer import Tokenizer
from edge_lam_converters.weights import Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

Metadata = Mapping[str, "str | int"]


@dataclass(frozen=True)
class Outline:
    """A GGUF that has the tensors of a source, perhaps without values: what a quantization is planned with.

    Attributes:
        path: the file.
        header: the length of its header in bytes.
        size: bytes of the whole file, were it complete.
    """

    path: Path
    header: int
    size: int


class Source(ABC):
    """What is converted.

    Attributes:
        name: of the model; the GGUFs are called after it.
        folder: where they go when nothing else is given.
        files: the files that decide what is written, in one group or more.
        architecture: the class that config.json declares; of a GGUF llama.cpp's name.
        license: "" when none is stated.
        float_types: the types of its matrices: one, unless it mixes them.
    """

    name: str
    folder: Path
    files: tuple[SourceFiles, ...]
    architecture: str
    license: str
    float_types: tuple[str, ...]
    adapter: str = ""

    def hash(self, on_progress: Progress) -> None:
        """Read all files once, for their SHA-256."""
        done, total = 0, sum(files.n_bytes for files in self.files)

        def advance(n_bytes: int) -> None:
            nonlocal done
            done += n_bytes
            on_progress("hash", done, total)

        self._digests = [files.sha256(advance) for files in self.files]

    def check_unchanged(self) -> None:
        """Raise CheckpointError if a file was changed since the source was opened."""
        for files in self.files:
            files.check_unchanged()

    @abstractmethod
    def outline(self, folder: Path) -> Outline:
        """Return the outline of the float GGUF from which quantizations are made; `folder` may be written."""

    @abstractmethod
    def provenance(self) -> Metadata:
        """Return what is added to the metadata of a quantized file beside how it was quantized."""


class CheckpointSource(Source):
    """A checkpoint folder, whose GGUFs in BF16, F16 and F32 are written directly."""

    def __init__(self, path: Path, adapter: Path | None = None, *, allow_non_finite: bool = False) -> None:
        """Open and check a checkpoint.

        Args:
            path: the folder.
            adapter: a LoRA adapter's folder, to be merged in.
            allow_non_finite: whether NaN and infinite values are written rather than refused.

        Raises:
            CheckpointError: it can't be converted.
        """
        checkpoint = Checkpoint.open(path)
        self._origin = Origin.of(path)
        self._adapter = LoraAdapter.open(adapter) if adapter is not None else None
        self._checkpoint = merge(checkpoint, self._adapter) if self._adapter else checkpoint
        self._architecture = architecture_of(self._checkpoint.config)
        self._weights = Weights.match(self._checkpoint, self._architecture)
        self._tokenizer = Tokenizer.read(self._checkpoint, self._architecture.vocab_size)
        self._card = read_card(
            path,
            self._origin.name,
            self._weights.n_parameters,
            n_experts=self._weights.n_experts,
            n_expert_parameters=self._weights.n_expert_parameters,
        )
        self._allow_non_finite = allow_non_finite
        self.name = self._origin.name + (f"-{self._adapter.name}" if self._adapter else "")
        self.folder = self._origin.folder
        self.files = (checkpoint.files, *((self._adapter.files,) if self._adapter else ()))
        self._digests = [{file.name: "0" * 64 for file in files.stamps} for files in self.files]
        self.architecture = checkpoint.config["architectures"][0]
        self.license = license_of(self._card)
        self.float_types = tuple(self._weights.dtypes)
        self.adapter = self._adapter.name if self._adapter else ""

    def outline(self, folder: Path) -> Outline:
        """Write a header without values into `folder`."""
        path, tensors = folder / "outline.gguf", self.tensors(None)
        header = write_outline(path, self._metadata(self.float_types[0], {}), tensors)
        return Outline(path, header, gguf_bytes(header, [tensor.n_bytes for tensor in tensors]))

    def tensors(self, dtype: str | None, on_progress: Progress | None = None) -> list[OutputTensor]:
        """Return the tensors as they are written: the matrices in `dtype`, or each in the type that it has."""
        return self._weights.outputs(dtype, on_progress, allow_non_finite=self._allow_non_finite)

    def write(self, path: Path, quant: str | None, metadata: Metadata, on_progress: Progress) -> None:
        """Write a GGUF.

        Args:
            path: the file, which is overwritten.
            quant: "BF16", "F16" or "F32"; None keeps every matrix in its type.
            metadata: added to the model's.
            on_progress: hears of every piece.

        Raises:
            CheckpointError: values that are not finite, or that the type has no room for.
            OSError: the file can't be written.
        """
        write_gguf(path, self._metadata(quant or self.float_types[0], metadata), self.tensors(quant, on_progress))

    def provenance(self) -> Metadata:
        """Return nothing: it is in the float GGUF already."""
        return {}

    def _metadata(self, file_type: str, values: Metadata) -> GGUFWriter:
        """Return a writer that holds all metadata, and no file yet."""
        import gguf

        writer = gguf.GGUFWriter(None, self._architecture.gguf_name)
        write_general(writer, self._checkpoint, self._card)
        self._architecture.write_metadata(writer)
        writer.add_file_type(FILE_TYPE_NUMBERS[file_type])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        self._tokenizer.write(writer)
        write_provenance(writer, self._origin, self._digests[0])
        if self._adapter:
            write_adapter(writer, self._adapter, self._digests[1])
        write_values(writer, values)
        return writer


class GGUFSource(Source):
    """A GGUF in BF16, F16 or F32, from which llama.cpp's quantizer makes every other type."""

    def __init__(self, path: Path) -> None:
        """Check the header.

        Raises:
            InvalidModelFile: not a GGUF, truncated or contradicting itself.
            CheckpointError: it is quantized already, or in several files.
        """
        header = GGUFHeader.read(path)
        quantized = sorted({tensor.type for tensor in header.tensors} - STORAGE.keys())
        if quantized:
            raise CheckpointError(
                f"{path} is quantized already: it holds {', '.join(quantized)}",
                hint="give the checkpoint, or its GGUF in BF16, F16 or F32",
            )
        if header.metadata.get("general.type", "model") != "model":
            raise CheckpointError(f"{path} holds no model, but the {str(header.metadata['general.type'])[:60]} of one")
        if header.metadata.get("split.count", 0) not in (0, 1):
            raise CheckpointError(f"{path} is one part of a model", hint="join the parts, or give the checkpoint")
        self.path = path
        label = header.file_type
        self.name = path.stem.removesuffix(f"-{label}").removesuffix(f".{label}")
        self.folder = path.parent
        self.files = (SourceFiles.of([path]),)
        self._digests = [{path.name: "0" * 64}]
        self.architecture = header.architecture
        self.license = header.license
        self.float_types = tuple(sorted({t.type for t in header.tensors if len(t.shape) > 1}) or ("F32",))

    def outline(self, folder: Path) -> Outline:
        """Return the file itself."""
        header, size = GGUFHeader.read(self.path), self.path.stat().st_size
        values = gguf_bytes(0, [tensor.n_bytes for tensor in header.tensors])
        return Outline(self.path, size - values, size)

    def provenance(self) -> Metadata:
        """Return from which file a quantization was made; how that came to be, its own metadata says."""
        from edge_lam import __version__

        [(name, digest)] = self._digests[0].items()
        return {
            "edge_lam.version": __version__,
            "edge_lam.quant.source": name,
            "edge_lam.quant.source.sha256": digest,
        }


def open_source(source: str | Path, adapter: str | Path | None = None, *, allow_non_finite: bool = False) -> Source:
    """Open what is to be converted, downloaded if it is on the hub.

    Args:
        source: a checkpoint folder; a GGUF file; "owner/repo" of a checkpoint or "owner/repo:F16" of a GGUF.
        adapter: folder or repository of a LoRA adapter to merge into a checkpoint.
        allow_non_finite: whether NaN and infinite values are written rather than refused.

    Raises:
        CheckpointError: it can't be converted.
        ModelNotFound, HubError: it can't be had from the hub.
        InvalidModelFile: a GGUF that is none.
    """
    path = find(source)
    if _is_gguf(path):
        if adapter is not None:
            raise CheckpointError(
                f"{path} is a GGUF, into which no adapter can be merged",
                hint="give the checkpoint; or export the adapter and use it at run time with --adapter",
            )
        return GGUFSource(path)
    return CheckpointSource(path, find(adapter) if adapter is not None else None, allow_non_finite=allow_non_finite)


def find(source: str | Path) -> Path:
    """Return the path of a folder or file, downloaded if the text names no path but a repository of the hub."""
    path = user_path(source, param="source")
    if isinstance(source, Path) or path.exists():
        return path
    from edge_lam.hub import Reference, fetch_checkpoint, is_alias, resolve

    if path.parent.is_dir() and not is_alias(source):
        return path
    try:
        reference = Reference.parse(source)
    except ModelNotFound:  # no name of the hub: opening the path says that there is no such folder
        return path
    return resolve(source) if reference.quant or reference.file else fetch_checkpoint(source)


def _is_gguf(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) == b"GGUF" or path.suffix == ".gguf"
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
