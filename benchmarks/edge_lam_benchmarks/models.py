"""Which model files are measured: those that are given, and quantizations made of them; and the facts of each.

In go names of models and quantizations, out come files. Quantizations are kept, so that the next run has them already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam._util.paths import cache_dir
from edge_lam.cache import fingerprint
from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
from edge_lam_benchmarks.places import place_of

if TYPE_CHECKING:
    from edge_lam_converters.progress import Progress

FLOAT_TYPES = ("F32", "F16", "BF16")
GRAMMAR_TOOLS = 5  # of how many tools the hash of the grammar is


@dataclass(frozen=True)
class BenchModel:
    """A model file to measure.

    Attributes:
        path: the place of the file; "" for the embedded model.
        quant: its quantization, for tables.
    """

    path: str
    quant: str


def find_models(
    names: Sequence[str],
    quants: Sequence[str],
    folder: Path | None = None,
    on_progress: Progress | None = None,
) -> list[BenchModel]:
    """Return the files to measure, made where they have to be.

    Args:
        names: GGUF files, checkpoint folders, or either on the hub; none for the embedded model.
        quants: what to make of checkpoints and float GGUFs; none measures the files as they are.
        folder: where quantizations are kept; by default in the cache folder.
        on_progress: hears how far the converter is.

    Raises:
        InvalidRequest: a model is quantized already, or a checkpoint is given without quantizations.
        EdgeLamError: as `edge_lam.loading.model_path.find_model` and `edge_lam_converters.convert_all`.
    """
    if not names:
        if quants:
            raise InvalidRequest(
                "quantizations are made of a checkpoint or a float GGUF, not of the embedded model",
                hint="name one, such as models/tiny-lam/checkpoint of edge-lam's source",
                param="quants",
            )
        return [BenchModel("", GGUFHeader.read(EMBEDDED_MODEL).file_type)]
    found: list[BenchModel] = []
    for name in names:
        source = _source(name, made=bool(quants))
        found += _quantized(source, quants, folder, on_progress) if quants else [_as_it_is(source)]
    return list(dict.fromkeys(found))


def _source(name: str, *, made: bool) -> Path:
    """Return the file or folder of a name."""
    if not made:
        return find_model(name)
    from edge_lam_converters.sources import find

    return find(name)


def _as_it_is(path: Path) -> BenchModel:
    if path.is_dir():
        raise InvalidRequest(f"{path} is a checkpoint", hint="name what to make of it, such as --quants Q8_0,Q4_K_M")
    return BenchModel(place_of(path), GGUFHeader.read(path).file_type)


def _quantized(
    source: Path, quants: Sequence[str], folder: Path | None, on_progress: Progress | None
) -> list[BenchModel]:
    """Return the quantizations of a source; those that are not there yet are made together."""
    from edge_lam_converters import convert_all, plan
    from edge_lam_converters.progress import no_progress

    if source.is_file() and (kind := GGUFHeader.read(source).file_type) not in FLOAT_TYPES:
        raise InvalidRequest(
            f"{source} is {kind} already",
            hint="quantizations are made of a checkpoint or a float GGUF; leave --quants out to measure it as it is",
            param="quants",
        )
    home = (folder or cache_dir() / "bench") / _digest(source)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"{home} can't be made: {error.strerror}", param="cache") from error
    plans = plan(source, home, quants=quants)
    missing = [planned.quant for planned in plans if not planned.path.is_file()]
    if missing:
        convert_all(source, home, quants=missing, on_progress=on_progress or no_progress)
    return [BenchModel(place_of(planned.path), planned.quant) for planned in plans]


def _digest(source: Path) -> str:
    """Return a hash of a source, such that a changed one has another."""
    if source.is_file():
        return fingerprint(source)[:16]
    files = sorted(path for path in source.iterdir() if path.is_file())
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((str(source.resolve()), stats)).encode()).hexdigest()[:16]


def describe(model: str) -> dict[str, Any]:
    """Return the facts of a model file without loading it: plain JSON types.

    Args:
        model: the file; "" for the embedded model.

    Raises:
        EdgeLamError: it can't be had or read.
    """
    from edge_lam.formats import detect
    from edge_lam_benchmarks import material
    from edge_lam_benchmarks.random_weights import LABEL, is_shape

    path = find_model(model or EMBEDDED_MODEL)
    header = GGUFHeader.read(path)
    chat_format = detect(header.metadata)
    grammar = chat_format.grammar(material.tools(GRAMMAR_TOOLS), "required")
    return {
        "name": header.name,
        "file": path.name,
        "quant": header.file_type,
        "bits_per_weight": header.bits_per_weight,
        "size": header.size,
        "n_parameters": header.n_parameters,
        "architecture": header.architecture,
        "license": header.license,
        "weights": LABEL if is_shape(header.metadata) else "",
        "fingerprint": fingerprint(path),
        "format": chat_format.name,
        "format_sha256": chat_format.sha256,
        "template_sha256": chat_format.template_sha256,
        "grammar_sha256": hashlib.sha256(grammar.encode()).hexdigest(),
    }
