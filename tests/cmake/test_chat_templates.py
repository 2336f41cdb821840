"""Fetching llama.cpp's templates, with a real pip and a source of two templates; offline."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "cmake" / "chat_templates.py"
NAME = "llama_cpp_python-0.3.36"
WITHIN = "vendor/llama.cpp/models/templates"
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "builder"\nbackend-path = ["."]\n'
BUILDER = """
import os

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = os.path.join(folder, "llama_cpp_python-0.3.36.dist-info")
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: 0.3.36\\n")
    return os.path.basename(info)

def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise SystemExit("nothing is built for templates")
"""


@pytest.fixture
def fetch(tmp_path):
    """Run the script, with the source in `tmp_path/source` as all that pip can find."""
    (tmp_path / "source").mkdir()

    def run() -> subprocess.CompletedProcess[str]:
        places = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path / "source"),
            "EDGE_LAM_WHEELS": str(tmp_path / "w"),
        }
        command = [sys.executable, str(SCRIPT)]
        return subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=False)

    return run


def write_source(folder: Path, files: dict[str, str]) -> None:
    root = folder / "files" / NAME
    package = {"pyproject.toml": PYPROJECT, "builder.py": BUILDER}
    package["PKG-INFO"] = "Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.3.36\n"
    for path, text in (package | files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    with tarfile.open(folder / "source" / f"{NAME}.tar.gz", "w:gz") as archive:
        archive.add(root, NAME)


def test_templates_are_kept_once(fetch, tmp_path):
    templates = {f"{WITHIN}/a.jinja": "{{ a }}", f"{WITHIN}/b.jinja": "{{ b }}"}
    write_source(tmp_path, templates | {f"{WITHIN}/README.md": "", "vendor/llama.cpp/other/c.jinja": ""})
    run = fetch()
    assert run.returncode == 0, run.stderr
    folder = Path(run.stdout.strip())
    assert folder.parent == tmp_path / "w"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.jinja": "{{ a }}", "b.jinja": "{{ b }}"}
    assert list(folder.parent.iterdir()) == [folder]
    (tmp_path / "source" / f"{NAME}.tar.gz").unlink()
    assert fetch().stdout == run.stdout


def test_without_them_it_says_why_and_ends_well(fetch, tmp_path):
    run = fetch()
    assert (run.returncode, run.stdout) == (0, "")
    assert "[templates] left out: ERROR: No matching distribution" in run.stderr
    write_source(tmp_path, {})
    assert f"holds no templates in {WITHIN}" in fetch().stderr
    assert list((tmp_path / "w").iterdir()) == []
