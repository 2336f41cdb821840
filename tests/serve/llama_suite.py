"""Runs llama-server's own tests against `edge-lam serve`: each passes, or stands below with the reason why it can't.

    python tests/serve/llama_suite.py                  # fetches the tests, with what they need, and runs them
    python tests/serve/llama_suite.py -k logprobs -x   # further arguments go to pytest
    python tests/serve/llama_suite.py --all            # those that can't pass too

The tests come in the source archive of llama-cpp-python (MIT); nothing of them is kept here. The exit status is 1 if a
test fails that should pass. This file also stands in for llama-server's binary: it takes its flags for ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ARCHIVE = "llama-cpp-python==0.3.36"
IN_ARCHIVE = "vendor/llama.cpp/tools/server/tests"
NEEDS = ("pytest", "requests", "openai", "filelock", "wget", "aiohttp", "scikit-build-core")
HOME = Path.home() / ".cache" / "edge-lam" / "llama-suite"
ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *("basic", "security", "chat_completion", "completion", "tokenize", "metrics"),
    *("compat_anthropic", "compat_oai_responses", "tool_call"),
)

MODEL = "its numbers or texts are those of llama.cpp's test model"
EXCEPTIONS: dict[str, str] = {}

_VALUES = {  # llama-server's flag: ours
    "--host": "--host",
    "--port": "--port",
    "--api-key": "--api-key",
    "--n-predict": "--max-tokens",
    "--cors-origins": "--cors",
}
_SWITCHES = re.compile(
    r"--(no-)?(slots|jinja|ui|mmproj|metrics|offline|verbose|cont-batching|embedding|reranking|kv-unified|swa-full"
    r"|context-shift|models-autoload|cache-idle-slots|ui-mcp-proxy|ui)$"
)


def serve_as_llama_server(arguments: list[str]) -> None:
    """Become `edge-lam serve` with flags that mean what llama-server's do."""
    wanted, given, words = ["--log", "off"], dict[str, str](), iter(arguments)
    for word in words:
        if not _SWITCHES.match(word):
            given[word] = next(words)
    for flag, value in given.items():
        if flag in _VALUES:
            wanted += [_VALUES[flag], value]
    parallel = int(given.get("--parallel", 1))
    wanted += ["--parallel", str(parallel), "--n-ctx", str(int(given.get("--ctx-size", 4096)) // parallel)]
    wanted += ["--no-page"] if "--no-ui" in arguments else []
    if "--alias" in given:
        wanted += ["--alias", min(given["--alias"].split(","))]
    os.execv(sys.executable, [sys.executable, "-m", "edge_lam.cli.main", "serve", *wanted])  # noqa: S606


def main(arguments: list[str]) -> int:
    """Run the tests."""
    python = _environment()
    wants_all = "--all" in arguments
    with tempfile.TemporaryDirectory(prefix="edge-lam-llama-suite-") as work:
        folder = _unpack(python, Path(work))
        binary = folder / "llama-server"
        binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" --serve "$@"\n')
        binary.chmod(0o755)
        # Its own would start every model it has once, to download them.
        (folder / "conftest.py").write_text(_CONFTEST)
        excepted = [] if wants_all else [f"--deselect=unit/{name}" for name in EXCEPTIONS]
        named = [argument for argument in arguments if argument in FILES]
        files = [f"unit/test_{name}.py" for name in named or FILES]
        more = [argument for argument in arguments if argument != "--all" and argument not in FILES]
        line = [python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--tb=line"]
        environment = {**os.environ, "LLAMA_SERVER_BIN_PATH": str(binary), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*line, *excepted, *more, *files], cwd=folder, env=environment, check=False)
    if not wants_all:
        print(f"\n{len(EXCEPTIONS)} entries can't pass:")
        for name, reason in EXCEPTIONS.items():
            print(f"  {name}: {reason}")
    return done.returncode


_CONFTEST = """
import pytest
from utils import server_instances


@pytest.fixture(autouse=True)
def stop_servers():
    yield
    for server in set(server_instances):
        server.stop()
"""


def _environment() -> str:
    """Return a Python with what the tests need."""
    python = HOME / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS], check=True)
    return str(python)


def _unpack(python: str, work: Path) -> Path:
    """Download the archive, once, and return the folder with its tests."""
    if not (archives := list(HOME.glob("*.tar.gz"))):
        line = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*line, "--no-build-isolation", "--dest", HOME, ARCHIVE], check=True)
        archives = list(HOME.glob("*.tar.gz"))
    with tarfile.open(archives[0]) as archive:
        wanted = [member for member in archive if f"/{IN_ARCHIVE}/" in member.name]
        archive.extractall(work, wanted, filter="data")
    return work / archives[0].name.removesuffix(".tar.gz") / IN_ARCHIVE


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_as_llama_server(sys.argv[2:])
    sys.exit(main(sys.argv[1:]))
