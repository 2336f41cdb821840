"""All tables of a result file: the headline first, then those of each suite; and where it was measured, in lines."""

from __future__ import annotations

import shlex
from typing import Any

from edge_lam_benchmarks.environment import BUSY
from edge_lam_benchmarks.items import SUITES, named
from edge_lam_benchmarks.report.table import (
    NOTHING,
    Table,
    megabytes,
    milliseconds,
    model_label,
    number,
    percent,
)
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import headlines
from edge_lam_benchmarks.targets.rows import target_tables

BENCH, TARGETS = "edge-lam bench", "edge-lam bench targets"


def tables(results: Results) -> list[Table]:
    """Return all tables that a result file has something for."""
    if command_of(results) == TARGETS:
        return target_tables(results)
    found = [headline(results)]
    for suite in SUITES.values():
        found += named(suite.tables)(results)
    return [*found, *_not_measured(results)]


def command_of(results: Results) -> str:
    """Return the command that wrote a result file."""
    return BENCH if "suites" in results.settings else TARGETS


def headline(results: Results) -> Table:
    """Return the one table that joins size, memory, quality and time."""
    columns = ["model", "bits/weight", "size MB", "resident MB", "accuracy", "ms/call", "ms/correct call", "mJ/call"]
    table = Table("Time per correct call", columns, key=True)
    for row in headlines(results):
        accuracy = f"{percent(row.accuracy)} ({row.right}/{row.asked})" if row.asked else NOTHING
        energy = number(None if row.energy is None else 1000 * row.energy, 1)
        label = model_label(results.models[row.model], results.models)
        cells = [number(row.bits_per_weight, 2), megabytes(row.size), megabytes(row.resident), accuracy]
        table.rows.append([label, *cells, milliseconds(row.time), milliseconds(row.time_correct), energy])
    table.notes.append(
        "ms/call: mean over the requests of the quality suite, or the median of warm calls where it did not run. "
        "ms/correct call: all that time, through the number of correct answers. resident: of the process after a call "
        "with five tools."
    )
    if labels := {facts["weights"] for facts in results.models.values() if facts.get("weights")}:
        table.notes.append(f"*: {', '.join(labels)}. Time and memory are those of the real model; what it says is not.")
    if not any(row.energy is not None for row in headlines(results)):
        table.notes.append("Energy is not told by this platform.")
    return table


def _not_measured(results: Results) -> list[Table]:
    table = Table("Not measured", ["suite", "scenario", "model", "status", "reason", "items"], texts=5, key=True)
    found: dict[tuple[str, ...], int] = {}
    for result in results.items.values():
        if result.status != "done":
            item = result.item
            row = item.suite, item.scenario, item.quant or item.model, result.status, result.reason
            found[row] = found.get(row, 0) + 1
    table.rows = [[*row, str(count)] for row, count in found.items()]
    return [table] if table.rows else []


def places(results: Results) -> list[str]:
    """Return where and how it was measured, a line per fact."""
    lines = [f"command: {results.command}", f"seed {results.seed}, {_amount(results)}"]
    if not results.finished:
        lines.append(f"not complete: {command_of(results)} --resume {shlex.quote(str(results.path))} measures the rest")
    for facts in results.environments.values():
        lines += _place(facts)
    for facts in results.models.values():
        hashes = ", ".join(
            f"{name} {str(facts[f'{name}_sha256'])[:12]}"
            for name in ("template", "grammar")
            if f"{name}_sha256" in facts
        )
        lines.append(f"{facts.get('name')} {facts.get('quant')}: format {facts.get('format')}, {hashes}")
    busy = [load for load in results.settings.get("load_before", []) if load]
    if busy and max(busy) > BUSY:
        lines.append(f"the machine was busy before: {max(busy):.1f} processes were ready to run, on average")
    return lines


def _amount(results: Results) -> str:
    """Return how often is measured what: repeats, or answers that are replayed."""
    settings = results.settings
    return f"{settings['answers']} answers" if "answers" in settings else f"{settings.get('repeats', NOTHING)} repeats"


def _place(facts: dict[str, Any]) -> list[str]:
    cpu, build, memory = facts["processor"], facts["build"], facts["memory"]
    name = " ".join(filter(None, (facts.get("device"), cpu["model"])))
    governor = f"governor {cpu['governor']}" if cpu.get("governor") else "governor not told"
    features = ", ".join(key for key, value in build["features"].get("CPU", {}).items() if value != "0")
    stamp = build.get("stamp")
    built = f"built with edge-lam's {stamp['backend']} settings by {stamp['compiler']}" if stamp else "not built by us"
    versions = ", ".join(f"{key} {value}" for key, value in facts["versions"].items() if value)
    return [
        f"{name}, {cpu['usable']} of {cpu['threads']} processors, {memory['total'] / 1e9:.1f} GB, {governor}",
        f"{facts['system']}; processor has {', '.join(cpu['features']) or 'features not told'}",
        f"llama.cpp {build['llama_cpp']}, {build['backend']}, {built}: {features}",
        f"{versions}, commit {facts.get('commit') or 'not told'}",
    ]
