"""`edge-lam bench peers`: the same requests put to edge-lam and to other runtimes, in turns."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.model_options import THREADS, load_option
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, print_json
from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    from edge_lam_benchmarks.answers import Answer
    from edge_lam_benchmarks.peers.comparison import PeerComparison
    from edge_lam_benchmarks.report.table import Table

NAMES = (
    "edge-lam",
    "llama-server",
    "llama-server-unfused",
    "llama-server-grammar",
    "llama-server-tools",
    "llama-cpp-python",
    "transformers",
)


@click.command(
    "peers",
    epilog=examples(
        "edge-lam bench peers --llama-server llama.cpp/build/bin/llama-server",
        "edge-lam bench peers --model shape.gguf --answers 20 --only edge-lam --only llama-server",
        "edge-lam bench peers --model my.Q8_0.gguf --checkpoint ./my-model --python venv-torch/bin/python",
    ),
)
@click.option("-m", "--model", metavar="MODEL", help="A GGUF.  [default: the embedded tiny-lam]")
@click.option("--answers", "count", type=click.IntRange(min=1), default=8, show_default=True, help="Requests to put.")
@click.option("--only", type=click.Choice(NAMES), multiple=True, help="Compare only these; may be given several times.")
@click.option("--llama-server", metavar="PATH", help="llama.cpp's server.  [default: the one on the search path]")
@click.option(
    "--checkpoint", metavar="PATH", help="What the GGUF was made from, for transformers: a folder, or a float GGUF."
)
@click.option("--python", metavar="PATH", help="A Python with torch and transformers.  [default: this one]")
@load_option("n_ctx", help="Tokens of context.  [default: at most 4096]")
@THREADS
@click.option(
    "--calls",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Requests and their calls, as `edge-lam calibrate` takes them.  [default: the demo's for tiny-lam, else the "
    "leaderboard's]",
)
@click.option(
    "--leaderboard",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="The folder data of bfcl-eval.  [default: the installed one; else answers of our own]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw of requests and of the turns.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="For all calls, as JSON; pages in Markdown and HTML come beside it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    model: str | None,
    count: int,
    only: tuple[str, ...],
    n_ctx: int | None,
    n_threads: int | None,
    calls: Path | None,
    leaderboard: Path | None,
    seed: int,
    out: Path | None,
    as_json: bool,
    **paths: str | None,
) -> None:
    """Compare runtimes: same GGUF, same prompts, same threads, a warm cache each, taking turns.

    On a shape (`make-shape`) every peer writes as many tokens as the answer has; on a real model each says what it
    says, and the table tells how often it returned the call. What is not installed is skipped.
    """
    from edge_lam.llama.threads import default_threads
    from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
    from edge_lam_benchmarks.answers import grouped
    from edge_lam_benchmarks.peers import PEERS, Setup
    from edge_lam_benchmarks.peers.comparison import compare
    from edge_lam_benchmarks.peers.tasks import context_of, tasks_of

    path = find_model(model or EMBEDDED_MODEL)
    source, found = requests_of(model, calls, leaderboard)
    n_ctx = n_ctx or context_of(path)
    tasks, replayed = tasks_of(path, grouped(found, count, seed=seed), n_ctx=n_ctx)
    if not tasks:
        raise InvalidRequest("no request fits the context", hint="use a larger --n-ctx", param="n_ctx")
    given = {name.replace("_", "-"): value for name, value in paths.items() if value}
    setup = Setup(str(path), n_ctx, n_threads or default_threads().n, replayed, given)
    chosen = {name: PEERS[name] for name in NAMES if name in (only or NAMES)}
    with progress_bar({"start": "starting", "call": "calling"}) as on_progress:
        comparison = compare(chosen, setup, tasks, seed=seed, on_progress=on_progress)
    command_line = ctx.meta.get("edge_lam.bench", "edge-lam bench peers")
    _print_results(comparison, {"command": command_line, "source": source, "seed": seed}, out, as_json=as_json)


def _print_results(comparison: PeerComparison, facts: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    """Write what was measured, and print it."""
    from edge_lam_benchmarks.environment import environment
    from edge_lam_benchmarks.peers import PEERS
    from edge_lam_benchmarks.report.files import markdown, write_files
    from edge_lam_benchmarks.report.html import page
    from edge_lam_benchmarks.report.terminal import show_table
    from edge_lam_benchmarks.results import companion, packed

    facts |= {"created": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    plain = facts | {"environment": environment()} | comparison.to_dict() if out is not None or as_json else {}
    table, lines = _table(comparison, facts["source"]), []
    for name, facts_of_peer in comparison.facts.items():
        line = ", ".join(f"{key} {value}" for key, value in facts_of_peer.items() if value)
        lines.append(f"{name}: {PEERS[name].about}; {line}")
    if out is not None:
        title, command_line = f"edge-lam bench peers, {facts['created'][:10]}", f"command: {facts['command']}"
        where = [command_line, *lines]
        texts = {
            out: json.dumps(plain, ensure_ascii=False, indent=1, default=str),
            companion(out, ".md"): markdown(title, [table], where),
            companion(out, ".html"): page(title, [table], where, {}),
        }
        write_files({path: packed(path, text) for path, text in texts.items()})
    if as_json:
        print_json(plain)
        return
    show_table(console(), table)
    for line in lines:
        console().print(one_line(line), style="dim", soft_wrap=True)


def requests_of(model: str | None, calls: Path | None, leaderboard: Path | None) -> tuple[str, list[Answer]]:
    """Return where the requests are from, and the requests."""
    from edge_lam.demo_tools import DEMO_TOOLS
    from edge_lam.tools import as_tools
    from edge_lam_benchmarks.answers import answers, example_answers
    from edge_lam_converters.quality.comparison import BUILT_IN

    if calls is not None:
        return calls.name, example_answers(calls)
    if model is None and leaderboard is None:
        return "edge-lam's demo", example_answers(BUILT_IN, as_tools(DEMO_TOOLS))
    return answers(folder=leaderboard)


def _table(comparison: PeerComparison, source: str) -> Table:
    """Return the comparison as reports show it."""
    from edge_lam_benchmarks.peers.comparison import BASELINE
    from edge_lam_benchmarks.random_weights import LABEL
    from edge_lam_benchmarks.report.table import NOTHING, Table, number

    setup = comparison.setup
    columns = ["peer", "s/call", "quartiles", f"x {BASELINE}", "tokens", "returned", "right"]
    table = Table(f"A warm call of {Path(setup.model).name}", columns, key=True)
    for peer in comparison.facts:
        row = comparison.row(peer)
        low, high = row["seconds_quartiles"]
        cells = [number(row["seconds"], 3), f"{low:.3f}-{high:.3f}", number(row["ratio"], 2), number(row["tokens"], 1)]
        calls = [f"{row[name]}/{row['tasks']}" for name in ("returned", "right")]
        if setup.replayed:
            calls = ["replayed" if peer == BASELINE else NOTHING] * 2
        table.rows.append([peer, *cells, *calls])
    table.rows += [[name, *[NOTHING] * 6] for name in comparison.absent]
    table.notes += [f"{name} {reason}" for name, reason in comparison.absent.items()]
    table.notes.append(f"{setup.n_threads} threads, context of {setup.n_ctx}. Requests: {source}.")
    table.notes.append(
        f"{LABEL}: every peer writes as many tokens as the answer has."
        if setup.replayed
        else "returned: the reply held a call at all. right: it made exactly the expected calls."
    )
    return table
