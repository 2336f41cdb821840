"""`edge-lam calibrate` and `edge-lam verify` as a user calls them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from edge_lam_converters.imatrix import read_imatrix

LAMP = {
    "name": "set_lamp",
    "description": "Switch the lamp.",
    "parameters": {"type": "object", "properties": {"state": {"enum": ["on", "off"]}}, "required": ["state"]},
}


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    lines = [
        {"messages": f"lamp {state}", "tools": [LAMP], "calls": [{"name": "set_lamp", "arguments": {"state": state}}]}
        for state in ("on", "off")
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_calibrate_writes_a_file_and_says_what_was_read(edge_lam, tiny_lam_path, calls, tmp_path) -> None:
    out = tmp_path / "imatrix.gguf"
    run = edge_lam("calibrate", tiny_lam_path, "--calls", calls, "-o", out, "--threads", 1)
    assert run.code == 0, run.err
    assert "tokens of calls.jsonl" in run.out
    imatrix = read_imatrix(out)
    assert imatrix.datasets == ("calls.jsonl",)
    again = edge_lam("calibrate", tiny_lam_path, "--calls", calls, "-o", out, "--threads", 1)
    assert (again.code, again.out) == (1, "")
    assert "exists" in again.err
    forced = edge_lam("calibrate", tiny_lam_path, "--calls", calls, "-o", out, "--threads", 1, "--force", "--json")
    assert json.loads(forced.out)["edge_lam.calibration.tokens"] == imatrix.notes["edge_lam.calibration.tokens"]


def test_calibrate_refuses_in_one_line(edge_lam, tiny_lam_path, calls, tmp_path) -> None:
    out = tmp_path / "imatrix.gguf"
    calls.write_text('{"messages": "hi"}\n')
    for arguments, message in {
        (): "nothing to calibrate with",
        ("--calls", calls): "calls.jsonl, line 1: there is no expected reply",
        ("--calls", tmp_path / "none.jsonl"): "no such file",
        ("--calls", calls, "--tools", "nowhere.json"): "no such file: nowhere.json",
        ("--text", tmp_path): "can't be read",
    }.items():
        run = edge_lam("calibrate", tiny_lam_path, "-o", out, *arguments)
        assert run.code == 1
        assert message in run.err.splitlines()[0]
        assert not out.exists()
    nowhere = edge_lam("calibrate", tiny_lam_path, "--calls", calls, "-o", tmp_path / "no" / "folder.gguf")
    assert (nowhere.code, "there is no folder" in nowhere.err) == (1, True)


@pytest.mark.parametrize("command", ["calibrate", "verify"])
def test_ctrl_c_ends_it(command: str, edge_lam_process, tiny_lam_path, tmp_path) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "imatrix.gguf"
    text.write_text("All work and no play makes Jack a dull boy. " * 20_000)
    more = ("-o", out) if command == "calibrate" else ("--against", tiny_lam_path)
    process = edge_lam_process(
        command, tiny_lam_path, "--text", text, "--threads", 1, *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        maps = Path(f"/proc/{process.pid}/maps")  # of Linux
        while maps.exists() and tiny_lam_path.name not in maps.read_text():  # until it has opened the model
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.1 if maps.exists() else 1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed, complaint = process.communicate(timeout=60)
    assert (process.returncode, printed, complaint) == (130, "", "edge-lam: interrupted\n")
    assert not out.exists()


def test_verify_prints_tables(edge_lam, tiny_lam_path, calls) -> None:
    run = edge_lam("verify", tiny_lam_path, "--against", tiny_lam_path, "--calls", calls, "--threads", 1)
    assert run.code == 0, run.err
    lines = [" ".join(line.split()) for line in run.out.splitlines()]
    for line in ("KL divergence, mean 0.000000", "same likeliest token 100.00%", "the same 100.00%"):
        assert line in lines
    assert "p-value (McNemar, exact) 1" in lines


def test_verify_fails_beyond_the_limits(edge_lam, tiny_lam_path, calls, tmp_path) -> None:
    """A model of another adapter, so to speak: one tensor of the file is changed."""
    from edge_lam.llama import GGUFHeader

    data = bytearray(tiny_lam_path.read_bytes())
    norm = next(t for t in GGUFHeader.read(tiny_lam_path).tensors if t.name == "output_norm.weight")
    data[norm.offset : norm.offset + norm.n_bytes // 2] = bytes(norm.n_bytes // 2)
    (tmp_path / "other.gguf").write_bytes(data)
    arguments = ("verify", tmp_path / "other.gguf", "--against", tiny_lam_path, "--calls", calls, "--threads", 1)
    run = edge_lam(*arguments, "--max-kl", "1e-6", "--max-tokens", 32, "--json")
    assert run.code == 1
    found = json.loads(run.out)
    assert found["replies"]["kl_mean"] > 1e-6
    assert found["faults"][0] in run.err
    assert edge_lam(*arguments, "--max-kl", "1000", "--min-agreement", 0, "--max-tokens", 32).code == 0


def test_verify_needs_a_reference(edge_lam, tiny_lam_path) -> None:
    assert edge_lam("verify", tiny_lam_path).code == 2


def test_convert_takes_one_of_the_two(edge_lam, tiny_lam_path, calls, tmp_path) -> None:
    pytest.importorskip("edge_lam_converters")
    both = edge_lam("convert", tiny_lam_path, "--imatrix", tmp_path / "i.gguf", "--calibrate", calls)
    assert both.code == 2
    none = edge_lam("convert", tiny_lam_path, "--imatrix", tiny_lam_path)
    assert (none.code, "is no importance matrix" in none.err) == (1, True)
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}")
    wrong = edge_lam("convert", tiny_lam_path, "--calibrate", broken)
    assert (wrong.code, "line 1: the field 'messages' is missing" in wrong.err) == (1, True)
