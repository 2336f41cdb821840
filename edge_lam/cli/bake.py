"""`edge-lam bake`: what a model computes of tools and a system message, as one file for an app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_lam.cli.model_options import ModelOptions, model_options
from edge_lam.cli.options import examples
from edge_lam.cli.request_options import SYSTEM, ToolOptions, tool_options
from edge_lam.cli.terminal import console, count, print_json, size

if TYPE_CHECKING:
    from edge_lam.lam import LAM


@click.command(
    "bake",
    epilog=examples(
        "edge-lam bake --tools tools.json -o app.prefix",
        'edge-lam bake --model my.Q4_K_M.gguf --tools tools.py --system "You are a car." -o app.prefix',
        "edge-lam bake --model my.Q4_K_M.gguf --tools tools.py --kv-type q8_0 -o app.prefix",
        'edge-lam call "what time is it in Oslo?" --model my.Q4_K_M.gguf --tools tools.py --prefix app.prefix',
    ),
)
@tool_options
@SYSTEM
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@model_options
def command(
    *,
    system: str | None,
    output: Path,
    force: bool,
    as_json: bool,
    model_options: ModelOptions,
    tool_options: ToolOptions,
) -> None:
    """Compute tools and system message ahead, into one file to ship inside an app.

    With it, even the first call that a device ever makes need not read them. It holds for this model file, with these
    adapters, this --kv-type (q8_0 makes it half as large), this version of llama.cpp and this kind of device; elsewhere
    it is refused. What is baked on one processor holds on all, ARM and x86; for a GPU, bake on one of its kind.
    """
    from edge_lam.cli.toolbox import find_tools, usable_tools
    from edge_lam.errors import InvalidRequest

    if output.exists() and not force:
        raise InvalidRequest(f"{output} exists", hint="--force overwrites it", param="output")
    with _loaded(model_options) as lam:
        tools = usable_tools(lam, find_tools(tool_options), tool_options)
        n_tokens = lam.bake(output, tools, system=system)
    n_bytes = output.stat().st_size
    if as_json:
        print_json({"path": str(output), "tokens": n_tokens, "bytes": n_bytes})
    else:
        console().print(f"{output}: {count(n_tokens)} tokens, {size(n_bytes)}")


def _loaded(options: ModelOptions) -> LAM:
    from edge_lam.errors import BackendError

    try:
        return options.load()
    except BackendError as error:
        if options.device != "gpu":
            raise
        hint = "bake for a GPU on one of its kind: a prefix of another kind of device is refused there"
        raise BackendError(error.message, hint=hint) from error
