"""The roofline: what a machine can do, what a pass needs, and the share of one in the other."""

from __future__ import annotations

import json

import pytest

from edge_lam.cli.main import run
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_benchmarks import roofline
from edge_lam_benchmarks.roofline import MachineSpeed, Need, measure_machine


def test_a_pass_reads_every_weight_once(tiny_lam_path):
    header = GGUFHeader.read(tiny_lam_path)
    need = Need.of(header)
    assert 0.9 * header.size < need.n_bytes < header.size  # the embedding is the output; only the header is left out
    assert need.multiplies + need.output_multiplies <= header.n_parameters


def test_few_tokens_are_bound_by_memory_and_many_by_computing():
    machine = MachineSpeed(bandwidth=1e9, throughput=1e10, n_threads=1)
    need = Need(n_bytes=500_000_000, multiplies=10**9, output_multiplies=10**8)
    assert need.share(machine, 1, 1.0) == (0.5, "memory")
    share, limit = need.share(machine, 100, 20.0)
    assert (round(share, 4), limit) == (round((100 * 1e9 + 1e8) / 1e10 / 20.0, 4), "compute")


@pytest.fixture
def small(monkeypatch):
    """Less memory to read, and few passes."""
    monkeypatch.setattr(roofline, "COPY_BYTES", 2**24)
    monkeypatch.setattr(roofline, "PASSES", (1, 2, 4))
    monkeypatch.setattr(roofline, "REPEATS", 1)


@pytest.mark.usefixtures("small")
def test_a_machine_is_measured():
    machine = measure_machine(1, seconds=0.05)
    assert machine.bandwidth > 1e8
    assert machine.throughput > 1e8


@pytest.mark.usefixtures("small")
def test_the_command_shows_each_pass(capsys):
    assert run(["bench", "roofline", "--threads", "1", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [row["tokens"] for row in plain["passes"]] == [1, 2, 4]
    assert all(row["share"] > 0 and row["limit"] in ("memory", "compute") for row in plain["passes"])
    assert plain["machine"]["n_threads"] == pytest.approx(1)
