"""`edge-lam models`: list, show and remove what is on this disk, and list what has a short name."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.cache import age
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table, size

if TYPE_CHECKING:
    from edge_lam.hub import StoredModel

logger = logging.getLogger("edge_lam.cli")


@click.command(
    "models",
    epilog=examples(
        "edge-lam models",
        "edge-lam models --available",
        "edge-lam models show xlam-2-1b",
        "edge-lam models remove xlam-2-1b:Q8_0 --yes",
    ),
)
@click.argument("action", type=click.Choice(["list", "show", "remove"]), default="list")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--available", is_flag=True, help="List the names that `pull`, `convert` and `--model` know.")
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(action: str, names: tuple[str, ...], available: bool, yes: bool, as_json: bool) -> None:
    """List, show and remove the models on this disk.

    These are the GGUFs and checkpoints in huggingface_hub's cache (HF_HOME), which other tools share and fill too,
    the GGUFs of the folder EDGE_LAM_MODELS, where `convert -o` may put them, and smol-lam, once it was made. `used` is
    when the file was last read, as far as the file system keeps it.
    """
    if available:
        _show_available(as_json=as_json)
    elif action == "list":
        if names:
            raise click.UsageError("list takes no name; use `show NAME`")
        _list(as_json=as_json)
    elif not names:
        raise click.UsageError(f"{action} needs the name of a model")
    elif action == "show":
        _show(names, as_json=as_json)
    else:
        _remove(names, yes=yes, as_json=as_json)


def _list(*, as_json: bool) -> None:
    from edge_lam.hub import models_folder, stored_models

    models = [_with_license(model) for model in stored_models()]
    total, cache, folder = sum(model.size for model in models), _cache(), models_folder()
    if as_json:
        print_json(
            {"cache": cache, "folder": str(folder), "size": total, "models": [_facts(model) for model in models]}
        )
        return
    out = console()
    if not models:
        out.print(f"no models in {one_line(cache)} and {one_line(str(folder))}", soft_wrap=True)
        out.print("edge-lam pull xlam-2-1b downloads one; edge-lam models --available lists more", soft_wrap=True)
        return
    table = plain_table(f"{len(models)} on this disk: {size(total)}", "model", "quant", "size", "licence", "used")
    now = time.time()
    for model in models:
        quant = "checkpoint" if model.is_checkpoint else model.quant or "-"
        used = f"{age(now - model.used)} ago"
        name = re.sub(r"(@[0-9a-f]{8})[0-9a-f]+$", r"\1", one_line(model.name))
        table.add_row(name, one_line(quant), size(model.size), one_line(model.license) or "-", used)
    print_table(out, table)
    out.print(f"in {one_line(cache)}", style="dim", soft_wrap=True)


def _show(names: tuple[str, ...], *, as_json: bool) -> None:
    models = [_with_license(model) for model in _find(names)]
    if as_json:
        print_json({"models": [_facts(model) for model in models]})
        return
    out = console()
    for model in models:
        out.print(one_line(model.name), style="bold", soft_wrap=True)
        files = f" in {len(model.files)} files" if len(model.files) > 1 else ""
        rows = {
            "path": str(model.path),
            "kind": "checkpoint" if model.is_checkpoint else f"GGUF {model.quant}",
            "size": size(model.size) + files,
            "licence": model.license or "not stated",
            "commit": model.commit,
            "used": f"{age(time.time() - model.used)} ago",
        }
        for label, value in rows.items():
            if value:
                out.print(f"  {label:<8} {one_line(value)}", soft_wrap=True)


def _remove(names: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    from edge_lam.errors import InvalidRequest
    from edge_lam.hub import remove

    for name in names:
        meant = _find((name,))
        if len(meant) > 1:
            listed = ", ".join(model.name for model in meant)
            raise InvalidRequest(f"{name} means {len(meant)} models", hint=f"name them: {listed}", param="name")
    models = _find(names)
    if not yes:
        for model in models:
            click.echo(f"{one_line(model.name)}  {size(model.size)}  {one_line(str(model.path))}", err=True)
        if not click.confirm("Remove, for other tools that share the cache too?", err=True):
            click.echo("nothing was removed", err=True)
            raise click.exceptions.Exit(1)
    freed = sum(remove(model) for model in models)
    if as_json:
        print_json({"removed": [model.name for model in models], "freed": freed})
    else:
        console().print(f"removed {', '.join(one_line(model.name) for model in models)}: {size(freed)} freed")


def _show_available(*, as_json: bool) -> None:
    from edge_lam.hub import ALIASES, stored_models
    from edge_lam.loading.smol_lam import SMOL_LAM

    here = stored_models()
    made = SMOL_LAM.made()
    rows: list[dict[str, Any]] = []
    for alias in ALIASES:
        sizes = {repo: sum(m.size for m in here if _repo(m) == repo) for repo in (alias.gguf, alias.checkpoint) if repo}
        rows.append(
            {"name": alias.name, "gguf": alias.gguf, "checkpoint": alias.checkpoint, "here": sum(sizes.values())}
        )
    own = {"name": SMOL_LAM.name, "gguf": "", "checkpoint": "", "here": made.stat().st_size if made else 0}
    if as_json:
        print_json({"available": [*rows, own]})
        return
    out = console()
    owner, *others = {row["checkpoint"].partition("/")[0] for row in rows}
    shared = "" if others else f"{owner}/"  # said once, it leaves a narrow terminal room for the names
    title = "names that pull, convert and --model know" + (f", all of {owner}" if shared else "")
    table = plain_table(title, "name", "to run", "to convert", "on this disk")
    for column in table.columns[:3]:
        column.justify = "left"
    for row in rows:
        repos = [row[kind].removeprefix(shared) for kind in ("gguf", "checkpoint")]
        table.add_row(row["name"], *(repo or "-" for repo in repos), size(row["here"]) if row["here"] else "-")
    print_table(out, table)
    out.print("without a GGUF to run: edge-lam convert NAME -q Q4_K_M", style="dim", soft_wrap=True)
    where = f"{size(made.stat().st_size)} on this disk" if made else SMOL_LAM.install
    out.print(f"{SMOL_LAM.name}, {SMOL_LAM.license}: {where}", soft_wrap=True)


def _find(names: tuple[str, ...]) -> list[StoredModel]:
    from edge_lam.hub import find_stored

    return list(dict.fromkeys(model for name in names for model in find_stored(name)))


def _repo(model: StoredModel) -> str:
    return "/".join(model.name.partition("@")[0].partition(":")[0].split("/")[:2]) if model.commit else ""


def _cache() -> str:
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def _with_license(model: StoredModel) -> StoredModel:
    """Add the licence that a GGUF states itself."""
    if model.license or model.is_checkpoint:
        return model
    from edge_lam.errors import EdgeLamError
    from edge_lam.llama.gguf_file import GGUFHeader

    try:
        return replace(model, license=GGUFHeader.read(model.path).license)
    except EdgeLamError as error:  # a damaged file is listed too, so that it can be removed
        logger.debug("no licence is read from %s: %s", model.path, error)
        return model


def _facts(model: StoredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": str(model.path),
        "kind": "checkpoint" if model.is_checkpoint else "gguf",
        "quant": model.quant,
        "license": model.license,
        "size": model.size,
        "used": round(model.used),
        "commit": model.commit,
        "files": [str(file) for file in model.files],
    }
