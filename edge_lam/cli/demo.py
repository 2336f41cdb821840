"""`edge-lam demo`: scripted requests through the agent with the bundled tools, then what they cost."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_lam.cli.model_options import ModelOptions, model_options
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, duration, one_line, print_json

if TYPE_CHECKING:
    from edge_lam.agent import AgentEvent
    from edge_lam.cli.answer import TurnResult
    from edge_lam.lam import LAM

REQUESTS = (
    "what time is it in Tokyo and in Oslo?",
    "convert 10 miles to kilometers",
    "how full is my disk and how is my battery?",
    "what is 12 * 7?",
    "note: buy milk",
    "read my notes",
    "tell me a joke",
)
MAX_TOKENS = 256
MAX_ROUNDS = 3


@click.command(
    "demo",
    epilog=examples(
        "edge-lam demo", "edge-lam demo --threads 1", "edge-lam demo --model model.gguf", "edge-lam demo --json | jq"
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@model_options
def command(*, as_json: bool, model_options: ModelOptions) -> None:
    """Run scripted requests with real tools and show where time and memory went.

    The tools are real: the time, units, arithmetic, this machine's state, notes. The demo's notes go to a file that
    is deleted at the end; your own are not touched.
    """
    with model_options.load() as lam, _own_notes():
        if as_json:
            _print_json(lam)
        else:
            _show(lam)


def _show(lam: LAM) -> None:
    from edge_lam import __version__
    from edge_lam.cli.summary import show_reports
    from edge_lam.cli.transcript import Transcript

    out = console()
    info = lam.info
    out.print(f"edge-lam {__version__}: {one_line(info.name)} loaded in {duration(info.load_seconds)}")
    transcript = Transcript(out)
    reports = {}
    for request in REQUESTS:
        out.print()
        transcript.request(request)
        answer = _ask(lam, request, transcript.show)
        transcript.finish(answer)
        reports[request] = answer.reports
    show_reports(out, reports, info)


def _print_json(lam: LAM) -> None:
    from edge_lam.cli.transcript import show_nothing

    answers = [{"request": request, **_ask(lam, request, show_nothing).to_json()} for request in REQUESTS]
    print_json({"model": lam.info.to_dict(), "requests": answers})


def _ask(lam: LAM, request: str, show: Callable[[AgentEvent], object]) -> TurnResult:
    """Put one request to a fresh conversation."""
    from edge_lam.cli.answer import ask
    from edge_lam.demo_tools import DEMO_TOOLS
    from edge_lam.tools import as_tools

    messages = [{"role": "user", "content": request}]
    running = {"max_rounds": MAX_ROUNDS}
    return ask(lam, messages, as_tools(DEMO_TOOLS), run_tools=True, show=show, running=running, max_tokens=MAX_TOKENS)


@contextmanager
def _own_notes() -> Iterator[None]:
    """Keep the demo's notes in a temporary file."""
    before = os.environ.get("EDGE_LAM_NOTES")
    with tempfile.TemporaryDirectory(prefix="edge-lam-demo-") as folder:
        os.environ["EDGE_LAM_NOTES"] = str(Path(folder) / "notes.txt")
        try:
            yield
        finally:
            os.environ.pop("EDGE_LAM_NOTES")
            if before is not None:
                os.environ["EDGE_LAM_NOTES"] = before
