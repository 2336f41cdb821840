"""Files as results name them: without the folder in which this machine keeps them, where that can be left out.

In go paths, out come places such as "~/models/a.gguf", and back. Knows nothing of what is in the files.
"""

from __future__ import annotations

from pathlib import Path

import edge_lam

_PACKAGE = Path(edge_lam.__file__).resolve().parent


def place_of(path: Path) -> str:
    """Return the place of a file: it begins with the package if it came with edge-lam, with "~" below the home."""
    if not path.is_absolute():
        return str(path)
    for folder, name in ((_PACKAGE, _PACKAGE.name), (Path.home(), "~")):
        if path.is_relative_to(folder):
            return (Path(name) / path.relative_to(folder)).as_posix()
    return str(path)


def file_at(place: str) -> Path:
    """Return the file at a place that `place_of` returned."""
    path = Path(place).expanduser()
    if path.parts[:1] == (_PACKAGE.name,) and not path.exists():
        return _PACKAGE.parent / path
    return path
