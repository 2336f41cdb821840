from __future__ import annotations

import gzip
import json
import resource
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_lam.cli.main import run
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.items import Sample, WorkItem, run_item
from edge_lam_benchmarks.quality.leaderboard_files import write_leaderboard_files
from edge_lam_benchmarks.results import VERSION, ItemResult, Results, companion, read_results
from tests.benchmarks.bench_data import call, make_results

ITEM = WorkItem("latency", "a.gguf", "several calls", "Q8_0", {"tools": 5, "n_threads": 2})


def test_id_is_of_everything_but_the_order_of_options() -> None:
    same = replace(ITEM, options={"n_threads": 2, "tools": 5})
    assert same.id == ITEM.id
    others = [
        replace(ITEM, model="b.gguf"),
        replace(ITEM, quant="Q4_0"),
        replace(ITEM, options={"tools": 1}),
        replace(ITEM, scenario="warm"),
        replace(ITEM, repeat=1),
    ]
    assert len({item.id for item in (ITEM, *others)}) == 6
    assert replace(ITEM, repeat=1).group == ITEM.group
    assert " " not in ITEM.id


def test_items_and_samples_survive_json() -> None:
    sample = Sample({"time.total": 1.5}, {"correct": True}, "turn 2", {"memory.resident": [(0.0, 1.0)]})
    plain = json.loads(json.dumps([ITEM.to_dict(), sample.to_dict()]))
    assert WorkItem.from_dict(plain[0]).id == ITEM.id
    again = Sample.from_dict(plain[1])
    assert (again.values, again.labels, again.part) == (sample.values, sample.labels, sample.part)
    assert [tuple(point) for point in again.series["memory.resident"]] == [(0.0, 1.0)]


def test_unknown_suite_and_scenario_are_named() -> None:
    with pytest.raises(InvalidRequest, match="unknown suite 'speed'"):
        run_item(WorkItem("speed", "", "warm"))
    with pytest.raises(InvalidRequest, match="unknown scenario 'hot'"):
        run_item(WorkItem("latency", "", "hot"))


def test_file_gives_back_what_was_written(tmp_path: Path) -> None:
    results = make_results(tmp_path / "deep" / "a.json")
    results.save()
    again = read_results(results.path)
    assert again.to_dict() == json.loads(json.dumps(results.to_dict()))
    assert again.done("memory")[0].samples[1].series


def test_a_compressed_file_holds_the_same_and_has_its_pages_beside_it(tmp_path: Path) -> None:
    plain, compressed = (make_results(tmp_path / name) for name in ("a.json", "a.json.gz"))
    for results in (plain, compressed):
        results.save()
    assert read_results(compressed.path).to_dict()["items"] == read_results(plain.path).to_dict()["items"]
    assert compressed.path.stat().st_size < plain.path.stat().st_size / 2
    first = compressed.path.read_bytes()
    compressed.save()
    assert compressed.path.read_bytes() == first, "the same results are the same bytes"
    assert companion(compressed.path, ".md") == companion(plain.path, ".md") == tmp_path / "a.md"
    compressed.path.write_bytes(first[:-20])
    with pytest.raises(InvalidRequest, match="is no gzip file"):
        read_results(compressed.path)


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b" " * (65 << 20), compresslevel=1))
    with pytest.raises(InvalidRequest, match="holds more than 64 MiB"):
        read_results(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' + "9" * 5000 + "}", '{"a": NaN}', '"\\ud800"'])
def test_json_that_is_out_of_bounds_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="is not JSON"):
        read_results(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("items", 0, "samples", 0, "values"), {"time.total": "long"}),
        (("items", 0, "item", "options"), 3),
        (("settings",), []),
        (("models",), {"model-Q8_0.gguf": None}),
    ],
)
def test_what_is_of_another_kind_is_damage_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: tuple[str | int, ...], value: object
) -> None:
    results = make_results(tmp_path / "a.json")
    plain: Any = json.loads(json.dumps(results.to_dict()))
    *way, last = place
    holder = plain
    for step in way:
        holder = holder[step]
    holder[last] = value
    results.path.write_text(json.dumps(plain))
    assert run(["bench", "report", str(results.path)]) == 1
    assert f"{results.path} is damaged: " in capsys.readouterr().err


def test_a_category_of_a_result_file_names_no_path(tmp_path: Path) -> None:
    sample = Sample({}, {"category": "/../../../../../escaped", "answer": "", "task": "1"})
    with pytest.raises(InvalidRequest, match="unknown category"):
        write_leaderboard_files([sample], tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("*escaped*"))


def test_what_is_done_is_not_measured_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "a.json", "", 0)
    items = [replace(ITEM, repeat=repeat) for repeat in range(4)]
    results.add(ItemResult(items[0], "done", [call(1)]))
    results.add(ItemResult(items[1], "failed", reason="the machine fell over"))
    results.add(ItemResult(items[2], "skipped", reason="not here"))
    assert [item.repeat for item in read_results(results.path).missing(items)] == [1, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plain: plain | {"version": VERSION + 1}, f"has version {VERSION + 1}"),
        (lambda plain: plain | {"schema": "another"}, "is no result file"),
        (lambda plain: [plain], "is no result file"),
        (lambda plain: {key: value for key, value in plain.items() if key != "items"}, "'items' is missing"),
        (lambda plain: plain | {"items": [{"item": {"suite": "latency"}}]}, "is damaged"),
        (lambda plain: plain | {"items": 3}, "is damaged"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, change, message: str) -> None:
    results = make_results(tmp_path / "a.json")
    results.path.write_text(json.dumps(change(results.to_dict())))
    with pytest.raises(InvalidRequest, match=message):
        read_results(results.path)


def test_no_file_and_no_json_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="can't be read: No such file"):
        read_results(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"schema":')
    with pytest.raises(InvalidRequest, match="is not JSON"):
        read_results(tmp_path / "b.json")


def test_full_disk_leaves_the_file_before(tmp_path: Path) -> None:
    results = Results(tmp_path / "a.json", "", 0)
    results.add(ItemResult(ITEM, "done", [call(1)]))
    before = results.path.read_bytes()
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(InvalidRequest, match="can't be written") as caught:
            results.add(ItemResult(replace(ITEM, repeat=1), "done", [call(2)]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "--resume" in caught.value.hint
    assert results.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    results.save()
    assert len(read_results(results.path).items) == 2


def test_results_that_cannot_be_written_find_a_refuge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").write_text("")
    results = Results(tmp_path / "file" / "a.json", "", 0)
    with pytest.raises(InvalidRequest, match="can't be written") as caught:
        results.add(ItemResult(ITEM, "done", [call(1)]))
    assert str(tmp_path / "edge-lam-a.json") in caught.value.hint
    assert len(read_results(tmp_path / "edge-lam-a.json").done()) == 1
