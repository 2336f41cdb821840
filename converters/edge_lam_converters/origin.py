"""Where a checkpoint comes from, as its path tells: the hub's cache names folders after repository and commit.

A path goes in. Asks no network.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from edge_lam._util.debug import reason
from edge_lam._util.read_file import open_regular

logger = logging.getLogger("edge_lam.converters")
_SNAPSHOT = re.compile(r"models--(?P<repo>.+)/snapshots/(?P<commit>[0-9a-f]{40})$")
_DOWNLOAD = Path(".cache") / "huggingface" / "download" / "config.json.metadata"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint comes from.

    Attributes:
        name: of the model: that of the repository, else of the folder.
        repo: "owner/name" on the hub, "" when it is not known.
        commit: of the repository, "" when it is not known.
        folder: where files made of it go by default: never into the hub's cache.
    """

    name: str
    repo: str
    commit: str
    folder: Path

    @classmethod
    def of(cls, path: Path) -> Origin:
        """Look at the name of a checkpoint folder, and at what `hf download --local-dir` leaves in it."""
        path = path.resolve()
        if match := _SNAPSHOT.search(path.as_posix()):
            repo = match["repo"].replace("--", "/")
            return cls(repo.rpartition("/")[2], repo, match["commit"], Path.cwd())
        return cls(path.name, "", _downloaded_commit(path), path.parent)


def _downloaded_commit(path: Path) -> str:
    """Return the first line of the note that a download into a folder leaves there, if it is a commit."""
    try:
        with open_regular(path / _DOWNLOAD) as file:
            line = file.readline(100).decode().strip()
    except FileNotFoundError:  # it was not downloaded
        return ""
    except (OSError, UnicodeDecodeError) as error:
        logger.debug("no commit is read from %s: %s", path / _DOWNLOAD, reason(error))
        return ""
    return line if _COMMIT.fullmatch(line) else ""
