"""Opens the result file of a run: a new one for what is requested, or one that was interrupted.

In go the options of the command line, out come `Results`, whose settings say all that there is to measure.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from edge_lam._util.paths import state_dir
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import one_line
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.items import SUITES, WorkItem
from edge_lam_benchmarks.results import Results, read_results, whole

ALL = "all"
MINUTES = 2.0  # of a run without any model named


def new_results(command: str, out: Path | None, options: dict[str, Any]) -> Results:
    """Open a new result file; models are found and made, and everything that can be checked is.

    Args:
        command: the command line.
        out: a folder or a .json file; None for a file in the state folder.
        options: the options of `edge-lam bench`, by name.

    Raises:
        InvalidRequest: something requested can't be had, or the file can't be written.
        EdgeLamError: a model can't be found, read or made.
    """
    from edge_lam_benchmarks.models import describe, find_models

    path = _result_path(out)
    quants = [quant.strip() for quant in (options["quants"] or "").split(",") if quant.strip()]
    with progress_bar({"hash": "reading", "write": "writing", "quantize": "quantizing"}, in_bytes=True) as on_progress:
        models = find_models(options["models"], quants, options["cache"], on_progress)
    chosen = options["suites"] or (ALL,)
    quality = {
        "tasks": [str(file.resolve()) for file in options["tasks"]],
        "episodes": options["episodes"],
        "categories": _categories(options["bfcl"]),
        "limit": options["limit"],
    }
    settings = {
        "models": [{"path": model.path, "quant": model.quant} for model in models],
        "suites": [suite for suite in SUITES if suite in chosen or ALL in chosen],
        "scenarios": list(options["scenarios"]),
        "quality": quality,
        "latency": {"tools": sorted(set(options["tools"]))},
        "repeats": options["repeats"],
        "minutes": MINUTES if options["minutes"] is None and not options["models"] else options["minutes"],
        "options": {name: options[name] for name in ("n_threads", "device", "n_ctx", "seed")},
        "engine": options["engine"],
        "cool_down": options["cool_down"],
    }
    facts = {model.path: describe(model.path) for model in models}
    results = Results(path, command, options["seed"], settings=settings, models=facts)
    items_of(results)  # an unknown scenario or a missing file is reported before anything is written
    _print_wrong_lines(options["tasks"])
    results.save()  # a folder that can't be written is reported before anything is measured
    return results


def _categories(text: str | None) -> list[str]:
    """Read categories of the leaderboard, with commas between them."""
    if text is None:
        return []
    from edge_lam_benchmarks.quality.official import CATEGORIES

    names = [name.strip() for name in text.split(",") if name.strip()]
    return list(CATEGORIES) if names == [ALL] else names


def _print_wrong_lines(files: Sequence[Path]) -> None:
    """Say which lines of task files are left out."""
    from edge_lam_benchmarks.quality.tasks import read_tasks

    for file in files:
        for error in read_tasks(file).wrong:
            click.echo(f"edge-lam: left out: {one_line(error.message)}", err=True)


def _result_path(out: Path | None) -> Path:
    if out is not None and out.suffix == ".json":
        if out.exists():
            raise InvalidRequest(
                f"{out} exists", hint=f"go on with it by --resume {shlex.quote(str(out))}, or name another", param="out"
            )
        return out
    folder = out or state_dir() / "bench"
    return folder / f"bench-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}.json"


def resumed_results(path: Path, options: dict[str, Any]) -> Results:
    """Read the result file of a run that did not end; it says itself what to measure.

    Raises:
        InvalidRequest: it can't be read or resumed, or a model is another file now.
    """
    from edge_lam_benchmarks.models import describe

    if options["models"] or options["quants"]:
        raise click.UsageError("--resume takes models and settings from the file")
    results = read_results(path)
    with whole(path):
        if "suites" not in results.settings:
            raise InvalidRequest(f"{path} is of another command, which can't be resumed", param="resume")
        items_of(results)
        for model, facts in results.models.items():
            if describe(model)["fingerprint"] != facts.get("fingerprint"):
                wrong = f"{model or facts.get('name')} is another file than when {path} began"
                raise InvalidRequest(wrong, param="resume")
    return results


def items_of(results: Results) -> list[WorkItem]:
    """Return all items of a run, as its settings say; the same each time."""
    from edge_lam_benchmarks.models import BenchModel
    from edge_lam_benchmarks.plan import plan

    settings = results.settings
    return plan(
        [BenchModel(**model) for model in settings["models"]],
        settings["suites"],
        settings["options"],
        repeats=settings["repeats"],
        seed=results.seed,
        scenarios=settings["scenarios"],
        extra={suite: settings.get(suite, {}) for suite in SUITES},
    )
