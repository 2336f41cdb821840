"""A conversion that is stopped, killed, out of space or in another's way leaves what was there, whole."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_lam.errors import CheckpointError, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters import convert, convert_all, export_adapter
from edge_lam_converters.gguf_writer import partial_file
from tests.converters.random_adapter import shapes_of, write_adapter

OLD = b"what was there before"

# A conversion in a process of its own, in which `{then}` happens at the first step of the stage `{stage}`.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from edge_lam_converters import convert

source, out = map(Path, sys.argv[1:])

def on_progress(stage, done, total, item=""):
    if stage == {stage!r}:
        {then}

convert(source, out, quant={quant!r}, force=True, on_progress=on_progress)
"""
WHOLE = "from edge_lam_converters import convert_all; convert_all(source, out, quants=['F32', 'Q8_0', 'Q4_0']"
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"


def run(checkpoint: Path, out: Path, stage: str, then: str, quant: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(stage=stage, then=then, quant=quant)
    command = [sys.executable, "-c", script, str(checkpoint), str(out)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def at(wanted: str, then: Callable[[], None]) -> Callable[..., None]:
    """Return a callback for progress that does something at each step of a stage, in this process."""

    def on_progress(stage: str, done: int, total: int | None, item: str = "") -> None:
        if stage == wanted:
            then()

    return on_progress


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "out.gguf").write_bytes(OLD)
    return folder / "out.gguf"


@pytest.mark.parametrize(
    ("stage", "quant"), [("hash", "BF16"), ("write", "BF16"), ("write", "Q8_0"), ("quantize", "Q8_0")]
)
def test_a_killed_run_leaves_the_old_file_and_the_next_run_cleans_up(
    stage: str, quant: str, original: Path, out: Path
) -> None:
    assert run(original, out, stage, KILL, quant).returncode == -signal.SIGKILL
    assert out.read_bytes() == OLD
    convert(original, out, quant=quant, force=True)
    assert GGUFHeader.read(out).file_type == quant
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("then", [KILL, INTERRUPT])
def test_of_several_files_none_appears_until_all_are_written(then: str, original: Path, tmp_path: Path) -> None:
    script = SCRIPT.format(stage="quantize", then=then, quant="").replace("convert(source, out, quant=''", WHOLE)
    command = [sys.executable, "-c", script, str(original), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode in (-signal.SIGKILL, -signal.SIGINT), done.stderr
    assert list(tmp_path.glob("*.gguf")) == []
    convert_all(original, tmp_path, quants=["F32", "Q8_0", "Q4_0"])
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".gguf"] * 3


@pytest.mark.parametrize(("stage", "quant"), [("write", "BF16"), ("write", "Q8_0"), ("quantize", "Q8_0")])
def test_ctrl_c_leaves_the_old_file_and_nothing_else(stage: str, quant: str, original: Path, out: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        convert(
            original, out, quant=quant, force=True, on_progress=at(stage, lambda: signal.raise_signal(signal.SIGINT))
        )
    assert out.read_bytes() == OLD
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(("quant", "message"), [("BF16", "out.gguf can't be written"), ("Q8_0", "can't be written")])
def test_a_full_disk_is_an_error_and_leaves_the_old_file(quant: str, message: str, original: Path, out: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill = at("hash", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1])))
    try:
        with pytest.raises(InvalidRequest, match=message):
            convert(original, out, quant=quant, force=True, on_progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert out.read_bytes() == OLD
    assert list(out.parent.iterdir()) == [out]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_says_how_much_is_missing(original: Path, small_disk: Path) -> None:
    def fill(stage: str, done: int, total: int | None, item: str = "") -> None:
        filler = small_disk / "filler"
        if stage == "write" and not filler.exists():
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(small_disk).free - 4096)

    with pytest.raises(InvalidRequest, match="No space left on device") as caught:
        convert(original, small_disk / "out.gguf", quant="F32", on_progress=fill)
    assert re.fullmatch(r"make room for \d MiB more, or write to another disk", caught.value.hint)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    with pytest.raises(InvalidRequest, match="MiB free, but the conversion needs") as caught:
        convert(original, small_disk / "out.gguf", quant="F32")
    assert re.match(r"make room for \d MiB more", caught.value.hint)


def test_a_disk_without_room_for_an_adapter_says_how_much_is_missing(original: Path, small_disk: Path) -> None:
    lora = original.parent / "lora"
    write_adapter(lora, shapes_of(original), r=4000)
    with pytest.raises(InvalidRequest, match="3 MiB free, but the conversion needs") as caught:
        export_adapter(original, lora, small_disk / "lora.gguf")
    assert re.match(r"make room for \d MiB more", caught.value.hint)
    assert not list(small_disk.iterdir())


def test_a_source_that_changes_under_the_run_is_refused(checkpoint: Path, out: Path) -> None:
    def change(stage: str, done: int, total: int | None, item: str = "") -> None:
        if stage == "write":
            os.utime(checkpoint / "config.json", ns=(0, done))

    with pytest.raises(CheckpointError, match=r"config\.json changed while it was converted"):
        convert(checkpoint, out, force=True, on_progress=change)
    assert out.read_bytes() == OLD
    assert list(out.parent.iterdir()) == [out]


def test_weights_cut_short_under_the_run_are_refused(checkpoint: Path, out: Path) -> None:
    def cut(stage: str, done: int, total: int | None, item: str = "") -> None:
        if stage == "hash":
            os.truncate(checkpoint / "model.safetensors", 200_000)

    with pytest.raises(
        CheckpointError, match=r"model\.safetensors: the file ends in the middle of tensor model\.layers"
    ):
        convert(checkpoint, out, force=True, on_progress=cut)
    assert out.read_bytes() == OLD


def test_two_runs_do_not_write_the_same_file(original: Path, out: Path) -> None:
    with partial_file(out) as partial:
        with pytest.raises(InvalidRequest, match=r"another process is writing out\.gguf"):
            convert(original, out, force=True)
        partial.write_bytes(b"the first run's")
    assert out.read_bytes() == b"the first run's"


def test_a_new_file_has_the_usual_permissions(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "new.gguf")
    (tmp_path / "usual").touch()
    assert (tmp_path / "new.gguf").stat().st_mode == (tmp_path / "usual").stat().st_mode
