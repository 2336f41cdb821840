"""A result file with known figures, as a run would have written it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.results import ItemResult, Results

PLACE: dict[str, Any] = {
    "device": None,
    "system": "Linux 6",
    "processor": {
        "model": "Some <CPU>",
        "features": ["AVX2"],
        "usable": 2,
        "threads": 4,
        "governor": None,
    },
    "memory": {"total": 8_000_000_000, "limit": None},
    "build": {"llama_cpp": "0.5", "backend": "cpu", "features": {"CPU": {"AVX2": "1", "FMA": "0"}}, "stamp": None},
    "versions": {"edge-lam": "0.1.0", "jinja2": None},
    "commit": None,
}
BITS = {"Q8_0": 8.5, "Q4_0": 4.5}


def call(total: float, **values: float) -> Sample:
    """One call that took so many seconds, half of them prefill."""
    figures = {"time.total": total, "time.prefill": total / 2, "time.decode": total / 4, "tokens.prompt": 900.0}
    return Sample(figures | values, {"finish_reason": "tool_calls"})


def make_results(path: Path, *, factor: float = 1.0) -> Results:
    """Two quantizations, each with warm calls (twice), a cold start, memory and quality; `factor` scales the times."""
    results = Results(path, "edge-lam bench x | y", 7, settings={"engine": "local", "repeats": 3, "suites": []})
    results.environments["here"] = PLACE
    for place, (quant, bits) in enumerate(BITS.items()):
        model = f"model-{quant}.gguf"
        results.models[model] = {"name": "xlam", "quant": quant, "bits_per_weight": bits, "size": 1e6 * bits}
        items = []
        for repeat in range(3):
            step = factor * (1 + place) * (1 + 0.01 * repeat)
            warm, twin = ({"tools": 5}, {"tools": 5, "twin": True})
            items += [
                (WorkItem("latency", model, "warm", quant, warm, repeat), [call(0.1 * step), call(0.11 * step)]),
                (WorkItem("latency", model, "warm", quant, twin, repeat), [call(0.105 * step), call(0.11 * step)]),
                (
                    WorkItem("latency", model, "cold", quant, {"tools": 5}, repeat),
                    [call(0.5 * step, **{"time.process": step, "time.start": 0.2, "time.load": 0.1})],
                ),
                (WorkItem("memory", model, "stages", quant, {}, repeat), _stages(1e8 * (1 + place))),
            ]
        answers = [
            Sample(
                call(0.2 * factor).values,
                {"task": str(n), "correct": n < 8 - 4 * place, "answer": "a|b <c>", "reason": "no"},
            )
            for n in range(10)
        ]
        items.append((WorkItem("quality", model, "demo calls", quant), answers))
        for item, samples in items:
            results.items[item.id] = ItemResult(item, "done", samples, where="here", started="2025-01-01")
    return results


def _stages(resident: float) -> list[Sample]:
    series = {"memory.resident": [(0.1, resident / 2), (0.2, resident)]}
    return [
        Sample({"memory.resident": resident, "memory.peak": resident}, part="5 tools"),
        Sample({}, {"marks": [[0.15, "loaded"]]}, "all", series),
    ]
