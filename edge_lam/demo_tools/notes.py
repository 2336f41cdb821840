"""`add_note` and `read_notes`: a text file with one note per line.

The file is notes.txt in the user's state folder, or the one that EDGE_LAM_NOTES names. Notes are only ever appended.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge_lam._util.atomic_file import append_line
from edge_lam._util.read_file import open_regular

MAX_LENGTH = 2000
SHOWN = 4
_LAST_BYTES = 2 * SHOWN * 4 * MAX_LENGTH  # hold the notes that are shown, in any script


def notes_path() -> Path:
    """Return the file that notes are kept in."""
    from edge_lam._util.paths import state_dir, user_path

    named = os.environ.get("EDGE_LAM_NOTES")
    return user_path(named, param="EDGE_LAM_NOTES") if named else state_dir() / "notes.txt"


def add_note(text: str) -> dict[str, str]:
    """Write a note into the notes file.

    Args:
        text: Text of the note
    """
    note = " ".join(text.split())
    if not note:
        raise ValueError("the note is empty")
    if len(note) > MAX_LENGTH:
        raise ValueError(f"the note is longer than {MAX_LENGTH} characters")
    path = notes_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    # One write to a file opened for appending: two processes that note at once can't cut into each other's line.
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{path} can't be written: it is no regular file")
        append_line(file, f"{note}\n".encode(errors="replace"), may_cut=False)
    finally:
        os.close(file)
    return {"saved": note}


def read_notes() -> dict[str, list[str]]:
    """Read all saved notes."""
    try:
        with open_regular(notes_path()) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:  # nothing was noted yet
        return {"notes": []}
    return {"notes": [line.strip() for line in lines if line.strip()][-SHOWN:]}
