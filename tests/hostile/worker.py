"""Reads damaged files, one after the other, and says before each which it is, and after each how it went.

    python worker.py SEED KIND START STOP [KIND START STOP]...

A line is one JSON list: ["begin", kind, case], or ["end", kind, case, outcome, failure]; a failure is "" where all is
well. One child may read several kinds, one after the other: its start takes longer than many cases.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import traceback
from collections.abc import Sequence
from unicodedata import category

from readers import READERS, Reader, own_folder

from edge_lam.errors import EdgeLamError

MAX_MEMORY = 2 << 30  # bytes that a case may add
LONGEST_MESSAGE = 500
PAGE = 1024 if sys.platform == "linux" else 1  # of ru_maxrss


def attempt(reader: Reader) -> tuple[str, str]:
    """Return what became of a file, and what is wrong with that."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        reader.read()
        outcome, failure = "read", ""
    except EdgeLamError as error:
        outcome, failure = "refused", ""
        strange = {character for character in str(error) if category(character) in ("Cc", "Cs", "Zl", "Zp")}
        if len(str(error)) > LONGEST_MESSAGE or strange:
            failure = f"message of {len(str(error))} characters, {strange!a}"
    except BaseException:
        outcome, failure = "failed", "traceback: " + traceback.format_exc()[-1500:]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * PAGE
    return outcome, failure or (f"{grown >> 20} MiB" if grown > MAX_MEMORY else "")


def reader_of(kind: str) -> type[Reader]:
    """Return what reads a kind of file; half of the kinds need not import what the others do."""
    if kind in READERS:
        return READERS[kind]
    from user_readers import USER_READERS

    return USER_READERS[kind]


def main(seed: str, parts: Sequence[str]) -> None:
    """Attempt the cases of each part: a kind, the first case and the one after the last."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    os.environ |= {"EDGE_LAM_LOG": "off", "GGML_NO_BACKTRACE": "1"}
    for kind, start, stop in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        _attempt_all(kind, seed, range(int(start), int(stop)))


def _attempt_all(kind: str, seed: str, cases: range) -> None:
    folder = own_folder()
    try:
        reader = reader_of(kind)(folder)
        for case in cases:
            reader.write(random.Random(f"{kind} {seed} {case}"))
            print(json.dumps(["begin", kind, case]), flush=True)
            print(json.dumps(["end", kind, case, *attempt(reader)]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
