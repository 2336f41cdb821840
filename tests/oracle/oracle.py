"""Where the oracles live: llama.cpp's source with its converter, and a Python with torch and transformers.

Both are given by the caller, or fetched once into a folder: the source out of llama-cpp-python's own source archive,
of the version that is installed here, and a virtual environment for the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REQUIREMENTS = ("torch", "transformers", "peft", "sentencepiece", "safetensors", "protobuf")


class OracleError(Exception):
    """An oracle can't be had, or failed."""


@dataclass(frozen=True)
class Result:
    """What one check found about one subject.

    Attributes:
        subject: what was checked, such as a checkpoint's name.
        outcome: what was found, in a few words.
        passed: whether it is as it must be.
        details: lines to print below, such as differences that are explained.
    """

    subject: str
    outcome: str
    passed: bool
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Oracle:
    """The oracles.

    Attributes:
        llama_cpp: llama.cpp's source folder.
        python: a Python with `REQUIREMENTS`.
        work: a folder for checkpoints and GGUFs, empty at first.
        programs: a folder with llama.cpp's own programs; they are built there if they are missing.
    """

    llama_cpp: Path
    python: Path
    work: Path
    programs: Path

    @classmethod
    def find(cls, llama_cpp: Path | None, python: Path | None, programs: Path | None, home: Path, work: Path) -> Oracle:
        """Take what is given, and fetch the rest into `home` unless it is there."""
        source = llama_cpp or _fetch_source(home)
        return cls(source, python or _make_environment(home), work, programs or home / "programs" / "bin")

    def call(self, program: str, *arguments: object) -> str:
        """Run one of llama.cpp's own programs, such as "llama-imatrix", and return all that it prints.

        Raises:
            OracleError: it failed; holds the end of what it printed.
        """
        command = [str(self._program(program)), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode(errors="replace")
        if done.returncode:
            raise OracleError(f"{program} failed:\n{text[-3000:]}")
        return text

    def _program(self, name: str) -> Path:
        """Return the path of a program; it is built if it is not there."""
        path = self.programs / name
        if not path.is_file():
            build = self.programs.parent
            settings = [f"-DLLAMA_{part}=OFF" for part in ("CURL", "OPENSSL", "BUILD_TESTS", "BUILD_EXAMPLES")]
            configure = ["cmake", "-S", str(self.llama_cpp), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release"]
            subprocess.run([*configure, *settings, "-DLLAMA_BUILD_SERVER=OFF"], check=True, capture_output=True)
            jobs = str(os.cpu_count() or 1)
            command = ["cmake", "--build", str(build), "--target", name, "--parallel", jobs]
            subprocess.run(command, check=True, capture_output=True)
        return path

    def run(self, script: str, *arguments: object, ours: bool = False) -> str:
        """Run a script of this folder in the oracle's Python and return what it prints.

        Args:
            script: its name.
            *arguments: its arguments.
            ours: whether it imports our packages; what they need comes from the environment that runs the suite.

        Raises:
            OracleError: it failed; holds the end of what it printed.
        """
        command = [str(self.python), str(HERE / script), *map(str, arguments)]
        paths = [str(ROOT), str(ROOT / "converters"), sysconfig.get_path("purelib")] if ours else []
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise OracleError(f"{script} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def versions(self) -> str:
        """Return what the oracles are, in one line."""
        code = (
            "import torch, transformers; print(f'torch {torch.__version__}, transformers {transformers.__version__}')"
        )
        done = subprocess.run([str(self.python), "-c", code], capture_output=True, text=True, check=True)
        return f"llama.cpp of llama-cpp-python {version('llama-cpp-python')}, {done.stdout.strip()}"


def _fetch_source(home: Path) -> Path:
    release = version("llama-cpp-python").split("+")[0]
    root = home / f"llama_cpp_python-{release}"
    if not root.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, f"llama-cpp-python=={release}", "--dest", str(home)], check=True)
        with tarfile.open(next(home.glob(f"llama_cpp_python-{release}.tar.gz"))) as archive:
            archive.extractall(home, filter="data")
    return root / "vendor" / "llama.cpp"


def _make_environment(home: Path) -> Path:
    folder = home / "venv"
    python = folder / "bin" / "python"
    if not (folder / ".complete").is_file():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*command, *REQUIREMENTS], check=True)
        (folder / ".complete").touch()
    return python
