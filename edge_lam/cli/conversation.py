"""The conversation of `edge-lam chat`: its history, its turns, and the commands that begin with "/"."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from edge_lam.cli.answer import ask
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
    "/quit": "end the chat",
}


class Conversation:
    """One chat with a model.

    Args:
        lam: a loaded model.
        tools: what may be called; run if each has a function.
        system: a system message, or None.
        options: as for `LAM.chat`.
    """

    def __init__(self, lam: LAM, tools: list[Tool], *, system: str | None, options: dict[str, Any]) -> None:
        self._lam = lam
        self._tools = tools
        self._run_tools = not without_function(tools)
        self._start: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        self._messages = list(self._start)
        self._options = options
        self._out = console()
        self._last: tuple[str, list[CallReport]] | None = None

    def greet(self) -> None:
        """Say which model and tools there are."""
        names = ", ".join(tool.name for tool in self._tools)
        self._out.print(one_line(f"{self._lam.info.name} with {names}"), style="dim")
        if not self._run_tools:
            self._out.print("(these tools have no code: their calls are shown, not run)", style="yellow")
        self._out.print("/help lists the commands", style="dim")

    def take(self, line: str) -> bool:
        """Answer a line or obey a command; return whether the chat goes on."""
        if line.startswith("/"):
            return self._obey(line.split(maxsplit=1)[0].lower())
        transcript = Transcript(self._out, run_tools=self._run_tools)
        messages = [*self._messages, {"role": "user", "content": line}]
        try:
            answer = ask(
                self._lam, messages, self._tools, run_tools=self._run_tools, show=transcript.show, **self._options
            )
        except KeyboardInterrupt:
            transcript.note("stopped; this turn is forgotten")
        except EdgeLamError as error:
            transcript.note(f"error: {error}")
        else:
            transcript.finish(answer)
            self._messages = answer.messages
            self._last = line, answer.reports
        return True

    def _obey(self, command: str) -> bool:
        if command == "/help":
            for name, meaning in COMMANDS.items():
                self._out.print(f"  {name:<8} {meaning}")
        elif command == "/tools":
            for tool in self._tools:
                self._out.print(f"  {tool.name}: {one_line(tool.description)}", soft_wrap=True)
        elif command == "/report":
            self._report()
        elif command == "/reset":
            self._messages = list(self._start)
            self._out.print("  (the conversation is forgotten)", style="yellow")
        elif command != "/quit":
            close = get_close_matches(command, COMMANDS, n=1) or ["/help"]
            self._out.print(f"  (no command {one_line(command)}; try {close[0]})", style="yellow", soft_wrap=True)
        return command != "/quit"

    def _report(self) -> None:
        if self._last is None:
            self._out.print("  (there was no reply yet)", style="yellow")
        else:
            request, reports = self._last
            show_reports(self._out, {request: reports}, self._lam.info)
