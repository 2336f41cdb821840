"""What is shown of a download: a bar on a terminal, elsewhere a line now and then; nothing where nothing arrives."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, size

_LINE_EVERY = 10.0  # seconds between two lines where there is no terminal

OnProgress: TypeAlias = Callable[[int, "int | None", str], None]


def model_file(model: str | None) -> Path:
    """Return the file of a model, as `edge_lam.loading.model_path.find_model` does, and show its download."""
    from edge_lam.loading.model_path import find_model

    with download_progress() as on_progress:
        return find_model(model, on_progress=on_progress)


@contextmanager
def download_progress() -> Iterator[OnProgress]:
    """Give what hears of a download; the bar comes with the first news of it."""
    with ExitStack() as stack:
        shown: list[OnProgress] = []

        def on_progress(done: int, total: int | None, name: str) -> None:
            if not shown:
                shown.append(stack.enter_context(_bar()) if console(stderr=True).is_terminal else _Lines().on_progress)
            shown[0](done, total, name)

        yield on_progress


@contextmanager
def _bar() -> Iterator[OnProgress]:
    with progress_bar({"pull": "downloading"}, in_bytes=True) as on_progress:
        yield lambda done, total, name: on_progress("pull", done, total, one_line(name))


class _Lines:
    """Progress as lines on stderr: one for each file, and one every ten seconds."""

    def __init__(self) -> None:
        self._name = ""
        self._first: tuple[float, int] | None = None  # when and where this run began to receive
        self._last = 0.0

    def on_progress(self, done: int, total: int | None, name: str) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        if name == self._name and now - self._last < _LINE_EVERY:
            return
        of_all = f"{size(done)} of {size(total)}" if total is not None else size(done)
        start, before = self._first
        rate = (done - before) / (now - start) if now - start > 1 else 0.0
        speed = f", {size(rate)}/s" if rate > 0 else ""
        left = f", {(total - done) / rate:.0f} s left" if rate > 0 and total is not None else ""
        print(f"downloading {one_line(name)}: {of_all}{speed}{left}", file=sys.stderr, flush=True)
        self._name, self._last = name, now
