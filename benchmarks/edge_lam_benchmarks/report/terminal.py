"""The key tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_lam.cli.terminal import one_line, print_table
from edge_lam_benchmarks.report.table import Table
from edge_lam_benchmarks.report.tables import places, tables
from edge_lam_benchmarks.results import Results

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 110  # columns of a terminal


def show(out: Console, results: Results) -> None:
    """Print the tables that matter most, and where they were measured."""
    for table in tables(results):
        if table.key:
            show_table(out, table)
    for line in places(results):
        out.print(one_line(line), style="dim", soft_wrap=True)


def show_table(out: Console, table: Table) -> None:
    """Print a table with its notes."""
    from rich.table import Table as RichTable

    shown = RichTable(
        title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )
    shown.padding = (0, 2 if out.width >= WIDE else 1, 0, 0)
    for index, column in enumerate(table.columns):
        is_text = index < table.texts
        shown.add_column(column, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for row in table.rows:
        shown.add_row(*map(one_line, row))
    print_table(out, shown)
    for note in table.notes:
        out.print(note, style="dim")
    out.print()
