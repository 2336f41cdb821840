"""`edge-lam bench targets`: the table of what the runtime is held to."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import click

from edge_lam._util.paths import state_dir
from edge_lam.cli.model_options import THREADS
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, print_json
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.results import ItemResult, Results, read_results
from edge_lam_benchmarks.runs import run_items
from edge_lam_benchmarks.targets import rows
from edge_lam_benchmarks.targets.plan import SCENARIOS, TargetPlan
from edge_lam_benchmarks.targets.run import TargetMeasurer


@click.command(
    "targets",
    epilog=examples(
        "edge-lam bench make-shape xlam-2-1b -q Q4_K_M,Q4_0 -o shapes/",
        "edge-lam bench targets shapes/*.gguf --llama-server llama.cpp/build/bin/llama-server",
        "edge-lam bench targets shape.gguf --only loops --answers 100 --out targets.json",
        "edge-lam bench targets --resume targets.json --minutes 10",
    ),
)
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="[MODEL]...")
@click.option("--answers", "count", type=click.IntRange(min=1), default=12, show_default=True, help="To replay.")
@click.option(
    "--only", type=click.Choice(SCENARIOS), multiple=True, help="Measure only these; may be given several times."
)
@click.option("--llama-server", metavar="PATH", help="llama.cpp's server.  [default: the one on the search path]")
@click.option(
    "--leaderboard",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="The folder data of bfcl-eval.  [default: the installed one; else answers of our own]",
)
@THREADS
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw of answers and of the turns.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="For the results, as JSON."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Begin nothing more after that; --resume measures the rest.  [default: no limit]",
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="FILE", help="Go on with an interrupted run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    models: tuple[Path, ...],
    count: int,
    only: tuple[str, ...],
    llama_server: str | None,
    leaderboard: Path | None,
    n_threads: int | None,
    seed: int,
    out: Path | None,
    minutes: float | None,
    resume: Path | None,
    as_json: bool,
) -> None:
    """Measure what the runtime is held to, and show which bars are met.

    MODEL is a GGUF, best a shape of `edge-lam bench make-shape`: known answers are replayed on it, so that its random
    weights do real work. Everything is measured in turns in one run, in rounds of some answers each, and shown as
    ratios of the rounds that are there. Exits with 1 if a bar is missed.
    """
    from edge_lam.llama.threads import default_threads
    from edge_lam_benchmarks.models import describe

    if resume is not None:
        if models:
            raise click.UsageError("--resume takes models and settings from the file")
        results = read_results(resume)
        plan = TargetPlan.from_settings(results.settings)
    else:
        if not models:
            raise click.UsageError("name a model, best a shape of `edge-lam bench make-shape`")
        paths = {"llama-server": llama_server} if llama_server else {}
        plan = TargetPlan(models, only or SCENARIOS, count, n_threads or default_threads().n, seed, leaderboard, paths)
        plan.items()  # a model that can't be read is reported before anything is measured
        results = _new_results(ctx, plan, out)
    results.models |= {str(model): describe(str(model)) for model in plan.models}
    results.save()
    try:
        _measure(results, plan, minutes)
    except KeyboardInterrupt:
        click.echo(f"edge-lam: go on with: edge-lam bench targets --resume {shlex.quote(str(results.path))}", err=True)
        raise
    found = rows.rows(results)
    _print_results(results, found, as_json=as_json)
    if any(row.met is False for row in found):
        ctx.exit(1)


def _measure(results: Results, plan: TargetPlan, minutes: float | None) -> None:
    with progress_bar({"run": "all", "measure": "measuring"}) as on_progress:
        measurer = TargetMeasurer(plan, on_progress)
        results.settings["source"] = measurer.source
        items = plan.items()
        n_before = len(items) - len(results.missing(items))

        def on_item(result: ItemResult, done: int, total: int) -> None:
            on_progress("run", n_before + done, len(items), f"{result.item.scenario} {result.item.quant}")

        run_items(results, items, measurer, on_item, minutes=minutes, at_least=0)


def _print_results(results: Results, found: list[rows.Row], *, as_json: bool) -> None:
    """Write the pages beside the results, and print the table."""
    from edge_lam_benchmarks.report.files import write_reports
    from edge_lam_benchmarks.report.tables import tables
    from edge_lam_benchmarks.report.terminal import show_table

    written = write_reports(results)
    if as_json:
        print_json({"rows": [asdict(row) for row in found], "results": str(results.path)})
    else:
        for table in tables(results):
            show_table(console(), table)
        for path in (results.path, *written):
            console().print(one_line(str(path)), soft_wrap=True)


def _new_results(ctx: click.Context, plan: TargetPlan, out: Path | None) -> Results:
    path = out or state_dir() / "bench" / f"targets-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}.json"
    if path.exists():
        raise InvalidRequest(
            f"{path} exists", hint=f"go on with it by --resume {shlex.quote(str(path))}, or name another", param="out"
        )
    command = ctx.meta.get("edge_lam.bench", "edge-lam bench targets")
    return Results(path, command, plan.seed, plan.to_settings())
