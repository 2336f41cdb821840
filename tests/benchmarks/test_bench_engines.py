from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.engines import open_engine
from edge_lam_benchmarks.engines.local import LocalEngine
from edge_lam_benchmarks.engines.worker import Worker, WorkerError
from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.quality import BUILT_IN
from edge_lam_benchmarks.results import ItemResult, Results, read_results
from edge_lam_benchmarks.runs import run_items

OPTIONS = {"tools": 1, "n_threads": 1}
TASKS = {"file": str(BUILT_IN), "n_threads": 1}


@pytest.fixture(scope="module")
def warm(tiny_lam_path: Path) -> WorkItem:
    return WorkItem("latency", str(tiny_lam_path), "warm", "Q8_0", OPTIONS)


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    local = LocalEngine()
    yield local
    local.close()


def test_items_come_back_in_order_with_their_place(engine: LocalEngine, warm: WorkItem) -> None:
    missing = replace(warm, model="nowhere/none.gguf")
    results = list(engine.run([warm, missing, replace(warm, repeat=1)]))
    assert [result.status for result in results] == ["done", "failed", "done"]
    assert "nowhere/none.gguf" in results[1].reason
    assert [result.where for result in results] == list(engine.environments) * 3
    assert all(result.seconds > 0 for result in results)


def test_a_worker_that_dies_is_replaced(engine: LocalEngine, warm: WorkItem) -> None:
    list(engine.run([replace(warm, model="nowhere/none.gguf")]))
    engine.worker.child.process.kill()
    (result,) = engine.run([warm])
    assert result.status == "done"


def test_a_worker_that_dies_again_fails_its_item_alone(engine: LocalEngine, warm: WorkItem) -> None:
    def kill() -> None:
        killed = []
        while len(killed) < 2:
            worker = engine.worker
            if worker is not None and worker not in killed:
                time.sleep(0.05)
                worker.child.process.kill()
                killed.append(worker)
            time.sleep(0.01)

    long = WorkItem("quality", warm.model, "tasks", "Q8_0", TASKS)
    killer = threading.Thread(target=kill)
    killer.start()
    (failed,) = engine.run([long])
    killer.join()
    assert failed.status == "failed"
    assert "SIGKILL" in failed.reason
    (result,) = engine.run([warm])
    assert result.status == "done"


def test_a_pinned_worker_uses_its_cores_alone_and_ends_an_item_that_takes_too_long(warm: WorkItem) -> None:
    cpus = [min(os.sched_getaffinity(0))] if hasattr(os, "sched_setaffinity") else None
    worker = Worker(cpus)
    if cpus is not None:
        assert worker.environment["processor"]["usable"] == 1
    with pytest.raises(WorkerError, match="took longer than"):
        worker.run(warm, timeout=0.001)
    process = worker.child.process
    worker.close()
    worker.close()
    assert process.returncode == -signal.SIGKILL


def test_an_interrupted_run_goes_on(tmp_path: Path, warm: WorkItem) -> None:
    items = [replace(warm, repeat=repeat) for repeat in (-1, 0, 1)]
    seen: list[ItemResult] = []

    def stop(result: ItemResult, done: int, total: int) -> None:
        assert total == 3
        seen.append(result)
        if done == 2:
            raise KeyboardInterrupt

    results = Results(tmp_path / "a.json", "", 0)
    with pytest.raises(KeyboardInterrupt):
        run_items(results, items, LocalEngine(), stop)
    kept = read_results(tmp_path / "a.json")
    assert [result.item.repeat for result in kept.items.values()] == [0]
    assert not kept.finished
    again: list[ItemResult] = []
    run_items(kept, items, LocalEngine(), lambda result, _done, _total: again.append(result))
    assert [result.item.repeat for result in again] == [-1, 1], "what was measured is not measured again"
    assert read_results(tmp_path / "a.json").finished


def test_ray_runs_every_item_once(warm: WorkItem) -> None:
    pytest.importorskip("ray")
    cluster = open_engine("ray")
    shared = [WorkItem("quality", warm.model, "tasks", "Q8_0", {**TASKS, "first": n, "count": 2}) for n in range(3)]
    items = [warm, replace(warm, repeat=1), *shared, replace(warm, model="nowhere/none.gguf")]
    try:
        results = {result.item.id: result for result in cluster.run(items)}
        assert sorted(results) == sorted(item.id for item in items)
        assert [results[item.id].status for item in items] == ["done"] * 5 + ["failed"]
        usable = {key: facts["processor"]["usable"] for key, facts in cluster.environments.items()}
        assert {usable[results[item.id].where] for item in shared} == {1}, "each on a core of its own"
        assert usable[results[warm.id].where] == len(os.sched_getaffinity(0))
    finally:
        cluster.close()


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InvalidRequest, match="Ray is not installed") as caught:
        open_engine("ray")
    assert "edge-lam[ray]" in caught.value.hint
