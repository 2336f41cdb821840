"""Fewer threads while they are faster, all of them otherwise. Time is simulated: passes take what a machine would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_lam.llama.adaptive_threads import MAX_HOLD_SECONDS, AdaptiveThreads

Machine = Callable[[int], tuple[float, float]]
"""Threads -> seconds of a pass, and the share of it that each thread computed."""


def idle(n: int) -> tuple[float, float]:
    return 0.010 / n, 0.95


def crowded(n: int) -> tuple[float, float]:
    """Others want all cores: one thread gets a fifth of one, and several wait for each other."""
    return (0.050, 0.2) if n == 1 else (0.200 * n, 0.2)


def half_free(n: int) -> tuple[float, float]:
    """One of two cores is taken: one thread has the other to itself."""
    return (0.010, 0.99) if n == 1 else (0.030, 0.5)


def run(threads: AdaptiveThreads, machine: Machine, seconds: float) -> list[int]:
    """Run passes for some time; return the number of threads of each."""
    chosen, clock, n_tokens = [], 0.0, 1
    while clock < seconds:
        took, share = machine(threads.n)
        chosen.append(threads.n)
        threads.record(n_tokens, took, took * threads.n * share)
        clock += took
        n_tokens = n_tokens % 3 + 1
    return chosen


@pytest.mark.parametrize("n_max", [1, 2, 6, 8])
def test_an_idle_machine_gets_all_threads_always(n_max: int) -> None:
    assert set(run(AdaptiveThreads(n_max), idle, 60)) == {n_max}


@pytest.mark.parametrize("machine", [crowded, half_free])
def test_a_busy_machine_gets_the_fastest_number_and_is_rarely_tried_again(machine: Machine) -> None:
    threads = AdaptiveThreads(2)
    run(threads, machine, 2)
    assert threads.n == 1
    chosen = run(threads, machine, 120)
    best = machine(1)[0]
    assert sum(machine(n)[0] for n in chosen) <= 1.15 * best * len(chosen)


def test_of_many_threads_half_of_those_left_go_at_a_time() -> None:
    threads = AdaptiveThreads(8)
    run(threads, crowded, 60)
    assert threads.n == 1


def test_threads_come_back_when_the_machine_is_idle_again() -> None:
    threads = AdaptiveThreads(8)
    run(threads, crowded, 200)
    run(threads, idle, 4 * MAX_HOLD_SECONDS)
    assert set(run(threads, idle, 60)) == {8}


def test_threads_stay_if_fewer_are_no_faster() -> None:
    def shared(n: int) -> tuple[float, float]:  # each thread gets half of a core, and none waits for another
        return 0.020 / n, 0.5

    threads = AdaptiveThreads(4)
    chosen = run(threads, shared, 120)
    assert sum(n == 4 for n in chosen) > 0.95 * len(chosen)


def test_passes_are_compared_with_their_like_only() -> None:
    """A long prompt, read while fewer threads are tried, makes them look neither slow nor fast."""
    threads = AdaptiveThreads(2)
    while threads.n == 2:
        threads.record(1, 0.1, 0.04)
    threads.record(512, 0.9, 0.9)
    assert threads.n == 1  # still tried
    threads.record(1, 0.01, 0.01)
    assert run(threads, half_free, 0.3)[-1] == 1
