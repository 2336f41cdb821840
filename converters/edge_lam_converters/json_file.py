"""A JSON file of a checkpoint: an object, or an error that names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_lam.errors import CheckpointError

_MAX_BYTES = 256 * 2**20  # the largest tokenizer.json in the field is under 40 MiB


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in `file`.

    Raises:
        CheckpointError: missing, unreadable, over 256 MiB, or not a JSON object.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise CheckpointError(f"{file.name} is larger than 256 MiB, which no checkpoint needs")
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{file.name} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name} is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{file.name} holds no JSON object")
    return value
