"""Files that nobody vouches for: no pipe is waited for, no device read for ever, and memory is bounded."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_lam._util.read_file import as_text, read_bounded
from edge_lam.cli.saved import load_messages
from edge_lam.errors import CheckpointError, EdgeLamError, InvalidRequest, InvalidTool
from edge_lam.formats import read_template
from edge_lam.llama import GGUFHeader
from edge_lam.tools import load_tools
from edge_lam_converters.conversion import convert
from edge_lam_converters.json_file import read_json


def pipe(path: Path) -> None:
    os.mkfifo(path)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [pipe, zeros, folder])
def test_what_is_no_file_is_refused_where_someone_else_chose_it(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "config.json")
    with pytest.raises(CheckpointError, match=r"config\.json can't be read"):
        read_json(tmp_path / "config.json")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        convert(tmp_path, tmp_path / "out.gguf")
    make(tmp_path / "model.gguf")
    with pytest.raises(EdgeLamError, match=r"model\.gguf"):
        GGUFHeader.read(tmp_path / "model.gguf")


def test_what_a_user_names_is_read_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "tools.json").symlink_to("/dev/zero")
    tracemalloc.start()
    try:
        with pytest.raises(InvalidTool, match="it has more than 64 MiB"):
            load_tools(tmp_path / "tools.json")
        with pytest.raises(InvalidRequest, match="it has more than 64 MiB"):
            load_messages("/dev/zero")
        with pytest.raises(InvalidRequest, match="it has more than 3 MiB"):
            read_template("/dev/zero")
        assert tracemalloc.get_traced_memory()[1] < 256 << 20
    finally:
        tracemalloc.stop()


def test_a_file_of_just_the_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\r\nb\rc\n")
    assert as_text(read_bounded(tmp_path / "a", 7)) == "a\nb\nc\n"
    with pytest.raises(OSError, match="it has more than 0 MiB"):
        read_bounded(tmp_path / "a", 6)
