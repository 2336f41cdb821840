"""Peers in Python processes of their own, which read tasks and write outcomes as lines of JSON: each may crash alone.

In goes a script of `scripts/`, out comes a `Peer`.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, ClassVar

from edge_lam_benchmarks.peers.base import (
    Outcome,
    Peer,
    PeerFailed,
    PeerRefused,
    PeerTask,
    PeerUnavailable,
    Setup,
    compiled_features,
    text_calls,
)

START_SECONDS = 600.0
CALL_SECONDS = 600.0


class WorkerPeer(Peer):
    """A peer that a script runs.

    Class attributes:
        script: a module of `scripts/`.
    """

    script: ClassVar[str]

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._facts: dict[str, Any] = {}

    def python(self) -> str:
        """Return the Python that runs the script."""
        return sys.executable

    def start(self) -> None:
        """Start the script and wait until it has the model."""
        command = [self.python(), "-u", str(Path(__file__).parent / "scripts" / "lines.py"), self.script]
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            raise PeerUnavailable(f"{command[0]} can't be run: {error.strerror}") from error
        threading.Thread(target=self._read, args=(self._process.stdout, self._lines), daemon=True).start()
        said = self._ask(asdict(self.setup) | {"paths": dict(self.setup.paths)}, START_SECONDS)
        if reason := said.get("unavailable"):
            self.stop()
            raise PeerUnavailable(str(reason))
        self._facts = said

    def call(self, task: PeerTask) -> Outcome:
        """Hand a task to the script; times are taken here."""
        start = time.perf_counter()
        said = self._ask(asdict(task), CALL_SECONDS)
        seconds = time.perf_counter() - start
        if reason := said.pop("error", None):
            raise PeerRefused(str(reason))
        calls = tuple((name, arguments) for name, arguments in said.pop("calls", ()))
        return Outcome(seconds, calls=calls or text_calls(said.get("text", "")), **said)

    def stop(self) -> None:
        """End the script."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # it does not end when its input does
            process.kill()
            process.wait()
        self._errors.close()

    def describe(self) -> dict[str, Any]:
        """Return what the script said of itself."""
        facts = self._facts
        return facts | {"build": compiled_features(facts["build"])} if "build" in facts else facts

    def _ask(self, value: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Write a line and return the answer."""
        process = self._process
        if process is None or process.stdin is None:
            raise PeerFailed(f"{self.name} is not running")
        try:
            process.stdin.write(json.dumps(value).encode() + b"\n")
            process.stdin.flush()
            line = self._lines.get(timeout=seconds)
            answer = json.loads(line) if line else None
        except queue.Empty:
            self.stop()
            raise PeerFailed(f"{self.name} gave no answer in {seconds:.0f} s") from None
        except (OSError, ValueError):  # it died, or printed something else: told below with its last words
            answer = None
        if not isinstance(answer, dict):
            reason = self._last_words()
            self.stop()
            raise PeerFailed(f"{self.name} died: {reason}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        code = self._process.poll() if self._process else None
        return lines[-1][:200] if lines else f"exit code {code}, without a word"

    @staticmethod
    def _read(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
        for line in stream:
            lines.put(line)
        lines.put(b"")  # the end


class LlamaCppPython(WorkerPeer):
    """llama-cpp-python's own way to call functions."""

    name = "llama-cpp-python"
    about = "create_chat_completion with tools, chatml-function-calling"
    script = "run_llama_cpp_python"


class Transformers(WorkerPeer):
    """transformers on the processor, which reads every prompt anew."""

    name = "transformers"
    about = "generate() on the checkpoint, no grammar, no prompt cache"
    script = "run_transformers"

    def start(self) -> None:
        """Start it, if there is a checkpoint."""
        if "checkpoint" not in self.setup.paths:
            raise PeerUnavailable("needs the checkpoint that the GGUF was made from (--checkpoint FOLDER)")
        super().start()

    def python(self) -> str:
        """Return the Python that has torch and transformers."""
        return self.setup.paths.get("python", sys.executable)
