"""A progress bar on stderr, if that is a terminal: one line for each stage of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console

if TYPE_CHECKING:
    from rich.console import RenderableType


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
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.text import Text

    class Bars(Progress):
        """The bars, and below them the item that is worked on: in their line a narrow terminal has no room for it."""

        item = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            if self.item:
                yield Text(f"  {self.item}", style="dim", no_wrap=True, overflow="ellipsis")

    terminal = console(stderr=True)
    counts: list[ProgressColumn] = [DownloadColumn(), TransferSpeedColumn()] if in_bytes else [MofNCompleteColumn()]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=None), *counts)
    bars = Bars(
        *columns,
        TimeRemainingColumn(compact=True),
        console=terminal,
        transient=True,
        expand=True,
        disable=not terminal.is_terminal,
    )
    with bars:
        tasks = {}

        def tell(stage: str, done: int, total: int | None, item: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stages[stage], total=total)
            bars.update(tasks[stage], completed=done, total=total)
            bars.item = item

        yield tell
