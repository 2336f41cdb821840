"""What a shell completes, asked as the shell asks it; bash itself runs its script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from edge_lam.cli.main import COMMANDS

PROGRAM = [sys.executable, "-m", "edge_lam.cli.main"]


def completed(words, shell="bash", **environment):
    """Return what the program answers to a shell for the last of some words."""
    asked = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_EDGE_LAM_COMPLETE": f"{shell}_complete",
    }
    done = subprocess.run(PROGRAM, env=os.environ | asked | environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_commands():
    assert completed("edge-lam ") == [f"plain,{name}" for name in COMMANDS]
    assert completed("edge-lam ca") == ["plain,call", "plain,calibrate", "plain,cache"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("edge-lam call --kv", ["plain,--kv-type"]),
        ("edge-lam call --kv-type q4", ["plain,q4_1", "plain,q4_0"]),
        ("edge-lam chat --tools my", ["file,my"]),
        ("edge-lam pull xlam-2-7", ["file,xlam-2-7", "plain,xlam-2-70b"]),
        ("edge-lam config set thr", ["plain,threads"]),
        ("edge-lam config un", ["plain,unset"]),
        ("edge-lam nonsense --de", ["plain,--debug"]),
    ],
)
def test_options_values_models_and_files(words, found):
    assert completed(words) == found


def test_a_broken_config_file_does_not_disturb_the_shell(tmp_path):
    (tmp_path / "config.toml").write_text("=")
    assert completed("edge-lam call --kv", EDGE_LAM_HOME=str(tmp_path)) == ["plain,--kv-type"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_runs_its_script(edge_lam, tmp_path):
    script = edge_lam("completion", "bash").out
    program = tmp_path / "edge-lam"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edge_lam.cli.main "$@"\n')
    program.chmod(0o755)
    ask = "COMP_WORDS=(edge-lam pull xlam-2-); COMP_CWORD=2; _edge_lam_completion edge-lam; echo ${COMPREPLY[@]}"
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\n{ask}"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "xlam-2-1b xlam-2-3b xlam-2-8b xlam-2-32b xlam-2-70b\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(edge_lam, shell, tmp_path):
    path = tmp_path / "script"
    path.write_text(edge_lam("completion", shell).out)
    assert f"_EDGE_LAM_COMPLETE={shell}_complete" in path.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", path], check=True, timeout=60)


def test_a_shell_that_is_not_known(edge_lam):
    shown = edge_lam("completion", "csh")
    assert shown.code == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in shown.err
