"""A JSON file of a checkpoint: an object, or an error that names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_lam._util.read_file import read_regular
from edge_lam.errors import CheckpointError

_MAX_BYTES = 64 * 2**20  # the largest tokenizer.json in the field is under 40 MiB; Python takes up to 20 times that


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in `file`.

    Raises:
        CheckpointError: missing, unreadable, no regular file, over 64 MiB, or not a JSON object.
    """
    try:
        value = json.loads(read_regular(file, _MAX_BYTES).decode())
    except OSError as error:
        raise CheckpointError(f"{file.name} can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name} is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{file.name} holds no JSON object")
    return value
