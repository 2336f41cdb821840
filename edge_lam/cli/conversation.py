"""The conversation of `edge-lam chat`: its history and its turns."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_lam.cli.answer import TurnResult, ask
from edge_lam.cli.running import Approver, RunOptions, ask_result
from edge_lam.cli.terminal import console, json_text, one_line
from edge_lam.cli.toolbox import without_function
from edge_lam.cli.transcript import Transcript, show_nothing
from edge_lam.errors import EdgeLamError
from edge_lam.formats.turns import split_turns, without_oldest_turns

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool

REPLY_ROOM = 256  # tokens that a reply should find free in the context, or an eighth of a small one


class ChatSession:
    """One chat with a model.

    Args:
        lam: a loaded model.
        tools: what may be called.
        run_tools: whether calls are run; for tools without a function the user is asked for the result.
        system: a system message, or None.
        running: how tools are run and shown.
        options: as for `LAM.chat`.
        as_json: whether each answer is one JSON object on a line of stdout, and all else goes to stderr.

    Attributes:
        messages: the conversation so far, without the system message.
        unanswered: the last message, if its turn was not kept.
        reports: of the last turn, with its message; None before the first.
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
        as_json: bool = False,
    ) -> None:
        self.lam = lam
        self.tools = tools
        self.system = system
        self.options = options
        self.messages: list[dict[str, Any]] = []
        self.unanswered = ""
        self.reports: tuple[str, list[CallReport]] | None = None
        self.out = console(stderr=as_json)
        self._run_tools = run_tools
        self._running = running
        self._approver = Approver(without_function(tools))  # their results are requested anyway
        self._as_json = as_json
        self._before: list[list[dict[str, Any]]] = []  # the messages before each change, for `undo`

    def greet(self) -> None:
        """Say which model and tools there are."""
        names = ", ".join(tool.name for tool in self.tools) or "no tools"
        self.out.print(one_line(f"{self.lam.info.name} with {names}"), style="dim")
        if bare := ", ".join(tool.name for tool in self.tools if tool.function is None):
            end = "you are asked for the results" if self._run_tools else "calls are shown, not run"
            self.note(f"without code: {bare}; {end}", indent="")
        self.out.print("/help lists the commands", style="dim")

    def answer(self, message: str) -> None:
        """Put a message to the model and show what comes of it."""
        transcript = Transcript(self.out, run_tools=self._run_tools, show_calls=self._running.show_calls)
        done: list[TurnResult] = []
        failed = ""
        try:
            with contextlib.redirect_stdout(sys.stderr) if self._as_json else contextlib.nullcontext():
                answer = self._ask(message, transcript, done.append)
        except KeyboardInterrupt:  # it stops the answer, not the chat
            failed = "interrupted"
            transcript.stopped(f"stopped; {self._keep_calls(message, done)}")
        except EdgeLamError as error:
            failed = str(error)
            transcript.note(f"error: {error}")
            transcript.note(self._keep_calls(message, done))
        else:
            transcript.finish(answer)
            done = [answer]
            self._keep(message, answer)
        if self._as_json:
            _print_line(message, done[-1] if done else None, failed)

    def set_messages(self, messages: list[dict[str, Any]]) -> None:
        """Go on from other messages; `undo` goes back."""
        self._before.append(self.messages)
        self.messages = messages

    def undo(self) -> bool:
        """Go back to where the conversation was before its last turn or change; return whether there was one."""
        if not self._before:
            return False
        self.messages = self._before.pop()
        self.unanswered = ""
        return True

    def opening(self) -> list[dict[str, Any]]:
        """Return the system message, if there is one, as a list of messages."""
        return [{"role": "system", "content": self.system}] if self.system else []

    def note(self, text: str, *, indent: str = "  ") -> None:
        """Print a remark of ours."""
        self.out.print(f"{indent}({one_line(text)})", style="yellow", soft_wrap=True)

    def _ask(self, message: str, transcript: Transcript, unfinished: Callable[[TurnResult], object]) -> TurnResult:
        """Ask the model, without the oldest turns where the context is too small for them."""
        shorten = functools.partial(_without_oldest_turns, transcript)
        messages = [*self.opening(), *self.messages, {"role": "user", "content": message}]
        if self._is_full():
            messages = shorten(messages) or messages
        asked = {"on_call": functools.partial(ask_result, transcript)}
        return ask(
            self.lam,
            messages,
            self.tools,
            run_tools=self._run_tools,
            show=show_nothing if self._as_json else transcript.show,
            running=self._running.arguments(transcript, self._approver) | asked,
            unfinished=unfinished,
            shorten=shorten,
            **self.options,
        )

    def _is_full(self) -> bool:
        """Whether the last turn left too little room for another."""
        if self.reports is None or not self.messages:
            return False
        last, n_ctx = self.reports[1][-1], self.lam.info.n_ctx
        return last.tokens.prompt + last.tokens.generated > n_ctx - min(REPLY_ROOM, n_ctx // 8)

    def _keep(self, message: str, answer: TurnResult) -> None:
        self.set_messages(answer.messages[len(self.opening()) :])
        self.unanswered = ""
        self.reports = message, answer.reports

    def _keep_calls(self, message: str, done: list[TurnResult]) -> str:
        """Keep what an unfinished turn has done if tools ran in it, and say whether."""
        self.unanswered = message
        if not any(answer.calls for answer in done):
            return "this turn is forgotten"
        self._keep(message, done[-1])
        return "what was done so far is kept"


def _without_oldest_turns(transcript: Transcript, messages: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    shorter = without_oldest_turns(messages)
    if shorter is not None:
        before, after = (len(split_turns(some)[1]) for some in (messages, shorter))
        dropped = "turn is" if before - after == 1 else f"{before - after} turns are"
        transcript.note(f"the context is full: the oldest {dropped} forgotten, {after} left with this one")
    return shorter


def _print_line(message: str, answer: TurnResult | None, failed: str) -> None:
    """Print one turn as one line of JSON."""
    record = answer.to_json() if answer else {"text": "", "calls": [], "finish_reason": "", "errors": [], "reports": []}
    if failed:
        record |= {"finish_reason": "error", "errors": [*record["errors"], failed]}
    print(json_text({"request": message, **record}), flush=True)
