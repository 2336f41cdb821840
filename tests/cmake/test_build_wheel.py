"""The wheel cache, with a real pip and a source that builds in a second: what is built, and what users are told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pip
import pytest

CMAKE = Path(__file__).parents[2] / "cmake"

PYPROJECT = """
[build-system]
requires = []
build-backend = "builder"
backend-path = ["."]
"""

# Like llama-cpp-python's, its build reads CMAKE_ARGS and leaves a stamp beside the libraries. It counts its builds.
BUILDER = """
import json, os, shlex, sys, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with open(os.environ["BUILDS"], "a") as file:
        file.write(os.environ["CMAKE_ARGS"] + "\\n")
    print("[1/2] compiling")
    print("[1/1] a build inside")
    if os.environ.get("BREAK"):
        sys.exit("llama.cpp:42:7: error: 'ggml' was not declared in this scope")
    key = [word.partition("=")[2] for word in shlex.split(os.environ["CMAKE_ARGS"]) if "EDGE_LAM_BUILD_KEY" in word][0]
    name = "llama_cpp_python-0.3.36-py3-none-any.whl"
    info = "llama_cpp_python-0.3.36.dist-info"
    files = {
        "llama_cpp/__init__.py": "",
        "llama_cpp/lib/edge_lam_build.json": json.dumps({"key": "" if os.environ.get("FORGET") else key}),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: 0.3.36\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
"""


class Workshop:
    """A copy of cmake/, a small sdist, and a cache, empty at first, all in one folder whose name has a space."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "wheels"
        self.builds = folder / "builds.txt"
        self.sdist = folder / "llama_cpp_python-0.3.36.tar.gz"
        if not folder.exists():
            self._lay_out()

    def _lay_out(self) -> None:
        shutil.copytree(CMAKE, self.folder / "cmake", ignore=shutil.ignore_patterns("__pycache__"))
        source = self.folder / "llama_cpp_python-0.3.36"
        source.mkdir(parents=True)
        (source / "pyproject.toml").write_text(PYPROJECT)
        (source / "builder.py").write_text(BUILDER)
        (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.3.36\n")
        with tarfile.open(self.sdist, "w:gz") as archive:
            archive.add(source, source.name)

    def start(self, *options: str, python: str = sys.executable, **environment: str) -> subprocess.Popen[str]:
        script = str(self.folder / "cmake" / "build_wheel.py")
        inherited = {name: value for name, value in os.environ.items() if name not in ("CMAKE_ARGS", "CC", "CXX")}
        paths = {"EDGE_LAM_WHEELS": str(self.cache), "BUILDS": str(self.builds)}
        return subprocess.Popen(
            [python, script, "--sdist", str(self.sdist), *(options or ["--print"])],
            env={**inherited, **paths, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str, python: str = sys.executable, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*options, python=python, **environment)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def wheel(self, *options: str, **environment: str) -> Path:
        result = self.run(*options, **environment)
        assert result.returncode == 0, result.stderr
        return Path(result.stdout.strip())

    def cached(self, **environment: str) -> Path | None:
        """Ask for the wheel that was built before; build none."""
        result = self.run("--print", "--cached", **environment)
        if result.returncode == 0:
            return Path(result.stdout.strip())
        assert (result.returncode, result.stdout) == (1, "")
        assert "was not built on this machine" in result.stderr
        return None

    @property
    def built(self) -> list[str]:
        return self.builds.read_text().splitlines() if self.builds.exists() else []


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "a folder")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path]:
    """A workshop that has built its wheel, and the wheel; no test may change them."""
    original = Workshop(tmp_path_factory.mktemp("original") / "a folder")
    assert original.cached() is None
    assert original.built == [], "where only the cache is asked, nothing is built"
    return original, original.wheel()


@pytest.fixture
def built_one(original: tuple[Workshop, Path], tmp_path: Path) -> tuple[Workshop, Path]:
    """A copy of it, in another folder, and the wheel there."""
    workshop, wheel = original
    shutil.copytree(workshop.folder, tmp_path / "a folder")
    return Workshop(tmp_path / "a folder"), tmp_path / "a folder" / wheel.relative_to(workshop.folder)


def test_builds_once_and_finds_the_wheel_again(workshop: Workshop):
    result = workshop.run(CMAKE_ARGS="-DEDGE_LAM_AMX=ON")
    assert result.returncode == 0, result.stderr
    wheel = Path(result.stdout.strip())
    assert wheel.is_file()
    assert workshop.wheel(CMAKE_ARGS="-DEDGE_LAM_AMX=ON") == wheel
    # The backend file comes first, and then the user's arguments, which win.
    (arguments,) = workshop.built
    assert arguments.startswith(f"-C '{workshop.folder / 'cmake' / 'cpu.cmake'}' -DEDGE_LAM_BUILD_KEY=cpu-")
    assert arguments.endswith(" -DEDGE_LAM_AMX=ON")
    # How far the build is was told, and not how far a build inside of it.
    assert "50 %" in result.stderr
    assert "100 %" not in result.stderr
    assert sorted(path.name for path in wheel.parent.iterdir()) == ["build.json", "build.log", wheel.name]
    noted = json.loads((wheel.parent / "build.json").read_text())
    assert noted["key"] == wheel.parent.name == noted["stamp"]["key"]
    assert noted["depends_on"]["backend"] == "cpu"
    assert noted["seconds"] > 0


def test_what_makes_another_build_and_what_does_not(built_one: tuple[Workshop, Path]):
    workshop, wheel = built_one
    files = {name: workshop.folder / "cmake" / f"{name}.cmake" for name in ("cpu", "common", "after_project", "cuda")}
    settings = {name: file.read_text() for name, file in files.items()}
    for name, text in settings.items():
        files[name].write_text(text + "\n# another word on it\n")
    assert workshop.cached() == wheel, "comments make none"
    assert workshop.cached(CMAKE_ARGS="-DEDGE_LAM_AMX=ON") is None
    assert workshop.cached(CFLAGS="-Og") is None
    for name, text in settings.items():  # each alone
        files[name].write_text(text + 'set(MORE ON CACHE BOOL "")\n')
        assert workshop.cached() == (wheel if name == "cuda" else None)
        files[name].write_text(text)
    assert workshop.cached() == wheel
    assert len(workshop.built) == 1


def test_of_two_at_once_one_builds_and_both_get_the_wheel(workshop: Workshop):
    both = [workshop.start(), workshop.start()]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] != ""
    assert len(workshop.built) == 1


def test_a_failed_build_names_the_reason_and_leaves_nothing_but_the_log(workshop: Workshop):
    result = workshop.run(BREAK="1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "error: llama.cpp could not be built: llama.cpp:42:7: error: 'ggml' was not declared" in result.stderr
    assert "Traceback" not in result.stderr
    assert {path.suffix for path in workshop.cache.iterdir()} == {".log", ".lock"}
    assert workshop.wheel().is_file()  # and the next try starts afresh


def test_a_version_that_pip_cannot_find_is_one_short_line(workshop: Workshop):
    script = str(workshop.folder / "cmake" / "build_wheel.py")
    environment = {**os.environ, "EDGE_LAM_WHEELS": str(workshop.cache), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    result = subprocess.run(
        [sys.executable, script, "--version", "9.9.9", "--print"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 1
    assert "No matching distribution found for llama-cpp-python==9.9.9" in result.stderr
    assert "--sdist" in result.stderr
    assert len(result.stderr) < 1000


def test_a_wheel_without_our_stamp_is_refused(workshop: Workshop):
    result = workshop.run(FORGET="1")
    assert result.returncode == 1
    assert "without the stamp" in result.stderr


def test_what_is_damaged_or_left_of_a_killed_build_is_built_again(built_one: tuple[Workshop, Path]):
    workshop, wheel = built_one
    wheel.unlink()
    leftover = workshop.cache / f"building-{wheel.parent.name}-abc"
    leftover.mkdir()
    assert workshop.wheel() == wheel
    assert wheel.is_file()
    assert not leftover.exists()


def test_installs_only_what_differs(built_one: tuple[Workshop, Path]):
    workshop, _ = built_one
    environment = workshop.folder / "venv"
    venv.create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pip").symlink_to(Path(pip.__file__).parent)  # to install one takes five seconds
    python = str(environment / "bin" / "python")
    first = workshop.run("--install", python=python)
    assert first.returncode == 0, first.stderr
    assert "installing cpu-" in first.stderr
    assert workshop.run("--install", python=python).stderr == ""
    other = workshop.run("--install", python=python, CMAKE_ARGS="-DEDGE_LAM_AMX=ON")
    assert "installing cpu-" in other.stderr
    back = workshop.run("--install", python=python)
    assert "installing cpu-" in back.stderr
    assert len(workshop.built) == 2


def test_without_a_compiler_it_names_the_package(workshop: Workshop):
    result = workshop.run(PATH="/nowhere")
    assert result.returncode == 1
    assert "no C compiler was found" in result.stderr
    assert "build-essential" in result.stderr or "xcode-select" in result.stderr
    assert workshop.built == []


@pytest.mark.skipif(shutil.which("nvcc") is not None, reason="has the CUDA toolkit")
def test_without_nvcc_cuda_is_refused(workshop: Workshop):
    if Path("/usr/local/cuda/bin/nvcc").exists():
        pytest.skip("has the CUDA toolkit")
    result = workshop.run("--backend", "cuda", "--print")
    assert result.returncode == 1
    assert "nvcc" in result.stderr
    assert "nvidia-cuda-toolkit" in result.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="is a Mac")
@pytest.mark.parametrize(("backend", "reason"), [("metal", "Macs only"), ("android-arm64", "not Android")])
def test_a_backend_of_another_system_is_refused(workshop: Workshop, backend: str, reason: str):
    result = workshop.run("--backend", backend, "--print")
    assert result.returncode == 1
    assert reason in result.stderr


def test_an_unknown_backend_lists_the_known(workshop: Workshop):
    result = workshop.run("--backend", "gpu", "--print")
    assert result.returncode == 2
    for backend in ("android-arm64", "cpu", "cuda", "metal"):
        assert backend in result.stderr


def test_a_missing_sdist_is_one_line(workshop: Workshop):
    workshop.sdist.unlink()
    result = workshop.run()
    assert result.returncode == 1
    assert "No such file" in result.stderr
    assert "Traceback" not in result.stderr
