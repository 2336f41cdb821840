"""Options of the commands that let models read conversations or text: `calibrate` and `verify`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.model_options import DEVICE, THREADS, format_options
from edge_lam.cli.terminal import one_line

if TYPE_CHECKING:
    from edge_lam.errors import InvalidRequest

_NAMES = ("calls", "text", "tools", "format", "template", "verbatim", "device", "n_threads")
_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option(
        "--calls",
        type=_FILE,
        metavar="FILE",
        help="Conversations with the calls that they should get: lines of JSON, or rows of a data set of xLAM's.",
    ),
    click.option("--text", type=_FILE, metavar="FILE", help="A text to read besides, or instead."),
    click.option("-t", "--tools", metavar="SOURCE", help="tools.py or tools.json, for the lines that bring no tools."),
    DEVICE,
    THREADS,
    format_options,
)


def print_left_out(error: InvalidRequest) -> None:
    """Say that a row of a data set can't be used."""
    click.echo(f"edge-lam: left out: {one_line(error.message)}", err=True)


def corpus_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --calls, --text, --tools and how to read them; they arrive as `reading`: `ReadOptions`."""

    @functools.wraps(function)
    def gather(**arguments: Any) -> Any:
        reading = {name: arguments.pop(name) for name in _NAMES}
        if reading["tools"] is not None:
            from edge_lam.tools import load_tools

            reading["tools"] = load_tools(reading["tools"])
        reading["on_wrong"] = print_left_out
        return function(**arguments, reading={name: value for name, value in reading.items() if value is not None})

    command: Callable[..., Any] = gather
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
