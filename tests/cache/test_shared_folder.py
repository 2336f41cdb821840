"""Several processes write, read, trim and are killed in one folder: what is read is whole, and nobody fails."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from edge_lam.cache import PrefixStore, prefix_files

MAX_BYTES = 400_000
WORKER = """
import itertools, random, sys
from pathlib import Path
import numpy as np
from edge_lam.cache import PrefixStore

chance = random.Random(int(sys.argv[2]))
print("ready", flush=True)
for turn in itertools.count():
    store = PrefixStore({"model": "abc"}, Path(sys.argv[1]), memory_bytes=0, disk_bytes=int(sys.argv[3]))
    value, length = chance.randrange(5), chance.randrange(1, 9)
    tokens = [value] * length
    if chance.random() < 0.5:
        state = np.full(10_000 * length, 16 * value + length, dtype=np.uint8)
        store.save(tokens, state, kind=chance.choice(["static", "conversation"]))
    elif found := store.find([value] * 10):
        n_tokens = len(found.tokens)
        assert (found.tokens == value).all()
        assert len(found.state) == 10_000 * n_tokens
        assert (found.state == 16 * value + n_tokens).all()
        print("found", flush=True)
"""


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, folder, str(seed), str(MAX_BYTES)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(worker: subprocess.Popen[str]) -> int:
    """Kill it wherever it is, and return how many prefixes it found."""
    worker.kill()
    out, errors = worker.communicate()
    assert worker.returncode == -signal.SIGKILL, errors
    return out.count("found")


def test_many_processes_share_a_folder(tmp_path):
    chance, n_found = random.Random(1), 0
    workers = [start(tmp_path, seed) for seed in range(4)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for seed in range(4, 10):
            time.sleep(chance.uniform(0.1, 0.3))
            n_found += end(workers.pop(0))
            workers.append(start(tmp_path, seed))
        assert workers[0].stdout.readline()
        while workers:
            n_found += end(workers.pop())
    finally:
        for worker in workers:
            worker.kill()
    assert n_found > 10
    assert sum(path.stat().st_size for path in prefix_files(tmp_path)) <= 2 * MAX_BYTES
    store = PrefixStore({"model": "abc"}, tmp_path, disk_bytes=MAX_BYTES)
    for path in prefix_files(tmp_path):
        value = int(path.read_bytes()[-32 - 1]) // 16
        assert store.find([value] * 10) is not None
