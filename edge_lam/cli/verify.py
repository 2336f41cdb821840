"""`edge-lam verify`: what a quantized model does differently from the one it was made from, as a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.corpus import corpus_options
from edge_lam.cli.download import model_file
from edge_lam.cli.model_options import MODEL
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam_converters.quality import ModelComparison

_STAGES = {"read": "reading with both", "model": "calls of the model", "against": "calls of the reference"}


@click.command(
    "verify",
    epilog=examples(
        "edge-lam verify my.Q4_K_M.gguf --against my.F16.gguf",
        "edge-lam verify my.Q4_K_M.gguf --against my.F16.gguf --calls calls.jsonl --max-kl 0.05 --min-agreement 0.97",
        "edge-lam verify my.Q4_K_M.gguf --against my.F16.gguf --text wiki.txt --json",
    ),
)
@click.argument("model", type=MODEL)
@click.option("--against", type=MODEL, metavar="MODEL", required=True, help="The reference, with the same vocabulary.")
@click.option("--max-kl", type=click.FloatRange(min=0), help="Highest mean KL divergence, in nats.")
@click.option(
    "--min-agreement",
    type=click.FloatRange(min=0, max=1),
    help="Lowest share of tokens on which both agree, and of requests with the same calls.",
)
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longest reply to a request, in tokens.  [default: 256]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@corpus_options
def command(
    *,
    model: str,
    against: str,
    max_kl: float | None,
    min_agreement: float | None,
    max_tokens: int | None,
    as_json: bool,
    reading: dict[str, Any],
) -> None:
    """Measure what quantization cost a model, against the one it was made from.

    MODEL and the reference are GGUFs, or owner/repo:QUANT on the hub. Both read the same prompts with the replies that
    they should get, and their predictions of each reply token are compared; then both answer the same requests, and
    their calls are. Without --calls and --text: 32 requests to the tools of the demo. Exit code 1 if the model does not
    keep to --max-kl or --min-agreement.
    """
    from edge_lam_converters.quality import Limits, compare

    if max_tokens is not None:
        reading["max_tokens"] = max_tokens
    with progress_bar(_STAGES) as on_progress:
        found = compare(model_file(model), model_file(against), **reading, on_progress=on_progress)
    faults = found.faults(Limits(max_kl, min_agreement))
    if as_json:
        print_json(found.to_dict() | {"faults": faults})
    else:
        _show(console(), found)
    for fault in faults:
        print(f"edge-lam: {fault}", file=sys.stderr)
    if faults:
        click.get_current_context().exit(1)


def _show(screen: Console, found: ModelComparison) -> None:
    screen.print(f"{one_line(found.model)} against {one_line(found.against)}", style="bold", soft_wrap=True)
    groups = {name: group for name, group in (("replies", found.replies), ("text", found.text)) if group}
    if groups:
        table = plain_table("Predictions", "", *groups)
        rows = {
            "positions": "{0.n_positions:,}",
            "KL divergence, mean": "{0.kl_mean:.6f}",
            "KL divergence, median": "{0.kl_median:.6f}",
            "KL divergence, 99th percentile": "{0.kl_p99:.6f}",
            "KL divergence, highest": "{0.kl_max:.6f}",
            "same likeliest token": "{0.agreement:.2%}",
            "perplexity": "{0.perplexity:.4f}",
            "perplexity of the reference": "{0.reference_perplexity:.4f}",
        }
        for label, row in rows.items():
            table.add_row(label, *(row.format(group) for group in groups.values()))
        print_table(screen, table)
    if found.calls:
        table = plain_table("Calls", "", f"of {found.calls.n_requests}")
        for label, value in {
            "the same": f"{found.calls.same:.2%}",
            "right by both": str(found.calls.both),
            "right by the model only": str(found.calls.only_model),
            "right by the reference only": str(found.calls.only_reference),
            "right by neither": str(found.calls.neither),
            "p-value (McNemar, exact)": f"{found.calls.p_value:.3g}",
        }.items():
            table.add_row(label, value)
        print_table(screen, table)
