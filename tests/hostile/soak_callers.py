"""Callers of one engine: random requests, agents, cancels and time limits, and what became of each.

A reply is right if a single caller gets the same. What goes through the model together changes the last digits of its
logits, so that two tokens which are as good as equally likely may swap, and all that follows with them. A reply that
differs is therefore judged by a single caller too, token by token: none of its tokens may have been chosen against one
that is better by more than `CLOSE`, given the tokens before it, and writing them again has to give the same reply.
"""

from __future__ import annotations

import asyncio
import faulthandler
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_lam import LAM, Agent
from edge_lam.decoding import Sampler
from edge_lam.decoding.constraint import Constraint
from edge_lam.demo_tools import DEMO_TOOLS, calculate, convert_units
from edge_lam.errors import Cancelled
from edge_lam.request import ChatOptions

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
TASKS = ("What is 12*7?", "Convert 5 miles to km", "What is 3*9 and what is 100-1?", "Convert 70 kg to pounds")
TOOL_SETS = (tuple(DEMO_TOOLS), tuple(DEMO_TOOLS[:3]))
PURE_TOOLS = (calculate, convert_units)  # they say the same of the same arguments at any time
CALLERS = 8
CLOSE = 0.1  # logits
IDLE = 60.0  # seconds; a process that computes nothing for so long has lost what is still waited for
NOTHING = 0.05  # seconds of the processor, which a process takes only by being there


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
    """What is asked: a question with one of `TOOL_SETS`, or a task of an agent that runs `PURE_TOOLS`."""

    question: str
    tools: int | None
    has_to_call: bool = False

    def answer(self, lam: LAM, sampler: Sampler, *, timeout: float | None = None, awaits: bool = False) -> str:
        """Wait for the answer, and return all of it as text; "timeout" if the time was too short."""
        if self.tools is None:
            agent = Agent(lam, PURE_TOOLS, max_rounds=3, max_tokens=60, sampler=sampler, timeout=timeout)
            reply = asyncio.run(agent.arun(self.question)) if awaits else agent.run(self.question)
            _check_results(reply.messages)
            return "timeout" if reply.finish_reason == "timeout" else repr(_without_ids(reply.messages))
        options = self._options(sampler=sampler, timeout=timeout)
        said = asyncio.run(lam.achat(self.question, **options)) if awaits else lam.chat(self.question, **options)
        calls = [(call.name, call.arguments) for call in said.tool_calls]
        return "timeout" if said.finish_reason == "timeout" else repr((said.text, calls, said.finish_reason))

    def leave(self, lam: LAM, chance: random.Random) -> None:
        """Begin with an answer, and leave it early: by closing it, or by a cancel from another thread."""
        if self.tools is None:
            stream: Any = Agent(lam, PURE_TOOLS, max_rounds=3, max_tokens=60).stream(self.question)
        else:
            stream = lam.stream(self.question, **self._options())
        if chance.random() < 0.5:
            canceller = threading.Timer(chance.uniform(0, 0.3), stream.cancel)
            canceller.start()
            with suppress(Cancelled):
                for _ in stream:
                    pass
            canceller.join()
        else:
            for _ in range(chance.randrange(3)):
                next(stream, None)
        stream.close()

    def _options(self, **more: Any) -> ChatOptions:
        choice = "required" if self.has_to_call else "auto"
        return {"tools": TOOL_SETS[self.tools or 0], "max_tokens": 60, "tool_choice": choice, **more}  # type: ignore[typeddict-item]


CASES = (
    *(Case(text, tools, number % 3 == 0) for tools in range(len(TOOL_SETS)) for number, text in enumerate(QUESTIONS)),
    *(Case(task, None) for task in TASKS),
)


class Callers:
    """Those who ask, and what they got, to be judged at the end.

    Attributes:
        counts: requests, and what became of them.
        faults: what was lost or wrong, in words.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._answers: Counter[tuple[Case, tuple[int, ...], str]] = Counter()
        self._lock = threading.Lock()

    def run(self, lam: LAM, end: float, seed: str) -> None:
        """Let all of them ask until `end`, a time of the monotonic clock."""
        threads = [
            threading.Thread(target=self._ask, args=(lam, end, random.Random(f"{seed} {index}")), daemon=True)
            for index in range(CALLERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(max(0.0, end - time.monotonic()))
        while waiting := [thread for thread in threads if thread.is_alive()]:
            before = time.process_time()  # not by the clock: others may keep the machine busy
            waiting[0].join(IDLE)
            if waiting[0].is_alive() and time.process_time() - before < NOTHING:
                faulthandler.dump_traceback()
                for _ in waiting:
                    self._fail("lost", "a caller waits for ever")
                return

    def judge(self, lam: LAM) -> float:
        """Compare all answers with those of a single caller, and judge what differs as "close" or "wrong".

        Returns:
            The largest lead that was close.
        """
        largest = 0.0
        expected = {case: case.answer(lam, Recorder()) for case in {case for case, _, _ in self._answers}}
        for (case, chosen, content), times in self._answers.items():
            if content == expected[case]:
                self.counts["same"] += times
                continue
            self.counts["differing"] += times
            judge = Judge(chosen)
            again = case.answer(lam, judge)
            if judge.worst <= CLOSE and again == content:
                self.counts["close"] += times
                largest = max(largest, judge.worst)
            else:
                self.counts["wrong"] += times - 1
                self._fail("wrong", f"by {judge.worst:.2f}: {case}: {content}; again: {again}")
        return largest

    def _ask(self, lam: LAM, end: float, chance: random.Random) -> None:
        """Be one caller, of one request at least: mostly wait for answers, at times leave early or give little time."""
        asked = False
        while not asked or time.monotonic() < end:
            asked = True
            case, kind = chance.choice(CASES), chance.random()
            self._count("requests")
            try:
                if kind < 0.15:
                    case.leave(lam, chance)
                    self._count("left")
                    continue
                recorder = Recorder()
                timeout = chance.uniform(0.01, 0.5) if kind < 0.25 else None
                content = case.answer(lam, recorder, timeout=timeout, awaits=chance.random() < 0.25)
            except Exception as error:
                self._fail("lost", f"{case}: {error!r}")
            else:
                self._note(case, recorder, content)

    def _note(self, case: Case, recorder: Recorder, content: str) -> None:
        if content == "timeout":
            self._count(content)
            return
        with self._lock:
            self._answers[case, tuple(recorder.chosen), content] += 1

    def _count(self, name: str) -> None:
        with self._lock:
            self.counts[name] += 1

    def _fail(self, name: str, fault: str) -> None:
        self._count(name)
        with self._lock:
            self.faults.append(f"{name}: {fault}")


def _check_results(messages: Sequence[dict[str, Any]]) -> None:
    """Refuse a conversation in which a call has not one result, of its own."""
    called = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    if called != answered:
        raise AssertionError(f"calls {called}, results {answered}")


def _without_ids(messages: Sequence[dict[str, Any]]) -> list[Any]:
    """Return what was said and called; ids of calls are random."""
    return [
        (
            message["role"],
            message["content"],
            [
                (call["function"]["name"], str(call["function"]["arguments"]))
                for call in message.get("tool_calls") or ()
            ],
        )
        for message in messages
    ]
