"""Peers in Python processes of their own: each may crash alone. In goes a script of `scripts/`, out comes a `Peer`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from edge_lam_benchmarks.child import Child, ChildError, elsewhere
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
STOP_SECONDS = 10.0


class WorkerPeer(Peer):
    """A peer that a script runs.

    Class attributes:
        script: a module of `scripts/`.
    """

    script: ClassVar[str]

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._child: Child | None = None
        self._facts: dict[str, Any] = {}

    def python(self) -> str:
        """Return the Python that runs the script."""
        return sys.executable

    def start(self) -> None:
        """Start the script and wait until it has the model."""
        command = elsewhere(self.python(), Path(__file__).parent / "scripts" / f"{self.script}.py")
        setup = asdict(self.setup) | {"paths": dict(self.setup.paths)}
        try:
            self._child = Child(command, setup, timeout=START_SECONDS)
        except ChildError as error:
            if isinstance(error.__cause__, OSError):
                raise PeerUnavailable(f"{command[0]} {error}") from error
            raise PeerFailed(f"{self.name} {error}") from error
        self._facts = self._child.facts
        if reason := self._facts.get("unavailable"):
            self.stop()
            raise PeerUnavailable(str(reason))

    def call(self, task: PeerTask) -> Outcome:
        """Hand a task to the script; times are taken here."""
        if self._child is None:
            raise PeerFailed(f"{self.name} is not running")
        start = time.perf_counter()
        try:
            answer = self._child.ask(asdict(task), timeout=CALL_SECONDS)
        except ChildError as error:
            self.stop()
            raise PeerFailed(f"{self.name} {error}") from error
        seconds = time.perf_counter() - start
        if reason := answer.pop("error", None):
            raise PeerRefused(str(reason))
        calls = tuple((name, arguments) for name, arguments in answer.pop("calls", ()))
        return Outcome(seconds, calls=calls or text_calls(answer.get("text", "")), **answer)

    def stop(self) -> None:
        """End the script."""
        if self._child is not None:
            self._child.close(patience=STOP_SECONDS)
        self._child = None

    def describe(self) -> dict[str, Any]:
        """Return what the script reported about itself."""
        facts = self._facts
        return facts | {"build": compiled_features(facts["build"])} if "build" in facts else facts


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
            raise PeerUnavailable("needs the checkpoint that the GGUF was made from (--checkpoint PATH)")
        super().start()

    def python(self) -> str:
        """Return the Python that has torch and transformers."""
        return self.setup.paths.get("python", sys.executable)
