"""`AdaptiveThreads`: how many threads the next pass gets, while other programs want the same cores.

The threads of a pass wait for each other at every node of llama.cpp's graph, hundreds of times: as soon as one of them
loses its core, all wait out the time slice of whoever took it. One thread waits for nobody. So on a busy machine fewer
threads can be several times as fast, on an idle one they are slower, and on phones and laptops that changes from second
to second: only trying tells.
"""

from __future__ import annotations

from collections import defaultdict
from math import inf

# Threads that keep their cores compute nine tenths of a pass and more; they wait for the rest, asleep.
IDLE_SHARE = 0.7
# What a number of threads is judged by: a pass of a small model takes a millisecond, and one alone says little.
MIN_SECONDS, MIN_PASSES = 0.05, 4
ENOUGH_SECONDS = 0.25  # however few passes: those of a large model, or of a bad choice
MAX_TRIAL_SECONDS = 1.0  # a trial goes on so long if it saw no pass of a size that can be compared
# Between two trials, since each costs time; doubled as long as trials change nothing.
HOLD_SECONDS, MAX_HOLD_SECONDS = 0.5, 8.0
MARGIN = 0.9  # another number of threads is kept if it takes at most this share of the time


class AdaptiveThreads:
    """Chooses a number of threads from what passes took.

    Passes are compared with passes of about their size. Knows no clock: whoever runs passes times them.

    Attributes:
        n: threads for the next pass.
        n_max: threads on an idle machine.
    """

    def __init__(self, n_max: int) -> None:
        self.n = self.n_max = n_max
        self._settled = n_max  # `n` differs from it during a trial
        self._costs: dict[int, float] = {}  # mean seconds with the settled threads, by size of the pass
        self._n_failed = 0
        self._since_trial = inf
        self._passes: dict[int, list[float]] = defaultdict(list)  # seconds, by size of the pass
        self._wall = self._busy = 0.0

    def record(self, n_tokens: int, seconds: float, busy: float) -> None:
        """Take note of a pass, and choose the number of threads of the next.

        Args:
            n_tokens: that it read.
            seconds: that it took.
            busy: seconds of processor time that this process used meanwhile, all its threads together.
        """
        if self.n_max == 1:
            return
        self._passes[n_tokens.bit_length()].append(seconds)
        self._wall, self._busy = self._wall + seconds, self._busy + busy
        n_passes = sum(map(len, self._passes.values()))
        if self._wall < ENOUGH_SECONDS and (self._wall < MIN_SECONDS or n_passes < MIN_PASSES):
            return
        costs = {size: sum(passes) / len(passes) for size, passes in self._passes.items()}
        if self.n == self._settled:
            self._costs = costs
            self._settle()
        elif costs.keys() & self._costs.keys() or self._wall >= MAX_TRIAL_SECONDS:
            self._end_trial(costs)
        else:
            return
        self._begin_window()

    def _begin_window(self) -> None:
        self._passes.clear()
        self._wall = self._busy = 0.0

    def _settle(self) -> None:
        """Stay with the number of threads, or begin to try another."""
        self._since_trial += self._wall
        is_idle = self._busy >= IDLE_SHARE * self._wall * self.n
        if is_idle and self.n == self.n_max:
            self._n_failed, self._since_trial = 0, inf  # as soon as the machine gets busy, fewer are tried
            return
        if self._since_trial < min(MAX_HOLD_SECONDS, HOLD_SECONDS * 2**self._n_failed):
            return
        others = [max(1, self.n // 2)] if self.n > 1 and not is_idle else []
        others += [min(self.n_max, 2 * self.n)] if self.n < self.n_max else []
        self.n = others[self._n_failed % len(others)]

    def _end_trial(self, costs: dict[int, float]) -> None:
        """Keep the faster of the two numbers of threads."""
        sizes = costs.keys() & self._costs.keys()
        known = sum(self._costs[size] for size in sizes)
        is_faster = bool(sizes) and sum(costs[size] for size in sizes) <= MARGIN * known
        self._n_failed = 0 if is_faster else self._n_failed + 1
        self._settled = self.n = self.n if is_faster else self._settled
        self._since_trial = 0.0
