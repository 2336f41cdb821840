"""`edge-lam bench busy`: calls while other programs want the same cores, beside fixed numbers of threads."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam import load
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, print_json
from edge_lam_benchmarks.peers.base import Peer, PeerUnavailable, Setup
from edge_lam_benchmarks.peers.edge_lam import EdgeLam
from edge_lam_benchmarks.peers.server import LlamaServer
from edge_lam_benchmarks.report.table import Table, milliseconds, number

if TYPE_CHECKING:
    from edge_lam_benchmarks.peers.tasks import WarmTask

BAR = 1.5  # times the best fixed number of threads
ADAPTIVE = "edge-lam"
_SPIN = "while True: pass"


class AdaptiveEdgeLam(EdgeLam):
    """edge-lam as it comes: it chooses the number of threads, and changes it while it runs."""

    name = ADAPTIVE

    def start(self) -> None:
        """Load the model."""
        self._lam = load(self.setup.model, n_ctx=self.setup.n_ctx, log="off", prefix_cache=False)


@click.command(
    "busy",
    epilog=examples(
        "edge-lam bench busy",
        "edge-lam bench busy --loads 0,4 --answers 16 --llama-server llama.cpp/build/bin/llama-server --out busy.json",
    ),
)
@click.option("-m", "--model", metavar="MODEL", help="A GGUF.  [default: the embedded tiny-lam]")
@click.option("--loads", default="0,1,2,4", show_default=True, metavar="N,..", help="Numbers of competing processes.")
@click.option("--answers", "count", type=click.IntRange(min=1), default=8, show_default=True, help="Requests to put.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Times to put each of them.")
@click.option("--llama-server", metavar="PATH", help="llama.cpp's server.  [default: the one on the search path]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw of requests and of the turns.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="For the figures, as JSON."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    model: str | None,
    loads: str,
    count: int,
    rounds: int,
    llama_server: str | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Time warm calls while processes that compute without end want the same cores.

    edge-lam as it comes takes turns with fixed numbers of threads (1, half of the default, the default) and with
    llama-server. Exits with 1 if edge-lam takes more than 1.5 times as long as the best fixed number at some load.
    """
    from edge_lam.llama.threads import default_threads
    from edge_lam_benchmarks.answers import grouped
    from edge_lam_benchmarks.environment import environment
    from edge_lam_benchmarks.peers.command import requests_of
    from edge_lam_benchmarks.peers.tasks import context_of, tasks_of

    path = _find(model)
    source, found = requests_of(model, None, None)
    n_ctx = context_of(path)
    tasks, replayed = tasks_of(path, grouped(found, count, seed=seed), n_ctx=n_ctx)
    most = default_threads().n
    setup = Setup(str(path), n_ctx, most, replayed, {"llama-server": llama_server} if llama_server else {})
    fixed = {f"{n} thread{'s' * (n > 1)}": n for n in sorted({1, max(1, most // 2), most})}
    peers: dict[str, Peer] = {ADAPTIVE: AdaptiveEdgeLam(setup)}
    peers |= {name: EdgeLam(replace(setup, n_threads=n)) for name, n in fixed.items()}
    peers["llama-server"] = LlamaServer(setup)
    taken = _taken(peers, tasks, _numbers(loads), rounds, random.Random(seed))
    command_line = ctx.meta.get("edge_lam.bench", "edge-lam bench busy")
    facts = {"command": command_line, "created": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    facts |= {"model": path.name, "source": source, "calls": len(tasks) * rounds}
    ratios = {n: _ratio(seconds, fixed) for n, seconds in taken.items()}
    plain = facts | {"seconds": taken, "ratio": ratios, "environment": environment()}
    _print_results(_table(facts, taken, ratios), plain, out, as_json=as_json)
    if any(ratio > BAR for ratio in ratios.values()):
        ctx.exit(1)


def _taken(
    peers: Mapping[str, Peer], tasks: Sequence[WarmTask], numbers: Sequence[int], rounds: int, order: random.Random
) -> dict[int, dict[str, list[float]]]:
    """Return the seconds of all calls of each peer, by how many processes compete with it."""
    taken = dict[int, dict[str, list[float]]]()
    with progress_bar({"call": "calling"}) as on_progress:
        for index, n in enumerate(numbers):
            seconds = taken[n] = dict[str, list[float]]()
            for turn in range(rounds):
                on_progress("call", index * rounds + turn, len(numbers) * rounds, f"{n} competing")
                # One at a time: OpenMP lets threads spin less where a process has more of them than cores.
                for name in order.sample(list(peers), len(peers)):
                    with _started(peers[name]) as is_there, _competing(n):
                        if is_there:
                            seconds.setdefault(name, []).extend(_timed(peers[name], tasks))
    return taken


def _find(model: str | None) -> Path:
    from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model

    return Path(find_model(model or EMBEDDED_MODEL))


def _numbers(loads: str) -> list[int]:
    """Read "0,1,2"."""
    try:
        numbers = [int(part) for part in loads.split(",")]
    except ValueError:  # refused below, with what is negative
        numbers = [-1]
    if min(numbers) < 0:
        raise click.BadParameter(f"{loads!r} are no numbers such as 0,1,2", param_hint="--loads")
    return numbers


@contextmanager
def _competing(n: int) -> Iterator[None]:
    """Have so many processes compute without end."""
    processes = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def _started(peer: Peer) -> Iterator[bool]:
    """Start a peer, and stop it at the end; tell whether it is there at all."""
    try:
        peer.start()
    except PeerUnavailable:  # most machines have not all of them: its rows are left out
        yield False
        return
    try:
        yield True
    finally:
        peer.stop()


def _timed(peer: Peer, tasks: Sequence[WarmTask]) -> Iterator[float]:
    """Yield the seconds of each task, for which the cache is warm."""
    for pair in tasks:
        peer.call(pair.opening)
        yield peer.call(pair.task).seconds


def _ratio(seconds: Mapping[str, Sequence[float]], fixed: Mapping[str, int]) -> float:
    """Return how many times as long edge-lam as it comes took as the best fixed number of threads, by medians."""
    return statistics.median(seconds[ADAPTIVE]) / min(statistics.median(seconds[name]) for name in fixed)


def _table(
    facts: Mapping[str, Any], taken: Mapping[int, Mapping[str, Sequence[float]]], ratios: Mapping[int, float]
) -> Table:
    names = sorted(next(iter(taken.values())), key=lambda name: (name != ADAPTIVE, name))
    table = Table(
        f"A warm call of {facts['model']} while others compute", ["competing", *names, "x best fixed"], key=True
    )
    for n, seconds in taken.items():
        medians = [milliseconds(statistics.median(seconds[name])) for name in names]
        table.rows.append([str(n), *medians, number(ratios[n], 2)])
    table.notes.append(f"Medians of {facts['calls']} calls in ms. Requests: {facts['source']}.")
    table.notes.append(f"x best fixed: edge-lam as it comes, by the best fixed number of its threads; at most {BAR}.")
    return table


def _print_results(table: Table, plain: Mapping[str, Any], out: Path | None, *, as_json: bool) -> None:
    from edge_lam_benchmarks.report.files import markdown, write_files
    from edge_lam_benchmarks.report.terminal import show_table
    from edge_lam_benchmarks.results import companion, packed

    if out is not None:
        text = markdown(f"edge-lam bench busy, {plain['created'][:10]}", [table], [f"command: {plain['command']}"])
        write_files({out: packed(out, json.dumps(plain, indent=1)), companion(out, ".md"): text.encode()})
    if as_json:
        print_json(plain)
    else:
        show_table(console(), table)
