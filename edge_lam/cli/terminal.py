"""What the commands print with: consoles, tables, and text made safe to show.

On a terminal: colours (unless NO_COLOR) and its width. In a pipe or file: plain text, 100 columns, no escape codes.
"""

from __future__ import annotations

import io
import os
import sys
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

from edge_lam._util.printable import json_text, one_line, printable
from edge_lam._util.sizes import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions
    from rich.table import Table

__all__ = [
    "console", "count", "duration", "json_text", "one_line", "plain_table", "print_json", "print_table", "printable",
    "size",
]  # fmt: skip

PLAIN_WIDTH = 100


def console(*, stderr: bool = False) -> Console:
    """Return the console of stdout or stderr: whatever is printed there, none of it drives the terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return _console_class()(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


@cache
def _console_class() -> type[Console]:
    """Return the class of consoles that print no control character but their own."""
    from rich.console import Console, RenderableType
    from rich.segment import Segment

    class Screen(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(printable(segment.text), segment.style)

    return Screen


def plain_table(title: str, *columns: str) -> Table:
    """Return a table without a frame; the first column is text, the others are figures."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True, overflow="ellipsis")
    return table


def print_table(out: Console, table: Table) -> None:
    """Print a table; in a pipe without the blanks that fill its lines.

    What a terminal is too narrow for is printed row by row, so that names can still be read and copied whole; a pipe
    gets lines as long as they are.
    """
    needed = out.measure(table, options=out.options.update(max_width=10_000)).maximum
    narrow = needed > out.width and all(column.no_wrap for column in table.columns)
    if narrow and (out.is_terminal or "COLUMNS" in os.environ):
        _print_rows(out, table)
    elif out.is_terminal:
        out.print(table)
    else:
        from rich.console import Console

        plain = Console(file=io.StringIO(), width=needed if narrow else out.width, color_system=None)
        with plain.capture() as captured:
            plain.print(table)
        for line in captured.get().splitlines():
            out.out(line.rstrip(), highlight=False)


def _print_rows(out: Console, table: Table) -> None:
    """Print a table as one block a row: its first cell, and below it what the other columns say."""
    labels = [" ".join(str(column.header).split()) for column in table.columns]
    if table.title:
        out.print(table.title, style=table.title_style or "", soft_wrap=True)
    for name, *cells in zip(*(column.cells for column in table.columns), strict=True):
        out.print(name, style="bold", soft_wrap=True)
        fields = [f"{label}: {cell}," for label, cell in zip(labels[1:], cells, strict=True) if cell not in ("", "-")]
        unbroken = " ".join(text.replace(" ", "\xa0") for text in fields).rstrip(",")
        for line in textwrap.wrap(unbroken, out.width - 2, break_long_words=False, break_on_hyphens=False):
            out.print(f"  {line}".replace("\xa0", " "), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document to stdout, and nothing else."""
    print(json_text(value, indent=2))


def count(number: float) -> str:
    """Return a large count as people read it: "7.3 M"."""
    for unit in ("", " k", " M"):
        if number < 1000:
            return f"{number:.0f}{unit}" if not unit else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:.2f} B"


def duration(seconds: float) -> str:
    """Return seconds as people read them: "84 ms", "1.24 s"."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
