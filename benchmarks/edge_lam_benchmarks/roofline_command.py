"""`edge-lam bench roofline`: passes of a model as shares of what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge_lam.cli.model_options import THREADS
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, print_json


@click.command("roofline", epilog=examples("edge-lam bench roofline", "edge-lam bench roofline --model shape.gguf"))
@click.option("-m", "--model", metavar="MODEL", help="A GGUF.  [default: the embedded tiny-lam]")
@THREADS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, model: str | None, n_threads: int | None, as_json: bool) -> None:
    """Show passes of a model as shares of what this machine can do.

    Memory bandwidth and integer throughput are measured first, in a few seconds; then passes of several numbers of
    tokens, the best of five each.
    """
    from edge_lam.llama import Model
    from edge_lam.llama.threads import default_threads
    from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
    from edge_lam_benchmarks.report.table import Table, milliseconds, number
    from edge_lam_benchmarks.report.terminal import show_table
    from edge_lam_benchmarks.roofline import Need, measure_machine, pass_seconds

    n_threads = n_threads or default_threads().n
    path = find_model(model or EMBEDDED_MODEL)
    with Model(path) as loaded:
        need = Need.of(loaded.header)
        seconds = pass_seconds(loaded, n_threads)
    machine = measure_machine(n_threads)
    rows: list[dict[str, Any]] = []
    for n_tokens, taken in seconds.items():
        share, limit = need.share(machine, n_tokens, taken)
        rows.append({"tokens": n_tokens, "seconds": taken, "share": share, "limit": limit})
    if as_json:
        facts = {"bandwidth": machine.bandwidth, "throughput": machine.throughput, "n_threads": n_threads}
        print_json({"model": str(path), "machine": facts, "passes": rows})
        return
    table = Table(f"Passes of {Path(path).name}", ["tokens", "ms", "ms/token", "of the limit", "limit"], key=True)
    for row in rows:
        cells = [milliseconds(row["seconds"]), milliseconds(row["seconds"] / row["tokens"])]
        table.rows.append([str(row["tokens"]), *cells, f"{100 * row['share']:.0f} %", row["limit"]])
    read, multiply = number(machine.bandwidth / 1e9, 1), number(machine.throughput / 1e9)
    table.notes.append(
        f"This machine, {n_threads} threads: {read} GB/s read, {multiply} billion 8-bit multiply-adds per second."
    )
    table.notes.append(f"A pass reads {need.n_bytes / 1e6:.0f} MB of weights.")
    show_table(console(), table)
