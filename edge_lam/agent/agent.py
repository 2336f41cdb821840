"""`Agent`: the model and the tools it may call, ready to be used; sync, async or event by event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edge_lam._util.extras import require
from edge_lam.agent.events import AgentEvent, AgentReply
from edge_lam.agent.round import ToolBox
from edge_lam.agent.run import AgentRun
from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.formats import normalize_messages
from edge_lam.stream import EventStream
from edge_lam.tools import as_tools
from edge_lam.tools.tool import is_duration

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edge_lam.agent.round import Approve, OnCall
    from edge_lam.agent.run import Shorten
    from edge_lam.formats.messages import Messages
    from edge_lam.lam import LAM
    from edge_lam.request import ReplyOptions
    from edge_lam.tools import Tool
    from edge_lam.tools.likes import ToolLike


class AgentStream(EventStream[AgentEvent, AgentReply]):
    """The events of one run, made by `Agent.stream`; ends with `AgentFinished`."""

    def __init__(self, run: AgentRun) -> None:
        super().__init__(run.begin)
        self._run = run

    @property
    def reply(self) -> AgentReply:
        """What was done so far, also after an error. Every call in its messages has a result."""
        return self._run.reply


MAX_ROUNDS = 8


class Agent:
    """Runs tools for a model.

    All calls of one reply run at once: each in a thread of its own, or awaited if its function is async (in the loop
    that awaits `arun`; otherwise in one that runs in the background). What a tool raises is a result that the model
    reads, and so is a call that does not fit its schema, names a tool that is not allowed, takes too long, is not
    approved, or was made before. Of a call that can't be read at all, which has no place among calls in a conversation,
    the model reads so in a user message; the caller finds it in the `errors` of its reply.

    Args:
        lam: a loaded model.
        tools: as for `LAM.chat`; each needs a function to run, or `on_call`.
        system: a system message for conversations that don't begin with one.
        max_rounds: at most so many replies of the model; the calls of the last one are run too.
        tool_timeout: seconds that a tool may take, unless its own `Tool.timeout` says otherwise. The model then reads a
            TimeoutError and goes on. An async function is cancelled; a thread can't be, and runs on in the background
            until its function returns, or the process ends.
        approve: called before a call runs, after its arguments were checked. True lets it run; anything else does not,
            and the model reads so: a string is the reason. May be async.
        on_call: gives the results of tools without a function. May be async.
        shorten: called with the messages of a conversation that the context has no room for; returns fewer of them, as
            `edge_lam.formats.turns.without_oldest_turns` does, or None. Without it, and after None, the longest result
            of the last round is left out, and the model reads so.
        concurrent: whether the calls of one reply run at once; if not, one after the other in the order of the reply,
            as tools need that share a state without a lock.
        **options: for every call of the model, as for `LAM.chat`. A tool choice holds for the first round alone,
            because a model that must call a tool can never answer; which tools are allowed holds for all rounds.

    `approve` and `on_call` are called for one call after the other, in the thread that reads the stream (`arun` and
    `astream` have one of their own for this); what they raise ends the run for `approve`, and is a result for
    `on_call`.

    Raises:
        InvalidTool: a tool can't be read or has no function.
        InvalidRequest: max_rounds or tool_timeout is out of range.
        MissingPackage: pydantic is not installed.
    """

    def __init__(
        self,
        lam: LAM,
        tools: Iterable[ToolLike],
        *,
        system: str | None = None,
        max_rounds: int | None = MAX_ROUNDS,
        tool_timeout: float | None = None,
        approve: Approve | None = None,
        on_call: OnCall | None = None,
        shorten: Shorten | None = None,
        concurrent: bool | None = True,
        **options: Unpack[ReplyOptions],
    ) -> None:
        require("pydantic", "agents")  # reads what tools give back
        self.lam = lam
        self.tools: dict[str, Tool] = {tool.name: tool for tool in as_tools(tools)}
        for name, tool in self.tools.items():
            if tool.function is None and on_call is None:
                hint = "give a function or on_call; or use LAM.chat and run the calls yourself"
                raise InvalidTool(f"tool {name!r} has no function to run", tool=name, hint=hint)
        if max_rounds is None:
            max_rounds = MAX_ROUNDS
        if isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 1:
            raise InvalidRequest(
                f"max_rounds must be a whole number of at least 1, not {max_rounds!r}", param="max_rounds"
            )
        if tool_timeout is not None and not is_duration(tool_timeout):
            raise InvalidRequest(
                f"tool_timeout must be a number of seconds above 0, not {tool_timeout!r}", param="tool_timeout"
            )
        self.system = system
        self.max_rounds = max_rounds
        self._box = ToolBox(self.tools, tool_timeout, approve, on_call, concurrent is not False)
        self._shorten = shorten
        self._options = options

    def run(self, messages: Messages) -> AgentReply:
        """Answer, with as many calls of tools as it takes.

        Args:
            messages: a string, or messages in OpenAI's form such as those of an earlier `AgentReply`.

        Raises:
            EdgeLamError: whatever `LAM.chat` raises. Errors of tools are no exceptions here: the model reads them.
        """
        return self.stream(messages).result()

    def stream(self, messages: Messages) -> AgentStream:
        """Answer event by event; arguments and errors are those of `run`.

        Returns:
            The events of each reply (see `LAM.stream`), with `ToolStarted` and `ToolFinished` after it, and
            `AgentFinished` as the last. Leaving it ends the run; `cancel()` does so from any thread: the reply ends
            within a pass, tools are waited for no longer, and `AgentFinished` comes as always, its finish reason being
            "cancelled".
        """
        history = normalize_messages(messages)
        if self.system is not None and history[0]["role"] != "system":
            history.insert(0, {"role": "system", "content": self.system})
        run = AgentRun(self.lam, self._box, history, self._options, max_rounds=self.max_rounds, shorten=self._shorten)
        return AgentStream(run)

    async def arun(self, messages: Messages) -> AgentReply:
        """Answer without blocking the event loop, in which async tools then run; otherwise as `run`.

        Cancelling the task ends the reply and cancels the async tools.
        """
        return await self.astream(messages).aresult()

    def astream(self, messages: Messages) -> AgentStream:
        """Answer event by event in ``async for``, without blocking the event loop; otherwise as `stream`."""
        return self.stream(messages)
