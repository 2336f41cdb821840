"""Pages of a mapped file that are given back."""

from __future__ import annotations

import mmap
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_lam.llama import Context, Model
from edge_lam.llama.model_load import release_pages
from tests.llama.shape_files import write_shape

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is mapped")

SIZE = 4 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a file with blanks.bin"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def resident(path: Path) -> int:
    """Return the bytes of a file that are in the memory of this process."""
    found, total = False, 0
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split()[0]:
            found = line.endswith(str(path))
        elif found and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def test_pages_go_and_come_back(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        before = bytes(mapped)
        assert resident(path) == SIZE
        assert release_pages(path) == SIZE
        assert resident(path) == 0
        assert bytes(mapped) == before


def test_what_was_written_to_a_private_copy_stays(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[:4] = b"mine"
        assert release_pages(path) == 0
        assert mapped[:4] == b"mine"


def test_other_files_and_other_systems(path: Path, tmp_path: Path) -> None:
    assert release_pages(tmp_path / "none.gguf") == 0
    assert release_pages(path, tmp_path / "no-such-list") == 0


def test_weights_that_were_copied_are_not_held_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_shape(
        tmp_path / "model.gguf", n_layer=4, n_embd=512, n_ff=2048, n_head=8, n_head_kv=8, n_head_dim=64, n_vocab=512
    )
    with caplog.at_level("DEBUG", "edge_lam.llama"), Model(path, device="cpu") as model:
        held = resident(path)
        found = re.findall(r"(\S+) model buffer size = +([\d.]+) MiB", caplog.text)
        copied = sum(float(size) * 2**20 for buffer, size in found if buffer != "CPU_Mapped")
        with Context(model, n_ctx=64, n_threads=1) as context:
            context.decode([1, 2, 3], start=0)
            assert np.isfinite(context.logits()).all()
        if not copied:
            pytest.skip("llama.cpp copies no weights on this processor")
        assert held < model.size // 2
        assert resident(path) + copied < 1.2 * model.size
