from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from edge_lam.cli.main import COMMANDS, commands


def test_help_lists_commands_and_exit_codes(edge_lam):
    shown = edge_lam("--help")
    assert shown.code == 0
    for expected in (*COMMANDS, "Exit codes:", "130  interrupted", "Examples:"):
        assert expected in shown.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(edge_lam, name):
    shown = edge_lam(name, "-h")
    assert shown.code == 0
    assert shown.out.count(f"  edge-lam {name}") >= 2
    assert "--debug" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_help_says(name):
    command = commands.get_command(None, name)
    assert command.name == name
    assert command.help.splitlines()[0] == COMMANDS[name]


def test_without_a_command_help_is_shown(edge_lam):
    shown = edge_lam()
    assert shown.code == 2
    assert "Commands:" in shown.out + shown.err


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["inof"], "no command 'inof', did you mean 'info'?", "see edge-lam --help"),
        (["zzz"], "no command 'zzz'", "see edge-lam --help"),
        (["info", "--jsn"], "No such option", "see edge-lam info --help"),
        (["call", "hi", "--temperature", "warm"], "Invalid value for '--temperature'", "see edge-lam call --help"),
        (["call", "hi", "--top-p", "0"], "Invalid value for '--top-p'", "see edge-lam call --help"),
        (["demo", "--threads", "0"], "Invalid value for '--threads'", "see edge-lam demo --help"),
        (["demo", "--device", "abacus"], "Invalid value for '--device'", "see edge-lam demo --help"),
    ],
)
def test_wrong_usage_is_told_in_two_lines(edge_lam, args, message, hint):
    shown = edge_lam(*args)
    assert shown.code == 2
    assert shown.out == ""
    first, second = shown.err.splitlines()
    assert first.startswith(f"edge-lam: error: {message}")
    assert second == f"hint: {hint}"


def test_an_error_is_told_in_two_lines(edge_lam, tmp_path):
    shown = edge_lam("info", tmp_path / "none.gguf")
    assert shown.code == 1
    first, second = shown.err.splitlines()
    assert first == f"edge-lam: error: there is no file {tmp_path / 'none.gguf'}, and it is no model on the hub"
    assert second.startswith("hint: give a GGUF file")


@pytest.mark.parametrize("position", ["before", "after"])
def test_debug_shows_the_traceback(edge_lam, tmp_path, position):
    args = ["info", tmp_path / "none.gguf"]
    shown = edge_lam("--debug", *args) if position == "before" else edge_lam(*args, "--debug")
    assert shown.code == 1
    assert "Traceback" in shown.err
    assert shown.err.splitlines()[-2].startswith("edge-lam: error: there is no file")


def test_a_fault_that_nobody_foresaw_is_one_line_too(edge_lam, tmp_path, monkeypatch):
    monkeypatch.setattr("edge_lam.loading.model_path.find_model", lambda model, **_: 1 / 0)
    shown = edge_lam("info", tmp_path / "x.gguf")
    assert shown.code == 1
    assert shown.err.splitlines() == [
        "edge-lam: error: ZeroDivisionError: division by zero",
        "hint: --debug shows the traceback",
    ]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("a.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_memory_that_is_not_there_is_said(edge_lam, tmp_path, monkeypatch, error):
    def fail(model, **_):
        raise error

    monkeypatch.setattr("edge_lam.loading.model_path.find_model", fail)
    shown = edge_lam("info", tmp_path / "x.gguf")
    assert (shown.code, shown.err.splitlines()[0]) == (1, "edge-lam: error: there is not enough memory")


def test_text_from_elsewhere_can_not_drive_the_terminal(edge_lam):
    shown = edge_lam("info", "\x1b[31mred\n.gguf")
    assert shown.code == 1
    assert "\x1b" not in shown.err
    assert len(shown.err.splitlines()) == 2


def test_a_file_that_the_system_refuses_is_named_in_one_line(edge_lam, tmp_path, monkeypatch):
    def fail(model, **_):
        raise PermissionError(errno.EACCES, "Permission denied", "locked/x.gguf")

    monkeypatch.setattr("edge_lam.loading.model_path.find_model", fail)
    assert edge_lam("info", tmp_path / "x.gguf").err == "edge-lam: error: locked/x.gguf: Permission denied\n"


def test_tools_that_close_the_output_end_in_one_line(tmp_path):
    path = tmp_path / "t.py"
    path.write_text("import sys\nsys.stdout.close()\ndef f(a: int) -> int:\n  'D.'\n  return a\n")
    command = [sys.executable, "-m", "edge_lam", "call", "hi", "--tools", path, "--max-tokens", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("edge-lam: error: ")
    assert "Traceback" not in done.stderr


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from edge_lam.cli.main import run; run(['--help'])\n"
        "heavy = {'llama_cpp', 'llguidance', 'numpy', 'pydantic', 'jinja2', 'rich', 'huggingface_hub', 'psutil'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_reader_that_leaves_is_no_error(edge_lam_process):
    read, write = os.pipe()
    os.close(read)
    process = edge_lam_process("--help", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")


def test_ctrl_c_ends_with_130(edge_lam_process, tmp_path):
    tools = tmp_path / "slow.py"
    tools.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    process = edge_lam_process("call", "hi", "--tools", tools, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "edge-lam: interrupted\n")


INTERRUPTED_BY_IMPORT = """
import os, runpy, signal, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)
wanted = sys.argv.pop(1)
sys.meta_path.insert(0, Finder)
runpy.run_module("edge_lam", run_name="__main__")
"""


@pytest.mark.parametrize(
    "module", ["edge_lam.cli.main", "click", "click.core", "edge_lam.cli.options", "edge_lam.cli.call", "edge_lam.lam"]
)
def test_ctrl_c_ends_it_while_it_imports_what_it_needs(module):
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_BY_IMPORT, module, "call", "hi"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "edge-lam: interrupted\n")


@pytest.mark.parametrize(
    ("command", "unbuffered"),
    [(["--help"], ""), (["--help"], "1"), (["info"], "1"), (["info", "--json"], ""), (["models"], "")],
)
def test_output_that_can_not_be_written_is_one_line(edge_lam_process, monkeypatch, command, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        process = edge_lam_process(*command, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (
        1,
        "edge-lam: error: the output can't be written: No space left on device\n",
    )


@pytest.mark.parametrize(
    ("command", "code"), [(["--help"], 1), (["info"], 1), (["info", "none.gguf"], 1), (["inof"], 2)]
)
def test_a_closed_stdout_is_one_line(command, code):
    shell = f'"{sys.executable}" -m edge_lam {" ".join(command)} >&-'
    run = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert run.stderr.startswith("edge-lam: error: ")
    assert "Traceback" not in run.stderr
    assert len(run.stderr.splitlines()) <= 2


def test_no_line_is_longer_than_500_characters(edge_lam, monkeypatch, tmp_path):
    def fail(model: object, **_: object) -> None:
        raise RuntimeError("\x1b[2J\n" + "x" * 10**6)

    monkeypatch.setattr("edge_lam.loading.model_path.find_model", fail)
    shown = edge_lam("info", tmp_path / "x.gguf")
    assert shown.code == 1
    assert max(map(len, shown.err.splitlines())) < 500
    assert shown.err.replace("\n", "").isprintable()


def test_version(edge_lam):
    from edge_lam import __version__

    shown = edge_lam("--version")
    assert (shown.code, shown.out) == (0, f"edge-lam {__version__}\n")
