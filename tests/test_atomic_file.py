"""A file is whole or absent, and what killed writers left goes, but nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_lam._util.atomic_file import atomic_write, partial_path, remove_abandoned

WRITER = """
import sys, time
from pathlib import Path
from edge_lam._util.atomic_file import atomic_write
with atomic_write(Path(sys.argv[1]), private=True) as file:
    file.write(b"new")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "conversation.json"
    path.write_text("old")
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with atomic_write(tmp_path / "other") as file:
            file.write(b"other")
        (partial,) = tmp_path.glob(".*.partial")
        assert partial.read_text() == "new"
        writer.send_signal(signal.SIGKILL)
    assert partial.exists()
    with atomic_write(tmp_path / "other") as file:
        file.write(b"other again")
    assert {entry.name for entry in tmp_path.iterdir()} == {"conversation.json", "other"}
    assert path.read_text() == "old"


def test_only_partial_files_of_ours_go(tmp_path: Path) -> None:
    others = [".a.partial", "a.partial", ".a.0123.partial", "a.0123456789abcdef.partial", ".a.0123456789abcdef.part"]
    for name in others:
        (tmp_path / name).touch()
    partial_path(tmp_path / "folder", "0" * 16).mkdir()
    partial_path(tmp_path / "link", "0" * 16).symlink_to(tmp_path / ".a.partial")
    os.mkfifo(partial_path(tmp_path / "pipe", "0" * 16))
    before = sorted(tmp_path.iterdir())
    partial_path(tmp_path / "ours", "0" * 16).touch()
    remove_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    remove_abandoned(tmp_path / "none")


def test_many_writers_in_one_folder_do_not_take_each_other_for_gone(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for count in range(100):
                with atomic_write(tmp_path / str(number)) as file:
                    file.write(b"%d" % count)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {str(number): "99" for number in range(8)}


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with atomic_write(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
