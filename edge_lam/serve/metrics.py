"""What /metrics tells: llama-server's names, for the dashboards there are, and ours for calls, tokens and times."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from edge_lam.metrics.memory import process_memory

if TYPE_CHECKING:
    from edge_lam.engine import Reply
    from edge_lam.serve.model import ServedModel

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 600)
_SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1)
MAX_TOOLS = 200  # names come from clients, and each takes memory here and in what reads us
_OTHER_TOOL = "(other)"


class Metrics:
    """The counters of one server.

    Args:
        model: what it serves.
        max_tools: how many names of tools are told apart.
    """

    def __init__(self, model: ServedModel, *, max_tools: int = MAX_TOOLS) -> None:
        self._model, self._max_tools, self._tools, self.started = model, max_tools, set[str](), time()
        self._registry = registry = CollectorRegistry()
        self._llama = {name: Counter(f"llamacpp:{name}", about, registry=registry) for name, about in _LLAMA.items()}
        self._ours = {name: Counter(f"edge_lam_{name}", about, registry=registry) for name, about in _OURS.items()}
        self._times = {
            name: Histogram(f"edge_lam_{name}_seconds", about, buckets=_SECONDS, registry=registry)
            for name, about in _TIMES.items()
        }
        self._cut = {
            name: Histogram(f"edge_lam_cut_at_{name}", _CUT.format(where), buckets=_SHARES, registry=registry)
            for name, where in (("start", "a reply's start"), ("name", "the name of a call"))
        }
        self._calls = Counter("edge_lam_calls", "Calls by tool.", ["tool"], registry=registry)
        self._replies = Counter("edge_lam_replies", "Replies by why they ended.", ["finish_reason"], registry=registry)
        self._requests = Counter("edge_lam_requests", "Requests answered.", ["path", "status"], registry=registry)
        self._longest = Gauge("llamacpp:n_tokens_max", "Most tokens of a prompt and its reply.", registry=registry)
        self._reading = Gauge("llamacpp:prompt_tokens_seconds", "Prompt tokens read a second.", registry=registry)
        self._writing = Gauge("llamacpp:predicted_tokens_seconds", "Tokens written a second.", registry=registry)
        self._most_tokens = 0
        gauges = (
            ("llamacpp:requests_processing", "Replies that are written.", lambda: model.activity.running),
            ("llamacpp:requests_deferred", "Replies that wait.", lambda: model.activity.waiting),
            ("llamacpp:n_busy_slots_per_decode", "Replies that share a pass, on average.", self._n_per_pass),
            ("edge_lam_replies_open", "Replies and runs that somebody waits for.", lambda: len(model.under_way)),
            ("edge_lam_resident_bytes", "Memory of the process.", lambda: process_memory().resident),
        )
        for name, about, function in gauges:
            Gauge(name, about, registry=registry).set_function(function)

    def reply_finished(self, reply: Reply) -> None:
        """Count a whole reply."""
        report, tokens, times = reply.report, reply.report.tokens, reply.report.times
        self._add(self._llama, prompt_tokens=tokens.prompt - tokens.cached, prompt_tokens_cached=tokens.cached)
        self._add(self._llama, tokens_predicted=tokens.generated, prompt_seconds=times.prefill)
        self._add(
            self._llama, tokens_predicted_seconds=times.writing, n_decode=report.passes.prefill + report.passes.decode
        )
        self._add(self._llama, spec_decode_num_drafts=report.passes.drafts)
        self._add(self._llama, spec_decode_num_draft_tokens=tokens.drafted)
        self._add(self._llama, spec_decode_num_accepted_tokens=tokens.accepted)
        self._add(self._ours, sampled_tokens=tokens.sampled, forced_tokens=tokens.forced)
        self._add(self._ours, restored_tokens=tokens.restored, restored_prefixes=bool(tokens.restored))
        self._add(self._ours, energy_joules=report.machine.joules or 0.0, mask_seconds=times.mask)
        self._add(self._ours, prefill_passes=report.passes.prefill, decode_passes=report.passes.decode)
        self._add(self._ours, calls_invalid=len(reply.errors) + sum(bool(call.problems) for call in reply.tool_calls))
        self._observe(first_token=times.first_token, reply=times.total, queue=times.queue, first_call=times.call)
        for name, shares in (("start", [report.cut_at_start]), ("name", report.cut_at_name)):
            for share in shares:
                if share is not None:
                    self._cut[name].observe(share)
        self._replies.labels(report.finish_reason).inc()
        for call in reply.tool_calls:
            self._calls.labels(self._tool(call.name)).inc()
        self._most_tokens = max(self._most_tokens, tokens.prompt + tokens.generated)
        self._longest.set(self._most_tokens)
        self._reading.set(report.prefill_rate)
        self._writing.set(report.decode_rate)

    def request_answered(self, path: str, status: int) -> None:
        """Count a request; of a path that there is."""
        self._requests.labels(path, str(status)).inc()

    def text(self) -> bytes:
        """Return all in Prometheus' form."""
        return generate_latest(self._registry)

    @staticmethod
    def _add(counters: dict[str, Counter], **amounts: float) -> None:
        for name, amount in amounts.items():
            counters[name].inc(amount)

    def _observe(self, **seconds: float | None) -> None:
        for name, value in seconds.items():
            if value is not None:
                self._times[name].observe(value)

    def _tool(self, name: str) -> str:
        if name not in self._tools and len(self._tools) >= self._max_tools:
            return _OTHER_TOOL
        self._tools.add(name)
        return name

    def _n_per_pass(self) -> float:
        activity = self._model.activity
        return activity.sequences / max(1, activity.passes)


_LLAMA = {
    "prompt_tokens": "Prompt tokens read.",
    "prompt_tokens_cached": "Prompt tokens that did not have to be read.",
    "prompt_seconds": "Time spent on prompts.",
    "tokens_predicted": "Tokens written.",
    "tokens_predicted_seconds": "Time spent on writing.",
    "n_decode": "Passes of the model.",
    "spec_decode_num_drafts": "Passes that had guesses in them.",
    "spec_decode_num_draft_tokens": "Tokens guessed and sent to the model.",
    "spec_decode_num_accepted_tokens": "Guessed tokens that the model confirmed.",
}
_OURS = {
    "calls_invalid": "Calls that do not fit their schema or can't be used; held calls are none.",
    "sampled_tokens": "Tokens chosen from the model's logits.",
    "forced_tokens": "Tokens that the grammar left no choice about.",
    "restored_prefixes": "Prompts that began with a stored prefix.",
    "restored_tokens": "Prompt tokens that came from a stored prefix.",
    "mask_seconds": "Time spent on what the grammar allows.",
    "prefill_passes": "Passes that read prompts.",
    "decode_passes": "Passes that wrote replies.",
    "energy_joules": "Energy that the machine used during replies, where it tells.",
}
_TIMES = {
    "first_token": "From a request to its first token.",
    "first_call": "From a request to its first complete call.",
    "queue": "Waiting for other requests.",
    "reply": "From a request to the end of its reply.",
}
_CUT = "Share of the model's probability that the grammar cut away at {}."
