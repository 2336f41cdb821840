"""Text files in sections: a line ``# name``, then the section's lines. Blank lines count for nothing."""

from __future__ import annotations

from pathlib import Path


def read_sections(file: Path) -> dict[str, list[str]]:
    """The lines of each section of a file, by the section's name.

    Raises:
        ValueError: a line stands before the first section.

    """
    sections: dict[str, list[str]] = {}
    for line in map(str.strip, file.read_text(encoding="utf-8").splitlines()):
        if line.startswith("# "):
            lines = sections.setdefault(line[2:], [])
        elif line and not sections:
            raise ValueError(f"{file}: {line!r} stands before the first section, a line '# name'")
        elif line:
            lines.append(line)
    return sections
