"""How far the predictions of a quantized model are from those of the one with most bits, as KL divergence.

In goes an item that names the reference, out comes one sample. Both read the same prompts with the expected replies
behind them, the demo's; `edge-lam verify` tells more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import loaded
from edge_lam_benchmarks.models import BenchModel
from edge_lam_converters.quality import compare

SCENARIO = "divergence"


def references(models: Sequence[BenchModel]) -> dict[BenchModel, BenchModel]:
    """Return for each model that has one its reference: of all quantizations of the model, that with most bits."""
    headers = {model: GGUFHeader.read(find_model(model.path or EMBEDDED_MODEL)) for model in models}
    found = {}
    for model, header in headers.items():
        alike = [
            other
            for other, its in headers.items()
            if (its.name, its.n_parameters, its.architecture) == (header.name, header.n_parameters, header.architecture)
        ]
        best = max(alike, key=lambda other: headers[other].bits_per_weight)
        if best != model:
            found[model] = best
    return found


def divergence_items(models: Sequence[BenchModel], options: Mapping[str, Any]) -> list[WorkItem]:
    """Return an item for each model that has a reference among the others."""
    return [
        WorkItem("quality", model.path, SCENARIO, model.quant, {**options, "against": reference.path})
        for model, reference in references(models).items()
    ]


def run_divergence(item: WorkItem) -> list[Sample]:
    """Compare a model with its reference.

    Raises:
        InvalidRequest: they have different vocabularies or formats.
        EdgeLamError: a model or the backend failed.
    """
    loaded.close()
    against = find_model(item.options["against"] or EMBEDDED_MODEL)
    options = {name: item.options[name] for name in ("n_threads", "device") if item.options.get(name) is not None}
    # What it says is judged by other scenarios: a token will do here.
    replies = compare(find_model(item.model or EMBEDDED_MODEL), against, max_tokens=1, **options).replies
    if replies is None:
        return []
    figures = {"kl.mean": replies.kl_mean, "kl.p99": replies.kl_p99, "kl.max": replies.kl_max}
    return [Sample({**figures, "agreement.token": replies.agreement, "positions": float(replies.n_positions)})]
