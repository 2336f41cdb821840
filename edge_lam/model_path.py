"""Where a model is: in goes a file or a name, out comes the path of its GGUF, downloaded if it must be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.cut_files import JOIN_HINT, is_cut
from edge_lam.errors import InvalidModelFile, InvalidRequest
from edge_lam.extras import require
from edge_lam.paths import user_path

if TYPE_CHECKING:
    from edge_lam.hub.download import Progress

EMBEDDED_MODEL = Path(__file__).parent / "assets" / "tiny-lam-Q8_0.gguf"


def find_model(model: str | os.PathLike[str] | None = None, *, on_progress: Progress | None = None) -> Path:
    """Return the file of a model, downloaded if it is on the hub; None is the embedded one.

    Args:
        model: a file or a name.
        on_progress: hears of a download, as of `edge_lam.hub.pull`.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        HubError: the hub can't be reached.
        InvalidModelFile: a piece of a GGUF that was cut.
        InvalidRequest: neither a path nor a name.
        MissingPackage: it is on the hub, and huggingface_hub is not installed.
    """
    if model is None:
        return EMBEDDED_MODEL
    if not isinstance(model, str | os.PathLike):
        raise InvalidRequest(f"model must be a path or a name, not {type(model).__name__}", param="model")
    path = user_path(model, param="model")
    if is_cut(path.name) and path.exists():
        raise InvalidModelFile(f"{path} is a piece of a GGUF", hint=JOIN_HINT)
    if isinstance(model, os.PathLike) or path.exists() or model.lower().startswith("file://"):
        return path
    from edge_lam.hub import resolve

    try:
        return resolve(model, on_progress=on_progress)
    except ModuleNotFoundError:
        require("huggingface_hub", "models of the hub", param="model")
        raise
