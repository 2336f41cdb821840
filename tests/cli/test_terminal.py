from __future__ import annotations

import json
import os
import pty
import re
import sys

import pytest

from edge_lam.cli.terminal import (
    console,
    count,
    duration,
    json_text,
    one_line,
    plain_table,
    print_table,
    printable,
    size,
)

COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])[0-9;]*m")


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (11_687_648, "11.7 MB"), (12_600, "12.6 kB"), (2.5e9, "2.50 GB")],
)
def test_size(n_bytes, text):
    assert size(n_bytes) == text


@pytest.mark.parametrize(("number", "text"), [(74, "74"), (5_840_000, "5.8 M"), (1_540_000_000, "1.54 B")])
def test_count(number, text):
    assert count(number) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0841, "84 ms"), (1.238, "1.24 s")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_control_characters_are_made_visible():
    assert printable("a\x1b[31mb\tc\nd\x07\x9b\u202e") == "a\\x1b[31mb\tc\nd\\x07\\x9b\\u202e"
    assert one_line("  a\n b\r\x1b ") == "a b \\x1b"


def test_nothing_that_is_printed_drives_a_terminal_but_colours(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    evil = "\x1b]0;title\x07 \x9b2J \u202eevil"
    out = console()
    table = plain_table(evil, evil)
    table.add_row(evil)
    out.print(evil, style="red")
    out.out(evil)
    out.print(table)
    shown = capsys.readouterr().out
    assert shown.count("title") == 5
    assert not set("\x1b\x07\x9b\u202e") & set(re.sub(r"\x1b\[[0-9;]*m", "", shown))


def test_json_escapes_what_is_not_seen_and_says_the_same():
    value = {
        "na\u200bme": "\x1b[2J \x9b \u202e \ufeff \U000e0041 \ud800",
        "words": "Köln می\u200cخواهم 👩\u200d🚀",
    }
    text = json_text(value)
    assert json.loads(text) == value
    assert re.findall(r"\\u\w{4}", text) == "\\u200b \\u001b \\u009b \\u202e \\ufeff \\udb40 \\udc41 \\ud800".split()
    assert value["words"] in text


def test_a_pipe_gets_plain_text_of_a_fixed_width(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    out = console()
    assert out.width == 100
    out.print("bold [red]not markup[/red] :smile:", style="bold red")
    assert capsys.readouterr().out == "bold [red]not markup[/red] :smile:\n"


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colours_unless_no_color(no_color):
    program = "from edge_lam.cli.terminal import console; console().print('red', style='red')"
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color"} | ({"NO_COLOR": "1"} if no_color else {})
    shown = _in_terminal([sys.executable, "-c", program], environment)
    assert "red" in shown
    assert bool(COLOUR.search(shown)) is not no_color


def shown_table(capsys, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    table = plain_table("On this disk", "model", "\nsize", "licence")
    table.add_row("acme/a-model-with-a-name-of-some-length:Q4_K_M", "1.23 GB", "apache-2.0")
    table.add_row("acme/b", "-", "mit")
    print_table(console(), table)
    return capsys.readouterr().out.splitlines()


def test_a_table_that_a_terminal_is_too_narrow_for_is_shown_row_by_row(capsys, monkeypatch):
    assert shown_table(capsys, monkeypatch, 60) == [
        "On this disk",
        "acme/a-model-with-a-name-of-some-length:Q4_K_M",
        "  size: 1.23 GB, licence: apache-2.0",
        "acme/b",
        "  licence: mit",
    ]
    assert max(map(len, shown_table(capsys, monkeypatch, 30)[2:])) <= 30
    assert len(shown_table(capsys, monkeypatch, 80)) == 5


def test_a_pipe_gets_the_lines_of_a_table_as_long_as_they_are(capsys, monkeypatch):
    monkeypatch.setattr("edge_lam.cli.terminal.PLAIN_WIDTH", 30)
    rows = shown_table(capsys, monkeypatch, None)
    assert rows[-2] == "acme/a-model-with-a-name-of-some-length:Q4_K_M  1.23 GB  apache-2.0"


def _in_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run a command in a terminal of its own and return what it printed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment)  # noqa: S606
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # how Linux says that the child closed its terminal
        pass
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode()
