"""Answers as files of the leaderboard, so that its own `bfcl evaluate` can score them too.

In go samples, out come files as its runner writes them. They are put where it looks for the answers of
Salesforce/xLAM-2-1b-fc-r, since replies are written in the form of that model, whatever model they are of:

    BFCL_PROJECT_ROOT=FOLDER bfcl evaluate --model Salesforce/xLAM-2-1b-fc-r --partial-eval
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from edge_lam._util.atomic_file import atomic_write
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.quality.official import CATEGORIES, MULTI_TURN

_MODEL = "Salesforce_xLAM-2-1b-fc-r"


def write_leaderboard_files(samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Write a file for each category among the samples, and return their paths.

    Raises:
        InvalidRequest: they can't be written, or one is of a category that the leaderboard does not have.
    """
    lines: dict[str, list[str]] = {}
    for sample in samples:
        if "category" in sample.labels:
            answer = sample.labels["answer"]
            line = {"id": sample.labels["task"], "result": "" if answer is None else answer}
            lines.setdefault(sample.labels["category"], []).append(json.dumps(line, ensure_ascii=False))
    return [_write(_path(folder, category), answers) for category, answers in lines.items()]


def _path(folder: Path, category: str) -> Path:
    if category not in CATEGORIES:  # a result file may say anything, and this becomes the name of a file
        raise InvalidRequest(f"unknown category {category!r}", param="results")
    group = "multi_turn" if category in MULTI_TURN else "live" if category.startswith("live_") else "non_live"
    return folder / "result" / _MODEL / group / f"BFCL_v4_{category}_result.json"


def _write(path: Path, lines: Sequence[str]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise InvalidRequest(f"{path} can't be written: {error.strerror or error}", param="out") from error
    return path
