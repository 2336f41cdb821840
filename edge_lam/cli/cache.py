"""`edge-lam cache`: list, show and clear the prefixes on disk."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import click

from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, count, one_line, plain_table, print_json, print_table, size


@click.command(
    "cache",
    epilog=examples(
        "edge-lam cache", "edge-lam cache 1177-61e8", "edge-lam cache --clear 1177-61e8", "edge-lam cache --clear"
    ),
)
@click.argument("name", required=False)
@click.option("--clear", is_flag=True, help="Remove the prefix called NAME, or all of them.")
@click.option("--folder", type=click.Path(path_type=Path), help="Another folder than the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(name: str | None, clear: bool, folder: Path | None, as_json: bool) -> None:
    """List what is kept of prompts, so that the next start need not read them again.

    Static prefixes are system message and tools; conversations are kept where an app asks for it.

    NAME is the beginning of a name in the list, and shows all that is known of it. EDGE_LAM_PREFIX_CACHE=off keeps
    nothing on disk.
    """
    from edge_lam.cache import prefix_folder
    from edge_lam.errors import InvalidRequest

    if name == "":
        raise click.UsageError("NAME is empty; without one, --clear removes all")
    home = prefix_folder(folder)
    found = [entry for entry in describe(home) if not name or entry["name"].startswith(name)] if home else []
    if name and not found:
        raise InvalidRequest(f"no prefix is called {name}", hint="edge-lam cache lists them", param="name")
    if clear:
        for entry in found:
            _remove(Path(entry["path"]))
    if as_json:
        print_json({"folder": str(home or ""), "removed" if clear else "prefixes": found})
    elif name and not clear:
        _show_each(found)
    else:
        _show(home, found, cleared=clear)


def _remove(path: Path) -> None:
    from edge_lam.errors import InvalidRequest

    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequest(f"{path} can't be removed: {error.strerror or error}") from error


def describe(folder: Path) -> list[dict[str, Any]]:
    """Return what is known of each prefix, the most recently used first.

    "bytes" is the size of the file, "age" the seconds since it was last used, "key" what the state is valid for.
    """
    from edge_lam.cache import prefix_files, read_header

    entries = []
    for path in reversed(prefix_files(folder)):
        header = read_header(path)
        with contextlib.suppress(OSError):  # another process removed it meanwhile: there is nothing to describe
            stat = path.stat()
            entries.append(
                {
                    "name": path.stem,
                    "path": str(path),
                    "kind": header.kind if header else "damaged",
                    "tokens": header.n_tokens if header else 0,
                    "bytes": stat.st_size,
                    "age": round(time.time() - stat.st_mtime, 1),
                    "key": header.key if header else {},
                }
            )
    return entries


def _show(folder: Path | None, entries: list[dict[str, Any]], *, cleared: bool) -> None:
    out = console()
    total = size(sum(entry["bytes"] for entry in entries))
    if folder is None:
        out.print("EDGE_LAM_PREFIX_CACHE=off: no prefixes are kept on disk")
    elif cleared:
        out.print(f"removed {len(entries)} of {folder}: {total}")
    elif not entries:
        out.print(f"no prefixes in {folder}")
    else:
        table = plain_table(f"{folder}: {total}", "prefix", "kind", "tokens", "size", "used", "model", "device")
        for entry in entries:
            table.add_row(
                entry["name"][:20],
                entry["kind"],
                count(entry["tokens"]),
                size(entry["bytes"]),
                f"{age(entry['age'])} ago",
                *(one_line(str(entry["key"].get(name, "")))[:12] for name in ("model", "device")),
            )
        print_table(out, table)


def _show_each(entries: list[dict[str, Any]]) -> None:
    out = console()
    for entry in entries:
        shown = {
            "kind": entry["kind"],
            "tokens": count(entry["tokens"]),
            "size": size(entry["bytes"]),
            "used": f"{age(entry['age'])} ago",
            **{name: value if isinstance(value, str) else json.dumps(value) for name, value in entry["key"].items()},
            "file": entry["path"],
        }
        out.print(entry["name"])
        for name, value in shown.items():
            out.print(f"  {one_line(name):<10} {one_line(value)}", soft_wrap=True)


def age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
