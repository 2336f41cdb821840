"""`edge-lam plan`: what a model will take of the memory, from its header alone; no weights are loaded."""

from __future__ import annotations

import re

import click

from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table, size

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def _bytes(text: str) -> int:
    """Read a size such as 2GiB, 800M or 123456; units are powers of 1024."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([kmg]?)(?:i?b)?", text.strip().lower())
    if not match:
        raise click.BadParameter(f"{text[:40]!r} is no size such as 2GiB or 800M")
    return int(float(match[1]) * _UNITS[match[2]])


@click.command(
    "plan",
    epilog=examples(
        "edge-lam plan",
        "edge-lam plan my.Q4_K_M.gguf --n-ctx 8192",
        "edge-lam plan my.Q4_K_M.gguf --budget 2GiB --json",
    ),
)
@click.argument("model", required=False)
@click.option("--n-ctx", type=click.IntRange(min=1), help="Tokens of context.  [default: as loaded, at most 4096]")
@click.option("--budget", type=_bytes, metavar="SIZE", help="Memory that there is, such as 2GiB.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, model: str | None, n_ctx: int | None, budget: int | None, as_json: bool) -> None:
    """Tell what a model will take of the memory, from its header alone.

    MODEL is a GGUF file or owner/repo:QUANT on the hub (downloaded if it must be); without it, the embedded tiny-lam.
    The numbers are of a CPU, with keys and values in F16. Over the --budget it ends with 1.
    """
    from edge_lam.errors import InvalidRequest
    from edge_lam.lam import find_model
    from edge_lam.llama import GGUFHeader, ModelShape
    from edge_lam.llama.context import DEFAULT_N_CTX
    from edge_lam.llama.plan import largest_context, plan_memory

    header = GGUFHeader.read(find_model(model))
    longest = ModelShape.of(header).n_ctx_train
    n_ctx = min(longest, DEFAULT_N_CTX) if n_ctx is None else n_ctx
    if n_ctx > longest:
        raise InvalidRequest(f"n_ctx is {n_ctx}, but {header.name} was trained for {longest}", param="n_ctx")
    plan = plan_memory(header, n_ctx=n_ctx)
    fits = None if budget is None else plan.total <= budget
    most = None if budget is None else largest_context(header, budget)
    if as_json:
        print_json(plan.to_dict() | {"budget": budget, "fits": fits, "largest_n_ctx": most})
    else:
        table = plain_table(one_line(header.name), "", "memory")
        for name in ("weights", "kv", "compute", "total"):
            table.add_row(name, size(getattr(plan, name)))
        print_table(console(), table)
        if budget is not None:
            held = f"at most {most} tokens of context fit" if most else "no context fits: use a smaller quant"
            console().print(f"{'fits' if fits else 'does not fit'} {size(budget)} with {n_ctx} tokens; {held}")
    if fits is False:
        raise click.exceptions.Exit(1)
