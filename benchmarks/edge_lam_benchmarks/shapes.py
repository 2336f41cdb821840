"""Shapes: GGUFs with random weights in the exact shape of an xLAM checkpoint, and a real vocabulary.

In go the name of a model and a vocabulary; out come files that take the time and memory of the real ones and say of
themselves that their weights are random. Knows nothing of how they are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_lam import __version__
from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect
from edge_lam.hub.aliases import find_alias
from edge_lam.llama.gguf_file import GGUFArray, GGUFHeader
from edge_lam_benchmarks.random_weights import WEIGHTS_KEY
from edge_lam_benchmarks.vocabularies import find_vocabulary
from edge_lam_converters.architectures import Architecture, architecture_of
from edge_lam_converters.architectures.base import TensorPlan
from edge_lam_converters.dtypes import Array, cast
from edge_lam_converters.gguf_writer import OutputTensor, partial_file, scratch_file, write_gguf
from edge_lam_converters.progress import Progress, no_progress
from edge_lam_converters.quantize import FILE_TYPE_NUMBERS, Recipe, check_file_type, quantize_file
from edge_lam_converters.random_checkpoint import SHAPES, Shape, random_values
from edge_lam_converters.targets import check_space, check_targets, choose_targets, make_folder
from edge_lam_converters.vocabulary import CheckpointVocabulary, TokenType

if TYPE_CHECKING:
    from gguf import GGUFWriter

_FLOATS = ("BF16", "F16", "F32")


@dataclass(frozen=True)
class NamedShape:
    """A shape and what it is called, such as "xLAM-2-1b-fc-r"."""

    name: str
    shape: Shape


def find_shape(name: str) -> NamedShape:
    """Return the shape of a checkpoint.

    Args:
        name: a key of `SHAPES`, which is an alias such as "xlam-2-1b", or the checkpoint's own name, such as
            "Salesforce/xLAM-2-1b-fc-r".

    Raises:
        InvalidRequest: there is no such shape.
    """
    alias = find_alias(name.rpartition("/")[2])
    if alias and alias.name in SHAPES:
        return NamedShape(alias.checkpoint.rpartition("/")[2], SHAPES[alias.name])
    if name in SHAPES:
        return NamedShape(name, SHAPES[name])
    raise InvalidRequest(f"there is no shape {name!r}", hint=f"one of {', '.join(SHAPES)}", param="shape")


def make_shape(
    name: str,
    vocabulary: str | Path | None = None,
    out: str | Path | None = None,
    *,
    quants: Sequence[str] = ("Q4_K_M",),
    seed: int = 0,
    n_threads: int | None = None,
    force: bool = False,
    on_progress: Progress = no_progress,
) -> list[Path]:
    """Write a GGUF of each type; memory stays at a few pieces of a tensor, whatever the size of the shape.

    Args:
        name: see `find_shape`.
        vocabulary: see `find_vocabulary`; by default the one that the shape's checkpoint uses.
        out: a folder, or for a single type the file; by default the working folder.
        quants: llama.cpp's names of file types, in any case.
        seed: of the weights.
        n_threads: threads that quantize; by default one per physical core.
        force: whether existing files may be replaced.
        on_progress: hears of the stages "write" and "quantize".

    Returns:
        The files.

    Raises:
        InvalidRequest: no such shape, type or vocabulary, or an output that can't be written.
        InvalidModelFile, ModelNotFound: the vocabulary is in no GGUF.
        BackendError: llama.cpp failed to quantize.
    """
    found = find_shape(name)
    targets = choose_targets(quants, out, Path(), f"{found.name}-shape")
    for target in targets:
        check_file_type(target.quant)
    check_targets(targets, [], force=force)
    architecture = architecture_of(found.shape.config)
    header = GGUFHeader.read(find_vocabulary(vocabulary or found.shape.tokenizer))
    write = _Writer(found, architecture, header, seed)
    folder = make_folder(targets)
    check_space(folder, write.n_bytes("BF16") + sum(write.n_bytes(target.quant) for target in targets))
    try:
        _write(write, [(target.quant, target.path) for target in targets], n_threads, on_progress)
    except OSError as error:
        raise InvalidRequest(f"{folder} can't be written: {error.strerror or error}", param="out") from error
    return [target.path for target in targets]


def _write(writer: _Writer, targets: Sequence[tuple[str, Path]], n_threads: int | None, on_progress: Progress) -> None:
    for quant, path in targets:
        if quant in _FLOATS:
            with partial_file(path) as partial:
                writer.write(partial, quant, on_progress)
    quantized = [(quant, path) for quant, path in targets if quant not in _FLOATS]
    if not quantized:
        return
    first = quantized[0][1]
    with scratch_file(first.with_name(f"{first.name}.bf16")) as base:
        writer.write(base, "BF16", on_progress)
        for quant, path in quantized:
            with partial_file(path) as partial:

                def on_wait(partial: Path = partial, quant: str = quant) -> None:
                    on_progress("quantize", partial.stat().st_size, None, quant)

                quantize_file(base, partial, Recipe(quant), n_threads, on_wait=on_wait)


@dataclass(frozen=True)
class _Writer:
    """Writes the float GGUF of a shape."""

    found: NamedShape
    architecture: Architecture
    header: GGUFHeader
    seed: int

    def n_bytes(self, quant: str) -> int:
        """Return about how large a file is; quantized ones are taken for Q8_0, the largest of them."""
        bits = {"F32": 32.0, "BF16": 16.0, "F16": 16.0}.get(quant, 8.5)
        return int(sum(int(np.prod(plan.shape)) for plan in self.architecture.tensors()) * bits / 8)

    def write(self, path: Path, dtype: str, on_progress: Progress) -> None:
        """Write the file, which is overwritten."""
        total, done = self.n_bytes(dtype), 0

        def counted(plan: TensorPlan, kind: str) -> Iterator[Array]:
            nonlocal done
            for piece in _pieces(plan, kind, self.seed):
                yield piece
                done += piece.nbytes
                on_progress("write", done, total, plan.name)

        tensors = []
        for plan in self.architecture.tensors():
            kind = "F32" if plan.stays_f32 else dtype
            tensors.append(OutputTensor(plan.name, plan.shape, kind, counted(plan, kind)))
        write_gguf(path, self._metadata(dtype), tensors)

    def _metadata(self, dtype: str) -> GGUFWriter:
        import gguf

        architecture = self.architecture
        writer = gguf.GGUFWriter(None, architecture.gguf_name)
        writer.add_type("model")
        writer.add_name(f"{self.found.name} shape")
        writer.add_description(f"Random weights in the shape of {self.found.name}, to take times with")
        architecture.write_metadata(writer)
        writer.add_file_type(FILE_TYPE_NUMBERS[dtype])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        self._write_tokenizer(writer)
        writer.add_string("edge_lam.version", __version__)
        writer.add_string(WEIGHTS_KEY, "random")
        writer.add_uint32(f"{WEIGHTS_KEY}.seed", self.seed)
        writer.add_string("edge_lam.vocabulary", self.header.path.name)
        return writer

    def _write_tokenizer(self, writer: GGUFWriter) -> None:
        """Write the vocabulary, with the end of turn and the template of the shape's own format."""
        vocabulary = read_vocabulary(self.header, self.architecture.vocab_size)
        names = {"general.architecture": self.architecture.gguf_name, "general.name": self.found.name}
        chat_format = detect(names)
        vocabulary.write(writer)
        for key, value in self.header.metadata.items():
            if not key.startswith("tokenizer.ggml."):
                continue
            if isinstance(value, bool):
                writer.add_bool(key, value)
            elif key.endswith("_token_id") and isinstance(value, int):
                is_end = key.endswith(".eos_token_id") and chat_format.end_of_turn in vocabulary.tokens
                writer.add_uint32(key, vocabulary.tokens.index(chat_format.end_of_turn) if is_end else value)
        writer.add_chat_template(chat_format.own_template())


def read_vocabulary(header: GGUFHeader, n_rows: int) -> CheckpointVocabulary:
    """Read the vocabulary of a GGUF; rows of the embedding beyond it get unused tokens.

    Args:
        header: of any GGUF, with weights or without.
        n_rows: rows of the embedding.

    Raises:
        InvalidRequest: it has no vocabulary, or one that is larger than the embedding.
    """

    def strings(key: str) -> list[str]:
        array = header.metadata.get(f"tokenizer.ggml.{key}")
        return [text.decode(errors="replace") for text in array.strings()] if isinstance(array, GGUFArray) else []

    def numbers(key: str) -> list[Any]:
        array = header.metadata.get(f"tokenizer.ggml.{key}")
        return list(array.numbers().tolist()) if isinstance(array, GGUFArray) else []

    tokens, scores = strings("tokens"), numbers("scores")
    if not tokens:
        raise InvalidRequest(f"{header.path} holds no vocabulary", param="vocab")
    if len(tokens) > n_rows:
        hint = "take the vocabulary that the model was made with"
        raise InvalidRequest(
            f"{header.path} has {len(tokens)} tokens, but the shape only {n_rows}", hint=hint, param="vocab"
        )
    vocabulary = CheckpointVocabulary.of_size(n_rows, scored=bool(scores))
    vocabulary.tokens[: len(tokens)] = tokens
    vocabulary.types[: len(tokens)] = [TokenType(kind) for kind in numbers("token_type")] or [TokenType.NORMAL] * len(
        tokens
    )
    vocabulary.scores[: len(scores)] = scores
    vocabulary.merges = strings("merges")
    vocabulary.pre = str(header.metadata.get("tokenizer.ggml.pre", "default"))
    return vocabulary


def _pieces(plan: TensorPlan, dtype: str, seed: int) -> Iterator[Array]:
    """Yield the values of a tensor: random ones, or those that the architecture computes."""
    if plan.values is not None:
        return iter([cast(plan.values, "F32", dtype)])
    pieces = chain.from_iterable(random_values(source, plan.source_shape, seed) for source in plan.sources)
    return (cast(piece, "F32", dtype) for piece in pieces)
