"""Trajectories in files: one JSON object per line, or one JSON list. What is wrong is named, and the rest goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.paths import user_path
from edge_lam.errors import InvalidRequest
from edge_lam.formats.rows import at_place, read_rows
from edge_lam.trajectories.trajectory import Trajectory


def read_trajectories(path: str | os.PathLike[str]) -> list[Trajectory]:
    """Read all trajectories of a file.

    Raises:
        InvalidRequest: the file can't be read, or one of them is wrong; names its place and field.
    """
    found = []
    for _place, entry in read_entries(path):
        if isinstance(entry, InvalidRequest):
            raise entry
        found.append(entry)
    return found


def read_entries(path: str | os.PathLike[str]) -> Iterator[tuple[str, Trajectory | InvalidRequest]]:
    """Yield each trajectory of a file with its place, or what is wrong with it.

    Raises:
        InvalidRequest: the file can't be read, or is a list that is not JSON; `param` is "path".
    """
    for place, value in read_rows(path, param="path"):
        if isinstance(value, InvalidRequest):
            yield place, value
            continue
        try:
            yield place, Trajectory.from_dict(value)
        except InvalidRequest as error:
            yield place, at_place(place, error)


def write_trajectories(path: str | os.PathLike[str], trajectories: Iterable[Trajectory]) -> int:
    """Write trajectories: as one list if the name ends in ``.json``, else one per line. The file appears whole.

    Only its owner may read it.

    Returns:
        How many were written.

    Raises:
        InvalidRequest: the file can't be written; `param` is "path".
    """
    file_path = user_path(path)
    is_list = file_path.suffix.lower() == ".json"
    count = 0
    try:
        with atomic_write(file_path, private=True) as file:
            for trajectory in trajectories:
                separator = (b",\n" if count else b"[\n") if is_list else b""
                line = json.dumps(trajectory.to_dict(), ensure_ascii=False)
                file.write(separator + line.encode() + (b"" if is_list else b"\n"))
                count += 1
            if is_list:
                file.write(b"\n]\n" if count else b"[]\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(f"{file_path} can't be written: {reason}", param="path") from error
    return count
