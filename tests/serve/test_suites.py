"""The page of `suites.py`: what a suite's last lines say, and what was not run."""

from __future__ import annotations

import sys

import pytest

from tests.serve.suites import SUITES, outcome, page, run


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["outcome: 3 right", "97 excepted", "outcome: 4 right"], "3 right; 4 right"),
        (["....", "70 passed in 3.2 s"], "70 passed in 3.2 s"),
        (["in process 1 ms", "HTTP 2 ms"], "in process 1 ms; HTTP 2 ms"),
        ([], ""),
    ],
)
def test_what_came_of_a_suite(lines: list[str], expected: str) -> None:
    assert outcome(lines) == expected


def test_a_page_tells_what_failed_and_what_was_not_run() -> None:
    right = run(f"{sys.executable} -c \"print('outcome: 3 of 3')\"")
    wrong = run(f"{sys.executable} -c \"print('outcome: 2 of 3'); exit(1)\"")
    text = page({"tau2": right, "load": wrong})
    assert f"| 3 of 3 | yes | {right['day']}, 0 min |" in text
    assert "| 2 of 3 | **no** |" in text
    assert text.count("| not run | | |") == len(SUITES) - 2
