"""`CallReport`: where every millisecond, token and megabyte of one call went.

Defined once, filled by the rooms above, read by the terminal, the log and the benchmarks. Times are seconds, sizes
are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from time import perf_counter
from typing import Any


@dataclass(slots=True)
class Times:
    """Seconds spent in each phase of one call.

    `first_token` (TTFT) and `total` are measured from the start of the call; the others are durations that don't
    overlap and, `load` and `tool` aside, add up to `total` at most. `queue` is the wait for other requests. `restore`
    and `save` are of prefix states, from and to memory and disk. `load` is the load of the model, which
    happened before the call, and `tool` the time in tool functions, which comes after it. `name` is measured from the
    start too, until the first tool's name is known, and `call` until the first call is complete; None where the reply
    has none. A name that the grammar forces is known before the model has chosen a token.
    """

    load: float = 0.0
    queue: float = 0.0
    render: float = 0.0
    tokenize: float = 0.0
    compile: float = 0.0
    restore: float = 0.0
    save: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    mask: float = 0.0
    sample: float = 0.0
    draft: float = 0.0
    parse: float = 0.0
    tool: float = 0.0
    first_token: float = 0.0
    total: float = 0.0
    name: float | None = None
    call: float | None = None

    @property
    def writing(self) -> float:
        """Seconds of decoding, masks, sampling and drafting."""
        return self.decode + self.mask + self.sample + self.draft

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Add the seconds spent inside to a phase, also when it ends in an error."""
        start = perf_counter()
        try:
            yield
        finally:
            setattr(self, phase, getattr(self, phase) + perf_counter() - start)


@dataclass(slots=True)
class Tokens:
    """Tokens of one call, by kind.

    Attributes:
        prompt: all tokens of the prompt, cached ones included.
        cached: tokens of the prompt that did not have to be read.
        restored: those of the cached ones that came from a stored prefix, not from the context itself.
        sampled: chosen from the model's logits.
        forced: appended because the grammar left no choice.
        drafted: guessed and sent to the model for verification.
        accepted: drafted tokens that the model confirmed.
        dropped: sampled, forced or accepted ones that the pass which wrote a stop string confirmed behind it.
    """

    prompt: int = 0
    cached: int = 0
    restored: int = 0
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    accepted: int = 0
    dropped: int = 0

    @property
    def generated(self) -> int:
        """Tokens of the reply, with the one that ended it."""
        return self.sampled + self.forced + self.accepted - self.dropped


@dataclass(slots=True)
class Passes:
    """`llama_decode` calls, for the prompt and for the reply; and of these the ones that verified guesses."""

    prefill: int = 0
    decode: int = 0
    drafts: int = 0


@dataclass(slots=True)
class Memory:
    """Bytes held by the process and by the parts of the model; None where they are not reported.

    Attributes:
        resident: of the whole process, now; pages of the model's file count where they were read.
        peak: the most that `resident` ever was.
        weights: of the model, mapped from its file or read.
        kv: keys and values of the whole context.
        compute: llama.cpp's buffers for intermediate results.
        proportional: of the whole process, each page divided by the number of processes that use it. Linux only, and
            only where requested (EDGE_LAM_METRICS=full): the system walks through every page of the process for it.
        gpu: of the whole process on NVIDIA's GPUs.
        gpu_used: on the GPUs that llama.cpp sees, by all processes that use them (with Metal, by this one).
        prefixes: states of prompts that are kept in memory, apart from `kv`.
    """

    resident: int = 0
    peak: int = 0
    weights: int = 0
    kv: int = 0
    compute: int = 0
    proportional: int | None = None
    gpu: int | None = None
    gpu_used: int | None = None
    prefixes: int = 0


@dataclass(slots=True)
class Machine:
    """What the machine did from the start of the call to its end, other calls and programs included; None if unknown.

    Attributes:
        cpu_percent: processor time of this process; 100 is one core all the time.
        others_percent: processor time of all other programs, where they may have taken cores that the call wanted. The
            system counts in hundredths of a second: of a call of 20 ms it says little.
        joules: energy of the processors (RAPL; with powermetrics that of the chip, its GPU included), or of all that
            runs on the battery.
        celsius: temperature of the processor at the end.
        hertz: clock of the processor at the end, the mean of its cores.
        throttled: how far heat holds the processor back at the end, from 0 (not) to 1 (as far as it goes).
        battery_percent: how full the battery is at the end.
        battery_celsius: its temperature then.
        on_battery: whether the machine runs on it then.
        gpu_joules, gpu_celsius, gpu_hertz: the same of NVIDIA's GPUs: the sum, the hottest, the fastest.
    """

    cpu_percent: float | None = None
    others_percent: float | None = None
    joules: float | None = None
    celsius: float | None = None
    hertz: float | None = None
    throttled: float | None = None
    battery_percent: float | None = None
    battery_celsius: float | None = None
    on_battery: bool | None = None
    gpu_joules: float | None = None
    gpu_celsius: float | None = None
    gpu_hertz: float | None = None


@dataclass(slots=True)
class CallReport:
    """What one call did and what it cost; made at its end.

    `cache` tells whether system message and tools had to be read: "hit" if not; "miss: " and why if nothing that is
    kept was of use, such as "other tools", "other build" or "nothing stored"; "" where they are few or nothing is kept.

    `constraint` is the engine of grammars: "llguidance", or "gbnf", llama.cpp's own. `adapter` is the name that the
    request chose among those of `load`, "" for none.

    `cut_at_start` and `cut_at_name` tell how far a grammar went against the model: the share of its probability that
    was cut away, from 0 (the model wanted what it had to write) to 1 (it wanted something else), at the first token of
    the reply, and where each of its calls chose a tool, in their order. None where nothing was bound, or where the
    model was not run because the grammar left no choice.
    """

    id: str
    model: str = ""
    adapter: str = ""
    format: str = ""
    format_sha256: str = ""
    template_sha256: str = ""
    device: str = ""
    constraint: str = ""
    n_ctx: int = 0
    n_threads: int = 0
    seed: int | None = None
    n_tools: int = 0
    n_calls: int = 0
    finish_reason: str = ""
    error: str = ""
    cache: str = ""
    started: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="milliseconds"))
    times: Times = field(default_factory=Times)
    tokens: Tokens = field(default_factory=Tokens)
    passes: Passes = field(default_factory=Passes)
    memory: Memory = field(default_factory=Memory)
    machine: Machine = field(default_factory=Machine)
    cut_at_start: float | None = None
    cut_at_name: list[float | None] = field(default_factory=list)

    @property
    def prefill_rate(self) -> float:
        """Prompt tokens read per second, cached ones left out; 0 when nothing was read."""
        return (self.tokens.prompt - self.tokens.cached) / self.times.prefill if self.times.prefill else 0.0

    @property
    def decode_rate(self) -> float:
        """Reply tokens per second of `Times.writing`; 0 when nothing was generated."""
        return self.tokens.generated / self.times.writing if self.times.writing else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the derived rates."""
        return asdict(self) | {"prefill_rate": round(self.prefill_rate, 1), "decode_rate": round(self.decode_rate, 1)}


@dataclass(slots=True)
class ToolReport:
    """One run of a tool.

    Attributes:
        id: of the call.
        reply_id: of the report of the reply that called it.
        tool: its name.
        outcome: "ok", "failed", "timeout", "denied", "repeated" or "cancelled".
        seconds: how long it ran.
    """

    id: str
    reply_id: str
    tool: str
    outcome: str
    seconds: float
    finished: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="milliseconds"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; "kind" tells the lines of tools from those of calls of the model."""
        return {"kind": "tool", **asdict(self)}
