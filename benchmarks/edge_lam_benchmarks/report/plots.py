"""The plots of a result file: where the time goes, quality against time, memory over time, and every single call.

Each is a matplotlib figure, or None where nothing was measured for it. Colours hold for light and dark pages: text and
lines have one colour (`INK`), which the HTML page replaces by that of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edge_lam_benchmarks.report.latency import COLD, phases, total
from edge_lam_benchmarks.report.table import label_of, model_label, scenario_label
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import USUAL_TOOLS, Group, groups, headlines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2a37"
WIDTH = 9.0  # inches
ROW = 0.28  # inches that a bar takes
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#d4a017", "#9c755f", "#8f9aa3", "#ff9da7")
# What is drawn as one, since the parts alone are too short to see.
BANDS: dict[str, tuple[str, ...]] = {
    "start": ("start",),
    "load": ("load",),
    "prompt text": ("render", "tokenize"),
    "compile grammar": ("compile",),
    "restore, save": ("restore", "save"),
    "prefill": ("prefill",),
    "decode": ("decode",),
    "mask, sample, draft": ("mask", "sample", "draft"),
    "parse": ("parse",),
    "other": ("other",),
}


def plots(results: Results) -> dict[str, Figure]:
    """Return the plots by the names of their files.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    makers: dict[str, Callable[[Results], Figure | None]] = {
        "latency": latency_split,
        "quality": quality_against_latency,
        "memory": memory_over_time,
        "calls": every_call,
    }
    with mpl.rc_context(STYLE):
        made = {name: maker(results) for name, maker in makers.items()}
    return {name: figure for name, figure in made.items() if figure is not None}


def _figure(height: float, *, rows: int = 1, heights: Sequence[float] | None = None) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(rows, 1, squeeze=False, gridspec_kw={"height_ratios": heights} if heights else None)
    return figure, [row[0] for row in grid]


def _drawn(results: Results) -> list[Group]:
    """Return the groups of calls that are drawn: not the second of twins; of several models with five tools only."""
    found = [group for group in groups(results, "latency") if group.part != "all" and total(group)]
    found = [group for group in found if not group.item.options.get("twin")]
    if len(results.models) == 1:
        return found
    return [group for group in found if group.item.options.get("tools", USUAL_TOOLS) == USUAL_TOOLS]


def _name(group: Group, results: Results) -> str:
    tools = group.item.options.get("tools")
    words = [scenario_label(group.item, group.part)]
    if tools is not None:
        words.append(f"{tools} tool{'s' if tools != 1 else ''}")
    if len(results.models) > 1:
        words.append(label_of(group.item, results))
    return ", ".join(words)


def latency_split(results: Results) -> Figure | None:
    """Draw the phases of a call as stacked bars; new processes apart, since they take far longer."""
    found = [group for group in _drawn(results) if group.item.scenario != "callers"]
    panels = {
        "A new process, from its start to the complete call": [group for group in found if group.item.scenario in COLD],
        "A live model": [group for group in found if group.item.scenario not in COLD],
    }
    panels = {title: rows for title, rows in panels.items() if rows}
    if not panels:
        return None
    heights = [len(rows) + 1.5 for rows in panels.values()]
    figure, axes = _figure(ROW * sum(heights) + 1.0, rows=len(panels), heights=heights)
    for axis, (title, rows) in zip(axes, panels.items(), strict=True):
        _bars(axis, [(_name(group, results), phases(group)) for group in rows])
        axis.set_title(title)
    axes[-1].set_xlabel("ms (medians of each phase)")
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    ordered = [band for band in BANDS if band in handles]
    figure.legend([handles[band] for band in ordered], ordered, loc="outside lower center", ncols=5)
    return figure


def _bars(axis: Axes, rows: Sequence[tuple[str, dict[str, float]]]) -> None:
    names = [name for name, _ in rows]
    left = [0.0] * len(rows)
    longest = max(sum(parts.values()) for _, parts in rows)
    for color, (band, members) in zip(COLORS, BANDS.items(), strict=True):
        widths = [1000 * sum(parts.get(member, 0.0) for member in members) for _, parts in rows]
        if max(widths) < longest:  # a thousandth of the longest bar can't be seen
            continue
        axis.barh(names, widths, left=left, color=color, label=band, height=0.72)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for index, end in enumerate(left):
        axis.text(end, index, f" {end:,.0f}" if end >= 100 else f" {end:.1f}", va="center", fontsize=8.5)
    axis.set_xlim(0, 1.08 * max(left))
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)


def quality_against_latency(results: Results) -> Figure | None:
    """Draw accuracy against the time per call, a point per model, with the 95 % interval of its accuracy."""
    from scipy.stats import binomtest

    rows = [row for row in headlines(results) if row.accuracy is not None and row.time is not None]
    if not rows:
        return None
    figure, (axis,) = _figure(3.6)
    lowest = 100.0
    for color, row in zip(COLORS * len(rows), rows, strict=False):
        share, time = row.accuracy or 0.0, 1000 * (row.time or 0.0)
        low, high = binomtest(row.right, row.asked).proportion_ci(method="wilson")
        lowest = min(lowest, 100 * low)
        error = [[100 * max(0.0, share - low)], [100 * max(0.0, high - share)]]  # rounding may go over 0 and 1
        label = model_label(results.models[row.model], results.models)
        axis.errorbar(time, 100 * share, yerr=error, fmt="o", color=color, capsize=3, markersize=8, lw=1, label=label)
    axis.set_xlabel("ms per call")
    axis.set_ylabel("right answers, %")
    axis.set_title("Quality against time (bars: 95 % interval)")
    axis.margins(x=0.25)
    axis.set_ylim(max(0.0, lowest - 10), 102)
    figure.legend(loc="outside right upper")
    axis.grid(alpha=0.25, lw=0.5)
    return figure


def memory_over_time(results: Results) -> Figure | None:
    """Draw the resident memory of one process per model, from its start to its end."""
    found = [group for group in groups(results, "memory") if group.part == "all" and group.samples[0].series]
    if not found:
        return None
    figure, (axis,) = _figure(3.4)
    for color, group in zip(COLORS * len(found), found, strict=False):
        sample = group.samples[0]
        times, sizes = zip(*sample.series["memory.resident"], strict=True)
        axis.plot(times, [size / 1e6 for size in sizes], color=color, lw=1.6, label=label_of(group.item, results))
        for time, stage in sample.labels.get("marks", ()) if len(found) == 1 else ():
            axis.axvline(time, color=INK, lw=0.5, ls=":")
            axis.text(
                time, 0.02, f"{stage} ", rotation=90, ha="right", va="bottom", transform=axis.get_xaxis_transform()
            )
    axis.set_xlabel("seconds since the process was started")
    axis.set_ylabel("resident memory, MB")
    axis.set_ylim(bottom=0)
    axis.set_title("Memory over time: imports, load, calls with 1, 5 and 20 tools, end")
    axis.grid(axis="y", alpha=0.25, lw=0.5)
    if len(found) > 1:
        axis.legend()
    return figure


def every_call(results: Results) -> Figure | None:
    """Draw the time of every single call, with its median and interquartile range."""
    found = _drawn(results)
    if not found:
        return None
    from matplotlib.ticker import LogLocator

    figure, (axis,) = _figure(ROW * len(found) + 1.1)
    for index, group in enumerate(found):
        spread = total(group)
        if spread is None:
            continue
        name = "time.process" if group.item.scenario in COLD else "time.total"
        values = [1000 * value for value in group.values(name)]
        # Points of one row lie a little apart, in the order of measuring from top to bottom.
        heights = [index - 0.25 + 0.5 * (place + 0.5) / len(values) for place in range(len(values))]
        axis.scatter(values, heights, s=9, color=COLORS[0], alpha=0.7, lw=0, zorder=3)
        axis.plot([1000 * spread.q1, 1000 * spread.q3], [index, index], color=COLORS[1], lw=5, alpha=0.4, zorder=1)
        axis.plot([1000 * spread.median] * 2, [index - 0.3, index + 0.3], color=COLORS[3], lw=1.8)
    axis.set_yticks(range(len(found)), [_name(group, results) for group in found])
    axis.set_xscale("log", subs=[])
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.set_xlabel("ms (logarithmic); red: median, orange: interquartile range")
    axis.set_title("Every call")
    axis.grid(axis="x", alpha=0.25, lw=0.5)
    axis.set_ylim(len(found) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    return figure
