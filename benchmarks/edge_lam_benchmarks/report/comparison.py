"""Two runs in one table, and as a page with a plot of both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam_benchmarks.compare import Change, RunComparison
from edge_lam_benchmarks.report.table import NOTHING, Table, megabytes, milliseconds, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def comparison_table(found: RunComparison) -> Table:
    """Return the table of a comparison."""
    columns = ["measure", "model", "tools", "before", "after", "ratio", "95 % interval", ""]
    table = Table(f"{Path(found.before).name} and then {Path(found.after).name}", columns, texts=2, key=True)
    for change in found.changes:
        show = milliseconds if change.figure.startswith("time.") else megabytes
        interval = f"{change.low:.2f}-{change.high:.2f}" if change.low and change.high else NOTHING
        row = [_measure(change), change.model, str(change.tools or NOTHING), show(change.before), show(change.after)]
        table.rows.append([*row, f"{change.ratio:.2f}", interval, "slower" if change.slower else ""])
    table.notes.append("Medians: total times in ms, resident memory in MB.")
    if found.noise:
        table.notes.append(f"Noise: the same measure twice in one run differs by {percent(found.noise.share)}.")
    if found.limit is not None:
        many = f"{len(found.slower)} of {len(found.changes)} measures"
        table.notes.append(f"{many} became slower by more than {percent(found.limit)}.")
        if found.noise and found.noise.share > found.limit:
            table.notes.append("This machine is noisier than the limit: small losses can't be seen here.")
    return Table(table.title, table.columns, table.rows, [*table.notes, *found.remarks], texts=2, key=True)


def _measure(change: Change) -> str:
    return change.scenario if change.suite == "latency" else f"{change.suite}: {change.scenario}"


def comparison_plot(found: RunComparison) -> Figure:
    """Draw each measure of both runs, the second as a share of the first.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    from edge_lam_benchmarks.report.plots import COLORS, INK, ROW, STYLE, WIDTH

    with mpl.rc_context(STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, ROW * len(found.changes) + 1.2))
        axis = figure.subplots()
        for index, change in enumerate(found.changes):
            color = COLORS[3] if change.slower else COLORS[0]
            if change.low is not None and change.high is not None:
                axis.plot([change.low, change.high], [index, index], color=color, lw=4, alpha=0.4)
            axis.plot(change.ratio, index, "o", color=color, markersize=5)
        names = [", ".join(filter(None, (_measure(change), _tools(change), change.model))) for change in found.changes]
        axis.set_yticks(range(len(names)), names)
        axis.axvline(1, color=INK, lw=0.8)
        if found.limit is not None:
            axis.axvline(1 + found.limit, color=COLORS[3], lw=0.8, ls="--")
        axis.set_xlabel("after / before (medians, 95 % interval); right of 1 is slower or larger")
        axis.set_title("Two runs")
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.grid(axis="x", alpha=0.25, lw=0.5)
        axis.tick_params(axis="y", length=0)
    return figure


def _tools(change: Change) -> str:
    return f"{change.tools} tool{'s' if change.tools != 1 else ''}" if change.tools else ""


def write_comparison(found: RunComparison, out: Path) -> list[Path]:
    """Write a comparison as Markdown and as a page with a plot.

    Args:
        found: the comparison.
        out: a folder, or the HTML file; the Markdown goes beside it.

    Raises:
        InvalidRequest: a file can't be written.
    """
    from edge_lam_benchmarks.report.files import markdown, png, svg, write_files
    from edge_lam_benchmarks.report.html import page

    path = out if out.suffix == ".html" else out / "comparison.html"
    table, lines = comparison_table(found), [f"before: {found.before}", f"after: {found.after}"]
    try:
        figure = comparison_plot(found)
    except ImportError:  # without matplotlib there are tables alone
        pictures, files = {}, {}
    else:
        pictures = {"comparison": svg(figure, "comparison")}
        files = {path.with_suffix(".svg"): pictures["comparison"].encode(), path.with_suffix(".png"): png(figure)}
    title = "edge-lam bench, two runs"
    files[path] = page(title, [table], lines, pictures).encode()
    files[path.with_suffix(".md")] = markdown(title, [table], lines).encode()
    return write_files(files)
