"""The conversation of `edge-lam chat`: its history, its turns, and the commands that begin with "/"."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from edge_lam.cli.answer import Answer, ask
from edge_lam.cli.running import Approver, RunOptions, ask_result
from edge_lam.cli.saved import load_messages, save_messages
from edge_lam.cli.summary import show_reports
from edge_lam.cli.terminal import console, one_line
from edge_lam.cli.toolbox import without_function
from edge_lam.cli.transcript import Transcript
from edge_lam.errors import EdgeLamError

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool

COMMANDS = {
    "/help": "list these commands",
    "/tools": "list the tools",
    "/report": "show where time and memory of the last turn went",
    "/reset": "forget the conversation",
    "/save FILE": "write the conversation to a file",
    "/load FILE": "go on with a conversation from a file",
    "/system TEXT": "set the system message; without TEXT show it",
    "/quit": "end the chat",
}
NAMES = [usage.split()[0] for usage in COMMANDS]


class Conversation:
    """One chat with a model.

    Args:
        lam: a loaded model.
        tools: what may be called.
        run_tools: whether calls are run; for tools without a function the user is asked for the result.
        system: a system message, or None.
        running: how tools are run and shown.
        options: as for `LAM.chat`.
    """

    def __init__(
        self,
        lam: LAM,
        tools: list[Tool],
        *,
        run_tools: bool,
        system: str | None,
        running: RunOptions,
        options: dict[str, Any],
    ) -> None:
        self._lam = lam
        self._tools = tools
        self._run_tools = run_tools
        self._system = system
        self._messages: list[dict[str, Any]] = []
        self._running = running
        self._approver = Approver(without_function(tools))  # their results are asked for anyway
        self._options = options
        self._out = console()
        self._last: tuple[str, list[CallReport]] | None = None

    def greet(self) -> None:
        """Say which model and tools there are."""
        names = ", ".join(tool.name for tool in self._tools) or "no tools"
        self._out.print(one_line(f"{self._lam.info.name} with {names}"), style="dim")
        if bare := ", ".join(tool.name for tool in self._tools if tool.function is None):
            end = "you are asked for the results" if self._run_tools else "calls are shown, not run"
            self._note(f"without code: {bare}; {end}", indent="")
        self._out.print("/help lists the commands", style="dim")

    def take(self, message: str) -> bool:
        """Answer a message or obey a command; return whether the chat goes on."""
        if message.startswith("/") and "\n" not in message:
            command, _, rest = message.partition(" ")
            try:
                return self._obey(command.lower(), rest.strip())
            except EdgeLamError as error:
                self._note(f"error: {error}")
                return True
        transcript = Transcript(self._out, run_tools=self._run_tools, show_calls=self._running.show_calls)
        done: list[Answer] = []
        try:
            answer = self._ask(message, transcript, done.append)
        except KeyboardInterrupt:
            transcript.stopped(f"stopped; {self._keep_calls(message, done)}")
        except EdgeLamError as error:
            transcript.note(f"error: {error}")
            transcript.note(self._keep_calls(message, done))
        else:
            transcript.finish(answer)
            self._keep(message, answer)
        return True

    def _ask(self, message: str, transcript: Transcript, unfinished: Callable[[Answer], object]) -> Answer:
        messages = [*self._start(), *self._messages, {"role": "user", "content": message}]
        running = {**self._running.arguments(transcript, self._approver), "on_call": ask_result}
        return ask(
            self._lam,
            messages,
            self._tools,
            run_tools=self._run_tools,
            show=transcript.show,
            running=running,
            unfinished=unfinished,
            **self._options,
        )

    def _start(self) -> list[dict[str, Any]]:
        return [{"role": "system", "content": self._system}] if self._system else []

    def _keep(self, message: str, answer: Answer) -> None:
        self._messages = answer.messages[len(self._start()) :]
        self._last = message, answer.reports

    def _keep_calls(self, message: str, done: list[Answer]) -> str:
        """Keep what an unfinished turn has done if tools ran in it, and say whether."""
        if not any(answer.calls for answer in done):
            return "this turn is forgotten"
        self._keep(message, done[-1])
        return "what was done so far is kept"

    def _obey(self, command: str, rest: str) -> bool:
        if command == "/help":
            for usage, meaning in COMMANDS.items():
                self._out.print(f"  {usage:<13} {meaning}")
            self._out.print('  A message goes on after a \\ at the end of a line, and from """ to """.', style="dim")
        elif command == "/tools":
            for tool in self._tools:
                self._out.print(f"  {tool.name}: {one_line(tool.description)}", soft_wrap=True)
        elif command == "/report":
            self._report()
        elif command == "/reset":
            self._messages = []
            self._note("the conversation is forgotten")
        elif command == "/system":
            self._set_system(rest)
        elif command in ("/save", "/load"):
            self._file(command, rest)
        elif command != "/quit":
            close = get_close_matches(command, NAMES, n=1) or ["/help"]
            self._note(f"no command {command}; try {close[0]}")
        return command != "/quit"

    def _set_system(self, text: str) -> None:
        if text:
            self._system = text
            self._note("the system message holds from the next message on")
        else:
            self._note(f"system message: {self._system}" if self._system else "there is no system message")

    def _file(self, command: str, name: str) -> None:
        if not name:
            self._note(f"name a file: {command} FILE")
        elif command == "/save":
            messages = [*self._start(), *self._messages]
            if messages:
                path = save_messages(name, messages)
                self._note(f"{_count(messages)} saved to {path}")
            else:
                self._note("there is nothing to save yet")
        else:
            messages = load_messages(name)
            if messages[0]["role"] == "system":
                self._system = messages.pop(0)["content"]
            self._messages = messages
            self._note(f"{_count(messages)} loaded; the conversation goes on from there")

    def _report(self) -> None:
        if self._last is None:
            self._note("there was no reply yet")
        else:
            request, reports = self._last
            show_reports(self._out, {request: reports}, self._lam.info)

    def _note(self, text: str, *, indent: str = "  ") -> None:
        self._out.print(f"{indent}({one_line(text)})", style="yellow", soft_wrap=True)


def _count(messages: list[dict[str, Any]]) -> str:
    return f"{len(messages)} message{'' if len(messages) == 1 else 's'}"
