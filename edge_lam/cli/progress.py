"""A progress bar on stderr, if that is a terminal: one line for each stage of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from edge_lam.cli.terminal import console


@contextmanager
def progress_bar(stages: Mapping[str, str], *, in_bytes: bool = False) -> Iterator[Callable[..., None]]:
    """Show each stage with the time left; of bytes also their rate.

    Args:
        stages: what to call them, by the names under which they are told.
        in_bytes: whether they count bytes.

    Returns:
        What to tell: the name of a stage, how much is done, of how much (None if not known), and at which item.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    terminal = console(stderr=True)
    counts: list[ProgressColumn] = [DownloadColumn(), TransferSpeedColumn()] if in_bytes else [MofNCompleteColumn()]
    columns = (TextColumn("{task.description:<24}"), BarColumn(), *counts, TimeRemainingColumn())
    item = TextColumn("{task.fields[item]}", style="dim")
    with Progress(*columns, item, console=terminal, transient=True, disable=not terminal.is_terminal) as bars:
        tasks = {}

        def tell(stage: str, done: int, total: int | None, item: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stages[stage], total=total, item="")
            bars.update(tasks[stage], completed=done, total=total, item=item)

        yield tell
