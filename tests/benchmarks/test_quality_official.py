"""The leaderboard's own checker and executor, in a process that may hang or die."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.quality import official as module
from edge_lam_benchmarks.quality.bfcl import bfcl_items, run_bfcl
from edge_lam_benchmarks.quality.leaderboard_files import write_leaderboard_files
from edge_lam_benchmarks.quality.official import Official

pytest.importorskip("bfcl_eval")

RIGHT = [{"calculate_triangle_area": {"base": 10, "height": 5}}]


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    with Official() as official:
        yield official


def test_an_answer_is_checked(official: Official) -> None:
    entries = official.entries("simple_python")
    assert (len(entries), entries[0]["id"]) == (400, "simple_python_0")
    assert official.check("simple_python", "simple_python_0", RIGHT).valid
    wrong = official.check("simple_python", "simple_python_0", [{"calculate_triangle_area": {"base": 1, "height": 5}}])
    assert (wrong.valid, wrong.kind) == (False, "value_error:others")
    assert "base" in wrong.reason


@pytest.mark.parametrize(("category", "none", "some"), [("irrelevance", True, False), ("live_relevance", False, True)])
def test_no_call_is_right_where_nothing_is_of_use(official: Official, category: str, none: bool, some: bool) -> None:
    identity = official.entries(category)[0]["id"]
    assert official.check(category, identity, []).valid is none
    assert official.check(category, identity, [{"f": {}}]).valid is some


def test_values_of_java_are_read_as_java(official: Official) -> None:
    official.entries("simple_java")
    arguments = {"controller": "mapController", "parent": "mapArea"}
    call = {"GeometryPresentation.createPresentation": arguments}
    assert official.check("simple_java", "simple_java_0", [call]).valid


def test_a_conversation_changes_its_own_world_only(official: Official) -> None:
    official.entries("multi_turn_base")
    one, other = official.world("multi_turn_base_0"), official.world("multi_turn_base_0")
    assert json.loads(one.execute({"cd": {"folder": "document"}}))["current_working_directory"] == "document"
    assert "/workspace/document" in one.execute({"pwd": {}})
    assert "document" not in other.execute({"pwd": {}})
    assert one.execute({"exit": {}}).startswith("Error during execution")
    assert one.execute({"__import__('os').getpid": {}}).startswith("Error during execution")
    assert one.check([[[{"pwd": {}}]]]).kind == "force_terminated"


def test_a_checker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Official() as official:
        official.entries("simple_python")
        assert official.child is not None
        official.child.process.send_signal(signal.SIGSTOP)  # it hangs, where a short limit alone is a race
        monkeypatch.setattr(module, "TIMEOUT", 0.05)
        verdict = official.check("simple_python", "simple_python_0", RIGHT)
        assert (verdict.valid, "took longer than 0.05 s" in verdict.reason) == (False, True)
        monkeypatch.undo()
        assert official.check("simple_python", "simple_python_0", RIGHT).valid


def test_without_bfcl_eval_there_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with Official() as official, pytest.raises(InvalidRequest, match="not installed") as found:
        official.entries("simple_python")
    assert "pip install --no-deps bfcl-eval" in (found.value.hint or "")


def test_a_slice_is_asked_and_judged(tmp_path: Path) -> None:
    items = bfcl_items("", "Q8_0", ["simple_python", "multi_turn_base"], limit=1)
    assert [(item.options["category"], item.options["count"]) for item in items] == [
        ("simple_python", 1),
        ("multi_turn_base", 1),
    ]
    samples = [sample for item in items for sample in run_bfcl(item)]
    assert [sample.labels["task"] for sample in samples] == ["simple_python_0", "multi_turn_base_0"]
    # The tools of the conversation are more than the embedded model's context holds.
    assert (samples[1].labels["correct"], samples[1].labels["kind"]) == (False, "refused:prompt_too_long")
    files = write_leaderboard_files(samples, tmp_path)
    assert [path.name for path in files] == ["BFCL_v4_simple_python_result.json", "BFCL_v4_multi_turn_base_result.json"]
    (line,) = map(json.loads, files[0].read_text().splitlines())
    assert line["id"] == "simple_python_0"
    if samples[0].labels["correct"]:
        assert json.loads(line["result"])[0]["name"] == "calculate_triangle_area"


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="unknown category 'jokes'"):
        bfcl_items("", "", ["jokes"])
