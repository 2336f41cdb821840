"""The meter of a call, on this machine and on one of files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_lam.metrics import CallReport, Meter, proportional_memory
from tests.metrics.system_tree import put, zone


def test_it_tells_what_happened_since_a_moment(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 9.5, full=10)
    put(tmp_path / "sys/class/hwmon/hwmon0/name", "k10temp")
    put(tmp_path / "sys/class/hwmon/hwmon0/temp1_input", 45_000)
    meter = Meter(root=tmp_path)
    start, before = time.perf_counter(), meter.read()
    until = time.process_time() + 0.03
    while time.process_time() < until:
        pass
    zone(tmp_path, "intel-rapl:0", 1.5)
    put(tmp_path / "sys/class/hwmon/hwmon0/temp1_input", 71_000)
    report = CallReport(id="1", machine=meter.since(before))
    seconds = time.perf_counter() - start
    machine = json.loads(json.dumps(report.to_dict()))["machine"]
    assert (machine["joules"], machine["celsius"]) == (pytest.approx(2.0), 71.0)
    assert (machine["hertz"], machine["gpu_joules"]) == (None, None)
    assert machine["cpu_percent"] / 100 * seconds >= 0.03


def test_time_asleep_is_not_time_of_the_processor() -> None:
    meter = Meter()
    before = meter.read()
    time.sleep(0.05)
    assert meter.since(before).cpu_percent < 60


def test_what_other_programs_take_is_told_apart() -> None:
    meter = Meter()
    spin = "import time\nend = time.monotonic() + 20\nprint(flush=True)\nwhile time.monotonic() < end: pass"
    with subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        before = meter.read()
        time.sleep(0.4)
        machine = meter.since(before)
        other.kill()
    assert machine.others_percent > 5
    assert machine.cpu_percent < 60


def test_proportional_memory_is_read_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "proc/self/smaps_rollup", "00400000-7fff [rollup]\nRss: 9000 kB\nPss: 1234 kB\nPss_Dirty: 1 kB")
    monkeypatch.delenv("EDGE_LAM_METRICS", raising=False)
    assert Meter(root=tmp_path).memory().proportional is None
    assert Meter(root=tmp_path, proportional=True).memory().proportional == 1234 * 1024
    monkeypatch.setenv("EDGE_LAM_METRICS", "full")
    assert Meter(root=tmp_path).memory().proportional == 1234 * 1024
    assert Meter(root=tmp_path / "no", proportional=True).memory().proportional is None


def test_a_share_is_not_more_than_the_whole() -> None:
    proportional, memory = proportional_memory(), Meter().memory()
    assert proportional is None or 0 < proportional <= 1.1 * memory.resident


def test_it_says_what_tells_each_figure(tmp_path: Path) -> None:
    assert set(Meter(root=tmp_path).sources().values()) == {""}
    zone(tmp_path, "intel-rapl:0", 1)
    put(tmp_path / "proc/self/smaps_rollup", "Pss: 12 kB")
    sources = Meter(root=tmp_path).sources()
    assert (sources["energy"], sources["proportional memory"], sources["clock"]) == ("RAPL", "smaps_rollup", "")
