from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.compare import compare
from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.report.comparison import write_comparison
from edge_lam_benchmarks.report.files import write_reports
from edge_lam_benchmarks.report.table import milliseconds
from edge_lam_benchmarks.report.tables import places, tables
from edge_lam_benchmarks.results import ItemResult, Results
from tests.benchmarks.bench_data import make_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_results(tmp_path_factory.mktemp("reports") / "run.json")


@pytest.fixture(scope="module")
def written(results: Results) -> dict[str, Path]:
    return {path.name: path for path in write_reports(results)}


class Page(HTMLParser):
    """What stands in a page: its tags, all attributes and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_headline_joins_quality_time_and_memory(results: Results) -> None:
    table = tables(results)[0]
    assert table.rows[0] == ["Q8_0", "8.50", "8.5", "100.0", "80.0 % (8/10)", "200", "250", "-"]
    assert table.rows[1][-4:] == ["40.0 % (4/10)", "200", "500", "-"]
    assert "Energy is not told by this platform." in table.notes


def test_all_rows_are_as_wide_as_their_table(results: Results) -> None:
    found = tables(results)
    assert {"Latency", "Memory, MB", "Quality", "Wrong answers"} <= {table.title for table in found}
    assert all(len(row) == len(table.columns) for table in found for row in table.rows)


def test_noise_stands_below_the_latencies(results: Results) -> None:
    latency = next(table for table in tables(results) if table.title == "Latency")
    assert any(note.startswith("Noise: the same measure twice") for note in latency.notes)
    cold = next(row for row in latency.rows if row[0] == "cold" and row[1] == "Q8_0")
    assert cold[7] == milliseconds(1.01), "of a new process the time counts from its start on"


def test_quantizations_stand_beside_the_one_with_most_bits(results: Results) -> None:
    table = next(table for table in tables(results) if table.title == "Quantizations of xlam beside Q8_0")
    assert table.rows[0][:7] == ["Q8_0", "10", "8", "100.0 %", "-", "-", "-"]
    assert table.rows[1][:7] == ["Q4_0", "10", "4", "100.0 %", "0", "4", "0.125"]


def test_what_failed_is_told(results: Results, tmp_path: Path) -> None:
    failed = make_results(tmp_path / "a.json")
    for repeat in range(3):
        item = WorkItem("latency", "model-Q8_0.gguf", "text", "Q8_0", repeat=repeat)
        failed.items[item.id] = ItemResult(item, "failed", reason="out of memory")
    assert tables(failed)[-1].rows == [["latency", "text", "Q8_0", "failed", "out of memory", "3"]]
    assert tables(results)[-1].title != "Not measured"


def test_page_needs_nothing_else(written: dict[str, Path]) -> None:
    page = Page(written["run.html"].read_text())
    assert "script" not in page.tags
    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in written["run.html"].read_text()
    assert page.tags.count("svg") == 4
    assert "Some <CPU>" in page.text, "what was measured is shown as text, not as tags"
    assert "a|b <c>" in page.text


def test_ids_inside_a_page_are_defined(written: dict[str, Path]) -> None:
    text = written["run.html"].read_text()
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    assert used
    assert used <= set(re.findall(r'id="([^"]+)"', text))


def test_plots_are_pictures(written: dict[str, Path]) -> None:
    for name in ("latency", "quality", "memory", "calls"):
        assert written[f"{name}.png"].read_bytes().startswith(b"\x89PNG")
        root = ET.fromstring(written[f"{name}.svg"].read_text())  # noqa: S314 - made here
        assert root.tag.endswith("svg")
        assert root.findall(".//{http://www.w3.org/2000/svg}text"), "text stays text"


def test_csv_has_a_line_per_sample(results: Results, written: dict[str, Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(written["run.csv"].read_text())))
    samples = [sample for result in results.done() for sample in result.samples if sample.values]
    assert len(rows) == len(samples)
    totals = [float(row["time.total"]) for row in rows if row["time.total"]]
    assert sum(totals) == pytest.approx(sum(sample.values.get("time.total", 0) for sample in samples))


def test_markdown_tables_hold_together(written: dict[str, Path]) -> None:
    lines = written["run.md"].read_text().splitlines()
    tables_of_lines: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("|"):
            tables_of_lines[-1].append(line)
        elif tables_of_lines[-1]:
            tables_of_lines.append([])
    for table in filter(None, tables_of_lines):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
        assert len(widths) == 1, table


def test_place_names_command_and_machine(results: Results) -> None:
    lines = "\n".join(places(results))
    assert "edge-lam bench x | y" in lines
    assert "governor not told" in lines
    assert "not built by us: AVX2" in lines


def test_comparison_is_drawn(tmp_path: Path) -> None:
    found = compare(make_results(tmp_path / "a.json"), make_results(tmp_path / "b.json", factor=1.5), limit=0.1)
    names = {path.name for path in write_comparison(found, tmp_path / "out")}
    assert names == {"comparison.html", "comparison.md", "comparison.svg", "comparison.png"}
    page = Page((tmp_path / "out" / "comparison.html").read_text())
    assert page.tags.count("svg") == 1
    assert "6 of 8 measures became slower by more than 10.0 %" in page.text


def test_reports_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="can't be written"):
        write_reports(Results(tmp_path / "file" / "run.json", "", 0))
