"""Results name files without the folders of the machine that made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lam_benchmarks.places import file_at, place_of
from edge_lam_benchmarks.quality import BUILT_IN, quality_items


def test_a_file_of_edge_lam_begins_with_the_package() -> None:
    assert place_of(BUILT_IN) == "edge_lam/assets/demo-calls.jsonl"
    assert {item.options["file"] for item in quality_items("", episodes=False)} == {"edge_lam/assets/demo-calls.jsonl"}


def test_a_file_below_the_home_begins_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_of(tmp_path / "models" / "a.gguf") == "~/models/a.gguf"
    assert file_at("~/models/a.gguf") == tmp_path / "models" / "a.gguf"


@pytest.mark.parametrize("text", ["a.gguf", "models/a.gguf", "/mnt/models/a.gguf"])
def test_any_other_stays_as_it_is(text: str) -> None:
    assert place_of(Path(text)) == text
    assert file_at(text) == Path(text)


def test_what_came_with_edge_lam_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_at(place_of(BUILT_IN)).samefile(BUILT_IN)
