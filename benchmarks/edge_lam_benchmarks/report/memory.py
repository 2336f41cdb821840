"""The table of the memory suite: what the process holds after each stage."""

from __future__ import annotations

from edge_lam_benchmarks.report.table import Table, center, label_of, megabytes
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import groups

KINDS = {
    "resident": "resident",
    "proportional": "proportional",
    "peak": "peak",
    "weights": "weights",
    "kv": "KV",
    "compute": "compute",
    "prefixes": "prefixes",
    "gpu": "GPU",
    "gpu_used": "GPU, all processes",
}


def memory_tables(results: Results) -> list[Table]:
    """Return the tables of the suite; none where it did not run."""
    found = [group for group in groups(results, "memory") if group.part != "all"]
    if not found:
        return []
    kinds = [kind for kind in KINDS if any(group.values(f"memory.{kind}") for group in found)]
    table = Table("Memory, MB", ["after", "model", *(KINDS[kind] for kind in kinds)], texts=2, key=True)
    for group in found:
        cells = [megabytes(center(group.spread(f"memory.{kind}"))) for kind in kinds]
        table.rows.append([group.part, label_of(group.item, results), *cells])
    table.notes.append(
        "Medians, each from processes of their own. resident, proportional, peak: of the whole process, Python "
        "included. proportional: pages that other processes use too count in part. weights are mapped from the file."
    )
    if missing := [KINDS[kind] for kind in KINDS if kind not in (*kinds, "gpu_used")]:
        table.notes.append(f"Not told here: {', '.join(missing)}.")
    return [table]
