"""`edge-lam config`: shows and changes the config file."""

from __future__ import annotations

import os
from typing import Any

import click

from edge_lam.cli.defaults import (
    VARIABLES,
    config_path,
    known_key,
    options,
    read_config,
    set_value,
    unset_value,
)
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, print_json

ACTIONS = {"show": (0, 1), "set": (2, 2), "unset": (1, 1), "path": (0, 0)}  # least and most words that follow


def _keys(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [key for key in options() if key.startswith(incomplete)]


@click.command(
    "config",
    epilog=examples(
        "edge-lam config",
        "edge-lam config set model xlam-2-1b:Q4_K_M",
        "edge-lam config set threads 4",
        "edge-lam config unset model",
    ),
)
@click.argument("action", type=click.Choice(list(ACTIONS)), default="show")
@click.argument("words", metavar="[KEY [VALUE]]", nargs=-1, shell_complete=_keys)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(action: str, words: tuple[str, ...], as_json: bool) -> None:
    """Show and change what options are by default, such as the model.

    A flag beats the environment, the environment beats the config file, and that beats what edge-lam does by itself.
    The file is TOML, in the config folder; `path` says where. Keys are the flags that say how a model is loaded, such
    as n_ctx for --n-ctx, and log.
    """
    least, most = ACTIONS[action]
    if not least <= len(words) <= most:
        raise click.UsageError(f"{action} takes {('nothing else', 'a KEY', 'a KEY and a VALUE')[most]}")
    if action == "path":
        print_json({"path": str(config_path())}) if as_json else click.echo(config_path())
    elif action == "show":
        _show(words, as_json=as_json)
    elif action == "set":
        value = set_value(*words)
        _changed(words[0], value, f"{words[0]} = {_text(value)}", as_json=as_json)
    else:
        was_there = unset_value(words[0])
        _changed(words[0], None, "removed" if was_there else f"{words[0]} was not set", as_json=as_json)


def _changed(key: str, value: Any, change: str, *, as_json: bool) -> None:
    path = config_path()
    if as_json:
        print_json({"path": str(path), "key": key, "value": value})
        return
    console().print(one_line(f"{change} ({path})"), soft_wrap=True)
    if (variable := VARIABLES.get(key, "")) in os.environ:
        console(stderr=True).print(f"note: {variable} is set and beats it", style="yellow", soft_wrap=True)


def _show(keys: tuple[str, ...], *, as_json: bool) -> None:
    file = read_config()
    rows: dict[str, dict[str, Any]] = {}
    for key in map(known_key, keys or options()):
        if variable := os.environ.get(VARIABLES.get(key, "")):
            rows[key] = {"value": variable, "from": VARIABLES[key]}
        else:
            rows[key] = {"value": file.get(key), "from": "file" if key in file else "default"}
    if as_json:
        print_json({"path": str(config_path()), "settings": rows})
        return
    out = console()
    out.print(one_line(str(config_path())) + ("" if config_path().exists() else " (not there)"), soft_wrap=True)
    width = max(map(len, rows))
    for key, row in rows.items():
        value = "-" if row["value"] is None else one_line(_text(row["value"]))
        source = "" if row["from"] == "file" else f"  ({row['from']})"
        out.print(f"  {key:<{width}}  {value}{source}", style="dim" if row["value"] is None else None, soft_wrap=True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
