"""macOS's powermetrics: its text, and a program that writes such."""

from __future__ import annotations

import sys
import time

import pytest

from edge_lam.metrics.powermetrics import Powermetrics, power_samples, start_powermetrics

APPLE = """Machine model: Mac14,2
OS version: 25C56

*** Sampled system activity (Fri Sep 11 13:41:46 2026 -0700) (100.50ms elapsed) ***

**** Processor usage ****

E-Cluster HW active frequency: 1248 MHz
E-Cluster HW active residency:  77.43% (600 MHz:   0% 912 MHz:  54%)
CPU Power: 823 mW
GPU Power: 26 mW
ANE Power: 323 mW
Combined Power (CPU + GPU + ANE): 1172 mW

*** Sampled system activity (Fri Sep 11 13:41:47 2026 -0700) (101.00ms elapsed) ***

CPU Power: 205 mW
Combined Power (CPU + GPU + ANE): 445 mW
"""
INTEL = """
*** Sampled system activity (Mon Mar  4 10:00:00 2024 +0100) (1004.12ms elapsed) ***

Intel energy model derived package power (CPUs+GT+SA): 8.53W
"""


def test_the_power_of_the_whole_chip_is_read() -> None:
    assert list(power_samples(APPLE.splitlines())) == [(0.1005, 1.172), (0.101, 0.445)]
    assert list(power_samples(INTEL.splitlines())) == [(1.00412, 8.53)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "powermetrics must be invoked as the superuser",
        "Combined Power (CPU + GPU + ANE): 1172 mW",
        APPLE[: APPLE.index("Combined")],
        APPLE[: APPLE.index(": 1172 mW")],
    ],
    ids=["nothing", "refusal", "no header", "cut", "cut in a line"],
)
def test_text_without_a_whole_sample_tells_nothing(text: str) -> None:
    assert list(power_samples(text.splitlines())) == []


def test_energy_of_a_running_program_adds_up() -> None:
    program = f"import time; print({APPLE!r}, flush=True); time.sleep(60)"
    meter = Powermetrics([sys.executable, "-c", program])
    try:
        told = 0.1005 * 1.172 + 0.101 * 0.445
        deadline = time.monotonic() + 30
        while (meter.joules() or 0.0) < told and time.monotonic() < deadline:
            time.sleep(0.01)
        joules = meter.joules()
        assert joules is not None
        assert told <= joules <= told + 0.2 * 0.445 + 1e-9, "without news it grows for two intervals at most"
    finally:
        meter.close()
    assert meter.joules() >= told


def test_a_program_that_tells_nothing_tells_nothing() -> None:
    meter = Powermetrics([sys.executable, "-c", "raise SystemExit(1)"])
    meter.close()
    assert meter.joules() is None


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac may have it")
def test_it_is_macos_only() -> None:
    assert start_powermetrics() is None
