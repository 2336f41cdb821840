"""One HTML page with tables and plots that needs nothing else: no network, no scripts, light and dark."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from edge_lam_benchmarks.report.table import Table

INK = "#1f2a37"  # the colour of text in plots
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2a37; --soft: #5b6675; --line: #d8dee6; --page: #ffffff; --band: #f5f7fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa5b4; --line: #364152; --page: #14181f; --band: #1c222b; }
}
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color: var(--ink); background: var(--page); max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th, td { padding: .28rem .7rem .28rem 0; vertical-align: top; }
td { text-align: right; white-space: nowrap; }
th.text, td.text { text-align: left; }
td.text { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
tbody tr:nth-child(even) { background: var(--band); }
p.note, ul.place { color: var(--soft); font-size: .84rem; max-width: 60rem; }
ul.place { padding-left: 1.1rem; }
ul.place li { overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
figure svg { width: 100%; height: auto; max-width: 60rem; }
"""


def page(title: str, tables: Sequence[Table], lines: Sequence[str], plots: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        title: of the page.
        tables: in order; the plots come after the first.
        lines: where and how it was measured.
        plots: SVG by name.
    """
    head, *others = tables
    figures = "".join(f'<figure id="{html.escape(name)}">{inline(svg)}</figure>\n' for name, svg in plots.items())
    place = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{_table(head)}{figures}{''.join(map(_table, others))}"
        f'<h2>Where and how</h2>\n<ul class="place">{place}</ul>\n</body>\n</html>\n'
    )


def inline(svg: str) -> str:
    """Return SVG as it stands in a page: without its prolog, in the page's own size, font and colour of text."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = body.replace(INK, "currentColor")
    return body.replace("<text ", '<text fill="currentColor" ')


def _table(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        opening = [f'<{tag} class="text">' if index < table.texts else f"<{tag}>" for index in range(len(row))]
        return "".join(f"{start}{html.escape(cell)}</{tag}>" for start, cell in zip(opening, row, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in table.rows)
    notes = "".join(f'<p class="note">{html.escape(note)}</p>\n' for note in table.notes)
    return (
        f'<h2>{html.escape(table.title)}</h2>\n<div class="scroll"><table>\n'
        f"<thead><tr>{cells(table.titles, 'th')}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n{notes}"
    )
