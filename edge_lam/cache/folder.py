"""The folder of prefixes that processes share: for each key a folder, in it a file for each prefix.

Whoever may write there could have it read: llama.cpp takes states on trust, so that what another user could have put
there is not looked at.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from pathlib import Path

from edge_lam._util.atomic_file import remove_abandoned
from edge_lam._util.debug import reason, suppressed
from edge_lam._util.paths import cache_dir, user_path

logger = logging.getLogger("edge_lam.cache")

SUFFIX = ".prefix"
STEM = re.compile(r"[1-9][0-9]{0,8}-[0-9a-f]{32}")  # of a prefix: its tokens and their digest
_KEY_FOLDER = re.compile(r"[0-9a-f]{32}")


def prefix_folder(wanted: str | os.PathLike[str] | bool | None = None) -> Path | None:
    """Return the folder for prefixes, or None for none.

    Args:
        wanted: a folder; "off" or False for none; None takes EDGE_LAM_PREFIX_CACHE, else the user's cache folder.
    """
    choice = (os.environ.get("EDGE_LAM_PREFIX_CACHE") or True) if wanted is None else wanted
    if choice is False or choice == "off":
        return None
    return cache_dir() / "prefixes" if choice is True else user_path(choice, param="prefix_cache")


def prefix_files(folder: Path) -> list[Path]:
    """Return all prefix files of a folder, whatever their key, the least recently used first.

    What only looks like one, by name or because it is a link, is none.
    """
    found = []
    for path in _entries(folder, f"*{SUFFIX}"):
        with suppressed(logger, f"{path} is not counted", OSError):  # another process may remove one meanwhile
            file = path.lstat()
            if STEM.fullmatch(path.stem) and stat.S_ISREG(file.st_mode):
                found.append((file.st_mtime, path))
    return [path for _, path in sorted(found)]


def trim(folder: Path, most_bytes: int) -> None:
    """Remove the least recently used files until the rest fits, and what killed writers left behind."""
    files = prefix_files(folder)
    sizes = {}
    for path in files:
        with suppressed(logger, f"{path} is not counted", OSError):
            sizes[path] = path.stat().st_size
    total = sum(sizes.values())
    for path in files:
        if total <= most_bytes:
            break
        with suppressed(logger, f"{path} is not removed", OSError):
            path.unlink()
        total -= sizes.get(path, 0)
    for key_folder in _key_folders(folder):
        remove_abandoned(key_folder)


def is_ours(file: os.stat_result, kind: int) -> bool:
    """Tell whether something in a folder is of a kind, no link, and only this user could have written it.

    Args:
        file: as `lstat` returned it.
        kind: such as `stat.S_IFREG`.
    """
    if stat.S_IFMT(file.st_mode) != kind:
        return False
    return not hasattr(os, "geteuid") or (file.st_uid == os.geteuid() and not file.st_mode & 0o022)


def _entries(folder: Path, pattern: str) -> list[Path]:
    """Return what is in the folders of keys; a folder that can't be read is empty."""
    found: list[Path] = []
    for key_folder in _key_folders(folder):
        with suppressed(logger, f"{key_folder} counts as empty", OSError):
            found += key_folder.glob(pattern)
    return found


def _key_folders(folder: Path) -> list[Path]:
    """Return the folders of keys."""
    try:
        return [path for path in folder.iterdir() if _KEY_FOLDER.fullmatch(path.name) and not path.is_symlink()]
    except FileNotFoundError:  # nothing was kept yet
        return []
    except OSError as error:
        logger.debug("%s counts as empty: %s", folder, reason(error))
        return []
