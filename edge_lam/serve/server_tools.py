"""`ServerTools`: tools that the server runs itself, for requests that ask for it, and who lets their calls run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from starlette.routing import Route

from edge_lam.agent import Agent, AgentFinished
from edge_lam.errors import Cancelled, InvalidRequest
from edge_lam.serve.body import read_json
from edge_lam.serve.dialects.fields import boolean
from edge_lam.serve.errors import RequestError
from edge_lam.serve.wire import JSON

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_lam.agent import AgentEvent, AgentReply
    from edge_lam.lam import LAM
    from edge_lam.request import ChatOptions
    from edge_lam.serve.dialects.base import Ask
    from edge_lam.serve.options import ServeOptions
    from edge_lam.tools import Tool, ToolCall

# "ask" the client about each call, "never" ask anybody, or run those on a "list" alone.
Approval: TypeAlias = Literal["ask", "never", "list"]
_APPROVAL_SECONDS = 300.0
_OPTIONS_OF_TOOLS = ("tools", "n")


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """A call waits until the client lets it run, or doesn't."""

    call: ToolCall


class AgentRunning:
    """One run of an agent, with the questions to its client among its events.

    Attributes:
        n_prompt, progress: unknown, as each round has a prompt of its own.
    """

    n_prompt = 0
    progress = (0, 0)

    def __init__(self, lam: LAM, tools: ServerTools, ask: Ask, options: ChatOptions) -> None:
        self._tools, self._has_listener = tools, ask.stream
        self._events: asyncio.Queue[AgentEvent | ApprovalRequested | BaseException | None] = asyncio.Queue()
        own: Any = {name: value for name, value in options.items() if name not in _OPTIONS_OF_TOOLS}
        agent = Agent(lam, tools.tools, approve=self._approve, **own)
        self._stream = agent.astream(ask.messages)
        self._pump: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[AgentEvent | ApprovalRequested]:
        self._pump = asyncio.create_task(self._forward())
        while (event := await self._events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            if isinstance(event, AgentFinished):
                _check_whole(event.reply)
            yield event

    async def aresult(self) -> AgentReply:
        """Await the answer."""
        return _check_whole(await self._stream.aresult())

    def cancel(self) -> None:
        """End the reply that is written within a pass, and wait for tools no longer."""
        self._stream.cancel()

    def leave(self) -> None:
        """Read it no more, and end it."""
        self._stream.leave()

    async def _forward(self) -> None:
        try:
            async for event in self._stream:
                self._events.put_nowait(event)
        except Exception as error:
            self._events.put_nowait(error)
        else:
            self._events.put_nowait(None)

    async def _approve(self, call: ToolCall) -> bool | str:
        tools = self._tools
        if tools.approval == "never":
            return True
        if tools.approval == "list":
            return call.name in tools.allowed or "this tool may not run here"
        if not self._has_listener:
            return "nobody can be asked: the request is not streamed"
        self._events.put_nowait(ApprovalRequested(call))
        return await tools.ask(call.id)


def _check_whole(answer: AgentReply) -> AgentReply:
    """Return an answer, unless the run was cancelled: that is no answer here."""
    if answer.finish_reason == "cancelled":
        raise Cancelled("the run was cancelled")
    return answer


def tool_routes(tools: ServerTools | None, options: ServeOptions) -> list[Route]:
    """Return the routes that tell of the server's tools, and take the client's word on their calls."""

    async def listed(request: Request) -> JSON:
        found = tools.tools if tools else ()
        approval = tools.approval if tools else None
        return JSON({"approval": approval, "tools": [tool.definition() for tool in found]})

    async def approve(request: Request) -> JSON:
        body = await read_json(request, options)
        verdict: bool | str = boolean(body, "allow")
        if not verdict and isinstance(reason := body.get("reason"), str):
            verdict = reason
        if tools is None or not tools.answer(body.get("id"), verdict):
            raise RequestError(404, "not_asked", "no call with this id waits for approval", param="id")
        return JSON({"id": body["id"], "allow": verdict is True})

    return [Route("/edge_lam/tools", listed), Route("/edge_lam/approvals", approve, methods=["POST"])]


class ServerTools:
    """Tools with their functions.

    Attributes:
        tools: all of them.
        approval: who lets calls run.
        allowed: with approval "list", the names of those that run.

    Args:
        tools: as above.
        approval: as above.
        allowed: as above.

    Raises:
        InvalidRequest: a tool has no function, or a name is that of no tool; `param` is "tools".
    """

    def __init__(self, tools: Sequence[Tool], *, approval: Approval = "ask", allowed: Collection[str] = ()) -> None:
        self.tools, self.approval, self.allowed = tuple(tools), approval, frozenset(allowed)
        self._pending: dict[str, asyncio.Future[bool | str]] = {}
        names = [tool.name for tool in tools]
        for tool in tools:
            if tool.function is None:
                hint = "clients may send it in their requests, and run it themselves"
                raise InvalidRequest(f"tool {tool.name!r} has no function to run", hint=hint, param="tools")
        for name in sorted(self.allowed.difference(names)):
            raise InvalidRequest(f"there is no tool {name!r}", hint=f"tools: {', '.join(names)}", param="tools")

    def begin(self, lam: LAM, ask: Ask, options: ChatOptions) -> AgentRunning:
        """Begin an agent's run; errors of the request come with its first event.

        Raises:
            EdgeLamError: as `Agent`.
        """
        if options.get("tools"):
            hint = "leave them out: the server's own are run"
            raise InvalidRequest("tools beside edge_lam.run_tools", hint=hint, param="tools")
        return AgentRunning(lam, self, ask, options)

    async def ask(self, call_id: str) -> bool | str:
        """Wait for the client's word on a call."""
        pending = self._pending[call_id] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(pending, _APPROVAL_SECONDS)
        except asyncio.TimeoutError:  # the reason why it does not run
            return "nobody answered whether it may run"
        finally:
            del self._pending[call_id]

    def answer(self, call_id: object, verdict: bool | str) -> bool:
        """Give the client's word on a call: True, or why not; return whether one was requested."""
        pending = self._pending.get(call_id) if isinstance(call_id, str) else None
        if pending is None or pending.done():
            return False
        pending.set_result(verdict)
        return True
