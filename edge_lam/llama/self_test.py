"""Survives what would end the process: tries it once in a child, and remembers by build and processor what came out.

On some virtual machines llama.cpp's AMX kernels die with SIGSEGV at the first matrix product. `accelerator_verdict()`
says whether a model may be loaded with llama.cpp's accelerated buffers. On ARM processors before ARMv8.1 any build for
newer ones may die with SIGILL, as llama.cpp does not tell all that it was compiled for: there the verdict says whether
it can run at all.

EDGE_LAM_SELF_TEST=skip trusts the build; =force tests also where nothing is known to be faulty.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.debug import reason
from edge_lam._util.once import once
from edge_lam._util.paths import state_dir
from edge_lam._util.read_file import read_regular
from edge_lam.errors import InvalidRequest
from edge_lam.llama.cpu import CPU, cpu
from edge_lam.llama.library import BuildInfo, build_info

_TIMEOUT = 120.0  # seconds; the test takes less than one, starting Python on a busy device may take many
# The child searches modules exactly where this process does, whatever the working folder and its own start-up find.
_CHILD = "import sys; sys.path[:] = sys.argv[2:]; from edge_lam.llama.probe import main; main(sys.argv[1])"
_LIBRARIES = ("libllama.", "libggml")
_MAX_BYTES = 1 << 20

logger = logging.getLogger("edge_lam.llama")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether llama.cpp's accelerated buffers can be used.

    Attributes:
        needed: there is a path that has to be tested on this machine.
        ok: models may be loaded with it.
        detail: one line on what was found.
        key: identifies build and processor.
        remembered: found by an earlier process.
        tested: when, ISO 8601, or "".
        fatal: nothing can be run, with these buffers or without.
    """

    needed: bool
    ok: bool
    detail: str
    key: str
    remembered: bool = False
    tested: str = ""
    fatal: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def accelerator_verdict() -> Verdict:
    """Return the verdict on this machine; the test runs at most once per build and processor.

    Raises:
        BackendError: llama.cpp can't be loaded.
        InvalidRequest: EDGE_LAM_SELF_TEST has an unknown value.
    """
    mode = os.environ.get("EDGE_LAM_SELF_TEST", "")
    if mode not in ("", "skip", "force"):
        raise InvalidRequest(f"EDGE_LAM_SELF_TEST must be skip, force or empty, not {mode!r}")
    return _verdict(mode)


def verdicts_file() -> Path:
    """Return the file that remembers verdicts; deleting it makes the test run again."""
    return state_dir() / "self_test.json"


@once
def _verdict(mode: str) -> Verdict:
    build, processor = build_info(), cpu()
    key = machine_key(build, processor)
    if mode == "skip":
        return Verdict(False, True, "skipped by EDGE_LAM_SELF_TEST", key)
    reason = "asked for by EDGE_LAM_SELF_TEST" if mode == "force" else accelerator(build, processor)
    if not reason:
        return Verdict(False, True, "no accelerator in this build that needs a test on this processor", key)
    remembered = _remembered(key)
    if remembered:
        return remembered
    ok, detail, died = run_probe()
    tested = datetime.now(timezone.utc).isoformat("T", "seconds")
    fatal = died and processor.is_arm  # without these buffers the same instructions run
    verdict = Verdict(True, ok, f"{detail} ({reason})", key, tested=tested, fatal=fatal)
    if not ok and not fatal:
        logger.warning(
            "llama.cpp's accelerated kernels fail on this machine: %s. "
            "Models are loaded without them, which is slower; `edge-lam doctor` shows more.",
            detail,
        )
    _remember(verdict)
    return verdict


def accelerator(build: BuildInfo, processor: CPU) -> str:
    """Name what is known to be faulty on some machines and this build would, or may, use here, or ""."""
    if processor.is_arm and "atomics" not in processor.flags:
        return "atomics of ARMv8.1"
    compiled_in = build.features.get("CPU", {}).get("AMX_INT8") == "1"
    return "AMX" if compiled_in and "amx_int8" in processor.flags else ""


class Probe(NamedTuple):
    """What became of the child: whether it passed, one line on what happened, and whether a signal ended it."""

    ok: bool
    detail: str
    died: bool = False


def run_probe(timeout: float = _TIMEOUT) -> Probe:
    """Run a model in a child process, which is killed after `timeout` seconds."""
    import subprocess  # here: most devices have nothing to test, and some allow no child processes

    environment = {**os.environ, "EDGE_LAM_SELF_TEST": "skip", "GGML_NO_BACKTRACE": "1"}
    with tempfile.TemporaryDirectory(prefix="edge-lam-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-c", _CHILD, f"{folder}/probe.gguf", *(path or "." for path in sys.path)]
        try:
            child = subprocess.run(  # noqa: S603
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:  # a verdict, as a crash is one
            return Probe(False, f"the self-test did not end within {timeout:g} s")
        except OSError as error:
            return Probe(False, f"the self-test could not be started: {error.strerror}")
    if child.returncode == 0:
        return Probe(True, "the self-test passed")
    if child.returncode < 0:
        return Probe(False, f"the self-test died with {signal.Signals(-child.returncode).name}", died=True)
    lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
    return Probe(False, f"the self-test failed: {lines[-1] if lines else f'exit code {child.returncode}'}")


def machine_key(build: BuildInfo, processor: CPU) -> str:
    """Hash what the verdict depends on: the loaded libraries, and the processor with its flags."""
    paths = sorted(Path(build.library).parent.iterdir())
    files = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.name.startswith(_LIBRARIES)
    ]
    identity = [build.version, files, processor.model, sorted(processor.flags)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _read_verdicts() -> dict[str, Any]:
    try:
        verdicts = json.loads(read_regular(verdicts_file(), _MAX_BYTES))
    except FileNotFoundError:  # nothing was tested yet
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.debug("verdicts of the self-test in %s are not read: %s", verdicts_file(), reason(error))
        return {}
    return verdicts if isinstance(verdicts, dict) else {}


def _remembered(key: str) -> Verdict | None:
    try:
        verdict = Verdict(**_read_verdicts()[key])
    except KeyError:  # not tested yet
        return None
    except TypeError as error:
        logger.debug("the verdict of the self-test on %s is not read: %s", key, reason(error))
        return None
    return replace(verdict, remembered=True)


def _remember(verdict: Verdict) -> None:
    """Add the verdict to the file, whole or not at all; a folder that can't be written only costs another test."""
    target = verdicts_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        verdicts = {**_read_verdicts(), verdict.key: verdict.to_dict()}
        with atomic_write(target) as file:
            file.write(json.dumps(verdicts, indent=2).encode())
    except OSError as error:
        logger.debug("the verdict of the self-test can't be remembered in %s: %s", target, error)
