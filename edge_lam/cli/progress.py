"""A progress bar on stderr, if that is a terminal: one line for each stage of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@contextmanager
def progress_bar(stages: Mapping[str, str], *, in_bytes: bool = False) -> Iterator[Callable[..., None]]:
    """Show each stage with the time left; of bytes also their rate.

    Args:
        stages: what to call them, by the names under which they are reported.
        in_bytes: whether they count bytes.

    Returns:
        What to tell: the name of a stage, how much is done, of how much (None if not known), and at which item.
    """
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield lambda *_: None
        return
    bars = _bars(terminal, in_bytes=in_bytes)
    below = Text(style="dim", no_wrap=True, overflow="ellipsis")  # the item: in the line of its bar it has no room
    tasks = {}

    def on_progress(stage: str, done: int, total: int | None, item: str = "") -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stages[stage], total=total)
        bars.update(tasks[stage], completed=done, total=total)
        below.plain = f"  {item}" if item else ""

    with Live(get_renderable=lambda: Group(bars, below), console=terminal, transient=True, refresh_per_second=10):
        yield on_progress


def _bars(terminal: Console, *, in_bytes: bool) -> Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    counts: list[ProgressColumn] = [MofNCompleteColumn()]
    if in_bytes:
        counts = [DownloadColumn(table_column=Column(no_wrap=True)), TransferSpeedColumn(Column(no_wrap=True))]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=None), *counts)
    return Progress(*columns, TimeRemainingColumn(compact=True), console=terminal, expand=True)
