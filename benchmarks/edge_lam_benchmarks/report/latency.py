"""The tables of the latency suite: times per scenario, where they go, tokens, callers, and the machine meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from edge_lam_benchmarks.report.table import (
    NOTHING,
    Table,
    center,
    label_of,
    milliseconds,
    number,
    range_of,
    scenario_label,
)
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import Group, Spread, groups, noise

# What a call does, in the order in which it does it; the names are those of `Times`.
PHASES = tuple("start load render tokenize compile restore prefill decode mask sample draft parse save".split())
COLD = ("cold", "restored")
TOKENS = ("prompt", "cached", "restored", "sampled", "forced", "drafted", "accepted")
MACHINE = {
    "cpu.percent": ("CPU %", 1.0, 0),
    "cpu.others_percent": ("others\nCPU %", 1.0, 0),
    "energy.joules": ("energy mJ", 1e3, 1),
    "temperature.celsius": ("°C", 1.0, 1),
    "clock.hertz": ("clock MHz", 1e-6, 0),
    "heat.throttled": ("throttled %", 100.0, 0),
    "battery.percent": ("battery %", 1.0, 0),
    "battery.celsius": ("battery °C", 1.0, 1),
    "battery.in_use": ("on battery %", 100.0, 0),
    "energy.gpu_joules": ("GPU energy mJ", 1e3, 1),
    "temperature.gpu_celsius": ("GPU °C", 1.0, 1),
    "clock.gpu_hertz": ("GPU clock MHz", 1e-6, 0),
}


def latency_tables(results: Results) -> list[Table]:
    """Return the tables of the suite; none where it did not run."""
    found = groups(results, "latency")
    if not found:
        return []
    calls = [group for group in found if group.part != "all"]
    tables = [_times(results, calls), _phases(results, calls), _tokens(results, calls)]
    return [*tables, *_callers(results, found), *_machine(results, calls)]


def _head(results: Results, group: Group) -> list[str]:
    tools = group.item.options.get("tools")
    return [scenario_label(group.item, group.part), label_of(group.item, results), str(tools or NOTHING)]


_HEAD = ["scenario", "model", "tools"]


def total(group: Group) -> Spread | None:
    """Return the time that a user waits: of a new process from its start on."""
    return group.spread("time.process" if group.item.scenario in COLD else "time.total")


def _times(results: Results, found: Sequence[Group]) -> Table:
    columns = [
        *_HEAD,
        "n",
        "TTFT\nms",
        "name\nms",
        "call\nms",
        "total\nms",
        "\nIQR",
        "\np95",
        "in\ntok/s",
        "out\ntok/s",
    ]
    table = Table("Latency", columns, texts=2, key=True)
    for group in found:
        whole = total(group)
        first, name, call = (center(group.spread(f"time.{kind}")) for kind in ("first_token", "name", "call"))
        row = [number(len(group.samples)), *map(milliseconds, (first, name, call, center(whole)))]
        row += [range_of(whole), milliseconds(whole.p95 if whole else None)]
        rates = [number(center(group.spread(f"rate.{kind}"))) for kind in ("prefill", "decode")]
        table.rows.append([*_head(results, group), *row, *rates])
    table.notes.append(
        "Medians. TTFT, name and call: until the first token, the first tool's name and the first complete call. "
        "cold and restored: total is from the start of the process on, the others from the request on."
    )
    if heard := noise(results):
        table.notes.append(
            f"Noise: the same measure twice in this run ({heard.n} samples each) differs by {100 * heard.share:.1f} %; "
            "smaller differences mean nothing."
        )
    return table


def phases(group: Group) -> dict[str, float]:
    """Return the median seconds of each phase, and as "other" what they leave of the whole.

    What came before the call belongs to it only in a new process.
    """
    names = PHASES if group.item.scenario in COLD else PHASES[2:]
    found = {name: center(group.spread(f"time.{name}")) for name in names}
    parts = {name: value for name, value in found.items() if value is not None}
    whole = center(total(group)) or 0.0
    return parts | {"other": max(0.0, whole - sum(parts.values()))}


def _phases(results: Results, found: Sequence[Group]) -> Table:
    table = Table("Where the time goes, ms", [*_HEAD, *PHASES, "other", "total"], texts=2)
    for group in found:
        parts = phases(group)
        cells = [milliseconds(parts.get(name)) for name in (*PHASES, "other")]
        table.rows.append([*_head(results, group), *cells, milliseconds(center(total(group)))])
    table.notes.append(
        "Medians of each phase. start and load come before a call, and count where the process is new. other: what is "
        "in no phase, and waiting for other callers."
    )
    return table


def _tokens(results: Results, found: Sequence[Group]) -> Table:
    table = Table("Tokens and passes", [*_HEAD, *TOKENS, "prefill passes", "decode passes"], texts=2)
    names = [*(f"tokens.{name}" for name in TOKENS), "passes.prefill", "passes.decode"]
    for group in found:
        table.rows.append([*_head(results, group), *(number(center(group.spread(name))) for name in names)])
    return table


def _callers(results: Results, found: Sequence[Group]) -> list[Table]:
    table = Table("Callers at once", ["model", "callers", "calls per s", "median ms", "IQR", "p95"])
    for together in found:
        if together.part != "all":
            continue
        each = next(group for group in found if group.item.group == together.item.group and group.part != "all")
        spread = each.spread("time.total")
        head = [label_of(together.item, results), str(together.item.options["callers"])]
        rate = number(center(together.spread("rate.calls")), 1)
        times = [milliseconds(center(spread)), range_of(spread), milliseconds(spread.p95 if spread else None)]
        table.rows.append([*head, rate, *times])
    return [table] if table.rows else []


def _machine(results: Results, found: Sequence[Group]) -> list[Table]:
    """Return what the machine did meanwhile; columns that this platform does not tell are named below."""
    columns = {name: how for name, how in MACHINE.items() if any(group.values(name) for group in found)}
    if not columns:
        return []
    table = Table("The machine meanwhile", [*_HEAD, *(title for title, _, _ in columns.values())], texts=2)
    for group in found:
        values = [(center(group.spread(name)), factor, digits) for name, (_, factor, digits) in columns.items()]
        cells = [number(None if value is None else value * factor, digits) for value, factor, digits in values]
        table.rows.append([*_head(results, group), *cells])
    missing = dict.fromkeys(name.partition(".")[0] for name in MACHINE if name not in columns and ".gpu_" not in name)
    if missing:
        table.notes.append(f"Not told by this platform: {', '.join(missing)}.")
    return [table]
