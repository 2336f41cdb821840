"""edge-lam itself as a peer: `LAM.chat` in this process, with the known answers replayed where the weights are random.

In go tasks, out come outcomes, as for every other peer.
"""

from __future__ import annotations

import time
from typing import Any

from edge_lam import LAM, __version__, load
from edge_lam.decoding import ReplaySampler
from edge_lam.llama.library import build_info
from edge_lam_benchmarks.peers.base import Outcome, Peer, PeerFailed, PeerTask


class EdgeLam(Peer):
    """Our own runtime, as `edge_lam.load` gives it; prefixes are kept in memory, none on disk."""

    name = "edge-lam"
    about = "LAM.chat with tools, tool_choice required"
    _lam: LAM | None = None

    def start(self) -> None:
        """Load the model."""
        setup = self.setup
        self._lam = load(setup.model, n_ctx=setup.n_ctx, n_threads=setup.n_threads, log="off", prefix_cache=False)

    @property
    def lam(self) -> LAM:
        """What was loaded.

        Raises:
            PeerFailed: nothing.
        """
        if self._lam is None:
            raise PeerFailed(f"{self.name} is not running")
        return self._lam

    def call(self, task: PeerTask) -> Outcome:
        """Ask the model."""
        options: Any = {"tools": task.tools, "tool_choice": "required", "max_tokens": task.max_tokens}
        if self.setup.replayed:
            options["sampler"] = ReplaySampler(task.chosen)
        start = time.perf_counter()
        reply = self.lam.chat(task.messages, **options)
        seconds = time.perf_counter() - start
        tokens, times, passes = reply.report.tokens, reply.report.times, reply.report.passes
        calls = tuple((call.name, call.arguments) for call in reply.tool_calls)
        return Outcome(
            seconds,
            tokens.prompt,
            tokens.cached,
            tokens.generated,
            calls,
            reply.text,
            in_passes=times.prefill + times.decode,
            n_passes=passes.prefill + passes.decode,
        )

    def stop(self) -> None:
        """Free the model."""
        if self._lam is not None:
            self._lam.close()
        self._lam = None

    def describe(self) -> dict[str, Any]:
        """Return which llama.cpp computes."""
        build = build_info()
        features = [name for part in build.features.values() for name, value in part.items() if value == "1"]
        return {"version": __version__, "llama.cpp": build.llama_cpp, "build": ", ".join(features)}
