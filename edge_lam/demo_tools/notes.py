"""`add_note` and `read_notes`: a text file with one note per line.

The file is notes.txt in the user's state folder, or the one that EDGE_LAM_NOTES names. Notes are only ever appended.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

MAX_LENGTH = 2000
SHOWN = 4


def notes_path() -> Path:
    """Return the file that notes are kept in."""
    from edge_lam.paths import state_dir, user_path

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
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{note}\n".encode(errors="replace"))
    finally:
        os.close(file)
    return {"saved": note}


def read_notes() -> dict[str, list[str]]:
    """Read all saved notes."""
    try:
        with notes_path().open(encoding="utf-8", errors="replace") as file:
            notes = deque((line.strip() for line in file if line.strip()), maxlen=SHOWN)
    except FileNotFoundError:  # nothing was noted yet
        return {"notes": []}
    return {"notes": list(notes)}
