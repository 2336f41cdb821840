"""Where a model is: in goes a file or a name, out comes the path of its GGUF, downloaded if it must be."""

from __future__ import annotations

import os
from pathlib import Path

from edge_lam.errors import InvalidRequest
from edge_lam.paths import user_path

EMBEDDED_MODEL = Path(__file__).parent / "assets" / "tiny-lam-Q8_0.gguf"


def find_model(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the file of a model, downloaded if it is on the hub; None is the embedded one.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        HubError: the hub can't be reached.
        InvalidRequest: neither a path nor a name.
    """
    if model is None:
        return EMBEDDED_MODEL
    if not isinstance(model, str | os.PathLike):
        raise InvalidRequest(f"model must be a path or a name, not {type(model).__name__}", param="model")
    path = user_path(model, param="model")
    if isinstance(model, os.PathLike) or path.exists() or model.lower().startswith("file://"):
        return path
    from edge_lam.hub import resolve

    return resolve(model)
