"""Writes the reports of a result file beside it: Markdown, CSV, an HTML page, and each plot as PNG and SVG."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam._util.atomic_file import atomic_write
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.quality.leaderboard_files import write_leaderboard_files
from edge_lam_benchmarks.report.html import page
from edge_lam_benchmarks.report.table import Table
from edge_lam_benchmarks.report.tables import command_of, places, tables
from edge_lam_benchmarks.results import Results, companion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 160


def write_reports(results: Results) -> list[Path]:
    """Write all reports of a result file and return their paths.

    ``NAME.json`` gets ``NAME.md``, ``NAME.csv`` (a line per sample), ``NAME.html`` and the plots in ``NAME-plots/``;
    no plots where matplotlib is not installed. Answers to the leaderboard's requests go to ``NAME-bfcl/``, in its form.

    Raises:
        InvalidRequest: a file can't be written.
    """
    try:
        from edge_lam_benchmarks.report.plots import plots

        figures = plots(results)
    except ImportError:  # without matplotlib there are tables alone
        figures = {}
    found = tables(results)
    pictures = {name: svg(figure, name) for name, figure in figures.items()}
    title = f"{command_of(results)}, {results.created[:10]}"
    texts = {
        ".md": markdown(title, found, places(results)),
        ".csv": samples_csv(results),
        ".html": page(title, found, places(results), pictures),
    }
    files = {companion(results.path, suffix): text.encode() for suffix, text in texts.items()}
    folder = companion(results.path, "-plots")
    for name, figure in figures.items():
        files[folder / f"{name}.svg"] = pictures[name].encode()
        files[folder / f"{name}.png"] = png(figure)
    return [*write_files(files), *_leaderboard_files(results)]


def _leaderboard_files(results: Results) -> list[Path]:
    """Write what models answered to the leaderboard in its own form, a folder for each model."""
    written: list[Path] = []
    for model, facts in results.models.items():
        found = [
            sample for result in results.done("quality") if result.item.model == model for sample in result.samples
        ]
        if any("category" in sample.labels for sample in found):
            name = f"{facts.get('name')}-{facts.get('quant')}".replace("/", "-")
            written += write_leaderboard_files(found, companion(results.path, "-bfcl") / name)
    return written


def write_files(files: dict[Path, bytes]) -> list[Path]:
    """Write files, each whole or not at all, and return their paths.

    Raises:
        InvalidRequest: one can't be written.
    """
    path = next(iter(files))
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(content)
    except OSError as error:
        raise InvalidRequest(f"{path} can't be written: {error.strerror or error}", param="out") from error
    return list(files)


def svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG, with text as text; names inside it are its own, so that several fit into one page."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure as PNG on white."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()


def markdown(title: str, found: list[Table], lines: list[str]) -> str:
    """Return tables as Markdown."""
    parts = [f"# {title}", "\n".join(f"- {_cell(line)}" for line in lines)]
    for table in found:
        rule = [":--" if index < table.texts else "--:" for index in range(len(table.columns))]
        rows = [table.titles, rule, *([_cell(cell) for cell in row] for row in table.rows)]
        body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        parts += [f"## {table.title}", body, *table.notes]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def samples_csv(results: Results) -> str:
    """Return every sample as a line of CSV, with all figures."""
    head = ["id", "suite", "scenario", "model", "quant", "options", "repeat", "part", "labels"]
    measured = [(result, sample) for result in results.done() for sample in result.samples if sample.values]
    names = sorted({name for _, sample in measured for name in sample.values})
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*head, *names])
    for result, sample in measured:
        item = result.item
        facts = results.models.get(item.model, {})
        first = [item.id, item.suite, item.scenario, facts.get("name", item.model), item.quant]
        options, labels = (json.dumps(dict(value), ensure_ascii=False) for value in (item.options, sample.labels))
        values = [sample.values.get(name, "") for name in names]
        writer.writerow([*first, options, item.repeat, sample.part, labels, *values])
    return buffer.getvalue()
