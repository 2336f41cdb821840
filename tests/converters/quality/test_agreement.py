"""Calls of two models against the expected ones, and McNemar's test."""

from __future__ import annotations

import math

import pytest

from edge_lam.formats.examples import Example
from edge_lam.tools import ToolCall
from edge_lam_converters.quality.agreement import call_agreement, mcnemar

# Sums of binomial coefficients, by hand: 2 (1 + 9) / 2^9, 2 / 2^6, 2 (1 + 13 + 78 + 286) / 2^13.
KNOWN = [(0, 0, 1.0), (5, 5, 1.0), (1, 8, 0.0390625), (0, 6, 0.03125), (3, 10, 0.09228515625), (1, 0, 1.0)]


@pytest.mark.parametrize(("one", "other", "expected"), KNOWN)
def test_mcnemar_against_known_values(one: int, other: int, expected: float) -> None:
    assert mcnemar(one, other) == pytest.approx(expected)
    assert mcnemar(other, one) == pytest.approx(expected)


def test_mcnemar_of_many() -> None:
    """Close to the normal approximation with its correction, and no overflow."""
    z = (abs(1300 - 1200) - 1) / math.sqrt(2500)
    assert mcnemar(1300, 1200) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)


def calls(*cities: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall("", "get_time", {"city": city}) for city in cities)


def test_the_table() -> None:
    examples = [Example(str(i), (), (), calls("Oslo"), None) for i in range(5)]
    right, wrong, other = calls("Oslo"), calls("Rome"), calls("Lima")
    found = call_agreement(examples, [right, right, wrong, wrong, ()], [right, wrong, right, wrong, other])
    assert (found.both, found.only_model, found.only_reference, found.neither) == (1, 1, 1, 2)
    assert found.n_requests == 5
    assert found.same == 2 / 5
    assert found.p_value == 1.0


def test_no_call_is_right_where_none_is_expected() -> None:
    examples = [Example("a", (), (), (), "Which city?")]
    assert call_agreement(examples, [()], [calls("Oslo")]).only_model == 1
