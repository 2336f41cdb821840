"""What an agent does, shown as it happens: requests, calls, results, and text as it streams in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam.agent import AgentEvent, ToolFinished
    from edge_lam.cli.answer import Answer
    from edge_lam.tools import ToolCall

MAX_RESULT = 600


class Transcript:
    """Prints the events of one conversation.

    Args:
        out: where to.
        run_tools: whether tools are run; otherwise calls are printed when the model has written them.
    """

    def __init__(self, out: Console, *, run_tools: bool = True) -> None:
        self._out = out
        self._run_tools = run_tools
        self._in_text = False

    def request(self, text: str) -> None:
        """Print what the user asks."""
        self._wrapped("> ", text, style="bold")

    def show(self, event: AgentEvent) -> None:
        """Print one event of the agent or of the model's stream."""
        from edge_lam.agent import ToolFinished, ToolStarted
        from edge_lam.engine import CallFinished, ReplyFinished, TextDelta

        if isinstance(event, TextDelta):
            self._text(event.text)
        elif isinstance(event, ToolStarted) or (isinstance(event, CallFinished) and not self._run_tools):
            self.end_text()
            self._wrapped("  ", call_text(event.call), style="cyan")
        elif isinstance(event, ToolFinished):
            self._result(event)
        elif isinstance(event, ReplyFinished):
            self.end_text()
            for error in event.reply.errors:
                self.note(error.message)
            if event.reply.finish_reason == "length":
                self.note(f"cut off after {event.reply.report.tokens.generated} tokens")

    def note(self, text: str) -> None:
        """Print a remark of ours, such as an error that does not end the conversation."""
        self.end_text()
        self._wrapped("  ", f"({one_line(text)})", style="yellow")

    def finish(self, answer: Answer) -> None:
        """Say so if an answer ended in something else than an answer."""
        if answer.finish_reason == "max_rounds":
            self.note(f"no answer in text after {len(answer.reports)} replies")

    def end_text(self) -> None:
        """End the line of a text that was streaming."""
        if self._in_text:
            self._out.out()
            self._in_text = False

    def _text(self, text: str) -> None:
        if not self._in_text:
            self._out.out("  ", end="")
            self._in_text = True
        self._out.out(printable(text).replace("\n", "\n  "), end="", highlight=False)

    def _result(self, event: ToolFinished) -> None:
        text = event.result if isinstance(event.result, str) else json.dumps(event.result, ensure_ascii=False)
        if len(text) > MAX_RESULT:
            text = f"{text[:MAX_RESULT]}... ({len(text):,} characters)"
        self._wrapped("  -> ", one_line(text), style="red" if event.failed else "dim")

    def _wrapped(self, indent: str, text: str, *, style: str) -> None:
        """Print text over as many lines as it takes, all indented like the first."""
        from rich.text import Text

        room = max(20, self._out.width - len(indent))
        for number, line in enumerate(Text(printable(text)).wrap(self._out, room)):
            line.rstrip()
            self._out.print(Text((" " * len(indent) if number else indent) + line.plain, style=style), soft_wrap=True)


def show_nothing(_event: AgentEvent) -> None:
    """Show no event, where the answer is printed as JSON."""


def call_text(call: ToolCall) -> str:
    """Return a call as one would write it: ``get_time(city="Tokyo")``."""
    arguments = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items())
    return one_line(f"{call.name}({', '.join(arguments)})")
