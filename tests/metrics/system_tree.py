"""Writes the files in which a system tells of itself."""

from __future__ import annotations

from pathlib import Path


def put(path: Path, value: object) -> None:
    """Write one file, in folders that may be missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def zone(root: Path, name: str, joules: float, *, kind: str = "", full: float = 10.0) -> Path:
    """Write one of RAPL's zones; its counter begins at 0 again after `full` joules."""
    folder = root / "sys/class/powercap" / name
    put(folder / "name", kind or "package-0")
    put(folder / "energy_uj", round(joules * 1e6))
    put(folder / "max_energy_range_uj", round(full * 1e6))
    return folder
