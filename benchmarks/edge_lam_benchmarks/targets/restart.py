"""The first token of a process that has just started: with the prefix on disk, with a baked one, and with llama-server.

In go a model and a large set of tools, out come the seconds from the start of a process to its first token. The files
of the model are in the page cache, as after any earlier start. Knows nothing of replies.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge_lam import load
from edge_lam.decoding import Vocabulary
from edge_lam.engine import ReplyFinished
from edge_lam.engine.binding import grammar_of
from edge_lam.errors import EdgeLamError
from edge_lam.formats import detect
from edge_lam.llama import Model
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.shape import ModelShape
from edge_lam.request import Request
from edge_lam_benchmarks.answers import Answer
from edge_lam_benchmarks.fresh import run_fresh
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.peers.base import PeerTask, Setup
from edge_lam_benchmarks.peers.server import LlamaServer

N_TOKENS = 4000  # of the tools
ROOM = 256
REQUEST = "What can you do for me today?"


def large_tools(model: str, answers: Sequence[Answer]) -> tuple[list[dict[str, Any]], list[int]]:
    """Return tools that take `N_TOKENS` tokens of a prompt, or a little more, and the prompt of `REQUEST` with them.

    Args:
        model: a GGUF, for its tokens and its format.
        answers: whose tools are taken, each name once.

    Raises:
        EdgeLamError: the answers hold too few tools.
    """
    with Model(model) as loaded:
        chat_format = detect(loaded.metadata)
        vocabulary = Vocabulary(loaded, chat_format.end_of_turn)
        chosen: dict[str, dict[str, Any]] = {}
        n_tokens = 0
        for tool in (tool for answer in answers for tool in answer.tools):
            if tool["name"] in chosen:
                continue
            try:
                request = Request.of(REQUEST, {"tools": [*chosen.values(), tool]})
                grammar_of(request, chat_format, vocabulary)
            except EdgeLamError:  # a schema that can't be enforced
                continue
            chosen[tool["name"]] = tool
            n_tokens = len(loaded.tokenize(chat_format.parts(REQUEST, request.tools)["tools"]))
            if n_tokens >= N_TOKENS:
                prompt = loaded.tokenize_parts(chat_format.render_segments(REQUEST, request.tools))
                return list(chosen.values()), prompt
    raise EdgeLamError(f"the answers' tools take {n_tokens} tokens, fewer than {N_TOKENS}")


def measure_restart(
    model: str,
    answers: Sequence[Answer],
    *,
    n_threads: int,
    repeats: int,
    llama_server: str | None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Start processes and wait for their first token.

    Args:
        model: a GGUF.
        answers: whose tools are taken.
        n_threads: threads that compute.
        repeats: starts of each kind of ours; llama-server, which reads the whole prompt, is started once.
        llama_server: the program, or None to leave it out.
        on_progress: hears how much is done.

    Returns:
        A sample for each start: "time.first" in seconds and, as its label, the kind: "disk" or "baked", either also
        "mapped" (weights are not copied into another order), or "llama-server".

    Raises:
        EdgeLamError: a start failed, or the model's context is too short.
    """
    tools, prompt = large_tools(model, answers)
    n_ctx = -(-(len(prompt) + ROOM) // ROOM) * ROOM
    if n_ctx > (longest := ModelShape.of(GGUFHeader.read(model)).n_ctx_train):
        raise EdgeLamError(f"the model takes {longest} tokens, the tools and their request need {n_ctx}")
    options: dict[str, Any] = {"model": model, "n_ctx": n_ctx, "n_threads": n_threads}
    samples = []
    with tempfile.TemporaryDirectory(prefix="edge-lam-restart-") as text:
        folder, empty = Path(text) / "prefixes", Path(text) / "empty"
        baked = Path(text) / "app.prefix"
        on_progress(0, repeats + 2)
        with load(**options, log="off", prefix_cache=folder) as lam:
            lam.prewarm(tools).result()
            lam.bake(baked, tools)
        for repeat in range(repeats):
            on_progress(1 + repeat, repeats + 2)
            for kind, more in _kinds(folder, empty, baked).items():
                values = run_fresh(f"{__name__}:first_token", {"tools": tools, "options": options | more})
                samples.append(Sample(values, {"kind": kind}))
    if llama_server:
        on_progress(repeats + 1, repeats + 2)
        values = server_first_token(Setup(model, n_ctx, n_threads, True, {"llama-server": llama_server}), prompt)
        samples.append(Sample(values, {"kind": "llama-server"}))
    return samples


def _kinds(folder: Path, empty: Path, baked: Path) -> dict[str, dict[str, Any]]:
    """Return the options of `load` of each kind of start, by its name."""
    disk = {"prefix_cache": str(folder)}
    shipped = {"prefix_cache": str(empty), "prefix": str(baked)}
    return {
        "disk": disk,
        "mapped": {**disk, "repack": False},
        "baked": shipped,
        "baked, mapped": {**shipped, "repack": False},
    }


def first_token(*, tools: list[dict[str, Any]], options: dict[str, Any], started: float) -> dict[str, float]:
    """Load a model and choose one token: what the fresh process runs."""
    values: dict[str, float] = {}
    with load(**options, log="off") as lam:
        for event in lam.stream(REQUEST, tools=tools, max_tokens=1):
            if isinstance(event, ReplyFinished):
                report = event.reply.report
                end = time.monotonic()
                values["time.first"] = end - started - (report.times.total - report.times.first_token)
                values |= {"time.load": report.times.load, "time.restore": report.times.restore}
                values |= {"time.total": report.times.total, "time.compile": report.times.compile}
                values |= {"time.prefill": report.times.prefill}
                values["tokens.prompt"] = float(report.tokens.prompt)
                values["tokens.cached"] = float(report.tokens.cached)
    return values


def server_first_token(setup: Setup, prompt: list[int]) -> dict[str, float]:
    """Start llama-server and return the seconds until it has the model ("time.start") and its first token.

    Raises:
        PeerUnavailable, PeerFailed: it can't run.
    """
    server = LlamaServer(setup)
    task = PeerTask("first", [], [], prompt, n_tokens=1, max_tokens=1, end_tokens=[], chosen=[])
    start = time.monotonic()
    try:
        server.start()
        ready = time.monotonic() - start
        server.call(task)
        whole = time.monotonic() - start
    finally:
        server.stop()
    return {"time.start": ready, "time.first": whole, "tokens.prompt": float(len(prompt))}
