"""`list_folder`: the names in a folder. Nothing is opened or followed; only names are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHOWN = 6


def list_folder(path: str) -> dict[str, Any]:
    """List the files in a folder.

    Args:
        path: Path of the folder
    """
    names = sorted((entry.name for entry in _folder(path).iterdir()), key=str.casefold)
    names = [name for name in names if not name.startswith(".")]
    return {"count": len(names), "entries": names[:SHOWN]}


def _folder(path: str) -> Path:
    """Find the folder meant: as given, else under the home folder, where "downloads" may be "Downloads"."""
    if not path.strip() or "\0" in path:
        raise ValueError("the path of a folder is missing")
    try:
        given = Path(path.strip()).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no user as in {path!r}") from None
    if given.is_dir():
        return given
    if not given.is_absolute() and ".." not in given.parts:
        home = Path.home()
        if (home / given).is_dir():
            return home / given
        for entry in home.iterdir():
            if entry.name.casefold() == str(given).casefold() and entry.is_dir():
                return entry
    if given.exists():
        raise NotADirectoryError(f"{path} is a file, not a folder")
    raise FileNotFoundError(f"there is no folder {path}")
