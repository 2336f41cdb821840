"""Clients as there are: patient, slow, leaving early, sending halves and nonsense; and what became of each request.

A request is lost if it was neither answered nor given up by its client, wrong if its answer is not what a single
client gets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.serve.raw_client import Body, Client, Gone
from tests.serve.served import CHAT, TOOLS, events_of, user

PATIENCE = 300.0  # seconds; an answer that takes longer is lost
CLOSE = 0.3  # what goes through the model together changes the last digits of its logits
_BROKEN = (b'{"messages": [', b"[]", b'{"messages": 3}', b'{"messages": [], "no_such_field": 1}', b"\xff\xfe")
_QUESTIONS = ("what time is it in Oslo?", "note: buy milk", "read my notes", "hello", "tell me a joke", "time in Rome?")
_CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "schema": _CITY}}


def bodies() -> list[Body]:
    """What is asked: calls that are free, required, and of one tool, text, JSON, and two replies at once."""
    plain: Body = {"max_tokens": 48, "logprobs": True, "top_logprobs": 2}
    named = {"type": "function", "function": {"name": "add_note"}}
    asked = [{**plain, "messages": user(question), "tools": TOOLS} for question in _QUESTIONS]
    return [
        *asked,
        *({**body, "tool_choice": "required"} for body in asked),
        *({**body, "tool_choice": named} for body in asked[:2]),
        *({**plain, "messages": user(question)} for question in _QUESTIONS[3:]),
        {**plain, "messages": user("what time is it in Oslo?"), "response_format": _FORMAT},
        {**asked[0], "n": 2},
    ]


@dataclass(frozen=True)
class Case:
    """A request, and what a single client is answered."""

    body: Body
    said: list[Any]


@dataclass
class Tally:
    """What became of requests, and what was wrong, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, kind: str, body: Body, found: object) -> None:
        """Note what must not be."""
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {json.dumps(body)[:300]} -> {str(found)[:300]}")


def said(body: Body, answer: bytes) -> list[Any]:
    """Return what an answer says, choice by choice, the same whether it was streamed or not.

    Raises:
        ValueError: it breaks the rules of a stream, or tells an error.
    """
    if not body.get("stream"):
        choices = json.loads(answer)["choices"]
        return [_said(one["message"], one["finish_reason"]) for one in choices]
    *chunks, done = events_of(answer.decode())
    if done != "[DONE]":
        raise ValueError(f"the stream ends with {done}")
    messages: dict[int, Body] = {}
    reasons: dict[int, str] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            index, delta = choice["index"], choice["delta"]
            if index in reasons:
                raise ValueError("a piece after the finish reason")
            _add(messages.setdefault(index, {"content": None, "tool_calls": []}), delta)
            if choice["finish_reason"]:
                reasons[index] = choice["finish_reason"]
    return [_said(messages[index], reasons[index]) for index in sorted(messages)]


def _add(message: Body, delta: Body) -> None:
    if delta.get("content"):
        message["content"] = (message["content"] or "") + delta["content"]
    for call in delta.get("tool_calls", ()):
        if call.get("id"):
            message["tool_calls"].append({"function": dict(call["function"])})
        else:
            message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]


def _said(message: Body, reason: str) -> Any:
    calls = [(one["function"]["name"], one["function"]["arguments"]) for one in message.get("tool_calls") or ()]
    return message["content"] or "", calls, reason


async def learn(host: str, port: int) -> list[Case]:
    """Ask everything once, alone; what hangs on a close choice between tokens is left out."""
    client, cases = Client(host, port), []
    for body in bodies():
        status, _, told = await client.ask(body)
        assert status == 200, told
        tokens = [token for one in json.loads(told)["choices"] for token in one["logprobs"]["content"]]
        if all(_lead(token) > CLOSE for token in tokens if "forced" not in token):
            asked = {name: value for name, value in body.items() if "logprobs" not in name}
            cases.append(Case(asked, said(body, told)))
    client.close()
    return cases


def _lead(token: Body) -> float:
    """Return by how much the model preferred a token; below 0 if the grammar had it write another one."""
    others = [top["logprob"] for top in token["top_logprobs"] if top["bytes"] != token["bytes"]]
    return float(token["logprob"] - max(others))


class Crowd:
    """Clients that ask side by side for a while.

    Args:
        where: host and port.
        cases: what is asked.
        tally: gets what became of it.
        seconds: after which nobody asks any more.
    """

    def __init__(self, where: tuple[str, int], cases: Sequence[Case], tally: Tally, seconds: float) -> None:
        self._where, self._cases, self._tally = where, cases, tally
        self._end = time.monotonic() + seconds
        self.is_down = False  # the server was killed: what was under way is lost without a fault

    async def run(self, n: int, seed: int) -> None:
        """Let so many clients ask."""
        await asyncio.gather(*(self._client(random.Random(seed * 1000 + index)) for index in range(n)))

    async def ask_at_once(self, n: int, seed: int) -> None:
        """Have so many clients send a request in the same moment, and wait for all answers."""
        clients = [Client(*self._where) for _ in range(n)]
        ways = (self._whole, self._streamed)
        asking = [ways[index % 2](client, random.Random(seed + index)) for index, client in enumerate(clients)]
        for outcome in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(outcome, BaseException):
                self._tally.fault("lost", {"at once": n}, repr(outcome))
        for client in clients:
            client.close()

    async def _client(self, chance: random.Random) -> None:
        client = Client(*self._where)
        ways: list[tuple[float, Callable[[Client, random.Random], Awaitable[None]]]] = [
            (0.35, self._whole),
            (0.3, self._streamed),
            (0.08, self._slow),
            (0.1, self._leaves_amid),
            (0.05, self._leaves_before),
            (0.06, self._half),
            (0.01, self._half_held),
            (0.05, self._nonsense),
        ]
        weights = [weight for weight, _ in ways]
        while time.monotonic() < self._end and not self.is_down:
            (_, way) = chance.choices(ways, weights)[0]
            try:
                await asyncio.wait_for(way(client, chance), PATIENCE)
            except (Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                client.close()
                if not self.is_down:
                    self._tally.fault("lost", {"way": way.__name__}, repr(error))
        client.close()

    async def _whole(self, client: Client, chance: random.Random) -> None:
        await self._judged(client, chance, stream=False)

    async def _streamed(self, client: Client, chance: random.Random) -> None:
        await self._judged(client, chance, stream=True)

    async def _slow(self, client: Client, chance: random.Random) -> None:
        await self._judged(client, chance, stream=True, pause=lambda: chance.uniform(0, 0.1))

    async def _judged(
        self, client: Client, chance: random.Random, *, stream: bool, pause: Callable[[], float] | None = None
    ) -> None:
        case = chance.choice(self._cases)
        body = {**case.body, "stream": stream}
        status, headers, told = await client.ask(body, pause)
        if status == 429 and "retry-after" in headers:
            self._tally.counts["told to come again"] += 1
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            return
        if status != 200:
            self._tally.fault("lost", body, told)
            return
        try:
            found = said(body, told)
        except ValueError as error:
            self._tally.fault("lost", body, error)
            return
        if found == case.said:
            self._tally.counts["right"] += 1
        else:
            self._tally.fault("wrong", body, f"{found} instead of {case.said}")

    async def _leaves_amid(self, client: Client, chance: random.Random) -> None:
        body = {**chance.choice(self._cases).body, "stream": True, "logit_bias": {"<|im_end|>": -100}}
        await client.send(json.dumps(body | {"max_tokens": 1000}).encode())
        with contextlib.suppress(asyncio.IncompleteReadError):
            await client.head()
            await client.pieces(chance.randrange(12))
        self._leave(client, chance)

    async def _leaves_before(self, client: Client, chance: random.Random) -> None:
        await client.send(json.dumps(chance.choice(self._cases).body).encode())
        await asyncio.sleep(chance.uniform(0, 0.1))
        self._leave(client, chance)

    async def _half(self, client: Client, chance: random.Random) -> None:
        data = json.dumps(chance.choice(self._cases).body).encode()
        if chance.random() < 0.5:
            await client.send(data[: chance.randrange(len(data))], len(data))
        else:
            head = f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}".encode()
            await client.send_raw(head[: chance.randrange(1, len(head))])
        await asyncio.sleep(chance.uniform(0, 0.2))
        self._leave(client, chance)

    async def _half_held(self, client: Client, chance: random.Random) -> None:
        """Send half a body, and wait for what the server does about it."""
        await client.send(b'{"messages": ', 1000)
        try:
            status, _ = await asyncio.wait_for(client.head(), max(0.1, self._end - time.monotonic()))
        except asyncio.TimeoutError:
            self._leave(client, chance)
            return
        client.close()
        self._expect(status == 408, {"half": True}, status)

    async def _nonsense(self, client: Client, chance: random.Random) -> None:
        await client.send(chance.choice(_BROKEN))
        status, headers = await client.head()
        await client.body(headers)
        self._expect(status == 400, {"nonsense": True}, status)

    def _expect(self, is_right: bool, body: Body, found: object) -> None:
        if is_right:
            self._tally.counts["refused"] += 1
        else:
            self._tally.fault("wrong", body, found)

    def _leave(self, client: Client, chance: random.Random) -> None:
        client.close(reset=chance.random() < 0.5)
        self._tally.counts["left"] += 1
