"""Each program of examples/ is run as its first lines say, on the embedded model."""

from __future__ import annotations

import io
import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from runpy import run_path

import pytest
from starlette.testclient import TestClient

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run a program with some arguments and standard input, from its first line on; return what it prints."""
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def start(name, *args, stdin=""):
        monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        run_path(str(EXAMPLES / name), run_name="__main__")
        shown = capfd.readouterr()
        assert shown.err == ""
        return shown.out

    return start


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_a_program_can_be_read_in_a_minute(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_an_app_starts_from_what_was_baked(run, tmp_path):
    assert re.match(r"baked \d+ tokens into kitchen.prefix\n", run("app_start.py", tmp_path))
    shown = run("app_start.py", tmp_path)
    assert shown.startswith("convert_units {'value': 2, 'from_unit': 'gallons', 'to_unit': 'liters'}\n")
    read, prompt, restored = map(int, re.search(r"(\d+) of (\d+) tokens were read; (\d+) restored", shown).groups())
    assert read < 20
    assert restored == prompt - read > 300


def test_an_agent_asks_before_it_changes_something_and_goes_on_after_a_restart(run, tmp_path):
    state = tmp_path / "state.json"
    typed = "what time is it in Tokyo?\nnote: buy milk\ny\nnote: buy bread\nnot today\n"
    shown = run("approval.py", state, stdin=typed)
    assert shown.count("run it? [y/N, or why not]") == 2
    assert re.search(r"get_time -> .* \(ok\)", shown)
    assert 'add_note -> {"error": "Denied: not today"} (denied)' in shown
    assert 'read_notes -> {"notes": ["buy milk"]} (ok)' in run("approval.py", state, stdin="read my notes\n")
    roles = [message["role"] for message in json.loads(state.read_text())]
    assert roles.count("user") == 4
    assert roles.count("tool") == 4


def test_an_agent_works_and_its_calls_are_logged(run, tmp_path):
    assert run("agent.py").strip()
    assert '"n_tools": 3' in (tmp_path / "home" / "calls.jsonl").read_text()


def test_structured_output(run):
    shown = run("structured_output.py", "The lamp in the office is broken.")
    ticket = json.loads(shown[: shown.rindex("}") + 1])
    assert set(ticket) == {"title", "room", "urgency", "tags"}
    assert ticket["room"] in ("kitchen", "bathroom", "office", "other")
    assert 1 <= ticket["urgency"] <= 5


def test_many_tools_are_read_once(run):
    shown = run("many_tools.py", "switch the light in the kitchen on", "is the heater in the bathroom on?")
    assert "  switch_light {'room': 'kitchen', 'state': 'on'}\n" in shown
    for tools, read in zip(re.findall(r"may call (.*)", shown), re.findall(r"prompt, (\d+) read", shown), strict=True):
        assert len(tools.split(", ")) == 4
        assert int(read) < 30


def test_a_benchmark_of_ones_own_model(run, tiny_lam_path):
    shown = run("benchmark_own_model.py", tiny_lam_path)
    right, replies = map(int, re.search(r"(\d+) of (\d+) right", shown).groups())
    assert replies == 30
    assert right >= 25
    assert re.search(r"total \d+ ms \(median\), \d+ ms \(95 %\)", shown)


def test_a_service_answers_whole_and_as_it_comes(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path))
    spec = spec_from_file_location("fastapi_app", EXAMPLES / "fastapi_app.py")
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fastapi_app", module)
    spec.loader.exec_module(module)
    question = {"text": "what time is it in Europe/Paris?"}
    with TestClient(module.app) as client:
        answer = client.post("/ask", json=question).json()
        assert answer["calls"][0]["name"] == "get_time"
        lines = [json.loads(line) for line in client.post("/stream", json=question).text.splitlines()]
        assert lines[0]["tool"] == "get_time"
        assert "".join(line["text"] for line in lines[1:])
        assert client.post("/ask", json={"text": " "}).json()["detail"]["code"] == "invalid_request"
