"""The table of what the runtime is held to: each measure with its bar, its figure, and whether it is met.

In go results, out come rows. Figures are ratios of what was measured in one run, taking turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.random_weights import LABEL
from edge_lam_benchmarks.report.table import NOTHING, Table
from edge_lam_benchmarks.results import ItemResult, Results
from edge_lam_benchmarks.statistics import ratio_interval

SUITE = "targets"
LOOPS, WARM, RESTART, MASKS, CALLERS = "loops", "warm", "restart", "masks", "callers"

# Bars by quantization; "" holds for all others.
FASTER_LOOP = {"Q4_K_M": 1.7, "Q4_0": 2.0, "": 1.7}
FASTER_THAN_SERVER = {"Q4_K_M": 1.5, "Q4_0": 1.6, "": 1.5}
FASTER_THAN_HANDLER = 4.0
FASTER_START = 20.0
FASTER_MASK = 300.0
MORE_CALLERS = 3.0
MOST_OUTSIDE = 0.03
MOST_PASSES = {"forced": 21.0, "drafts": 16.0}


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
    """

    measure: str
    quant: str
    bar: str
    figure: str
    met: bool | None
    note: str


def rows(results: Results) -> list[Row]:
    """Return all rows of a run."""
    found = []
    for result in results.items.values():
        if result.item.suite == SUITE:
            makers = {LOOPS: _loops, WARM: _warm, RESTART: _restart, MASKS: _masks, CALLERS: _callers}
            found += makers[result.item.scenario](result)
    return found


def target_table(results: Results) -> Table:
    """Return the rows as a table."""
    table = Table("To reach", ["measure", "quant", "bar", "measured", "met", "how"], texts=6, key=True)
    for row in rows(results):
        met = NOTHING if row.met is None else "yes" if row.met else "no"
        table.rows.append([row.measure, row.quant, row.bar, row.figure or NOTHING, met, row.note])
    table.notes.append(
        f"{LABEL[0].upper()}{LABEL[1:]}: the model's choice is replaced by the known answer's token after its logits "
        "are computed. Answers: " + str(results.settings.get("source", NOTHING)) + "."
    )
    return table


def _loops(result: ItemResult) -> list[Row]:
    quant, samples = result.item.quant, result.samples
    bar = FASTER_LOOP.get(quant, FASTER_LOOP[""])
    passes = {way: _mean(samples, f"passes.{way}") for way in ("plain", *MOST_PASSES)}
    found = []
    for way, most in MOST_PASSES.items():
        name = "forced tokens" if way == "forced" else "forced tokens and drafts"
        note = f"{len(samples)} answers; plain {passes['plain']:.1f}" if samples else result.reason
        figure = f"{passes[way]:.1f}" if samples else ""
        met = passes[way] <= most if samples else None
        found.append(Row(f"passes per answer, {name}", quant, f"<= {most:g}", figure, met, note))
    plain, drafts = _values(samples, "time.plain"), _values(samples, "time.drafts")
    forced = sum(plain) / sum(_values(samples, "time.forced")) if samples else 0.0
    note = f"{_ratio_note(plain, drafts, 's plain')}; forced tokens alone {forced:.2f}x" if samples else result.reason
    return [*found, _faster("decode time of an answer, against our plain loop", quant, bar, plain, drafts, note=note)]


def _warm(result: ItemResult) -> list[Row]:
    quant = result.item.quant
    bars = {
        "llama-server": (FASTER_THAN_SERVER.get(quant, FASTER_THAN_SERVER[""]), "its prompt cache, no grammar"),
        "llama-cpp-python": (FASTER_THAN_HANDLER, "its function-calling handler"),
    }
    ours = {sample.labels["answer"]: sample.values["time.total"] for sample in _of_peer(result, "edge-lam")}
    found = []
    for peer, (bar, how) in bars.items():
        both = [sample for sample in _of_peer(result, peer) if sample.labels["answer"] in ours]
        theirs = [sample.values["time.total"] for sample in both]
        mine = [ours[sample.labels["answer"]] for sample in both]
        note = _ratio_note(theirs, mine, f"s {peer}") if both else _why_absent(result, peer)
        found.append(_faster(f"warm call, against {peer} ({how})", quant, bar, theirs, mine, note=note))
    return [*found, _outside(result)]


def _outside(result: ItemResult) -> Row:
    """Return the row of what is not spent in the model: rendering, tokens, masks, drafts, parsing, Python."""
    samples = [sample for sample in _of_peer(result, "edge-lam") if "time.in_passes" in sample.values]
    whole, inside = sum(_values(samples, "time.total")), sum(_values(samples, "time.in_passes"))
    measure, bar = "warm call, time outside llama_decode", f"<= {100 * MOST_OUTSIDE:g} %"
    if not whole:
        return Row(measure, result.item.quant, bar, "", None, result.reason)
    share = 1 - inside / whole
    note = f"{1e3 * (whole - inside) / len(samples):.1f} ms of {1e3 * whole / len(samples):.0f} ms per call"
    return Row(measure, result.item.quant, bar, f"{100 * share:.1f} %", share <= MOST_OUTSIDE, note)


def _restart(result: ItemResult) -> list[Row]:
    quant = result.item.quant
    cold = [sample.values["time.first"] for sample in result.samples if sample.labels["kind"] == "llama-server"]
    found = []
    for kind, name in (("disk", "after a restart, prefix on disk"), ("baked", "of the first call, baked prefix")):
        starts = [sample.values["time.first"] for sample in result.samples if sample.labels["kind"] == kind]
        middle = [statistics.median(starts)] if starts and cold else []
        tokens = max((sample.values.get("tokens.prompt", 0.0) for sample in result.samples), default=0.0)
        note = f"{middle[0]:.2f} s against {cold[0]:.1f} s cold, {tokens:.0f} tokens" if middle else result.reason
        note = note or "llama-server is not installed (--llama-server PATH)"
        measure = f"first token {name}, against llama-server cold"
        found.append(_faster(measure, quant, FASTER_START, cold if middle else [], middle, note=note))
    return found


def _masks(result: ItemResult) -> list[Row]:
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


def _callers(result: ItemResult) -> list[Row]:
    quant, samples = result.item.quant, result.samples
    rates = {sample.labels["callers"]: sample.values["rate"] for sample in samples}
    measure, bar = "eight callers at once, tokens per second against one", f">= {MORE_CALLERS:g}x"
    if not {1, 8} <= set(rates):
        return [Row(measure, quant, bar, "", None, result.reason)]
    ratio = rates[8] / rates[1]
    note = f"{rates[8]:.1f} against {rates[1]:.1f} tokens/s"
    return [Row(measure, quant, bar, f"{ratio:.2f}x", ratio >= MORE_CALLERS, note)]


def _faster(measure: str, quant: str, bar: float, slow: Sequence[float], fast: Sequence[float], *, note: str) -> Row:
    """Return a row for a ratio of sums, which is that of the whole work."""
    if not slow or not fast:
        return Row(measure, quant, f">= {bar:g}x", "", None, note)
    ratio = sum(slow) / sum(fast)
    return Row(measure, quant, f">= {bar:g}x", f"{ratio:.2f}x", ratio >= bar, note)


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


def item(scenario: str, model: str, quant: str, **options: object) -> WorkItem:
    """Return the item of one measure."""
    return WorkItem(SUITE, model, scenario, quant, options)
