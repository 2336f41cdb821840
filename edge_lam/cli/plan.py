"""`edge-lam plan`: what a model will take of the memory, from its header alone; no weights are loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.download import model_file
from edge_lam.cli.model_options import ADAPTERS, KV_TYPE, MODEL, load_option
from edge_lam.cli.options import byte_size, examples
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table, size

if TYPE_CHECKING:
    from edge_lam.llama.adapter import Adapters
    from edge_lam.llama.plan import MemoryPlan


@click.command(
    "plan",
    epilog=examples(
        "edge-lam plan",
        "edge-lam plan my.Q4_K_M.gguf --n-ctx 8192 --kv-type q8_0",
        "edge-lam plan my.Q4_K_M.gguf --parallel 4 --budget 2GiB --json",
    ),
)
@click.argument("model", type=MODEL, required=False)
@click.option(
    "--n-ctx", "--ctx", type=click.IntRange(min=1), help="Tokens of context.  [default: as loaded, at most 4096]"
)
@load_option("n_parallel")
@KV_TYPE
@ADAPTERS
@click.option("--budget", metavar="SIZE", help="Memory that there is, such as 2GiB or 800MB.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    model: str | None,
    n_ctx: int | None,
    n_parallel: int,
    kv_type: str,
    adapters: Adapters,
    budget: str | None,
    as_json: bool,
) -> None:
    """Tell what a model will take of the memory, from its header alone.

    MODEL is a GGUF file or owner/repo:QUANT on the hub (downloaded if it must be); without it, the embedded tiny-lam.
    The numbers are of a CPU. Over the --budget it ends with 1, and says what would fit.
    """
    from edge_lam.llama import ModelFile
    from edge_lam.llama.adapter import adapter_bytes
    from edge_lam.llama.plan import largest_context, plan_memory

    given = None if budget is None else byte_size(budget)
    file = ModelFile.read(model_file(model))
    added = adapter_bytes(adapters)
    plan = plan_memory(file, n_ctx=n_ctx, n_parallel=n_parallel, kv_type=kv_type, adapters=added)
    verdict: dict[str, Any] = {"budget": given, "fits": None, "largest_n_ctx": None}
    if given is not None:
        most = largest_context(file, given, n_parallel=n_parallel, kv_type=kv_type, adapters=added)
        verdict |= {"fits": plan.total <= given, "largest_n_ctx": most}
    if as_json:
        print_json(plan.to_dict() | verdict)
    else:
        _show(file.header.name, plan, verdict, budget or "")
    if verdict["fits"] is False:
        raise click.exceptions.Exit(1)


def _show(name: str, plan: MemoryPlan, verdict: dict[str, Any], budget: str) -> None:
    """Print the parts, and whether they fit the budget, which is printed as it was typed."""
    out = console()
    table = plain_table(one_line(name), "", "memory")
    for label, n_bytes in (
        ("weights", plan.weights),
        ("adapters", plan.adapters),
        (f"kv ({plan.kv_type})", plan.kv),
        ("compute", plan.compute),
        ("total", plan.total),
    ):
        if n_bytes:
            table.add_row(label, size(n_bytes))
    print_table(out, table)
    if verdict["budget"] is not None:
        most = verdict["largest_n_ctx"]
        context = f"{plan.n_ctx} tokens" + (f" for each of {plan.n_parallel}" if plan.n_parallel > 1 else "")
        held = f"at most {most} tokens of context fit" if most else "no context fits: use a smaller quant"
        fits = "fits" if verdict["fits"] else "does not fit"
        asked = one_line(budget)
        if not re.fullmatch(r"[\d.]+ ?[kmg]b", asked.lower()):  # another unit than that of the table
            asked += f" ({size(verdict['budget'])})"
        out.print(f"{fits} {asked} with {context}; {held}")
