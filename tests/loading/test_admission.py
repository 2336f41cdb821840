"""Whether a model may be loaded, decided before it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine.engine import warn_of_coarse_kv
from edge_lam.errors import InsufficientMemory, InvalidRequest
from edge_lam.llama import ModelFile
from edge_lam.llama.plan import plan_memory
from edge_lam.loading import admission
from edge_lam.loading.admission import Limit, admit, fit, limits_of, read_budget
from edge_lam.metrics import memory_limit
from edge_lam.metrics.memory import MachineMemory


@pytest.fixture(scope="module")
def file(tiny_lam_path):
    return ModelFile.read(tiny_lam_path)


def load(**options):
    return edge_lam.load(log=False, prefix_cache=False, **options)


def test_what_fits_is_loaded_as_it_was_asked_for(file):
    wanted = plan_memory(file, n_ctx=1024)
    with load(n_ctx=1024, memory_budget=wanted.total) as lam:
        assert lam.info.n_ctx == 1024


def test_over_the_budget_it_is_refused_and_told_what_fits(file):
    budget = plan_memory(file, n_ctx=1024).total
    with pytest.raises(
        InsufficientMemory, match=r"with 2048 tokens of context takes .* more than the memory budget"
    ) as refused:
        load(n_ctx=2048, memory_budget=budget)
    error = refused.value
    assert (error.available, error.n_ctx, error.code) == (budget, 1024, "insufficient_memory")
    assert error.needed == pytest.approx(plan_memory(file, n_ctx=2048).total, rel=0.01)
    assert re.fullmatch(r"a context of 1024 tokens fits, one of \d+ with kv_type q8_0", error.hint)
    with load(n_ctx=error.n_ctx, memory_budget=budget) as lam:
        taken = lam.info.kv_bytes + lam.info.compute_bytes + lam.info.size
        assert 0.95 * budget < taken <= budget


def test_the_context_is_shortened_where_that_is_allowed(file, caplog):
    budget = plan_memory(file, n_ctx=1024).total
    with load(memory_budget=budget, fit_context=True) as lam:
        assert lam.info.n_ctx == 1024
    assert "shortened from 4096 tokens to the 1024 that fit" in caplog.text
    with load(memory_budget=budget, fit_context=True, kv_type="q8_0") as lam:
        assert lam.info.n_ctx > 1024
    more_rows = 2**17  # of logits
    with load(memory_budget=budget + more_rows, fit_context=True, n_parallel=4) as lam:
        assert (lam.info.n_ctx, lam.info.n_parallel) == (256, 4)


@pytest.mark.parametrize("n_parallel", [1, 4])
@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_what_is_taken_is_never_over_the_budget(file, n_parallel, kv_type):
    """To the byte, with all rows of logits: one byte less, and the context is shorter."""
    options = {"n_parallel": n_parallel, "kv_type": kv_type}
    with load(n_ctx=512, **options) as lam:
        taken = lam.info.kv_bytes + lam.info.compute_bytes + lam.info.size
    for budget, n_ctx in ((taken, 512), (taken - 1, 256)):
        with load(n_ctx=512, memory_budget=budget, fit_context=True, **options) as lam:
            assert lam.info.n_ctx == n_ctx


def test_where_no_context_fits_it_is_refused_all_the_same(file):
    with pytest.raises(InsufficientMemory) as refused:
        load(memory_budget="2MiB", fit_context=True)
    assert refused.value.n_ctx is None
    assert refused.value.hint == "use a smaller model or quantization"


def test_weights_count_as_mapped(file):
    """Against what is free count only keys, values and compute; against a whole machine or container all."""
    plan = plan_memory(file, n_ctx=1024)
    assert fit(file, plan, [Limit(plan.held, "all that is free", counts_weights=False)]) == plan
    with pytest.raises(InsufficientMemory, match="beside its weights, more than all that is free") as refused:
        fit(file, plan, [Limit(plan.held - 1, "all that is free", counts_weights=False)])
    assert refused.value.n_ctx == 768
    with pytest.raises(InsufficientMemory, match="more than this machine"):
        fit(file, plan, [Limit(plan.total - 1, "this machine")])


def test_the_tightest_limit_decides(file):
    plan = plan_memory(file, n_ctx=4096)
    tight, loose = plan_memory(file, n_ctx=512).total, plan_memory(file, n_ctx=1024).total
    limits = [Limit(loose, "one"), Limit(tight, "another")]
    assert fit(file, plan, limits, fit_context=True).n_ctx == 512


def test_where_the_system_tells_nothing_only_the_budget_is_held(monkeypatch, file, caplog):
    monkeypatch.setattr(admission, "machine_memory", lambda: MachineMemory(None, None, 0))
    monkeypatch.setattr(admission, "memory_limit", lambda: None)
    assert list(limits_of("cpu", None)) == []
    assert [limit.n_bytes for limit in limits_of("cpu", 1000)] == [1000]
    plan = plan_memory(file, n_ctx=1024)
    with caplog.at_level("DEBUG", "edge_lam"):
        assert admit(file, plan, device="cpu") == (plan, False)
    assert "not held against the memory of this machine" in caplog.text


def test_this_machine_limits_what_no_budget_does():
    memory = psutil.virtual_memory()
    machine, *others = limits_of("cpu", None)
    assert machine.n_bytes == memory.total
    assert all(0 < limit.n_bytes <= memory.total + psutil.swap_memory().total for limit in others)
    assert [limit.counts_weights for limit in others][-1:] == [False]
    budget, *same = limits_of("cpu", 1000)
    assert (budget.n_bytes, budget.counts_weights) == (1000, True)
    assert [limit.counts_weights for limit in same] == [limit.counts_weights for limit in (machine, *others)]


def test_where_weights_must_be_dropped_at_times_no_copies_are_made_of_them(file, caplog):
    memory = psutil.virtual_memory()
    if memory_limit() is not None:
        pytest.skip("the container allows less than the machine has")
    plan = plan_memory(file, n_ctx=1024)
    assert admit(file, plan, device="cpu") == (plan, False)
    large = replace(plan, weights=(memory.available + memory.total) // 2)
    assert admit(file, large, device="cpu") == (large, True)
    assert "it will be slow" in caplog.text
    assert admit(file, large, device="cpu", budget=False) == (large, False)
    with pytest.raises(InsufficientMemory, match="of this machine"):
        admit(file, replace(plan, weights=memory.total), device="cpu")


def test_unchecked_on_request():
    with load(memory_budget=False, n_ctx=512) as lam:
        assert lam.info.n_ctx == 512


@pytest.mark.parametrize("budget", ["much", "", 0, -5, True, 1.5, [1]])
def test_budgets_that_are_none(budget):
    with pytest.raises(InvalidRequest) as refused:
        read_budget(budget)
    assert refused.value.param == "memory_budget"


def test_budgets(file):
    assert [read_budget(budget) for budget in (None, False, 77, "77", "2GiB")] == [None, None, 77, 77, 2**31]


def test_types_of_few_bits_warn_once_when_tools_are_used(caplog):
    warn_of_coarse_kv.cache_clear()
    with load(kv_type="q4_0", n_ctx=2048) as lam:
        lam.chat("hi", max_tokens=1)
        assert not caplog.messages
        for _ in range(2):
            lam.chat("hi", tools=DEMO_TOOLS[:1], max_tokens=1)
    assert [message[:33] for message in caplog.messages] == ["keys and values are kept as q4_0,"]
    caplog.clear()
    with load(kv_type="q8_0", n_ctx=2048) as lam:
        lam.chat("hi", tools=DEMO_TOOLS[:1], max_tokens=1)
    assert not caplog.messages


LIMITED = """
import sys, resource, edge_lam
from edge_lam.errors import InsufficientMemory
from edge_lam._util.addresses import address_space

edge_lam.load(log=False, prefix_cache=False, n_ctx=64).close()  # what loading takes beside the model
assert address_space() is None
with open("/proc/self/status") as status:
    taken = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    edge_lam.load(log=False, prefix_cache=False)
except InsufficientMemory as error:
    print(error.message)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells how many addresses are taken")
def test_addresses_that_are_limited_are_memory_too(file):
    half = plan_memory(file, n_ctx=4096).total // 2
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(half)], capture_output=True, text=True, check=True, env=path_kept()
    )
    assert re.search(
        r"takes .* more than the .* of addresses \(ulimit -v\) that libraries and threads leave", done.stdout
    )


def path_kept():
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
