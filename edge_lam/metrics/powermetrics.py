"""macOS's `powermetrics`: what the chip takes, reported some times a second by a program that only root may run.

In goes its text, out come joules since it was started. `man powermetrics` describes the program.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from edge_lam._util.debug import reason

if TYPE_CHECKING:
    import subprocess

logger = logging.getLogger("edge_lam.metrics")

_INTERVAL = 100  # ms between two samples
_COMMAND = ("/usr/bin/powermetrics", "--samplers", "cpu_power", "--sample-rate", str(_INTERVAL), "--buffer-size", "1")

_HEADER = re.compile(r"\*\*\* Sampled system activity .*\(([\d.]+) ?ms elapsed\)")
# The whole chip: Apple's, and Intel's.
_POWER = re.compile(
    r"\s*(?:Combined Power \(CPU \+ GPU \+ ANE\)|Intel energy model derived package power \(.*\)): *([\d.]+) *(m?)W"
)


class PowerSample(NamedTuple):
    """The mean power in watts over some seconds."""

    seconds: float
    watts: float


def power_samples(lines: Iterable[str]) -> Iterator[PowerSample]:
    """Yield the samples in a text of powermetrics; those that don't tell the power of the chip are left out."""
    seconds = 0.0
    for line in lines:
        if header := _HEADER.search(line):
            seconds = float(header[1]) / 1000
        elif seconds and (power := _POWER.match(line)):
            yield PowerSample(seconds, float(power[1]) / (1000 if power[2] else 1))
            seconds = 0.0


class Powermetrics:
    """A running powermetrics; it ends with `close`, or when nobody holds this any more."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        """Start it.

        Args:
            command: the program and its arguments.

        Raises:
            OSError: it can't be started.
        """
        import subprocess

        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._sum = _Sum()
        # The thread must not hold this object, which would never be given up then.
        self._reader = threading.Thread(target=_follow, args=(process, self._sum), daemon=True, name="powermetrics")
        self._reader.start()
        self._end = weakref.finalize(self, process.kill)

    def joules(self) -> float | None:
        """Return the energy until now, since the last sample reckoned with its power; None before the first."""
        return self._sum.joules()

    def close(self) -> None:
        """End the program."""
        self._end()
        self._reader.join()


class _Sum:
    """Samples added up; one thread adds, others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._joules = 0.0
        self._last: tuple[float, float] | None = None  # when, by `time.monotonic`, and watts

    def add(self, sample: PowerSample) -> None:
        with self._lock:
            self._joules += sample.seconds * sample.watts
            self._last = time.monotonic(), sample.watts

    def joules(self) -> float | None:
        with self._lock:
            if self._last is None:
                return None
            when, watts = self._last
            # A program that stopped telling does not make the sum grow for ever.
            return self._joules + watts * min(time.monotonic() - when, 2 * _INTERVAL / 1000)


def _follow(process: subprocess.Popen[str], total: _Sum) -> None:
    with process:
        for sample in power_samples(process.stdout or ()):
            total.add(sample)


def start_powermetrics() -> Powermetrics | None:
    """Start the program on a Mac, if this process is root's; elsewhere return None."""
    if sys.platform != "darwin" or os.geteuid() != 0:
        return None
    try:
        return Powermetrics()
    except OSError as error:
        logger.debug("no energy from powermetrics: %s", reason(error))
        return None
