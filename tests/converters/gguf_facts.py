"""What a GGUF holds, short enough to be kept: tensors and metadata, by the `gguf` package and not by our reader."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gguf import GGUFReader

LONGEST = 60  # characters of a value that is kept as it is


def gguf_facts(path: Path) -> dict[str, dict[str, str]]:
    """Return type, shape and SHA-256 of each tensor, and type and value (or its SHA-256) of each metadata key."""
    reader = GGUFReader(path)
    tensors = {
        tensor.name: f"{tensor.tensor_type.name} {tensor.shape.tolist()} {_digest(tensor.data.tobytes())}"
        for tensor in sorted(reader.tensors, key=lambda tensor: tensor.name)
    }
    metadata = {
        key: f"{' of '.join(kind.name for kind in field.types)} {_short(field.contents())}"
        for key, field in sorted(reader.fields.items())
        if not key.startswith("GGUF.")  # counts that follow from the rest
    }
    return {"tensors": tensors, "metadata": metadata}


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of all files of a checkpoint."""
    return _digest(b"".join(_digest(path.read_bytes()).encode() for path in sorted(folder.iterdir())))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"sha256 {_digest(text.encode())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
