"""Many callers on one engine for a while: random requests, cancels, time limits and restarts.

In comes a model, out come counts of replies lost and wrong, and whether memory stays flat. Prefixes and conversations
are kept on disk, so that what one start saves the next ones restore.

A reply is right if a single caller gets the same. What goes through the model together changes the last digits of its
logits, so that two tokens which are as good as equally likely may swap, and all that follows with them. A reply that
differs is therefore judged by a single caller too, token by token: none of its tokens may have been chosen against one
that is better by more than `CLOSE`, given the tokens before it, and writing them again has to give the same reply.

Memory: glibc lets threads have heaps of their own, eight for each core, and pages that are partly in use stay in each
of them, whichever thread it was that once needed much. That levels off late and looks like a leak, so that the soak
runs with one heap; with `--heaps 0` it leaves that to the system.

    python benchmarks/soak.py --minutes 60
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

import edge_lam
from edge_lam.decoding import Constraint, Sampler
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import ChatOptions, Reply
from edge_lam.metrics.memory import process_memory

QUESTIONS = (  # every third one has to call
    "What time is it in Tokyo?",
    "Convert 5 miles to km",
    "Set a timer for ten minutes",
    "Hello!",
    "Note: buy milk",
    "What is 12*7?",
    "Tell me a joke",
    "Time in Paris and in Oslo?",
)
TOOL_SETS = (tuple(DEMO_TOOLS), tuple(DEMO_TOOLS[:3]))
CALLERS = 8
CLOSE = 0.1  # logits
FLAT = 0.02  # growth over the second half, as a share of what is held
_M_ARENA_MAX = -8
_MIB = 2**20


class Recorder(Sampler):
    """A greedy sampler that remembers what it chose."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[int] = []

    def choose(self, logits: NDArray[np.float32], constraint: Constraint) -> int:
        """Choose as usual."""
        self.chosen.append(super().choose(logits, constraint))
        return self.chosen[-1]


class Judge(Sampler):
    """Chooses what another reply has, and remembers by how much it would have been wrong.

    Attributes:
        worst: the largest lead of the token it would have chosen, in logits.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        super().__init__()
        self._tokens = iter(tokens)
        self.worst = 0.0

    def choose(self, logits: NDArray[np.float32], constraint: Constraint) -> int:
        """Choose what was chosen there; where nothing was, go on as usual."""
        best = super().choose(logits, constraint)
        token = next(self._tokens, best)
        self.worst = max(self.worst, float(logits[best] - logits[token]))
        return token


@dataclass(frozen=True)
class Case:
    """What is asked, by its place in `QUESTIONS` and `TOOL_SETS`."""

    question: int
    tools: int

    def ask(self, lam: edge_lam.LAM, timeout: float | None = None, sampler: Sampler | None = None) -> Reply:
        """Wait for the reply."""
        return lam.chat(QUESTIONS[self.question], **self._options(timeout), sampler=sampler)

    def leave(self, lam: edge_lam.LAM, n_events: int) -> None:
        """Begin with a reply, and leave it early."""
        stream = lam.stream(QUESTIONS[self.question], **self._options())
        for _ in range(n_events):
            next(stream, None)
        stream.close()

    def _options(self, timeout: float | None = None) -> ChatOptions:
        choice = "auto" if self.question % 3 else "required"
        return {"tools": TOOL_SETS[self.tools], "max_tokens": 60, "tool_choice": choice, "timeout": timeout}


CASES = tuple(Case(question, tools) for tools in range(len(TOOL_SETS)) for question in range(len(QUESTIONS)))


@dataclass(frozen=True)
class Differing:
    """A reply that a single caller did not get.

    Attributes:
        case: what was asked.
        chosen: the tokens that were not forced.
        content: what they came to.
    """

    case: Case
    chosen: tuple[int, ...]
    content: str


class Callers:
    """Those who ask, what they got, and what of it remains to be judged.

    Attributes:
        counts: requests, and what became of them.
        differing: replies to be judged, each with how often it came.
    """

    def __init__(self, expected: dict[Case, str]) -> None:
        self.counts: Counter[str] = Counter()
        self.differing: Counter[Differing] = Counter()
        self._expected = expected
        self._lock = threading.Lock()

    def run(self, lam: edge_lam.LAM, end: float, seed: int) -> None:
        """Let all of them ask until `end`, a time of the monotonic clock."""
        threads = [threading.Thread(target=self._ask, args=(lam, end, seed + index)) for index in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1

    def _ask(self, lam: edge_lam.LAM, end: float, seed: int) -> None:
        """Be one caller: mostly wait for replies, at times leave early or give little time."""
        chance = random.Random(seed)
        while time.monotonic() < end:
            case, kind = chance.choice(CASES), chance.random()
            self._count("requests")
            try:
                if kind < 0.15:
                    case.leave(lam, chance.randrange(3))
                    self._count("left")
                    continue
                recorder = Recorder()
                reply = case.ask(lam, chance.uniform(0.01, 0.5) if kind < 0.25 else None, recorder)
            except Exception as error:
                print(f"lost: {case}: {error!r}")
                self._count("lost")
            else:
                self._count(self._outcome(case, reply, recorder))

    def _outcome(self, case: Case, reply: Reply, recorder: Recorder) -> str:
        if reply.finish_reason == "timeout":
            return "timeout"
        content = _content(reply)
        if content == self._expected[case]:
            return "same"
        with self._lock:
            self.differing[Differing(case, tuple(recorder.chosen), content)] += 1
        return "differing"

    def judge(self, lam: edge_lam.LAM) -> float:
        """Judge what differs with a single caller, as "close" or "wrong"; return the largest lead that was close."""
        largest = 0.0
        for differing, times in self.differing.items():
            judge = Judge(differing.chosen)
            content = _content(differing.case.ask(lam, sampler=judge))
            is_close = judge.worst <= CLOSE and content == differing.content
            self.counts["close" if is_close else "wrong"] += times
            largest = max(largest, judge.worst if is_close else 0.0)
            if not is_close:
                print(f"wrong by {judge.worst:.2f}: {differing.case}: {differing.content}; again: {content}")
        return largest


@dataclass(frozen=True)
class Sample:
    """Memory after a restart.

    Attributes:
        requests: how many there were so far.
        loaded: resident bytes before closing.
        closed: resident bytes after it.
        trimmed: and after free pages were given back to the system.
        in_use: bytes that were allocated and not freed; 0 where the C library doesn't tell.
    """

    requests: int
    loaded: int
    closed: int
    trimmed: int
    in_use: int


class _MallInfo(ctypes.Structure):
    """What glibc tells of its heaps."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None, help="a GGUF; by default the embedded model")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--restart", type=float, default=0.5, help="minutes between restarts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--heaps", type=int, default=1, help="of glibc; 0 for its own choice")
    arguments = parser.parse_args()
    if arguments.heaps:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, arguments.heaps)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder:
        load = partial(edge_lam.load, arguments.model, n_ctx=2048, log="off", prefix_cache=folder)
        with load() as lam:
            callers = Callers({case: _content(case.ask(lam)) for case in CASES})
        counts, started = callers.counts, time.monotonic()
        end = started + 60 * arguments.minutes
        while time.monotonic() < end:
            with load(n_parallel=CALLERS, save_conversations=True) as lam:
                stop = min(end, time.monotonic() + 60 * arguments.restart)
                callers.run(lam, stop, arguments.seed + counts["requests"])
                loaded = process_memory().resident
            del lam
            samples.append(_sample(counts["requests"], loaded))
            _print(time.monotonic() - started, samples[-1], counts)
    with edge_lam.load(arguments.model, n_ctx=2048, log="off", prefix_cache=False) as lam:
        largest = callers.judge(lam)
    is_flat = _verdict(samples)
    print(
        f"{counts['requests']} requests: {counts['lost']} lost, {counts['wrong']} wrong, {counts['same']} as a single "
        f"caller's, {counts['close']} with a choice between tokens at most {largest:.2f} logits apart"
    )
    raise SystemExit(1 if counts["wrong"] or counts["lost"] or not is_flat else 0)


def _print(seconds: float, sample: Sample, counts: Counter[str]) -> None:
    memory = f"loaded {sample.loaded / _MIB:.1f} MiB, closed {sample.closed / _MIB:.1f}, trimmed "
    memory += f"{sample.trimmed / _MIB:.1f}, in use {sample.in_use / _MIB:.1f}"
    print(f"{seconds / 60:5.1f} min  {memory}  {'  '.join(f'{n} {c}' for n, c in sorted(counts.items()))}", flush=True)


def _verdict(samples: Sequence[Sample]) -> bool:
    """Tell whether memory stays flat over the second half, and print by how much it grows."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        print("memory: too few restarts to tell")
        return True
    requests = np.array([sample.requests for sample in half]) / 1000
    flat = True
    for name in ("loaded", "closed", "trimmed", "in_use"):
        held = np.array([getattr(sample, name) for sample in half]) / _MIB
        slope = float(np.polyfit(requests, held, 1)[0])
        growth = slope * float(requests[-1] - requests[0])
        print(f"memory, {name}: {slope:+.3f} MiB per 1,000 requests, {growth:+.2f} MiB over the second half")
        if name == "trimmed":
            flat = growth <= FLAT * held[0]
    print("memory is flat" if flat else "memory grows")
    return flat


def _sample(requests: int, loaded: int) -> Sample:
    gc.collect()
    closed, trimmed, in_use = process_memory().resident, 0, 0
    with contextlib.suppress(OSError, AttributeError):  # only glibc tells
        libc = ctypes.CDLL("libc.so.6")
        libc.malloc_trim(0)
        libc.mallinfo2.restype = _MallInfo
        info = libc.mallinfo2()
        in_use = info.uordblks + info.hblkhd
    trimmed = process_memory().resident
    return Sample(requests, loaded, closed, trimmed, in_use)


def _content(reply: Reply) -> str:
    return repr((reply.text, [(call.name, call.arguments) for call in reply.tool_calls], reply.finish_reason))


if __name__ == "__main__":
    main()
