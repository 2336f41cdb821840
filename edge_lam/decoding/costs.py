"""`PassCosts`: what a pass of n tokens costs on one model and device, learnt while it runs.

In come measured seconds, out come expected ones. A pass of four tokens costs far less than four passes where weights
are what limits it, and hardly less where computing is: only measuring tells.
"""

from __future__ import annotations

from bisect import bisect_left

# Until a pass of its size was measured, a token more costs this share of a pass of one: cautious for 1B to 3B models on
# a CPU, where it was between 0.17 (Q4_0) and 0.36 (Q4_K_M).
PRIOR_SLOPE = 0.35
# The newest measurement counts this much, so that costs follow a longer context and a warmer device; an outlier, when
# another process took the core away, counts as no more than double.
NEWEST = 0.2
MAX_TOKENS = 64
LEAST_SHARE = 0.5  # of what a token adds on average: less than that is not believed


class PassCosts:
    """Expected seconds of decode passes, by their number of tokens."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._sizes: list[int] = []

    def record(self, n_tokens: int, seconds: float) -> None:
        """Take note of a pass; long ones, which read a prompt, are left out."""
        if n_tokens > MAX_TOKENS or seconds <= 0:
            return
        known = self._seconds.get(n_tokens)
        if known is None:
            self._seconds[n_tokens] = seconds
            self._sizes = sorted(self._seconds)
        else:
            self._seconds[n_tokens] = known + NEWEST * (min(seconds, 2 * known) - known)

    def of(self, n_tokens: int) -> float:
        """Return the expected seconds of a pass; 0 as long as none was measured.

        Between two measured sizes it is interpolated, beyond them the prior slope goes on.
        """
        sizes, seconds = self._sizes, self._seconds
        if not sizes:
            return 0.0
        if n_tokens in seconds:
            return seconds[n_tokens]
        place = bisect_left(sizes, n_tokens)
        if 0 < place < len(sizes):
            low, high = sizes[place - 1], sizes[place]
            share = (n_tokens - low) / (high - low)
            return seconds[low] + share * (seconds[high] - seconds[low])
        nearest = sizes[0] if place == 0 else sizes[-1]
        one = seconds[nearest] / (1 + PRIOR_SLOPE * (nearest - 1))
        return seconds[nearest] + PRIOR_SLOPE * one * (n_tokens - nearest)

    def added(self, n_tokens: int, more: int) -> float:
        """Return the seconds that `more` tokens add to a pass of `n_tokens`.

        At least half of what tokens cost over all sizes: of two sizes that were rarely measured the larger one may seem
        to cost nothing more, and who looks for the best draft finds just these.
        """
        return max(LEAST_SHARE * self._slope() * more, self.of(n_tokens + more) - self.of(n_tokens))

    def _slope(self) -> float:
        """Return the seconds that a token adds on average, from the smallest pass to the largest; never less than 0."""
        if len(self._sizes) < 2:
            return 0.0
        low, high = self._sizes[0], self._sizes[-1]
        return max(0.0, (self._seconds[high] - self._seconds[low]) / (high - low))
