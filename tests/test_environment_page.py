"""docs/environment.md names every variable that the code reads, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from edge_lam.cli.defaults import VARIABLES, options

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"_?EDGE_LAM_[A-Z_]*[A-Z]\b")


def test_the_page_names_what_the_code_reads():
    folders = ("edge_lam", "converters", "benchmarks", "cmake", "models")
    files = [ROOT / "Makefile", ROOT / "tests/conftest.py"]
    files += [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    read = {name for path in files for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert set(VARIABLE.findall(PAGE)) == read


def test_the_page_names_the_keys_of_the_config_file():
    keys = re.findall(r"^\| `(\w+)` \| `--", PAGE, re.MULTILINE)
    assert keys == list(options())
    assert set(VARIABLES) <= set(keys)
