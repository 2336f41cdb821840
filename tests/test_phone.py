"""A phone's day: memory is asked back, the app is stopped amid a call, the model is an asset of the app."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS, get_time
from edge_lam.errors import Closed, InvalidRequest

QUESTION = "Convert 5 miles to km, please. I would like to know how far it is to the next town, and back again. " * 2
TOOLS = DEMO_TOOLS[:2]


@pytest.fixture
def lam(tmp_path):
    with edge_lam.load(log=False, prefix_cache=tmp_path / "prefixes") as lam:
        yield lam


def following(reply) -> list[dict]:
    result = '{"result": 8.05, "unit": "km"} and some more words on how far the next town really is from here, ' * 3
    results = [
        {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": result} for call in reply.tool_calls
    ]
    return [{"role": "user", "content": QUESTION}, reply.message, *results]


def test_trimmed_memory_is_given_back_and_the_next_call_goes_on_with_its_conversation(lam):
    reply = lam.chat(QUESTION, tools=TOOLS, tool_choice="required")
    turns, engine = following(reply), lam.engine
    n_first = reply.report.tokens.prompt
    held = reply.report.memory
    assert lam.trim() >= held.weights + held.kv
    assert not engine.core.owner.is_alive()
    assert lam.trim() == 0
    again = lam.chat(turns, tools=TOOLS)
    assert lam.engine is not engine
    assert again.report.tokens.restored > n_first - 10  # nothing of tools and question is read again
    with edge_lam.load(log=False, prefix_cache=False) as fresh:
        expected = fresh.chat(turns, tools=TOOLS)
    assert (again.text, [call.arguments for call in again.tool_calls]) == (
        expected.text,
        [call.arguments for call in expected.tool_calls],
    )


def test_a_running_reply_keeps_its_model_and_loses_nothing(lam):
    stream = lam.stream(QUESTION, tools=TOOLS, tool_choice="required")
    engine = lam.engine
    assert next(stream)
    assert lam.trim() < engine.model.size + engine.context.kv_bytes
    reply = stream.result()
    assert reply.tool_calls
    assert lam.engine is engine
    assert lam.chat(QUESTION, tools=TOOLS, tool_choice="required").report.memory.prefixes == 0


def test_a_trimmed_model_can_be_closed_and_is_closed_then(lam):
    assert lam.trim() > 0
    assert lam.trim() == 0
    assert repr(lam) == "LAM(trimmed)"
    lam.close()
    assert lam.trim() == 0
    with pytest.raises(Closed):
        lam.chat("hello")


STOPPED = """
import edge_lam
with edge_lam.load(n_parallel=2, log=False, prefix_cache=False) as lam:
    lam.chat("hello", max_tokens=5)
    tokens = lam.tokenize("one two three four five six seven eight nine ten " * 20)
    options = {"max_tokens": 400, "temperature": 5.0, "seed": 3}
    streams = [lam.generate(tokens, timeout=timeout, **options) for timeout in (1.2, 600.0)]
    for stream in streams:
        next(stream)
    print("begun", flush=True)
    for stream in streams:
        report = stream.result().report
        print(report.finish_reason, report.times.total, flush=True)
    print(lam.chat("hello", max_tokens=5).report.finish_reason != "", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_an_app_that_is_stopped_amid_a_reply_goes_on_and_its_clock_ran_on(tmp_path):
    environment = {**os.environ, "EDGE_LAM_SELF_TEST": "skip", "EDGE_LAM_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.3)
        child.send_signal(signal.SIGCONT)
        for ends in ("timeout", "length"):
            reason, total = child.stdout.readline().split()
            assert (reason in (ends, "stop"), float(total) > 1.3) == (True, True), total
        assert child.stdout.readline() == "True\n"
    assert child.returncode == 0


@pytest.fixture
def descriptor(tiny_lam_path):
    fd = os.open(tiny_lam_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def ask(lam) -> str:
    reply = lam.chat("what time is it in Oslo?", tools=[get_time], tool_choice="get_time")
    return reply.tool_calls[0].arguments["city"]


@pytest.mark.skipif(not sys.platform.startswith(("linux", "darwin")), reason="a descriptor has a path there alone")
def test_a_model_comes_from_a_descriptor_that_is_closed_and_whose_file_is_gone(tiny_lam_path, tmp_path):
    file = tmp_path / "asset.gguf"
    shutil.copy(tiny_lam_path, file)
    fd = os.open(file, os.O_RDONLY)
    with edge_lam.load(fd=fd, log=False, prefix_cache=False) as lam:
        os.close(fd)
        file.unlink()
        assert (ask(lam), lam.info.name) == ("Oslo", "tiny-lam")
        assert lam.trim() > 0
        assert ask(lam) == "Oslo"


def test_an_asset_inside_of_a_file_is_copied_once(tiny_lam_path, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path / "home"))
    app, length = tmp_path / "app.apk", tiny_lam_path.stat().st_size
    app.write_bytes(b"PK" * 1000 + tiny_lam_path.read_bytes() + b"end")
    times = []
    for _ in range(2):
        with app.open("rb") as file, edge_lam.load(fd=(file.fileno(), 2000, length), log=False) as lam:
            assert ask(lam) == "Oslo"
            times.append(Path(lam.info.path).stat().st_mtime_ns)
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("fd", "said"),
    [
        ("3", "fd can't be '3'"),
        ((3, 0), "fd can't be"),
        ((3, -1, 5), "fd can't be"),
        (True, "fd can't be True"),
        (987654, "the file descriptor 987654 can't be used: Bad file descriptor"),
    ],
)
def test_what_is_no_descriptor_is_refused(fd, said):
    with pytest.raises(InvalidRequest, match=re.escape(said)) as caught:
        edge_lam.load(fd=fd)
    assert caught.value.param == "fd"


def test_a_pipe_two_models_and_a_part_that_is_not_there_are_refused(descriptor, tiny_lam_path):
    reading, writing = os.pipe()
    try:
        with pytest.raises(InvalidRequest, match="no regular file"):
            edge_lam.load(fd=reading)
    finally:
        os.close(reading)
        os.close(writing)
    with pytest.raises(InvalidRequest, match="two models"):
        edge_lam.load(tiny_lam_path, fd=descriptor)
    with pytest.raises(InvalidRequest, match="not all in a file") as caught:
        edge_lam.load(fd=(descriptor, 100, tiny_lam_path.stat().st_size))
    assert "noCompress" in caught.value.hint


def test_pages_may_have_16_kb(monkeypatch, tiny_lam_path, tmp_path):
    """What is mapped begins at one, whatever their size."""
    offsets = []

    class Mapping(mmap.mmap):
        def __new__(cls, *arguments, offset=0, **options):
            offsets.append(offset)
            if offset % 16384:
                raise ValueError("an offset amid a page")
            return super().__new__(cls, *arguments, offset=offset, **options)

    monkeypatch.setattr(mmap, "mmap", Mapping)
    monkeypatch.setattr(mmap, "PAGESIZE", 16384)
    monkeypatch.setattr(mmap, "ALLOCATIONGRANULARITY", 16384)
    with edge_lam.load(tiny_lam_path, log=False, prefix_cache=tmp_path) as lam:
        assert ask(lam) == "Oslo"
    with edge_lam.load(tiny_lam_path, log=False, prefix_cache=tmp_path, repack=False) as lam:
        assert ask(lam) == "Oslo"
    assert offsets
