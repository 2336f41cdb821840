"""Tools from Python files, JSON files and modules, and every way that can fail."""

import json
import sys

import pytest

from edge_lam.errors import InvalidTool
from edge_lam.tools import load_tools, pick_tools

DEFINITION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}, "required": []}}


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_public_typed_functions_of_the_file_are_tools(tmp_path):
    source = write(
        tmp_path / "tools.py",
        """
from __future__ import annotations
from json import dumps
from dataclasses import dataclass
import helper

@dataclass
class Place:
    city: str

def first(place: Place) -> str:
    '''Name a place.'''
    return helper.shout(place.city)

def _hidden(x: int) -> int: ...
def untyped(x): ...
def main(): ...
def second() -> int:
    return 2
""",
    )
    write(tmp_path / "helper.py", "def shout(text):\n    return text.upper()\n")
    tools = load_tools(source)
    assert [tool.name for tool in tools] == ["first", "second"]
    assert tools[0].run({"place": {"city": "nice"}}) == "NICE"
    assert str(tmp_path) not in sys.path


def test_decorated_functions_of_the_file_are_tools(tmp_path):
    write(tmp_path / "others.py", "import edge_lam\n@edge_lam.tool\ndef other() -> int: ...\n")
    source = write(
        tmp_path / "decorated.py",
        "import edge_lam\nfrom others import other\n"
        "@edge_lam.tool(name='first')\ndef one(): ...\ndef two(x: int): ...\n_hidden = edge_lam.tool(two)\n",
    )
    assert [tool.name for tool in load_tools(source)] == ["first", "two"]


def test_tools_list_of_a_file_wins(tmp_path):
    source = write(
        tmp_path / "t.py",
        f"def a(x: int) -> int: return x\ndef b(x: int) -> int: return x\nTOOLS = [b, {DEFINITION!r}]\n",
    )
    assert [tool.name for tool in load_tools(str(source))] == ["b", "f"]


@pytest.mark.parametrize("content", [[DEFINITION], {"tools": [DEFINITION]}])
def test_json(tmp_path, content):
    source = tmp_path / "t.JSON"
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())  # Windows editors write a byte order mark
    assert load_tools(source)[0].definition() == DEFINITION


def test_module_attribute(tmp_path, monkeypatch):
    write(tmp_path / "edge_lam_test_module.py", "def f(x: int) -> int:\n    return x\n\nclass Kit:\n    TOOLS = [f]\n")
    monkeypatch.chdir(tmp_path)
    assert [tool.name for tool in load_tools("edge_lam_test_module:f")] == ["f"]
    assert [tool.name for tool in load_tools("edge_lam_test_module:Kit.TOOLS")] == ["f"]
    with pytest.raises(InvalidTool, match="module 'edge_lam_test_module' has no attribute 'g'"):
        load_tools("edge_lam_test_module:g")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.py", "x = (\n", r"t\.py can't be imported: line 1: "),
        ("t.py", "\n\nimport no_such_module_x\n", "line 3: ModuleNotFoundError: No module named"),
        ("t.py", "def f():\n    1 / 0\nf()\n", "line 2: ZeroDivisionError"),
        ("t.py", "raise SystemExit('bye')\n", "line 1: SystemExit: bye"),
        ("t.py", "import asyncio\nraise asyncio.CancelledError\n", "line 2: CancelledError"),
        ("t.py", "class E(Exception):\n __str__ = None\nraise E\n", "line 3: E: it can't be shown"),
        ("t.py", "x = 1\n", "holds no tools"),
        ("t.py", "def f(x): return x\n", "holds no tools.*annotations to f"),
        ("t.py", "TOOLS = []\n", "holds no tools"),
        ("t.py", "TOOLS = 5\n", "must be a list, not int"),
        ("t.py", "def f(x: int, y) -> int: return x\n", "parameter 'y' of 'f' has no type"),
        ("t.json", '[\n {"name": }\n]', "is not JSON: line 2, column 11"),
        ("t.json", "[" * 100_000, "is not JSON"),
        ("t.json", "{}", "holds no list of tools"),
        ("t.json", "5", "holds no list of tools"),
        ("t.json", "[]", "holds no tools"),
        ("t.json", '[{"name": "f"}, {"name": "f"}]', "two tools are named 'f'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, text, message):
    source = write(tmp_path / name, text)
    before = set(sys.modules)
    with pytest.raises(InvalidTool, match=message) as caught:
        load_tools(source)
    assert "\n" not in caught.value.message
    if "can't be imported" in message:
        assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/t.py", "no such file: nowhere/t.py"),
        ("nowhere/t.json", "no such file"),
        ("tools.yaml", "names no tools"),
        ("tools.py:lamp", "neither file nor module"),
        ("no_such_module_x:f", "module 'no_such_module_x' can't be imported: ModuleNotFoundError"),
    ],
)
def test_sources_that_are_not_there(source, message):
    with pytest.raises(InvalidTool, match=message):
        load_tools(source)


def test_folder_and_binary_file(tmp_path):
    (tmp_path / "dir.json").mkdir()
    with pytest.raises(InvalidTool, match="can't be read"):
        load_tools(tmp_path / "dir.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidTool, match="is not UTF-8"):
        load_tools(tmp_path / "b.json")


NAMED = [{"name": name} for name in ("read_file", "read_mail", "write_file", "send")]
UNREAD = {"name": "write_mail", "schema_of_mine": {"type": "object"}}


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        ({}, ["read_file", "read_mail", "write_file", "send"]),
        ({"allow": ["read_*"]}, ["read_file", "read_mail"]),
        ({"allow": ["send", "*_file"]}, ["read_file", "write_file", "send"]),
        ({"deny": ["*_file"]}, ["read_mail", "send"]),
        ({"allow": ["*_file", "send"], "deny": ["write_*"]}, ["read_file", "send"]),
        ({"allow": ["[rs]*"]}, ["read_file", "read_mail", "send"]),
    ],
)
def test_tools_are_picked_by_name(globs, names):
    assert [tool.name for tool in pick_tools(NAMED, **globs)] == names


@pytest.mark.parametrize(
    ("globs", "message"),
    [
        ({"allow": ["raed_*"]}, r"'raed_\*' matches no tool \(tools: read_file, read_mail, write_file, send\)"),
        ({"deny": ["delete_*"]}, r"'delete_\*' matches no tool"),
        ({"allow": ["send"], "deny": ["send"]}, "no tool is left"),
        ({"allow": ["SEND"]}, "'SEND' matches no tool"),
    ],
)
def test_names_that_pick_nothing_are_refused(globs, message):
    with pytest.raises(InvalidTool, match=message):
        pick_tools(NAMED, **globs)


def test_a_tool_that_cannot_be_read_is_left_out_only_where_that_is_asked_for(tmp_path):
    path = write(tmp_path / "tools.json", json.dumps([*NAMED, UNREAD]))
    with pytest.raises(InvalidTool, match="tool 'write_mail' has no parameters"):
        load_tools(path)
    heard = []
    assert len(load_tools(path, on_bad=heard.append)) == 4
    assert [error.tool for error in heard] == ["write_mail"]
    assert len(load_tools(path, deny=["write_mail"])) == 4
    with pytest.raises(InvalidTool, match="no tool is left"):
        load_tools(path, allow=["write_mail"], on_bad=heard.append)


def test_a_module_whose_own_code_fails_to_say_what_it_holds_is_refused(tmp_path):
    path = tmp_path / "t.py"
    path.write_text("def __getattr__(name): raise RuntimeError(name)\n")
    with pytest.raises(InvalidTool, match=r"t\.py can't say what its TOOLS is: RuntimeError: TOOLS"):
        load_tools(path)
