"""The tables of the quality suite: right answers by set of tasks, quantizations side by side, and wrong answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_lam_benchmarks.divergence import SCENARIO as DIVERGENCE
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.quality.paired import paired
from edge_lam_benchmarks.report.table import NOTHING, Table, label_of, milliseconds, number, percent
from edge_lam_benchmarks.results import ItemResult, Results

WRONG_SHOWN = 20
LONGEST = 120


def quality_tables(results: Results) -> list[Table]:
    """Return the tables of the suite; none where it did not run."""
    found = [*_scores(results), *_paired(results), _wrong(results)]
    return [table for table in found if table.rows]


def set_of(result: ItemResult) -> str:
    """Return the name of a set of tasks; its slices are items of their own."""
    options = result.item.options
    name = options.get("category") or options.get("world") or Path(options.get("file", "")).stem
    return " ".join(filter(None, (result.item.scenario, name)))


def _judged(results: Results) -> Iterator[tuple[ItemResult, list[Sample]]]:
    for result in results.done("quality"):
        yield result, [sample for sample in result.samples if "correct" in sample.labels]


def _scores(results: Results) -> list[Table]:
    table = Table("Quality", ["tasks", "model", "right", "of", "accuracy", "ms each"], texts=2, key=True)
    sets: dict[tuple[str, str], list[Sample]] = {}
    for result, samples in _judged(results):
        sets.setdefault((set_of(result), label_of(result.item, results)), []).extend(samples)
    order = list(dict.fromkeys(name for name, _ in sets))
    for (name, model), samples in sorted(sets.items(), key=lambda entry: order.index(entry[0][0])):
        if not samples:
            continue
        right = sum(bool(sample.labels["correct"]) for sample in samples)
        times = [sample.values["time.total"] for sample in samples if "time.total" in sample.values]
        time = sum(times) / len(times) if times and results.settings.get("engine") == "local" else None
        row = [str(right), str(len(samples)), percent(right / len(samples)), milliseconds(time)]
        table.rows.append([name, model, *row])
    return [table]


def _paired(results: Results) -> list[Table]:
    """Compare quantizations of a model with the one that has most bits, on the same requests."""
    columns = ["model", "requests", "right", "same answer", "only it", "only ref.", "p", "KL mean", "KL p99"]
    tables = []
    for name in dict.fromkeys(facts.get("name") for facts in results.models.values()):
        models = {model: facts for model, facts in results.models.items() if facts.get("name") == name}
        samples: dict[str, list[Sample]] = {model: [] for model in models}
        divergence: dict[str, dict[str, float]] = {}
        for result in results.done("quality"):
            if result.item.scenario == DIVERGENCE and result.samples:
                divergence[result.item.model] = result.samples[0].values
            elif result.item.model in samples:
                samples[result.item.model] += [sample for sample in result.samples if "task" in sample.labels]
        if len(models) < 2:
            continue
        best = max(models, key=lambda model: models[model].get("bits_per_weight", 0.0))
        title = f"Quantizations of {name} beside {models[best].get('quant')}"
        table = Table(title, columns, key=True)
        for row in paired(samples, best):
            counts = [str(row.n_requests), str(row.correct), percent(row.agreement)]
            only = (
                [str(row.only_this), str(row.only_reference), f"{row.p_value:.3g}"] if row.quant != best else ["-"] * 3
            )
            far = divergence.get(row.quant, {})
            kl = [number(far.get(f"kl.{kind}"), 5) for kind in ("mean", "p99")]
            table.rows.append([str(models[row.quant].get("quant")), *counts, *only, *kl])
        table.notes.append(
            "only it, only ref.: right where the other is wrong. p: exact McNemar test, two-sided. KL: divergence of "
            "predictions from the reference's, over the demo's replies, in nats."
        )
        tables.append(table)
    return tables


def _wrong(results: Results) -> Table:
    table = Table("Wrong answers", ["tasks", "model", "task", "answer", "reason"], texts=5)
    n_wrong = 0
    for result, samples in _judged(results):
        for sample in samples:
            if sample.labels["correct"]:
                continue
            n_wrong += 1
            if n_wrong <= WRONG_SHOWN:
                cells = [_short(sample.labels.get(name)) for name in ("task", "answer", "reason")]
                table.rows.append([set_of(result), label_of(result.item, results), *cells])
    if n_wrong > WRONG_SHOWN:
        table.notes.append(f"{WRONG_SHOWN} of {n_wrong}; the result file has them all.")
    return table


def _short(value: Any) -> str:
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(plain.split()) if value is not None else NOTHING
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
