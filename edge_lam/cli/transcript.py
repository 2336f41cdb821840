"""What an agent does, shown as it happens: requests, calls, results, and text as it streams in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_lam.cli.flow import Clock, Flow
from edge_lam.cli.summary import why_slow
from edge_lam.cli.terminal import json_text, one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam.agent import AgentEvent, ToolFinished
    from edge_lam.cli.answer import TurnResult
    from edge_lam.engine import Reply
    from edge_lam.tools import ToolCall

MAX_RESULT = 600
MAX_ARGUMENT = 160  # characters of one argument that are shown; who approves a call sees all


class Transcript:
    """Prints the events of one conversation.

    Calls that run at once are shown in their order, each with its result below, whichever ends first.

    Args:
        out: where to.
        run_tools: whether tools are run; otherwise calls are printed when the model has written them.
        show_calls: whether to show calls and results at all.
    """

    def __init__(self, out: Console, *, run_tools: bool = True, show_calls: bool = True) -> None:
        self._out = out
        self._run_tools = run_tools
        self._show_calls = show_calls
        self._clock = Clock(out)
        self._streaming = ""  # the style of the text that is being written, and whether it is thinking
        self._flow = Flow("  ", width=None)
        self._names: dict[str, str] = {}  # of the calls that began, by id
        self._pending: dict[str, ToolCall] = {}
        self._finished: dict[str, ToolFinished] = {}
        self._last_call = ""  # id of the call that was printed last
        self._running: dict[str, str] = {}  # names of the tools that run, by the ids of their calls

    def request(self, text: str) -> None:
        """Print what the user asks."""
        self._wrapped("> ", text, style="bold")

    def show(self, event: AgentEvent) -> None:
        """Print one event of the agent or of the model's stream."""
        self.pause()
        self._print(event)
        self._clock.run(self._running.values())

    def pause(self) -> None:
        """Stop the clock of the tools that run, until the next event: something is asked at the terminal."""
        self._clock.pause()

    def _print(self, event: AgentEvent) -> None:
        from edge_lam.agent import ToolFinished, ToolStarted
        from edge_lam.engine import CallDropped, CallFinished, CallStarted, ReplyFinished, TextDelta, ThinkingDelta

        if isinstance(event, TextDelta):
            self._stream(event.text, "text")
        elif isinstance(event, ThinkingDelta):
            self._stream(event.text, "dim")
        elif isinstance(event, CallStarted):
            self._names[event.id] = event.name
        elif isinstance(event, CallDropped) and event.error is None:
            self.note(f"the call of {self._names.get(event.id, 'a tool')} was cut off")
        elif isinstance(event, CallFinished) and not self._run_tools:
            self.call(event.call)
        elif isinstance(event, ToolStarted | ToolFinished):
            self._pending.setdefault(event.call.id, event.call)
            if isinstance(event, ToolFinished):
                self._finished[event.call.id] = event
                self._running.pop(event.call.id, None)
            else:
                self._running[event.call.id] = event.call.name
            self._show_finished()
        elif isinstance(event, ReplyFinished):
            self._end_reply(event.reply)

    def call(self, call: ToolCall, *, whole: bool = False) -> None:
        """Print a call, its long arguments shortened unless it is wanted whole, and what is wrong with it."""
        self.end_text()
        self._wrapped("  ", call_text(call, None if whole else MAX_ARGUMENT), style="cyan")
        for problem in call.problems:
            self.note(f"problem: {problem}")
        self._last_call = call.id

    def note(self, text: str) -> None:
        """Print a remark of ours, such as an error that does not end the conversation."""
        self.end_text()
        self._wrapped("  ", f"({one_line(text)})", style="yellow")

    def stopped(self, text: str) -> None:
        """Print what came of Ctrl-C, below the "^C" that a terminal shows."""
        self._running.clear()
        if self._out.is_terminal and not self._streaming:
            self._out.out()
        self.note(text)

    def finish(self, answer: TurnResult) -> None:
        """Say so if an answer ended in something else than an answer, or if a busy machine made it slow."""
        if answer.finish_reason == "max_rounds":
            self.note(f"no answer in text after {len(answer.reports)} replies")
        elif answer.finish_reason == "repeated":
            self.note("no answer in text: the model made the same call again and again")
        elif answer.finish_reason == "tool_calls" and self._run_tools:
            self.note("no answer in text: this model reads no results")
        elif answer.finish_reason == "stop" and not (answer.text or answer.errors):
            self.note("the model said nothing")
        if slow := why_slow(answer.reports):
            self.note(slow)

    def end_text(self) -> None:
        """End the line of a text that was streaming."""
        self.pause()
        if self._streaming:
            self._out.out(self._flow.end(), highlight=False, style=self._style)
        self._streaming = ""

    def _end_reply(self, reply: Reply) -> None:
        self.end_text()
        for error in reply.errors:
            self.note(error.message)
        if reply.finish_reason == "length":
            calls = f" and {len(reply.tool_calls)} calls" if len(reply.tool_calls) > 1 else ""
            self.note(f"cut off after {reply.report.tokens.generated} tokens{calls}")
        elif reply.finish_reason == "timeout":
            self.note(f"the time limit ended the reply after {reply.report.tokens.generated} tokens")

    def _stream(self, text: str, style: str) -> None:
        """Print more of a text; thinking is dimmed and labelled as such."""
        if self._streaming != style:
            self.end_text()
            if not (text := text.lstrip()):
                return
            start = "  thinking: " if style == "dim" else "  "
            width = self._out.width if self._out.is_terminal else None  # a pipe gets the lines as they are
            self._streaming, self._flow = style, Flow("  ", width=width, column=len(start))
            self._out.out(start, end="", highlight=False, style=self._style)
        self._out.out(self._flow.add(printable(text)), end="", highlight=False, style=self._style)

    @property
    def _style(self) -> str | None:
        return "dim" if self._streaming == "dim" else None

    def _show_finished(self) -> None:
        """Print the results that are there, as far as no earlier call still runs, and the call that does."""
        while self._pending and self._show_calls:
            call_id, call = next(iter(self._pending.items()))
            if self._last_call != call_id:
                self.call(call)
            if call_id not in self._finished:
                return
            del self._pending[call_id]
            self._result(self._finished.pop(call_id))

    def _result(self, event: ToolFinished) -> None:
        text = _shortened(event.content, MAX_RESULT)
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


def call_text(call: ToolCall, most: int | None = None) -> str:
    """Return a call as one would write it: ``get_time(city="Tokyo")``.

    Args:
        call: the call.
        most: how many characters of an argument to show; None for all.
    """
    arguments = (f"{name}={_shortened(json_text(value), most)}" for name, value in call.arguments.items())
    return one_line(f"{call.name}({', '.join(arguments)})")


def _shortened(text: str, most: int | None) -> str:
    return text if most is None or len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"
