"""`edge-lam log`: what calls of the model took, by time, model, tool and phase; the slowest, and those that failed."""

from __future__ import annotations

import csv
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.options import FILE, Settings, examples
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table, printable
from edge_lam.errors import InvalidRequest
from edge_lam.metrics.log import CallLog, prune_log, rotated
from edge_lam.metrics.log_query import COLUMNS, GROUPS, LogQuery

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam.metrics.log_query import Row

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Heading and key of the columns that are shown; what is no count and no share is a time.
_GROUP_COLUMNS = {
    "\ncalls": "calls",
    "\nfailed": "failed",
    "TTFT\np50": "first_token_p50",
    "\np95": "first_token_p95",
    "total\np50": "total_p50",
    "ms\np95": "total_p95",
}
_SHOWN: dict[str, dict[str, str]] = {
    "time": _GROUP_COLUMNS,
    "model": _GROUP_COLUMNS,
    "tool": {"runs": "runs", "failed": "failed", "p50": "seconds_p50", "p95 ms": "seconds_p95"},
    "phase": {"p50": "p50", "p95 ms": "p95", "share": "share"},
}


def _moment(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    """Read "7d" or "12h" (so long ago), or a date or time in ISO 8601, of this place unless it says its zone."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip().lower()):
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time such as 7d, 12h, 2026-11-30 or 2026-11-30T08:00") from error


@click.command(
    "log",
    epilog=examples(
        "edge-lam log",
        "edge-lam log --since 7d --by model",
        "edge-lam log --slowest 5 --tool get_time",
        "edge-lam log --failed --json",
        "edge-lam log --csv > calls.csv",
        "edge-lam log --prune --until 90d",
    ),
)
@click.argument("file", required=False, type=FILE)
@click.option("--by", type=click.Choice(GROUPS), help="Show this table only.  [default: all]")
@click.option("--slowest", type=click.IntRange(min=1), metavar="N", help="Show the N calls that took longest.")
@click.option("--failed", is_flag=True, help="Show the calls that ended in an error.")
@click.option("--since", callback=_moment, metavar="WHEN", help="Calls from then on: 7d, 12h, 2026-11-30.")
@click.option("--until", callback=_moment, metavar="WHEN", help="Calls before.")
@click.option("--model", "of_model", metavar="NAME", help="Calls of models of this name; * and ? as in a shell.")
@click.option("--tool", metavar="NAME", help="Calls after which this tool ran; * and ? as in a shell.")
@click.option("--prune", is_flag=True, help="Remove the calls before --until, or all of them, for good.")
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; times are seconds.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the calls as CSV, or with --by that table.")
def command(
    *,
    file: str | None,
    by: str | None,
    slowest: int | None,
    failed: bool,
    since: datetime | None,
    until: datetime | None,
    of_model: str | None,
    tool: str | None,
    prune: bool,
    yes: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show what calls took, from the log: by time, model, tool and phase.

    FILE is a log; without it, the one that calls are written to (--log, EDGE_LAM_LOG), with the older part that was
    rotated away. Medians and 95th percentiles are of the calls that did not fail; the total leaves out what tools took.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    wants_calls = failed or slowest is not None
    if by and wants_calls:
        raise click.UsageError("--by shows a table; --slowest and --failed show calls")
    if prune and (since or of_model or tool or by or wants_calls or as_csv):
        raise click.UsageError("--prune goes with --until only")
    path = _log_path(file)
    if prune:
        _prune(path, until, yes=yes, as_json=as_json)
        return
    query = LogQuery([rotated(path), path], since=since, until=until, model=of_model, tool=tool)
    if query.n_wrong:
        note = f"note: {query.n_wrong} line{'s are' if query.n_wrong > 1 else ' is'} no record of a call, and left out"
        console(stderr=True).print(note, style="yellow", soft_wrap=True)
    calls = query.calls(failed=failed, slowest=slowest) if wants_calls or (as_csv and not by) else None
    groups = [by] if by else list(GROUPS)
    if as_csv:
        _print_csv(query.summary(by) if by else calls or [], by)
    elif as_json:
        found = {f"by_{group}": query.summary(group) for group in groups} if calls is None else {}
        found |= {} if calls is None else {"calls": list(map(_dated, calls))}
        print_json({"log": str(path), **_dated(query.about()), **found})
    else:
        _show(path, query, calls, groups)


def _log_path(file: str | None) -> Path:
    path = CallLog(file or click.get_current_context().ensure_object(Settings).log).path
    if path is None:
        raise InvalidRequest("the log is off", hint="name a FILE, or unset EDGE_LAM_LOG", param="log")
    if not path.exists() and not rotated(path).exists():
        raise InvalidRequest(f"there is no log at {path}", hint="a call of the model begins it", param="log")
    return path


def _prune(path: Path, until: datetime | None, *, yes: bool, as_json: bool) -> None:
    what = f"the calls before {until:%Y-%m-%d %H:%M}" if until else "all calls"
    if not yes and not click.confirm(f"Remove {what} from {one_line(str(path))}?", err=True):
        click.echo("nothing was removed", err=True)
        raise click.exceptions.Exit(1)
    pruned = prune_log(path, before=until)
    if as_json:
        print_json({"log": str(path), "kept": pruned.kept, "removed": pruned.removed})
    else:
        console().print(f"{pruned.removed} records removed, {pruned.kept} kept", soft_wrap=True)


def _show(path: Path, query: LogQuery, calls: list[Row] | None, groups: list[str]) -> None:
    out = console()
    about = query.about()
    when = ""
    if about["n_calls"]:
        when = f", {_when(about['first'])} to {_when(about['last'])}"
    how_many = f"{about['n_calls']} call{'' if about['n_calls'] == 1 else 's'}"
    out.print(one_line(f"{path}: {how_many}{when}, {about['n_failed']} failed"), style="dim", soft_wrap=True)
    if calls is not None:
        _show_calls(out, calls)
        return
    for group in groups:
        _show_group(out, group, query.summary(group))


def _show_group(out: Console, group: str, rows: list[Row]) -> None:
    columns = _SHOWN[group]
    table = plain_table("", f"\n{group}" if columns is _GROUP_COLUMNS else group, *columns)
    table.title = None
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"  # names whole, on two lines if need be
    table.padding = (0, 2 if out.width >= 80 else 1, 0, 0)
    for row in rows:
        table.add_row(one_line(str(row[group] or "-")), *(_figure(key, row[key]) for key in columns.values()))
    if rows:
        out.print()
        print_table(out, table)


def _show_calls(out: Console, rows: list[Row]) -> None:
    table = plain_table("", "began", "ms", "TTFT", "prompt", "reply", "calls", "end", "model")
    table.title = None
    for column in table.columns[-2:]:
        column.justify = "left"
    for row in rows:
        generated = sum(row[kind] or 0 for kind in ("sampled", "forced", "accepted")) - (row["dropped"] or 0)
        cells = [_figure("seconds", row["total"]), _figure("seconds", row["first_token"] or None)]
        cells += [str(row["prompt"]), str(generated), str(row["n_calls"])]
        table.add_row(_when(row["started"]), *cells, row["error"] or row["finish_reason"], one_line(str(row["model"])))
    out.print()
    if rows:
        print_table(out, table)
    else:
        out.print("none")


def _figure(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    if key == "share":
        return f"{value:.1%}"
    if key in ("calls", "failed", "runs"):
        return str(value)
    return f"{1000 * value:.{1 if key in ('p50', 'p95') else 0}f}"


def _when(started: float) -> str:
    return f"{datetime.fromtimestamp(started):%Y-%m-%d %H:%M:%S}"


def _dated(row: Row) -> Row:
    """Return a row with its moments as ISO 8601 writes them."""
    moments = {key: row[key] for key in ("started", "first", "last") if row.get(key) is not None}
    return row | {key: f"{datetime.fromtimestamp(value, timezone.utc).isoformat()}" for key, value in moments.items()}


def _print_csv(rows: list[Row], by: str | None) -> None:
    names: list[Any] = list(rows[0]) if rows else list(COLUMNS) if by is None else [by]
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: printable(value) if isinstance(value, str) else value for name, value in _dated(row).items()}
        for row in rows
    )
