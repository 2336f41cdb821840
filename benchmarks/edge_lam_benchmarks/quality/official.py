"""The Berkeley Function Calling Leaderboard's own loader, checker and executor, behind one object.

In go a category or calls, out come entries, verdicts and results. bfcl-eval, whose package holds the data too, runs in
a child process, since its executor evaluates what a model wrote; a child that hangs or dies is replaced. Knows no
model.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam_benchmarks.child import Child, ChildError, elsewhere

SINGLE_TURN = (
    "simple_python",
    "simple_java",
    "simple_javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
)
MULTI_TURN = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")
CATEGORIES = SINGLE_TURN + MULTI_TURN
PYTHON_VARIABLE = "EDGE_LAM_BFCL_PYTHON"
TIMEOUT = 60.0  # seconds that one request may take

_WORKER = Path(__file__).with_name("official_worker.py")
_HINT = "pip install --no-deps bfcl-eval filelock; or name a Python that has it in EDGE_LAM_BFCL_PYTHON"
Call = Mapping[str, Mapping[str, Any]]
"""``{name: arguments}``, the leaderboard's form."""


@dataclass(frozen=True)
class OfficialVerdict:
    """What the checker says.

    Attributes:
        valid: whether it accepts the answer.
        kind: the leaderboard's name of the mistake, such as "value_error:string".
        reason: the mistake in words.
    """

    valid: bool
    kind: str = ""
    reason: str = ""


class Official:
    """The leaderboard's programs. A context manager.

    Attributes:
        child: the process that runs them; started with the first request.
    """

    def __init__(self) -> None:
        self.child: Child | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._loaded: list[str] = []
        self._lock = threading.Lock()

    def entries(self, category: str) -> list[dict[str, Any]]:
        """Return the entries of a category, in the leaderboard's order.

        Raises:
            InvalidRequest: there is no such category, or bfcl-eval is not installed.
        """
        if category not in CATEGORIES:
            raise InvalidRequest(
                f"unknown category {category!r}", hint=f"one of {', '.join(CATEGORIES)}", param="category"
            )
        entries: list[dict[str, Any]] = self._ask("entries", category=category)
        if category not in self._loaded:
            self._loaded.append(category)
        return entries

    def check(self, category: str, identity: str, calls: Sequence[Call]) -> OfficialVerdict:
        """Check the calls of a reply to an entry of `entries`; none are an answer in text."""
        return self._verdict("check", id=identity, category=category, calls=calls)

    def accepts(
        self, functions: Sequence[Mapping[str, Any]], calls: Sequence[Call], accepted: Sequence[Any]
    ) -> OfficialVerdict:
        """Check calls against accepted answers in the leaderboard's form, ``[{name: {argument: [values]}}]``."""
        category = "parallel" if len(accepted) > 1 else "multiple"
        return self._verdict("accepts", functions=functions, calls=calls, truth=accepted, category=category)

    def world(self, identity: str) -> OfficialWorld:
        """Return a new world for the conversation of a multi-turn entry."""
        return OfficialWorld(self, identity)

    def _verdict(self, what: str, **request: Any) -> OfficialVerdict:
        try:
            return OfficialVerdict(**self._ask(what, **request))
        except _CheckerError as error:  # it could not read what the model wrote, as its own runner would count it
            return OfficialVerdict(valid=False, kind="checker_error", reason=error.message)

    def _ask(self, what: str, **request: Any) -> Any:
        with self._lock:
            if self.child is None:
                self._start()
            return self._exchange(what, request)

    def _start(self) -> None:
        python = os.environ.get(PYTHON_VARIABLE, "")
        if not python and find_spec("bfcl_eval") is None:
            raise InvalidRequest("the leaderboard's checker, bfcl-eval, is not installed", hint=_HINT, param="suite")
        self._folder = tempfile.TemporaryDirectory(prefix="edge-lam-bfcl-")
        folder = self._folder.name
        env = {"PATH": os.defpath, "HOME": folder, "BFCL_PROJECT_ROOT": folder}
        try:
            self.child = Child(elsewhere(python or sys.executable, _WORKER), {}, timeout=TIMEOUT, env=env, cwd=folder)
        except ChildError as error:
            self._stop()
            if isinstance(error.__cause__, OSError):
                raise InvalidRequest(f"{python} {error}", param=PYTHON_VARIABLE) from error
            raise EdgeLamError(f"the leaderboard's checker {error}", hint=_HINT) from error
        for category in self._loaded:  # what an earlier child knew
            self._exchange("entries", {"category": category})

    def _exchange(self, what: str, request: Mapping[str, Any]) -> Any:
        if self.child is None:
            raise _CheckerError("the checker is not running")
        try:
            answer = self.child.ask({"do": what, **request}, timeout=TIMEOUT)
        except ChildError as error:
            self._stop()
            if what == "entries":
                raise EdgeLamError(f"the leaderboard's checker {error}", hint=_HINT) from error
            raise _CheckerError(f"the checker {error}") from error
        if "error" in answer:
            raise _CheckerError(answer["error"])
        return answer["result"]

    def _stop(self) -> None:
        if self.child is not None:
            self.child.close()
        if self._folder is not None:
            self._folder.cleanup()
        self.child = self._folder = None

    def close(self) -> None:
        """End the child; a later request starts another."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Official:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OfficialWorld:
    """The state that the calls of one multi-turn conversation change."""

    def __init__(self, official: Official, identity: str) -> None:
        self._official, self._identity = official, identity
        self._run = f"edge_lam_{uuid.uuid4().hex}"

    def execute(self, call: Call) -> str:
        """Execute a call and return what it gives, as the leaderboard words it."""
        try:
            (result,) = self._official._ask("execute", id=self._identity, run=self._run, calls=[call])
        except _CheckerError as error:
            return f"Error during execution: {error.message}"
        return str(result)

    def check(self, turns: Sequence[Sequence[Sequence[Call]]]) -> OfficialVerdict:
        """Check the conversation: for each turn its steps, for each step its calls."""
        return self._official._verdict("check_turns", id=self._identity, run=self._run, turns=turns)


class _CheckerError(EdgeLamError):
    """One request failed, or the child with it."""
