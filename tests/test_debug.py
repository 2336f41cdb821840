"""What goes wrong and disturbs nothing is told to who wants to know."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

import edge_lam
from edge_lam._util.debug import reason, show_debug_lines, suppressed
from edge_lam.cli import main as cli


@pytest.fixture
def hear():
    """A program that makes one call, with a place for prefixes that can't be written."""

    def run(tmp_path, **environment):
        blocked = tmp_path / "file"
        blocked.write_text("")
        env = os.environ | {"EDGE_LAM_PREFIX_CACHE": str(blocked / "prefixes"), "EDGE_LAM_LOG": "off"} | environment
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
        return done.stderr

    return run


PROGRAM = """
import edge_lam
def ring() -> None:
    "Ring the bell."
with edge_lam.load() as lam:
    lam.chat("hello", tools=[ring], max_tokens=1)
"""


def test_a_cache_that_can_not_be_written_is_told_where_asked(hear, tmp_path, capfd):
    told = hear(tmp_path, EDGE_LAM_DEBUG="1")
    assert "edge_lam.cache: a prefix of " in told
    assert f"tokens is not kept in {tmp_path}/file/prefixes: [Errno 20] Not a directory" in told
    assert "llama_model_loader" not in told
    assert "llama_model_loader" in hear(tmp_path, EDGE_LAM_DEBUG="all")
    with edge_lam.load(log="off", prefix_cache=tmp_path / "file" / "prefixes") as lam:
        lam.chat("hello", tools=[{"name": "ring", "description": "Ring the bell.", "parameters": {}}], max_tokens=1)
    assert capfd.readouterr().err == "", "nobody asked"


def test_the_command_line_has_a_flag_for_it(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGE_LAM_PREFIX_CACHE", str(tmp_path / "file" / "prefixes"))
    call = ("call", "hi", "--no-run", "--max-tokens", "1", "--log", "off", "--tools", str(tmp_path / "tools.json"))
    (tmp_path / "tools.json").write_text('[{"name": "ring", "description": "Ring the bell.", "parameters": {}}]')
    assert cli.run(call) == 0
    assert capfd.readouterr().err == ""
    assert cli.run([*call, "--debug"]) == 0
    assert "edge_lam.cache: a prefix of " in capfd.readouterr().err


def test_why_a_stored_prefix_is_not_used(tiny_lam_path, tmp_path, caplog):
    def ring() -> None:
        """Ring the bell."""

    where = tmp_path / "prefixes"
    with edge_lam.load(tiny_lam_path, log="off", prefix_cache=where) as lam:
        lam.chat("hello", tools=[ring], max_tokens=1)
    (file,) = where.rglob("*.prefix")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with (
        caplog.at_level(logging.DEBUG, "edge_lam.cache"),
        edge_lam.load(tiny_lam_path, log="off", prefix_cache=where) as lam,
    ):
        assert lam.chat("hello", tools=[ring], max_tokens=1).report.tokens.restored == 0
    assert f"{file} is not used: it is damaged" in caplog.messages


def test_suppressed_errors_are_logged_in_one_line_and_others_go_on(caplog):
    logger = logging.getLogger("edge_lam.test")
    with caplog.at_level(logging.DEBUG, "edge_lam.test"):
        with suppressed(logger, "nothing is kept", OSError, ValueError):
            raise ValueError("two\nlines")
        with pytest.raises(KeyError), suppressed(logger, "nothing is kept", OSError):
            raise KeyError("x")
    assert caplog.messages == ["nothing is kept: two lines"]
    assert reason(MemoryError()) == "MemoryError"


def test_lines_are_shown_once_and_no_longer_than_wanted(capsys):
    logger = logging.getLogger("edge_lam.test")
    for shown in (True, True, False):
        show_debug_lines(shown)
        logger.debug("a line")
    assert capsys.readouterr().err == "edge_lam.test: a line\n" * 2


def test_debug_lines_drive_no_terminal(capsys):
    show_debug_lines()
    try:
        logging.getLogger("edge_lam.cache").debug("left out: %s", "\x1b]0;title\x07\x9b2J")
    finally:
        show_debug_lines(False)
    assert capsys.readouterr().err == "edge_lam.cache: left out: \\x1b]0;title\\x07\\x9b2J\n"
