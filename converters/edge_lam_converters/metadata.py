"""Who made a model, under which licence, and how the GGUF came to be.

The model card, the names and the generation settings of a checkpoint go in; the `general.*` keys of GGUF come out, and
under `edge_lam.*` the recipe by which the file can be made again.
"""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.lora import LoraAdapter
from edge_lam_converters.origin import Origin

if TYPE_CHECKING:
    from gguf import GGUFWriter, Metadata

PREFIX = "edge_lam"
_CARD = "README.md"
_MAX_CARD_BYTES = 4 * 2**20

# GGUF's sampling keys: type, and where generation_config.json says so.
_SAMPLING: dict[str, tuple[type[int] | type[float], tuple[str, ...]]] = {
    "top_k": (int, ("top_k",)),
    "top_p": (float, ("top_p",)),
    "min_p": (float, ("min_p",)),
    "xtc_probability": (float, ("xtc_probability",)),
    "xtc_threshold": (float, ("xtc_threshold",)),
    "temp": (float, ("temperature",)),
    "penalty_last_n": (int, ("penalty_last_n",)),
    "penalty_repeat": (float, ("penalty_repeat", "repetition_penalty")),
    "mirostat": (int, ("mirostat",)),
    "mirostat_tau": (float, ("mirostat_tau",)),
    "mirostat_eta": (float, ("mirostat_eta",)),
}


def read_card(
    folder: Path, name: str, n_parameters: int, *, n_experts: int = 0, n_expert_parameters: int = 0
) -> Metadata:
    """Return what the model card and the names of a checkpoint say about it.

    The `gguf` package reads the card's front matter and takes names apart, as for llama.cpp's own converter; what has
    no type that GGUF can hold is left out.

    Args:
        folder: the checkpoint.
        name: the model's, should the card give none.
        n_parameters: weights of the model, or less than 0 for an adapter; tells a size in a name from a context length.
        n_experts: how many experts each layer has.
        n_expert_parameters: weights of one expert of every layer.

    Raises:
        CheckpointError: the front matter is no YAML, or a name is no text.
    """
    import yaml
    from gguf import Metadata, size_label

    card = folder / _CARD
    if card.is_file() and card.stat().st_size > _MAX_CARD_BYTES:
        raise CheckpointError(f"{_CARD} is larger than 4 MiB, which no model card needs")
    try:
        with _called(folder, name) as path:
            metadata = Metadata.load(None, path, None, n_parameters)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"what {_CARD} and config.json say about the model can't be read: {reason}",
            hint=f"correct the front matter of {_CARD}",
        ) from error
    _fit(metadata)
    metadata.name = metadata.name or name
    if n_parameters > 0:
        shared = n_parameters - n_experts * n_expert_parameters
        label = size_label(n_parameters, shared, n_expert_parameters, n_experts)
        metadata.size_label = metadata.size_label or label
    return metadata


@contextmanager
def _called(folder: Path, name: str) -> Iterator[Path]:
    """Yield a path of `folder` that ends in `name`: the hub's cache calls folders by commits, which say nothing."""
    folder = folder.resolve()
    if folder.name == name:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        link = Path(temporary) / name
        link.symlink_to(folder, target_is_directory=True)
        yield link


def license_of(metadata: Metadata) -> str:
    """Return the licence in one line, "" when the card names none."""
    license_id = metadata.license
    text = ",".join(license_id) if isinstance(license_id, list) else license_id or ""
    details = [detail for detail in (metadata.license_name, metadata.license_link) if detail]
    return f"{text} ({', '.join(details)})" if details else text


def write_general(writer: GGUFWriter, checkpoint: Checkpoint, metadata: Metadata) -> None:
    """Write type, authorship, licence and sampling settings.

    Raises:
        CheckpointError: generation_config.json has a setting that is no number.
    """
    writer.add_type("model")
    generation = checkpoint.optional_json("generation_config.json")
    for key, (kind, names) in _SAMPLING.items():
        value = next((generation[name] for name in names if generation.get(name) is not None), None)
        if value is None:
            continue
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < 2**31:
            raise CheckpointError(f"generation_config.json: {names[-1]} is {str(value)[:60]}, not a number")
        getattr(writer, f"add_sampling_{key}")(kind(value))
    metadata.set_gguf_meta_model(writer)


def write_provenance(writer: GGUFWriter, origin: Origin, digests: dict[str, str]) -> None:
    """Write what was converted, and by what.

    Args:
        writer: the file.
        origin: of the checkpoint; the name is written, never where the folder lies.
        digests: SHA-256 by file name, written as `sha256sum` prints and checks them.
    """
    from edge_lam import __version__

    writer.add_string(f"{PREFIX}.version", __version__)
    writer.add_string(f"{PREFIX}.source", origin.repo or origin.name)
    if origin.commit:
        writer.add_string(f"{PREFIX}.source.commit", origin.commit)
    writer.add_array(f"{PREFIX}.source.sha256", _sums(digests))


def write_adapter(writer: GGUFWriter, adapter: LoraAdapter, digests: dict[str, str]) -> None:
    """Write which adapter was merged in; `digests` are those of its files."""
    origin = Origin.of(adapter.path)
    writer.add_string(f"{PREFIX}.adapter", origin.repo or origin.name)
    if origin.commit:
        writer.add_string(f"{PREFIX}.adapter.commit", origin.commit)
    writer.add_array(f"{PREFIX}.adapter.sha256", _sums(digests))


def write_values(writer: GGUFWriter, values: Mapping[str, str | int]) -> None:
    """Write texts, and whole numbers of 32 bits, as they are."""
    for key, value in values.items():
        if isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_string(key, value)


def values_bytes(values: Mapping[str, str | int]) -> int:
    """Return how many bytes `write_values` takes in a file: lengths, keys, types and values."""
    return sum(
        8 + len(key.encode()) + 4 + (4 if isinstance(value, int) else 8 + len(value.encode()))
        for key, value in values.items()
    )


def _sums(digests: dict[str, str]) -> list[str]:
    return [f"{digest}  {name}" for name, digest in digests.items()]


def _fit(metadata: Metadata) -> None:
    """Make every value one that GGUF can hold; YAML may hold anything. Sampling settings are read apart."""
    for field in dataclasses.fields(metadata):
        value = getattr(metadata, field.name)
        if field.name.startswith("sampling_"):
            value = None
        elif field.name in ("base_models", "datasets"):
            value = [_texts_of(entry) for entry in value or ()] or None
        elif field.name in ("license", "tags", "languages") and isinstance(value, list):
            value = [text for text in map(_text, value) if text] or None
        else:
            value = _text(value)
        setattr(metadata, field.name, value)


def _text(value: object) -> str | None:
    """Return a single value as text, None for anything nested or empty."""
    return str(value) if isinstance(value, (str, int, float, datetime.date)) and value != "" else None


def _texts_of(entry: object) -> dict[str, str]:
    items = entry.items() if isinstance(entry, dict) else ()
    return {str(key): text for key, value in items if (text := _text(value))}
