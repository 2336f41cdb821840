"""Servers and environments of their own for checks that are run by hand, such as `clients.py`."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path.home() / ".cache" / "edge-lam"
MODEL = "tiny-lam"
N_CTX = 4096
LONGEST = "96"  # tokens of a reply of llama-server, where the model may not end: more than any right one takes
START_SECONDS = 120.0


def edge_lam_serve(*more: str) -> list[str]:
    """Return the command that starts our server; its port comes last."""
    options = (*more, "--log", "off", "--no-access-log", "--n-ctx", str(N_CTX), "--port")
    return [sys.executable, "-m", "edge_lam", "serve", *options]


def llama_server(program: Path) -> list[str]:
    """Return the command that starts llama-server on the same file, as its documentation says for tools."""
    from edge_lam.loading.model_path import find_model  # here: `--help` needs no installation

    # One thread: with several, OpenMP's spin for seconds a token where the machine has other work.
    model = ("--jinja", "--alias", MODEL, "-c", str(N_CTX), "-n", LONGEST, "-np", "1", "-t", "1", "-tb", "1")
    return [str(program), "-m", str(find_model()), *model, "--host", "127.0.0.1", "--port"]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[str]:
    """Start a server on a free port, give its URL when it is ready, and stop it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*command, str(port)], cwd=ROOT, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_SECONDS
            while not is_ready(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    sys.exit(f"{command[0]} did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait()


def is_ready(url: str) -> bool:
    """Return whether a server has its model."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310 - http, of this machine
            return bool(answer.status == 200)
    except OSError:
        return False


def environment(folder: Path, *installs: Sequence[str], python: str = sys.executable) -> str:
    """Return the Python of an environment, made if it is not there.

    Args:
        folder: where it is kept.
        installs: arguments of `pip install`, one run each.
        python: makes it.
    """
    inside = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"installing {', '.join(' '.join(one) for one in installs)} in {folder}", flush=True)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        for packages in installs:
            subprocess.run([inside, "-m", "pip", "install", "--quiet", "--no-compile", *packages], check=True)
        (folder / "done").touch()  # an interrupted installation is begun anew
    return str(inside)
