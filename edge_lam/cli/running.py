"""How `call` and `chat` run tools: the options for it, and the questions that they ask at the terminal."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.prompt import forget_typed, question

if TYPE_CHECKING:
    from edge_lam.cli.transcript import Transcript
    from edge_lam.tools import ToolCall

NO_TERMINAL = "there is no terminal to ask at"


@dataclass(frozen=True)
class RunOptions:
    """How tools are run, and whether that is shown.

    Attributes:
        approve: whether the user is asked before each call.
        max_rounds: replies of the model to one request, at most.
        tool_timeout: seconds that a tool may take; None for as long as it wants.
        show_calls: whether calls and results are printed.
    """

    approve: bool
    max_rounds: int
    tool_timeout: float | None
    show_calls: bool

    def arguments(self, transcript: Transcript, approver: Approver) -> dict[str, Any]:
        """Return them as keyword arguments of `Agent`."""
        limits = {"max_rounds": self.max_rounds, "tool_timeout": self.tool_timeout}
        if not self.approve:
            return limits
        return {**limits, "approve": functools.partial(approver.approve, transcript)}


_OPTIONS = (
    click.option("--approve", is_flag=True, help="Ask before each call; without a terminal none is run."),
    click.option(
        "--max-rounds",
        type=click.IntRange(min=1),
        default=8,
        show_default=True,
        help="At most so many replies of the model to one request.",
    ),
    click.option(
        "--tool-timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Go on without a tool's result after so long.",
    ),
    click.option(
        "--show-calls/--no-show-calls", default=True, show_default=True, help="Show calls and what they gave back."
    ),
)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `RunOptions`; they arrive as `running: RunOptions`."""

    @functools.wraps(function)
    def gather(**arguments: Any) -> Any:
        running = RunOptions(**{field.name: arguments.pop(field.name) for field in fields(RunOptions)})
        return function(**arguments, running=running)

    command: Callable[..., Any] = gather
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Approver:
    """Asks the user whether calls may run, and remembers which tools always may.

    Args:
        always: names of tools that may run unasked.
    """

    def __init__(self, always: Iterable[str] = ()) -> None:
        self._always = set(always)

    def approve(self, transcript: Transcript, call: ToolCall) -> bool | str:
        """Show a call and ask for it; nothing but a yes lets it run."""
        if call.name in self._always:
            return True
        if not sys.stdin.isatty():
            return NO_TERMINAL
        transcript.call(call, whole=True)
        forget_typed()
        while True:
            answer = question("  run it? [y]es, [n]o, [a]lways this tool: ").lower()
            if answer in ("a", "always"):
                self._always.add(call.name)
            if answer in ("y", "yes", "a", "always"):
                return True
            if answer in ("n", "no", ""):
                return False


def ask_result(transcript: Transcript, _call: ToolCall) -> Any:
    """Ask the user for what a tool without code gives back: JSON, or else text.

    Raises:
        ValueError: the user gave none.
    """
    transcript.pause()
    answer = question("  result, as JSON or text: ")
    if not answer:
        raise ValueError("the user gave no result")
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):  # no JSON: it is text
        return answer
