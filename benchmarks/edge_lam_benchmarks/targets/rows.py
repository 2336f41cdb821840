"""The table of what the runtime is held to: each measure with its bar, its figure, and whether it is met.

In go results, out come rows. Figures are ratios of what was measured in one run, taking turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.random_weights import LABEL
from edge_lam_benchmarks.report.table import NOTHING, Table
from edge_lam_benchmarks.results import ItemResult, Results
from edge_lam_benchmarks.statistics import ratio_interval
from edge_lam_benchmarks.targets.limits import TargetLimits, cost_table
from edge_lam_benchmarks.targets.plan import CALLERS, LOOPS, MASKS, RESTART, SCENARIOS, SUITE, WARM

# Bars by quantization; "" holds for all others.
FASTER_LOOP = {"Q4_K_M": 1.7, "Q4_0": 2.0, "": 1.7}
FASTER_THAN_SERVER = {"Q4_K_M": 1.5, "Q4_0": 1.6, "": 1.5}
FASTER_THAN_HANDLER = 4.0
FASTER_START = 20.0
MAX_START = 2.0  # seconds
FASTER_MASK = 300.0
MORE_CALLERS = 3.0
MAX_OUTSIDE, MAX_OUTSIDE_PASS = 0.03, 0.4e-3  # share, or seconds per pass where passes are short
STARTS = {  # kind of start: what its first token comes after
    "disk": "after a restart, prefix on disk",
    "baked": "of the first call, baked prefix",
    "mapped": "after a restart, prefix on disk, without repacking",
    "baked, mapped": "of the first call, baked prefix, without repacking",
}
PARTS = ("load", "restore", "compile", "prefill")  # of a start, as reports have them
MAX_PASSES = {"forced": 21.0, "drafts": 16.0}


@dataclass(frozen=True)
class Row:
    """One measure.

    Attributes:
        measure: what is measured.
        quant: of which file, "" where that does not matter.
        bar: what is to be reached, in words.
        figure: what was measured, "" if it was not.
        met: whether the bar is reached; None if it was not measured.
        note: what the figure is made of, or why there is none.
        limit: what passes alone would allow, at what they cost in this run; "" if that is not known.
    """

    measure: str
    quant: str
    bar: str
    figure: str
    met: bool | None
    note: str
    limit: str = ""


def rows(results: Results) -> list[Row]:
    """Return all rows of a run, each of all rounds that were measured."""
    makers = {LOOPS: _loops, WARM: _warm, RESTART: _restart, MASKS: _masks, CALLERS: _callers}
    found = []
    for result in merged(results):
        if result.item.scenario in makers:
            found += makers[result.item.scenario](result, TargetLimits(results, result.item.model))
    return found


def merged(results: Results) -> list[ItemResult]:
    """Return each measure once, with the samples of all its rounds, in the order of the table."""
    groups: dict[str, ItemResult] = {}
    for result in results.items.values():
        if result.item.suite != SUITE:
            continue
        before = groups.get(result.item.group)
        samples = [*(before.samples if before else ()), *result.samples]
        reasons = dict.fromkeys([*(before.reason.split("; ") if before else ()), *result.reason.split("; ")])
        groups[result.item.group] = replace(before or result, samples=samples, reason="; ".join(filter(None, reasons)))
    return sorted(groups.values(), key=lambda result: SCENARIOS.index(result.item.scenario))


def target_tables(results: Results) -> list[Table]:
    """Return the rows as a table, and what passes cost."""
    columns = ["measure", "quant", "bar", "measured", "at best", "met", "how"]
    table = Table("To reach", columns, texts=7, key=True)
    for row in rows(results):
        met = NOTHING if row.met is None else "yes" if row.met else "no"
        figures = [row.bar, row.figure or NOTHING, row.limit or NOTHING]
        table.rows.append([row.measure, row.quant, *figures, met, row.note])
    table.notes.append(
        f"{LABEL[0].upper()}{LABEL[1:]}: the model's choice is replaced by the known answer's token after its logits "
        "are computed. Answers: " + str(results.settings.get("source", NOTHING)) + "."
    )
    return [table, *cost_table(results)]


def _loops(result: ItemResult, limits: TargetLimits) -> list[Row]:
    quant, samples = result.item.quant, result.samples
    bar = FASTER_LOOP.get(quant, FASTER_LOOP[""])
    passes = {way: _mean(samples, f"passes.{way}") for way in ("plain", *MAX_PASSES)}
    found = []
    for way, most in MAX_PASSES.items():
        name = "forced tokens" if way == "forced" else "forced tokens and drafts"
        note = f"{len(samples)} answers; plain {passes['plain']:.1f}" if samples else result.reason
        figure = f"{passes[way]:.2f}" if samples else ""  # 16.04 is not 16
        met = passes[way] <= most if samples else None
        found.append(Row(f"passes per answer, {name}", quant, f"<= {most:g}", figure, met, note))
    plain, drafts = _values(samples, "time.plain"), _values(samples, "time.drafts")
    forced = sum(plain) / sum(_values(samples, "time.forced")) if samples else 0.0
    note = f"{_ratio_note(plain, drafts, 's plain')}; forced tokens alone {forced:.2f}x" if samples else result.reason
    name, limit = "decode time of an answer, against our plain loop", limits.loop(samples, "drafts")
    return [*found, _faster(name, quant, bar, plain, drafts, note=note, limit=limit)]


def _warm(result: ItemResult, limits: TargetLimits) -> list[Row]:
    quant = result.item.quant
    bars = {
        "llama-server": (FASTER_THAN_SERVER.get(quant, FASTER_THAN_SERVER[""]), "its prompt cache, no grammar"),
        "llama-cpp-python": (FASTER_THAN_HANDLER, "its function-calling handler"),
    }
    ours = {sample.labels["answer"]: sample for sample in _of_peer(result, "edge-lam")}
    found = []
    for peer, (bar, how) in bars.items():
        both = [sample for sample in _of_peer(result, peer) if sample.labels["answer"] in ours]
        theirs = [sample.values["time.total"] for sample in both]
        called = [ours[sample.labels["answer"]] for sample in both]
        mine, limit = _values(called, "time.total"), limits.call(theirs, called)
        note = _ratio_note(theirs, mine, f"s {peer}") if both else _why_absent(result, peer)
        found.append(_faster(f"warm call, against {peer} ({how})", quant, bar, theirs, mine, note=note, limit=limit))
    return [*found, _outside(result)]


def _outside(result: ItemResult) -> Row:
    """Return the row of what is not spent in the model: rendering, tokens, masks, drafts, parsing, Python."""
    samples = [sample for sample in _of_peer(result, "edge-lam") if "time.in_passes" in sample.values]
    whole, inside = sum(_values(samples, "time.total")), sum(_values(samples, "time.in_passes"))
    measure = "warm call, time outside llama_decode"
    bar = f"<= {100 * MAX_OUTSIDE:g} %, or {1e3 * MAX_OUTSIDE_PASS:g} ms per pass"
    if not whole:
        return Row(measure, result.item.quant, bar, "", None, result.reason)
    share, per_pass = 1 - inside / whole, (whole - inside) / sum(_values(samples, "passes"))
    note = (
        f"{1e3 * per_pass:.2f} ms per pass; {1e3 * (whole - inside) / len(samples):.1f} ms "
        f"of {1e3 * whole / len(samples):.0f} ms per call"
    )
    met = share <= MAX_OUTSIDE or per_pass <= MAX_OUTSIDE_PASS
    return Row(measure, result.item.quant, bar, f"{100 * share:.1f} %", met, note)


def _restart(result: ItemResult, limits: TargetLimits) -> list[Row]:
    quant = result.item.quant
    found = []
    cold = _of_kind(result, "llama-server")[:1]
    for kind, name in STARTS.items():
        measure = f"first token {name}, against llama-server cold"
        starts = _of_kind(result, kind)
        if not starts or not cold:
            note = result.reason or "llama-server is not installed (--llama-server PATH)"
            found.append(_faster(measure, quant, FASTER_START, [], [], note=note))
            continue
        seconds, values = cold[0].values["time.first"], _median_start(starts)
        unread = values.get("tokens.prompt", 0.0) - values.get("tokens.cached", 0.0)
        limit = limits.first_token(seconds, cold[0].values.get("time.start", 0.0), unread)
        if "mapped" in kind:  # llama-server's own start, which repacks, is no limit
            limit = None
        note = (
            f"{values['time.first']:.2f} s ({_parts(values)}), median of {len(starts)}, against {seconds:.1f} s cold; "
            f"{cold[0].values.get('tokens.prompt', 0.0):.0f} tokens"
        )
        found.append(_faster(measure, quant, FASTER_START, [seconds], [values["time.first"]], note=note, limit=limit))
    return [*found, _mapped(result)]


def _mapped(result: ItemResult) -> Row:
    """Return the row of starts that leave weights where they are mapped."""
    measure, bar = f"first token {STARTS['mapped']}", f"<= {MAX_START:g} s"
    if not (starts := _of_kind(result, "mapped")):
        return Row(measure, result.item.quant, bar, "", None, result.reason)
    values = _median_start(starts)
    first, note = values["time.first"], f"{_parts(values)}, median of {len(starts)}"
    return Row(measure, result.item.quant, bar, f"{first:.2f} s", first <= MAX_START, note)


def _median_start(starts: Sequence[Sample]) -> dict[str, float]:
    return starts[len(starts) // 2].values


def _parts(values: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {values[f'time.{part}']:.2f}" for part in PARTS if f"time.{part}" in values)


def _of_kind(result: ItemResult, kind: str) -> list[Sample]:
    """Return the starts of one kind, the fastest first."""
    found = [sample for sample in result.samples if sample.labels["kind"] == kind]
    return sorted(found, key=lambda sample: sample.values["time.first"])


def _masks(result: ItemResult, _: TargetLimits) -> list[Row]:
    ours, masked = (_values(result.samples, f"time.edge-lam{suffix}") for suffix in ("", ".masked"))
    theirs = _values(result.samples, "time.gbnf")
    if not theirs:
        return [Row("mask and choose per token, against GBNF", "", f">= {FASTER_MASK:g}x", "", None, result.reason)]
    usual, worst = (statistics.fmean(theirs) / statistics.fmean(values) for values in (ours, masked))
    note = (
        f"{1e6 * statistics.fmean(masked):.0f} us against {1e3 * statistics.fmean(theirs):.1f} ms where every choice "
        f"needs the whole mask; {usual:.0f}x where the model wants what is allowed"
    )
    measure = f"mask and choose per token, {result.samples[0].values['vocabulary']:,.0f} tokens, against GBNF"
    return [Row(measure, "", f">= {FASTER_MASK:g}x", f"{worst:.0f}x", worst >= FASTER_MASK, note)]


def _callers(result: ItemResult, limits: TargetLimits) -> list[Row]:
    quant, samples = result.item.quant, result.samples
    rates = {sample.labels["callers"]: sample.values["rate"] for sample in samples}
    measure, bar = "eight callers at once, tokens per second against one", f">= {MORE_CALLERS:g}x"
    if not {1, 8} <= set(rates):
        return [Row(measure, quant, bar, "", None, result.reason)]
    ratio, limit = rates[8] / rates[1], limits.callers(8)
    note = f"{rates[8]:.1f} against {rates[1]:.1f} tokens/s"
    return [Row(measure, quant, bar, f"{ratio:.2f}x", ratio >= MORE_CALLERS, note, _times(limit))]


def _faster(
    measure: str,
    quant: str,
    bar: float,
    slow: Sequence[float],
    fast: Sequence[float],
    *,
    note: str,
    limit: float | None = None,
) -> Row:
    """Return a row for a ratio of sums, which is that of the whole work."""
    if not slow or not fast:
        return Row(measure, quant, f">= {bar:g}x", "", None, note)
    ratio = sum(slow) / sum(fast)
    return Row(measure, quant, f">= {bar:g}x", f"{ratio:.2f}x", ratio >= bar, note, _times(limit))


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _ratio_note(slow: Sequence[float], fast: Sequence[float], unit: str) -> str:
    """Return both medians, and the interval of their ratio."""
    low, high = ratio_interval(slow, fast)
    medians = f"{statistics.median(fast):.2f} s against {statistics.median(slow):.2f} {unit}"
    return f"{medians}, {len(fast)} answers, 95 % of medians {low:.2f}-{high:.2f}x"


def _of_peer(result: ItemResult, peer: str) -> list[Sample]:
    return [sample for sample in result.samples if sample.part == peer]


def _why_absent(result: ItemResult, peer: str) -> str:
    reasons = [reason for reason in result.reason.split("; ") if reason.startswith(f"{peer}: ")]
    return reasons[0] if reasons else result.reason


def _values(samples: Sequence[Sample], name: str) -> list[float]:
    return [sample.values[name] for sample in samples if name in sample.values]


def _mean(samples: Sequence[Sample], name: str) -> float:
    values = _values(samples, name)
    return statistics.fmean(values) if values else 0.0
