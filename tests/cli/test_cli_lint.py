"""`edge-lam lint` in the terminal."""

from __future__ import annotations

import json

GOOD = {
    "name": "get_weather",
    "description": "Get the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "array", "uniqueItems": True}},
        "required": ["city"],
    },
}
BAD = {"name": "book", "parameters": {"properties": {"when": {"type": "string", "minLenght": 3}}}}
ODD = {
    "name": "visit",
    "parameters": {
        "properties": {"when": {"type": "string", "format": "datetime"}, "where": {"type": "string", "format": "json"}},
        "additionalProperties": {"type": "string"},
    },
}


def test_every_keyword_is_told(edge_lam, tmp_path):
    source = tmp_path / "tools.json"
    source.write_text(json.dumps([GOOD]))
    shown = edge_lam("lint", source)
    assert shown.code == 0, shown.err
    assert "/properties/city  type: enforced by grammar" in shown.out
    assert "/properties/days  uniqueItems: checked after decoding" in shown.out
    assert "of a context of 4,096 tokens" in shown.out
    assert "\x1b" not in shown.out


def test_exit_code_is_1_if_something_is_refused(edge_lam, tmp_path):
    source = tmp_path / "tools.json"
    source.write_text(json.dumps([GOOD, BAD]))
    shown = edge_lam("lint", source)
    assert shown.code == 1
    assert "/properties/when  minLenght: refused (did you mean minLength?)" in shown.out
    shown = edge_lam("lint", source, "--json")
    assert shown.code == 1
    report = json.loads(shown.out)
    assert (report["format"], report["context"]) == ("xlam-2-qwen", 4096)
    assert [tool["name"] for tool in report["tools"]] == ["get_weather", "book"]
    assert report["tokens"] == sum(tool["tokens"] for tool in report["tools"]) > 0
    assert [bool(tool["refused"]) for tool in report["tools"]] == [False, True]
    assert report["tools"][1]["refused"]["path"] == "/properties/when"


def test_what_holds_less_than_it_seems_is_told(edge_lam, tmp_path):
    source = tmp_path / "tools.json"
    source.write_text(json.dumps([ODD]))
    shown = edge_lam("lint", source)
    assert shown.code == 0
    assert "/properties/when  format: no constraint (unknown format 'datetime'; did you mean date-time?)" in shown.out
    assert "/properties/where  format: no constraint (unknown format 'json')\n" in shown.out
    assert "  /  open: takes properties that are not listed" in shown.out


def test_python_files_and_their_bad_functions(edge_lam, tmp_path):
    source = tmp_path / "my.py"
    source.write_text("def good(x: int) -> int:\n    return x\ndef bad(x: int, y) -> int:\n    return x\n")
    shown = edge_lam("lint", source)
    assert shown.code == 1
    assert "/properties/x  type: enforced by grammar" in shown.out
    assert "parameter 'y' of 'bad' has no type" in shown.out


def test_another_format_counts_other_tokens(edge_lam, lamp):
    own = json.loads(edge_lam("lint", lamp, "--json").out)
    other = json.loads(edge_lam("lint", lamp, "--json", "--format", "xlam-1-fc").out)
    assert other["format"] == "xlam-1-fc"
    assert 0 < other["tokens"] < own["tokens"]  # one line instead of an indented definition


def test_what_holds_no_tools(edge_lam, tmp_path):
    shown = edge_lam("lint", tmp_path / "none.json")
    assert shown.code == 1
    assert "no such file" in shown.err
    assert shown.out == ""
    assert edge_lam("lint").code == 2
