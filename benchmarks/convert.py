"""The converter beside llama.cpp's own, in one run: time, peak memory and disk, as ratios.

In comes a checkpoint, such as a random one in the shape of xLAM-2-1b (1.5 B weights, 3.1 GB); out comes a table. Each
conversion is a process of its own; they take turns, after the checkpoint was read once. Memory is the peak of the
process, disk the most that its output folder held. The reference needs llama.cpp's source, which is in
llama-cpp-python's source archive, and a Python with torch and transformers. Its second step is llama.cpp's quantizer
with its own defaults, from the same library.

    python -m edge_lam_converters.random_checkpoint xlam-2-1b /tmp/random-1.5b
    python benchmarks/convert.py /tmp/random-1.5b --llama-cpp vendor/llama.cpp --python venv-torch/bin/python
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = REPOSITORY / "tests" / "oracle" / "run_reference.py"
QUANTIZE = """
import sys, llama_cpp
params = llama_cpp.llama_model_quantize_default_params()
params.ftype, params.nthread = int(sys.argv[3]), int(sys.argv[4])
sys.exit(llama_cpp.llama_model_quantize(sys.argv[1].encode(), sys.argv[2].encode(), params))
"""
_MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """What one conversion took: seconds, peak memory of its largest process and most disk space, in bytes."""

    seconds: float
    memory: int
    disk: int


def measure(commands: Sequence[Sequence[str | Path]], folder: Path) -> Cost:
    """Run commands one after the other and return what they took together; `folder` is where they write."""
    started, memory = time.monotonic(), 0
    with _DiskWatch(folder) as disk:
        for command in commands:
            with tempfile.TemporaryFile() as output:
                process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output)
                _, status, usage = os.wait4(process.pid, 0)
                if status:
                    output.seek(0)
                    print(output.read().decode(errors="replace")[-2000:], file=sys.stderr)
                    raise SystemExit(f"failed: {' '.join(map(str, command))}")
            memory = max(memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    return Cost(time.monotonic() - started, memory, disk.most)


class _DiskWatch:
    """Looks ten times a second at how much a folder holds."""

    def __init__(self, folder: Path) -> None:
        self.most = 0
        self._folder, self._ended = folder, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, sum(_disk_bytes(file) for file in self._folder.iterdir()))

    def __enter__(self) -> _DiskWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _disk_bytes(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:  # replaced since the folder was listed
        return 0


def ours(options: argparse.Namespace, folder: Path, quant: str) -> list[list[str | Path]]:
    """Return our command."""
    command = [sys.executable, "-m", "edge_lam.cli.main", "convert", options.checkpoint, "-q", quant]
    return [[*command, "-o", folder / "ours.gguf", "--threads", str(options.threads)]]


def theirs(options: argparse.Namespace, folder: Path, quant: str) -> list[list[str | Path]]:
    """Return the reference's commands: convert, and quantize where requested."""
    from edge_lam_converters.quantize import FILE_TYPE_NUMBERS

    converted, target = folder / "reference.gguf", folder / f"reference-{quant}.gguf"
    convert = [options.python, REFERENCE, options.llama_cpp, options.checkpoint, converted, "bf16", options.pre]
    if quant == "BF16":
        return [convert]
    numbers = [str(FILE_TYPE_NUMBERS[quant]), str(options.threads)]
    return [convert, [sys.executable, "-c", QUANTIZE, converted, target, *numbers]]


def compare(quant: str, options: argparse.Namespace) -> None:
    """Run both in turn and print a row each, and their ratio."""
    sides: dict[str, Callable[[argparse.Namespace, Path, str], list[list[str | Path]]]] = {
        "edge-lam": ours,
        "llama.cpp": theirs,
    }
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(options.repeats):
        for name, commands in sides.items():
            with tempfile.TemporaryDirectory(dir=options.folder) as text:
                costs[name].append(measure(commands(options, Path(text), quant), Path(text)))

    def median(name: str, value: Callable[[Cost], float]) -> float:
        return statistics.median(map(value, costs[name]))

    fields = (lambda cost: cost.seconds, lambda cost: cost.memory / _MIB, lambda cost: cost.disk / _MIB)
    rows = {name: [median(name, field) for field in fields] for name in costs}
    for name, row in rows.items():
        print(f"{quant:<8} {name:<10} {row[0]:>9.1f} {row[1]:>12.0f} {row[2]:>10.0f}")
    ratios = [theirs / mine if mine else float("nan") for mine, theirs in zip(*rows.values(), strict=True)]
    print(f"{quant:<8} {'ratio':<10} {ratios[0]:>9.2f} {ratios[1]:>12.2f} {ratios[2]:>10.2f}")


def main() -> None:
    """Compare the two converters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--llama-cpp", type=Path, required=True, help="llama.cpp's source folder")
    parser.add_argument("--python", type=Path, required=True, help="a Python with torch and transformers")
    parser.add_argument("--pre", default="qwen2", help="the checkpoint's pre-tokenizer, which the reference is told")
    parser.add_argument("--quants", nargs="+", default=["BF16", "Q4_K_M"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, help="where files are written  [default: the temporary folder]")
    options = parser.parse_args()
    for file in options.checkpoint.iterdir():  # so that neither finds it cold
        with file.open("rb") as source:
            shutil.copyfileobj(source, _Nothing(), 16 * _MIB)
    print(f"{'type':<8} {'converter':<10} {'seconds':>9} {'memory, MiB':>12} {'disk, MiB':>10}")
    for quant in options.quants:
        compare(quant.upper(), options)


class _Nothing:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        return len(data)


if __name__ == "__main__":
    main()
