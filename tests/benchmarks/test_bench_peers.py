"""Peers: started, asked and stopped; one that can't run is named and the rest goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edge_lam.cli.main import run
from edge_lam_benchmarks.answers import own_answers
from edge_lam_benchmarks.peers import PEERS, Outcome, PeerFailed, PeerUnavailable, Setup
from edge_lam_benchmarks.peers.base import PeerRefused, calls_schema, openai_calls, text_calls
from edge_lam_benchmarks.peers.comparison import Timed, compare
from edge_lam_benchmarks.peers.tasks import tasks_of

# Speaks llama-server's side of the protocol: ready at once, one answer, then an error, then gone.
SERVER = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
asked = []
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_GET(self): self.reply(200, {{"status": "ok"}})
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if len(asked) == 1:
            calls = '[{{"name": "lock_door", "arguments": {{"locked": true}}}}]'
            self.reply(200, {{"content": calls, "timings": {{"prompt_n": 2, "cache_n": 5, "predicted_n": 9}}}})
        elif len(asked) == 2:
            self.reply(500, {{"error": {{"message": "no  room"}}}})
        else:
            print("error: out of memory", file=sys.stderr, flush=True)
            os._exit(3)
    def reply(self, status, value):
        self.send_response(status); self.end_headers(); self.wfile.write(json.dumps(value).encode())
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def tasks(tiny_lam_path):
    found, replayed = tasks_of(tiny_lam_path, list(own_answers())[9:11])
    assert not replayed
    return found


@pytest.fixture
def setup(tiny_lam_path):
    return Setup(str(tiny_lam_path), 2048, 1, replayed=True)


@pytest.fixture
def server(tmp_path) -> str:
    path = tmp_path / "llama-server"
    path.write_text(SERVER.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


def with_paths(setup, **paths):
    return Setup(setup.model, setup.n_ctx, setup.n_threads, setup.replayed, paths)


def test_tasks_share_an_opening_and_end_in_their_own_request(tasks):
    for pair in tasks:
        task, opening = pair.task, pair.opening
        shared = [one for one, other in zip(task.prompt_tokens, opening.prompt_tokens, strict=False) if one == other]
        assert len(shared) > 100
        assert task.prompt_tokens != opening.prompt_tokens
        assert task.messages[-1]["content"] not in str(opening.messages)
        assert {tool["function"]["name"] for tool in task.tools} >= {name for name, _ in task.calls}


def test_a_server_answers_refuses_and_dies(setup, server, tasks):
    peer = PEERS["llama-server"](with_paths(setup, **{"llama-server": server}))
    peer.start()
    outcome = peer.call(tasks[0].task)
    assert outcome.calls == (("lock_door", {"locked": True}),)
    assert (outcome.n_prompt, outcome.n_cached, outcome.n_generated) == (7, 5, 9)
    with pytest.raises(PeerRefused, match=r"^no room$"):
        peer.call(tasks[0].task)
    with pytest.raises(PeerFailed, match="died: error: out of memory"):
        peer.call(tasks[0].task)
    peer.stop()
    peer.stop()


def test_what_cannot_run_is_named_and_the_rest_runs(setup, tasks, tmp_path):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(100))
    chosen = {name: PEERS[name] for name in ("llama-server", "transformers", "llama-cpp-python")}
    comparison = compare(chosen, with_paths(setup, **{"llama-server": "/nowhere/llama-server"}), tasks[:1])
    assert comparison.absent["llama-server"] == "skipped: there is no program /nowhere/llama-server"
    assert comparison.absent["transformers"].startswith("skipped: needs the checkpoint")
    [entry] = comparison.timed
    assert entry.peer == "llama-cpp-python"
    assert 0 < entry.outcome.n_generated <= tasks[0].task.n_tokens, "as many as the answer has"
    assert entry.outcome.seconds > 0
    assert comparison.facts["llama-cpp-python"]["build"]
    broken = compare({"llama-cpp-python": PEERS["llama-cpp-python"]}, Setup(str(damaged), 512, 1, True), tasks[:1])
    assert broken.timed == []
    assert broken.absent["llama-cpp-python"].startswith("failed: llama-cpp-python ended with exit code 1: ")


def test_a_server_that_ends_at_once_is_not_waited_for(setup):
    peer = PEERS["llama-server"](with_paths(setup, **{"llama-server": "/bin/false"}))
    with pytest.raises(PeerFailed, match="did not start: exit code 1"):
        peer.start()
    peer.stop()


@pytest.mark.parametrize(("name", "fused"), [("llama-server", True), ("llama-server-unfused", False)])
def test_a_server_is_started_with_its_options(setup, tmp_path, name, fused):
    program = tmp_path / "llama-server"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/options\nexit 1\n')
    program.chmod(0o755)
    with pytest.raises(PeerFailed, match="did not start"):
        PEERS[name](with_paths(setup, **{"llama-server": str(program)})).start()
    assert ("-fa off" in (tmp_path / "options").read_text()) is not fused


def test_a_python_that_is_not_there_is_skipped(setup):
    peer = PEERS["transformers"](with_paths(setup, python="/nowhere/python", checkpoint="/nowhere"))
    with pytest.raises(PeerUnavailable, match="/nowhere/python can't be run"):
        peer.start()


def test_a_process_without_the_package_is_skipped(setup, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError(name='torch')")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    peer = PEERS["transformers"](with_paths(setup, python=str(python), checkpoint="/nowhere"))
    with pytest.raises(PeerUnavailable, match="torch is not installed"):
        peer.start()


def test_calls_are_read_from_messages_and_from_text():
    function = {"name": "f", "arguments": '{"a": 1}'}
    assert openai_calls({"tool_calls": [{"function": function}, {"function": {"name": "g", "arguments": "{"}}]}) == (
        ("f", {"a": 1}),
    )
    assert text_calls('[{"name": "f", "arguments": {"a": 1}}]') == (("f", {"a": 1}),)
    assert text_calls("Hello") == text_calls('{"name": "f"}') == text_calls("[1]") == ()


def test_right_is_the_answer_in_any_order():
    expected = (("f", {"a": 1, "b": 2}), ("g", {}))
    assert Timed("p", "t", Outcome(1.0, calls=(("g", {}), ("f", {"b": 2, "a": 1}))), expected).right
    other = Timed("p", "t", Outcome(1.0, calls=(("f", {"a": 1}),)), expected)
    assert other.returned
    assert not other.right


def test_the_schema_of_calls_names_each_tool():
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    [call] = calls_schema(tools)["items"]["anyOf"]
    assert call["properties"] == {"name": {"const": "f"}, "arguments": {"type": "object"}}


def test_the_command_prints_and_writes_what_was_measured(capsys, tmp_path):
    out = tmp_path / "peers.json"
    words = ["--only", "llama-cpp-python", "--only", "llama-server", "--llama-server", "/nowhere/llama-server"]
    assert run(["bench", "peers", "--answers", "1", "--threads", "1", *words, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "llama-server skipped: there is no program /nowhere/llama-server" in shown
    plain = json.loads(out.read_text())
    assert [row["peer"] for row in plain["rows"]] == ["llama-cpp-python"]
    assert len(plain["calls"]) == 1
    assert str(Path.home()) not in json.dumps(plain["setup"]["paths"])
