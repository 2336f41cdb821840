"""`Child`: a process that answers requests, one at a time, in lines of JSON; it may crash without taking the run along.

Its side is `lines.py`. What a library prints there goes to stderr, of which the last line tells how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The child searches modules exactly where this process does. A crash is to tell where it happened.
_HERE = (
    "import faulthandler, sys; faulthandler.enable(); sys.path[:] = sys.argv[2:]; "
    "from edge_lam_benchmarks.lines import serve_module; serve_module(sys.argv[1])"
)
_LINES = Path(__file__).with_name("lines.py")


def here(module: str) -> list[str]:
    """Return the command of a child in this Python that runs a module of ours; see `lines.serve`."""
    return [sys.executable, "-c", _HERE, module, *filter(None, sys.path)]


def elsewhere(python: str, script: Path) -> list[str]:
    """Return the command of a child in another Python, which has nothing of ours; see `lines.serve`."""
    return [python, "-u", str(_LINES), str(script)]


class ChildError(Exception):
    """A child can't be started, ended, or gave no answer in time: it can't be used any more. Says which, and why.

    Attributes:
        stderr: what it wrote to stderr.
    """

    def __init__(self, reason: str, stderr: str = "") -> None:
        super().__init__(reason)
        self.stderr = stderr


class Child:
    """A child process.

    Args:
        command: `here` or `elsewhere`.
        setup: the first request, which prepares it.
        timeout: seconds until it must have answered that.
        env: its environment; None for this process's.
        cwd: its working folder; None for this process's.

    Attributes:
        process: the child.
        facts: what it answered to its setup.

    Raises:
        ChildError: it can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        setup: Mapping[str, Any],
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=env,
                cwd=cwd,
                start_new_session=True,  # Ctrl-C is for the parent, which ends the child and its children
            )
        except OSError as error:
            self._errors.close()
            raise ChildError(f"can't be run: {error.strerror}") from error
        try:
            self.facts = self.ask(setup, timeout=timeout)
        except BaseException:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """Put a request and return the answer.

        Args:
            request: as JSON has it.
            timeout: seconds to wait for the answer.

        Raises:
            ChildError: the process ended, or did not answer in time.
        """
        asked, answers = self.process.stdin, self.process.stdout
        if asked is None or answers is None or asked.closed:
            raise ChildError("is not running")
        try:
            asked.write(json.dumps(request).encode() + b"\n")
            asked.flush()
        except OSError:
            raise self._ended() from None
        ready, _, _ = select.select([answers], [], [], timeout)
        if not ready:
            raise ChildError(f"took longer than {timeout:g} s")
        line = answers.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> ChildError:
        """Say how it ended."""
        code = self.process.wait()
        self._errors.seek(0)
        stderr = self._errors.read().decode("utf-8", "replace").strip()
        how = f"died with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return ChildError(f"{how}: {stderr.splitlines()[-1][:200]}" if stderr else how, stderr)

    def close(self, *, patience: float = 0.0) -> None:
        """End the process and its children; a second call does nothing.

        Args:
            patience: seconds that it gets to end by itself, now that nothing more is asked.
        """
        if self._errors.closed:
            return
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what was not written yet is lost with it
                    stream.close()
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired):  # killed below
                self.process.wait(patience)
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended meanwhile
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._errors.close()
