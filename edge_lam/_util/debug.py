"""Debug lines: what went wrong and disturbed nothing, for who wants to know (`--debug`, EDGE_LAM_DEBUG).

A cache that can't be written, a file that is of another build: the work goes on without, and one line says why. Each
room logs as `edge_lam.<room>`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from edge_lam._util.printable import printable


class _Lines(logging.Handler):
    """Prints to what stderr is then, which programs may have changed since."""

    def emit(self, record: logging.LogRecord) -> None:
        print(printable(self.format(record)), file=sys.stderr)


_lines = _Lines()
_lines.setFormatter(logging.Formatter("%(name)s: %(message)s"))


def debug_is_wanted() -> bool:
    """Whether EDGE_LAM_DEBUG asks for debug lines: 1, or "all" for those of llama.cpp, too."""
    return os.environ.get("EDGE_LAM_DEBUG", "") not in ("", "0")


def show_debug_lines(shown: bool = True) -> None:
    """Print them to stderr from now on, or no longer."""
    logger = logging.getLogger("edge_lam")
    if shown:
        logger.addHandler(_lines)
    else:
        logger.removeHandler(_lines)
    logger.setLevel(logging.DEBUG if shown else logging.NOTSET)
    quiet = shown and os.environ.get("EDGE_LAM_DEBUG") != "all"  # a hundred lines for each file that is opened
    logging.getLogger("edge_lam.llama.cpp").setLevel(logging.INFO if quiet else logging.NOTSET)


@contextlib.contextmanager
def suppressed(logger: logging.Logger, consequence: str, *kinds: type[BaseException]) -> Iterator[None]:
    """Go on behind the block after an error of these kinds, as `contextlib.suppress` does, and log it.

    Args:
        logger: of the room.
        consequence: what is not done because of it, such as "no prefixes are kept in /x".
        kinds: of the errors.
    """
    try:
        yield
    except kinds as error:
        logger.debug("%s: %s", consequence, reason(error))


def reason(error: BaseException) -> str:
    """Return an error in one line, with its kind where it says nothing else."""
    return " ".join(str(error).split()) or type(error).__name__
