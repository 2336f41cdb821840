"""The report adds up and becomes JSON."""

from __future__ import annotations

import json
from time import sleep

import pytest

from edge_lam.metrics import CallReport, Passes, Times, Tokens


def test_rates_leave_cached_tokens_and_other_phases_out():
    report = CallReport(
        id="1",
        times=Times(prefill=2.0, decode=1.5, mask=0.3, sample=0.2, total=9.0),
        tokens=Tokens(prompt=500, cached=100, sampled=10, forced=25, drafted=9, accepted=5),
    )
    assert report.prefill_rate == 200
    assert report.decode_rate == 20


def test_rates_are_zero_when_nothing_ran():
    assert (CallReport(id="1").prefill_rate, CallReport(id="1").decode_rate) == (0, 0)


def test_a_phase_is_measured_again_and_again_also_when_it_fails():
    times = Times()
    with times.measure("mask"):
        sleep(0.002)
    once = times.mask
    with pytest.raises(ValueError, match="no"), times.measure("mask"):
        raise ValueError("no")
    assert 0.002 <= once < times.mask
    assert times.decode == 0


def test_a_report_is_plain_json():
    report = CallReport(id="1", passes=Passes(prefill=2, decode=3, drafts=1))
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["passes"] == {"prefill": 2, "decode": 3, "drafts": 1}
    assert plain["times"]["first_token"] == 0
    assert {"prefill_rate", "decode_rate", "memory", "tokens", "started", "error"} <= plain.keys()
    assert not any(key.startswith("_") for key in plain)
