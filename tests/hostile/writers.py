"""All that writes files which are to last, as `kills.py` kills it: how it writes, and what must be there afterwards."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import huggingface_hub.file_download  # here, so that no child has to import it
import numpy as np
from huggingface_hub import constants

import edge_lam
from edge_lam.cache import PrefixStore, prefix_files, read_header, read_prefix, write_prefix
from edge_lam.cli.defaults import read_config, set_value
from edge_lam.cli.saved import load_messages, save_messages
from edge_lam.demo_tools import DEMO_TOOLS, add_note
from edge_lam.hub import pull
from edge_lam.llama import GGUFHeader
from edge_lam.metrics import CallLog, CallReport
from edge_lam.metrics.log import prune_log
from edge_lam.trajectories import Trajectory, read_trajectories, write_trajectories
from edge_lam_converters import convert
from edge_lam_converters.adapter_gguf import export_adapter
from edge_lam_converters.imatrix import Imatrix, Sums, read_imatrix
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.converters.random_adapter import shapes_of, write_adapter
from tests.hub.hub_server import Repo, run_hub

MESSAGES = [{"role": "user", "content": "x" * 100_000}, {"role": "assistant", "content": "y"}]
CONTENT = random.Random(1).randbytes(8 << 20)
LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Writer:
    """Something that writes.

    Attributes:
        write: writes to a folder for the n-th time.
        check: raises if what is there is not whole.
        seconds: after which a child is killed at the latest.
        share: of the kills of others that it gets.
        recorded: the numbers of the records that are in a file to which each writing adds one.
    """

    write: Callable[[Path, int], object]
    check: Callable[[Path], object]
    seconds: float = 0.05
    share: float = 1.0
    recorded: Callable[[Path], set[int]] | None = None


def acknowledge(number: int) -> None:
    """Say that the record of this number was written."""
    os.write(int(os.environ["ACKNOWLEDGE"]), b"%d\n" % number)


def write_cache(folder: Path, number: int) -> None:
    """Write a prefix of one number."""
    write_prefix(folder / "a.prefix", {"model": "m"}, [1, 2], np.full(200_000, number % 256, dtype=np.uint8))


def check_cache(folder: Path) -> None:
    """Refuse a prefix that is none, or of two writings."""
    prefix = read_prefix(folder / "a.prefix", {"model": "m"})
    assert prefix is not None
    assert len(np.unique(prefix.state)) == 1


def write_conversation(folder: Path, number: int) -> None:
    """Keep a conversation that grew by a turn, in place of what was kept of it."""
    store = PrefixStore({"model": "m"}, folder / "prefixes", conversations=True)
    tokens = range(1, 10 + number % 50)
    store.save(tokens, np.full(50_000, len(tokens), dtype=np.uint8), kind="conversation")


def check_prefixes(folder: Path) -> None:
    """Refuse a folder in which a prefix can't be read, or is of two writings."""
    for path in prefix_files(folder / "prefixes"):
        header = read_header(path)
        assert header is not None
        prefix = read_prefix(path, header.key)
        assert prefix is not None
        assert np.all(prefix.state == len(prefix.tokens))


def write_baked(folder: Path, number: int) -> None:
    """Load the embedded model, and bake its tools."""
    with edge_lam.load(log=False, prefix_cache=False, n_ctx=512, n_threads=1) as lam:
        lam.bake(folder / "baked.prefix", DEMO_TOOLS[:1], system=f"You are number {number}.")


def check_baked(folder: Path) -> None:
    """Refuse a file that is none, where there is one."""
    header = read_header(folder / "baked.prefix")
    assert header is not None
    assert read_prefix(folder / "baked.prefix", header.key) is not None


def write_log(folder: Path, number: int) -> None:
    """Log a record of some length."""
    log = CallLog(folder / "calls.jsonl", log_prompts=True, most_bytes=10**9)
    log.write(CallReport(id=str(number)), prompt="x" * 20_000)
    acknowledge(number)


def write_pruned_log(folder: Path, number: int) -> None:
    """Log a short record, and write the whole log anew without those of long ago: there are none."""
    CallLog(folder / "calls.jsonl", most_bytes=10**9).write(CallReport(id=str(number)))
    acknowledge(number)
    prune_log(folder / "calls.jsonl", before=LONG_AGO)


def logged(folder: Path) -> set[int]:
    """Return which records a log holds."""
    lines = (folder / "calls.jsonl").read_bytes().split(b"\n")
    return {int(json.loads(line)["id"]) for line in lines if _is_json(line)}


def check_log(folder: Path) -> None:
    """Refuse a log in which more lines are no records than there were kills."""
    lines = (folder / "calls.jsonl").read_bytes().split(b"\n")
    assert sum(not _is_json(line) for line in lines[:-1]) <= int(os.environ["KILLS"])


def write_note(folder: Path, number: int) -> None:
    """Note a number and something long."""
    os.environ["EDGE_LAM_NOTES"] = str(folder / "notes.txt")
    add_note(f"{number} {'x' * 1900}")
    acknowledge(number)


def noted(folder: Path) -> set[int]:
    """Return which notes there are, whole."""
    lines = (folder / "notes.txt").read_text().split("\n")
    return {int(line.partition(" ")[0]) for line in lines if line.endswith(" " + "x" * 1900)}


def write_config(folder: Path, number: int) -> None:
    """Set an option."""
    os.environ["EDGE_LAM_HOME"] = str(folder)
    set_value("n_ctx", str(512 + number % 512))


def check_config(folder: Path) -> None:
    """Refuse a file that is not read, or lost its option."""
    os.environ["EDGE_LAM_HOME"] = str(folder)
    assert 512 <= read_config()["n_ctx"] < 1024


def write_calibration(folder: Path, number: int) -> None:
    """Write an importance matrix."""
    sums = {
        f"blk.{n}.attn_q.weight": Sums(np.full((1, 4096), number, np.float64), np.ones(1, np.int64)) for n in range(9)
    }
    Imatrix(sums).write(folder / "a.imatrix.gguf")


def checkpoint_of(folder: Path) -> Path:
    """Return a small checkpoint beside the folder, with an adapter in it."""
    checkpoint = folder.parent / "checkpoint"
    if not checkpoint.exists():
        write_random_checkpoint(checkpoint, SHAPES["tiny-qwen2"])
        write_adapter(checkpoint / "adapter", shapes_of(checkpoint))
    return checkpoint


def write_adapter_gguf(folder: Path, _number: int) -> None:
    """Convert an adapter."""
    checkpoint = checkpoint_of(folder)
    export_adapter(checkpoint, checkpoint / "adapter", folder / "adapter.gguf", force=True)


def download(folder: Path, number: int) -> None:
    """Download a model that is not there yet; of each number there is one."""
    url = os.environ["HUB"]
    constants.HF_HUB_CACHE = str(folder)
    constants.ENDPOINT, constants.HUGGINGFACE_CO_URL_TEMPLATE = (
        url,
        url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE = constants.HUGGINGFACE_CO_URL_TEMPLATE
    pulled = pull(f"acme/m{number}", on_progress=lambda *_: None)
    assert pulled.path.read_bytes() == CONTENT


def check_downloads(folder: Path) -> None:
    """Refuse what has a name and is not whole; pull again what was begun, so that nothing of its parts is left."""
    for path in folder.glob("models--*/snapshots/*/*.gguf"):
        assert path.read_bytes() == CONTENT
    for repo in folder.glob("models--acme--m*"):
        download(folder, int(repo.name.rpartition("m")[2]))
        assert not list(repo.rglob("*.incomplete"))
        shutil.rmtree(repo)


class _AnyName(dict[str, Repo]):
    """Repositories of all names, which hold the same."""

    def get(self, _name: str, _default: object = None) -> Repo:  # type: ignore[override]
        return Repo({"a-Q4_0.gguf": CONTENT})


def _serve(told: multiprocessing.SimpleQueue[str]) -> None:
    with run_hub(_AnyName()) as hub:
        told.put(hub.url)
        signal.pause()


@contextmanager
def hub_nearby() -> Iterator[None]:
    """Run a hub in a process of its own: who forks must have no threads."""
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    server = spawn.Process(target=_serve, args=(told,), daemon=True)
    server.start()
    os.environ["HUB"] = told.get()
    try:
        yield
    finally:
        server.kill()
        server.join()


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


WRITERS = {
    "cache": Writer(write_cache, check_cache),
    "conversations": Writer(write_conversation, check_prefixes),
    "bake": Writer(write_baked, check_baked, seconds=2.0, share=0.1),
    "log": Writer(write_log, check_log, recorded=logged),
    "log --prune": Writer(write_pruned_log, check_log, recorded=logged),
    "notes": Writer(write_note, noted, recorded=noted),
    "chat": Writer(
        lambda folder, _number: save_messages(str(folder / "chat.json"), MESSAGES),
        lambda folder: load_messages(str(folder / "chat.json")),
    ),
    "trajectories": Writer(
        lambda folder, _number: write_trajectories(folder / "t.jsonl", [Trajectory.of(MESSAGES)] * 5),
        lambda folder: read_trajectories(folder / "t.jsonl"),
    ),
    "config": Writer(write_config, check_config),
    "imatrix": Writer(write_calibration, lambda folder: read_imatrix(folder / "a.imatrix.gguf")),
    "convert": Writer(
        lambda folder, _number: convert(checkpoint_of(folder), folder / "model.gguf", quant="BF16", force=True),
        lambda folder: GGUFHeader.read(folder / "model.gguf"),
        seconds=0.8,
        share=0.1,
    ),
    "quantize": Writer(
        lambda folder, _number: convert(checkpoint_of(folder), folder / "model.gguf", quant="Q4_0", force=True),
        lambda folder: GGUFHeader.read(folder / "model.gguf"),
        seconds=1.0,
        share=0.1,
    ),
    "adapter": Writer(
        write_adapter_gguf, lambda folder: GGUFHeader.read(folder / "adapter.gguf"), seconds=0.5, share=0.1
    ),
    "pull": Writer(download, check_downloads, seconds=0.5, share=0.5),
}
