"""llama-server as a peer, in three ways: its best case, its chat completions with tools, and a grammar.

In go tasks, over HTTP to a server that is started for one way and stopped after it. Knows nothing of edge-lam's own
runtime.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any, ClassVar

from edge_lam_benchmarks.peers.base import (
    Calls,
    Outcome,
    Peer,
    PeerFailed,
    PeerRefused,
    PeerTask,
    PeerUnavailable,
    Setup,
    compiled_features,
    openai_calls,
    text_calls,
)

START_SECONDS = 300.0
CALL_SECONDS = 600.0
_HOST = "127.0.0.1"


class LlamaServer(Peer):
    """The best case but for its options: the prompt as tokens, its prompt cache, no grammar, no template."""

    name = "llama-server"
    about = "/completion with the prompt's tokens, prompt cache, no grammar"
    path: ClassVar[str] = "/completion"
    n_slots: ClassVar[int] = 1
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""

    def start(self) -> None:
        """Start a server on a free port and wait until it has the model."""
        program = find_server(self.setup.paths.get("llama-server"))
        port = _free_port()
        self._url = f"http://{_HOST}:{port}"
        threads = str(self.setup.n_threads)
        command = [
            program,
            "-m",
            self.setup.model,
            "-c",
            str(self.setup.n_ctx * self.n_slots),
            "-np",
            str(self.n_slots),
        ]
        command += ["-t", threads, "-tb", threads, "--host", _HOST, "--port", str(port), "--jinja", *self.options]
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop
        try:
            self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=_libraries(program))
        except OSError as error:
            self._log.close()
            raise PeerUnavailable(f"{program} can't be run: {error.strerror}") from error
        self._wait()

    def call(self, task: PeerTask) -> Outcome:
        """Ask the server."""
        start = time.perf_counter()
        response = self._post(self.path, self.body(task))
        return self.outcome(response, time.perf_counter() - start)

    def body(self, task: PeerTask) -> dict[str, Any]:
        """Return what the server is sent."""
        limit = task.n_tokens if self.setup.replayed else task.max_tokens
        body = {"prompt": task.prompt_tokens, "n_predict": limit, "temperature": 0, "cache_prompt": True}
        return body | {"ignore_eos": self.setup.replayed}

    def outcome(self, response: dict[str, Any], seconds: float) -> Outcome:
        """Read what the server answered."""
        text = str(response.get("content", ""))
        return Outcome(seconds, *_counts(response), calls=text_calls(text), text=text)

    def stop(self) -> None:
        """End the server."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # it does not end when asked to
            process.kill()
            process.wait()
        self._log.close()

    def describe(self) -> dict[str, Any]:
        """Return the server's version and what it was compiled with."""
        return server_facts(find_server(self.setup.paths.get("llama-server")))

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise PeerFailed(f"{self.name} did not start: {self._last_words()}")
            try:
                with urllib.request.urlopen(f"{self._url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):  # not ready yet
                time.sleep(0.1)
        self.stop()
        raise PeerFailed(f"{self.name} was not ready in {START_SECONDS:.0f} s")

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
                response = json.load(answer)
        except urllib.error.HTTPError as error:
            raise PeerRefused(_reason(error.read())) from error
        except (OSError, ValueError) as error:
            if self._has_ended():
                raise PeerFailed(f"{self.name} died: {self._last_words()}") from error
            raise PeerFailed(f"{self.name} gave no answer: {error}") from error
        return response if isinstance(response, dict) else {}

    def _has_ended(self) -> bool:
        """Tell whether the server is gone; a process that crashes closes its connections a little before it ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # it lives
            return self._process is not None and self._process.wait(1) is not None
        return False

    def _logged(self) -> list[str]:
        if self._log.closed:
            return []
        place = self._log.tell()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        self._log.seek(place)
        return lines

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._logged() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        code = self._process.returncode if self._process else None
        return (errors or lines or [f"exit code {code}, without a word"])[-1][:200]


class LlamaServerUnfused(LlamaServer):
    """The best case of processors on which llama.cpp's fused attention is slower than matrix products."""

    name = "llama-server-unfused"
    about = "/completion as above, started with -fa off: attention by matrix products, as edge-lam has it"
    options = ("-fa", "off")


class LlamaServerGrammar(LlamaServer):
    """The same prompt, the reply held to the tools by a grammar made of their schemas."""

    name = "llama-server-grammar"
    about = "/completion with the prompt's tokens, prompt cache, json_schema of the calls"

    def body(self, task: PeerTask) -> dict[str, Any]:
        """Return what the server is sent: without `ignore_eos`, for a grammar at its end allows nothing else."""
        return super().body(task) | {"json_schema": task.schema, "ignore_eos": False}


class LlamaServerTools(LlamaServer):
    """OpenAI's chat completions with tools, as applications use it."""

    name = "llama-server-tools"
    about = "/v1/chat/completions with tools, tool_choice required, the GGUF's own template"
    path = "/v1/chat/completions"

    def body(self, task: PeerTask) -> dict[str, Any]:
        """Return what the server is sent."""
        limit = task.n_tokens if self.setup.replayed else task.max_tokens
        body = {"messages": task.messages, "tools": task.tools, "tool_choice": "required", "max_tokens": limit}
        return body | {"temperature": 0, "cache_prompt": True}

    def outcome(self, response: dict[str, Any], seconds: float) -> Outcome:
        """Read what the server answered."""
        message = (response.get("choices") or [{}])[0].get("message") or {}
        calls: Calls = openai_calls(message)
        return Outcome(seconds, *_counts(response), calls=calls, text=str(message.get("content") or ""))


def find_server(path: str | None) -> str:
    """Return the program.

    Raises:
        PeerUnavailable: it is not there.
    """
    found = shutil.which(path or "llama-server")
    if not found:
        raise PeerUnavailable(f"there is no program {path}" if path else "not installed (--llama-server PATH)")
    return str(Path(found).resolve())


def server_facts(program: str) -> dict[str, str]:
    """Return what the program says of its version and its build, as far as it does."""
    facts = {}
    # What it was compiled with it only says when it starts: it is started without a model, and ends at once.
    for name, marker, arguments in (
        ("version", "version:", ["--version"]),
        ("build", "system_info:", ["-lv", "4", "-m", os.devnull]),
    ):
        try:
            done = subprocess.run(
                [program, *arguments], capture_output=True, text=True, timeout=30, check=False, env=_libraries(program)
            )
        except (OSError, subprocess.TimeoutExpired):  # one fact less on the page
            continue
        lines = [line for line in (done.stdout + done.stderr).splitlines() if marker in line]
        if lines:
            facts[name] = lines[0].partition(marker)[2].strip()
    return facts | {"build": compiled_features(facts["build"])} if "build" in facts else facts


def _libraries(program: str) -> dict[str, str]:
    """Return an environment in which the program finds the libraries that were built with it: beside it."""
    folders = [str(Path(program).parent), os.environ.get("LD_LIBRARY_PATH", "")]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, folders))}


def _counts(response: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Return the tokens of the prompt, those that were cached, and those of the reply."""
    timings = response.get("timings") or {}
    read, cached, written = (timings.get(key) for key in ("prompt_n", "cache_n", "predicted_n"))
    total = read + cached if read is not None and cached is not None else None
    return total, cached, written


def _reason(body: bytes) -> str:
    """Return what the server says is wrong, in one line."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):  # not its JSON: then all of the text is the reason
        text = str(json.loads(text)["error"]["message"])
    return " ".join(text.split())[:300]


def _free_port() -> int:
    with socket.socket() as door:
        door.bind((_HOST, 0))
        port: int = door.getsockname()[1]
    return port
