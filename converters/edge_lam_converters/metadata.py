"""Who made a model, under which licence, and how the GGUF came to be.

The model card, the names and the generation settings of a checkpoint go in; the `general.*` keys of GGUF come out, and
under `edge_lam.*` the recipe by which the file can be made again. Knows nothing of tensors and tokenizers.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint

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


def read_card(checkpoint: Checkpoint, n_parameters: int) -> Metadata:
    """Return what the model card and the names of a checkpoint say about it.

    The `gguf` package reads the card's front matter and takes names apart, as for llama.cpp's own converter; what has
    no type that GGUF can hold is left out.

    Args:
        checkpoint: the folder.
        n_parameters: weights of the model; tells a size in a name from a context length.

    Raises:
        CheckpointError: the front matter is no YAML, or a name is no text.
    """
    import yaml  # type: ignore[import-untyped]
    from gguf import Metadata, size_label

    card = checkpoint.path / _CARD
    if card.is_file() and card.stat().st_size > _MAX_CARD_BYTES:
        raise CheckpointError(f"{_CARD} is larger than 4 MiB, which no model card needs")
    try:
        metadata = Metadata.load(None, checkpoint.path.resolve(), None, n_parameters)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"what {_CARD} and config.json say about the model can't be read: {reason}",
            hint=f"correct the front matter of {_CARD}",
        ) from error
    _fit(metadata)
    metadata.name = metadata.name or checkpoint.name
    metadata.size_label = metadata.size_label or size_label(n_parameters, n_parameters, 0, 0)
    return metadata


def license_of(metadata: Metadata) -> str:
    """Return the licence in one line, "" when the card names none."""
    license_id = metadata.license
    text = ",".join(license_id) if isinstance(license_id, list) else license_id or ""
    details = [detail for detail in (metadata.license_name, metadata.license_link) if detail]
    return f"{text} ({', '.join(details)})" if details else text


def write_general(writer: GGUFWriter, checkpoint: Checkpoint, metadata: Metadata) -> None:
    """Write type, authorship, licence and sampling settings."""
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


def write_provenance(writer: GGUFWriter, checkpoint: Checkpoint, digests: dict[str, str], recipe: str) -> None:
    """Write what was converted, by what and how.

    Args:
        writer: the file.
        checkpoint: the source; its folder's name is written, never where it lies.
        digests: SHA-256 by file name, written as `sha256sum` prints and checks them.
        recipe: the types that the weights went through.
    """
    from edge_lam import __version__

    writer.add_string(f"{PREFIX}.version", __version__)
    writer.add_string(f"{PREFIX}.source", checkpoint.name)
    writer.add_array(f"{PREFIX}.source.sha256", [f"{digest}  {name}" for name, digest in digests.items()])
    writer.add_string(f"{PREFIX}.quant", recipe)


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
