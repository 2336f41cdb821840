"""`edge-lam call`: one request, its calls and the answer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from edge_lam.cli.model_options import ModelOptions, model_options
from edge_lam.cli.options import examples
from edge_lam.cli.prompt import utf8
from edge_lam.cli.request_options import (
    MODEL_SAMPLING,
    SYSTEM,
    SamplingOptions,
    ToolOptions,
    sampling_options,
    tool_options,
)
from edge_lam.cli.running import Approver, RunOptions, run_options
from edge_lam.cli.terminal import console, print_json

if TYPE_CHECKING:
    from edge_lam.cli.answer import TurnResult


@click.command(
    "call",
    epilog=examples(
        'edge-lam call "what time is it in Tokyo?"',
        'edge-lam call "book a table for two" --tools tools.json --json',
        'edge-lam call "turn on the light" --tools my_tools.py --tool-choice required --no-run',
        'edge-lam call "tidy up my downloads" --tools files.py --approve --tool-timeout 10',
        "cat request.txt | edge-lam call - --tools home.tools:TOOLS",
    ),
)
@click.argument("request", required=False)
@tool_options
@click.option(
    "--tool-choice",
    default="auto",
    show_default=True,
    metavar="CHOICE",
    help="auto, required (at least one call), none, or the name of the tool to call.",
)
@click.option("--no-run", is_flag=True, help="Print the calls; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: text, calls, reports.")
@click.option("--report", "with_report", is_flag=True, help="Show where time and memory went.")
@SYSTEM
@run_options
@sampling_options
@MODEL_SAMPLING
@model_options
def command(
    *,
    request: str | None,
    tool_choice: str,
    no_run: bool,
    as_json: bool,
    with_report: bool,
    system: str | None,
    running: RunOptions,
    sampling: SamplingOptions,
    model_sampling: bool,
    model_options: ModelOptions,
    tool_options: ToolOptions,
) -> None:
    """Send one request, run the tools it calls, print the answer.

    REQUEST is what to do, in words; "-" reads it from stdin, and so does leaving it out in a pipe. Tools from a Python
    file are run; those from JSON have no code, so that with one of them calls are only printed. With --json, stdout
    holds nothing but one JSON object, and what tools print goes to stderr; if an error ends it after tools ran, the
    object tells of them, with the finish reason "error".
    """
    from edge_lam.cli.answer import ask
    from edge_lam.cli.summary import show_reports
    from edge_lam.cli.toolbox import find_tools, usable_tools, warn_of_timers, without_function
    from edge_lam.cli.transcript import Transcript, show_nothing

    text = _request_text(request)
    found = find_tools(tool_options)
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": text})
    run_tools = not no_run and not without_function(found)
    transcript = Transcript(console(stderr=as_json), run_tools=run_tools, show_calls=running.show_calls)
    show = show_nothing if as_json else transcript.show
    with model_options.load() as lam:
        options = {"tool_choice": tool_choice, **sampling.arguments(lam.info.sampling if model_sampling else None)}
        found = usable_tools(lam, found, tool_options)
        run = running.arguments(transcript, Approver())
        left: list[TurnResult] = []
        with _only_json(left) if as_json else contextlib.nullcontext():
            answer = ask(
                lam, messages, found, run_tools=run_tools, show=show, running=run, unfinished=left.append, **options
            )
        if as_json:
            print_json(answer.to_json())
        else:
            transcript.finish(answer)
        if with_report and not as_json:
            show_reports(console(), {text: answer.reports}, lam.info)
    warn_of_timers("this command; `edge-lam chat` keeps them running")


@contextlib.contextmanager
def _only_json(unfinished: list[TurnResult]) -> Iterator[None]:
    """Keep stdout for JSON; if an error ends the request after tools ran, print what they have done."""
    from edge_lam.errors import EdgeLamError

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except BaseException as error:
        if unfinished and unfinished[0].calls:
            reason = error.message if isinstance(error, EdgeLamError) else "interrupted"
            print_json(unfinished[0].to_json() | {"finish_reason": "error", "errors": [reason]})
        raise


def _request_text(request: str | None) -> str:
    if request == "-" or (request is None and not sys.stdin.isatty()):
        request = sys.stdin.read()
    if not request or not request.strip():
        raise click.UsageError("there is no REQUEST", click.get_current_context())
    return utf8(request.strip())
