"""`edge-lam bench`: measures models, shows tables and plots, compares two runs. Other commands stand beside it.

Without the name of one of them, the words on the command line are those of `run`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edge_lam.cli.model_options import DEVICE, THREADS, load_option
from edge_lam.cli.options import GLOBAL_OPTIONS, examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, print_json
from edge_lam_benchmarks.engines import ENGINES, open_engine
from edge_lam_benchmarks.environment import BUSY, system_load
from edge_lam_benchmarks.items import SUITES, named
from edge_lam_benchmarks.material import MAX_TOOLS
from edge_lam_benchmarks.opening import ALL, items_of, new_results, resumed_results
from edge_lam_benchmarks.results import ItemResult, Results, read_results, whole

RUN = "run"
# Name: "module:command" and what the help says, so that none is imported before it is called.
COMMANDS = {
    "report": ("edge_lam_benchmarks.cli:report", "Write the reports of a result file again."),
    "peers": ("edge_lam_benchmarks.peers.command:command", "Put the same requests to edge-lam and to other runtimes."),
    "targets": ("edge_lam_benchmarks.targets.command:command", "Measure what the runtime is held to."),
    "busy": ("edge_lam_benchmarks.busy:command", "Time calls while other programs want the same cores."),
    "roofline": ("edge_lam_benchmarks.roofline_command:command", "Show passes as shares of what this machine can do."),
    "make-shape": ("edge_lam_benchmarks.make_shape:command", "Write random weights in the shape of a checkpoint."),
}


class BenchGroup(click.Group):
    """The commands of `edge-lam bench`; what is none of their names belongs to `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the command, and keep the line as it was given."""
        ctx.meta["edge_lam.bench"] = shlex.join(["edge-lam", "bench", *args])
        return super().parse_args(ctx, args if args and args[0] in COMMANDS else [RUN, *args])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and give it the options that every command has."""
        if cmd_name != RUN and cmd_name not in COMMANDS:
            return None
        found: Any = run if cmd_name == RUN else named(COMMANDS[cmd_name][0])
        known = {parameter.name for parameter in found.params}
        found.params.extend(option for option in GLOBAL_OPTIONS if option.name not in known)
        command: click.Command = found
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; `run` goes without its name in usage and help."""
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == RUN else name, command, rest


def _percent(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Read "10%" or "10"."""
    if value is None:
        return None
    try:
        share = float(value.strip().removesuffix("%")) / 100
    except ValueError:  # refused below, with what is negative
        share = -1.0
    if not 0 <= share < float("inf"):
        raise click.BadParameter(f"{value!r} is no percentage such as 10%")
    return share


def _commands_epilog() -> str:
    lines = ["", "\b", "Other commands:", *(f"  {name:<12} {text}" for name, (_, text) in COMMANDS.items())]
    return "\n".join(lines)


@click.command(
    RUN,
    epilog=examples(
        "edge-lam bench",
        "edge-lam bench a.gguf b.gguf --suite latency --repeats 10 --out results/",
        "edge-lam bench ./my-finetune --quants Q4_0,Q4_K_M,Q8_0 --out results/",
        "edge-lam bench --resume results/bench-20250101-120000.json",
        "edge-lam bench --compare results/a.json results/b.json --fail-if-slower 10%",
    )
    + "\n"
    + _commands_epilog(),
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--suite",
    "suites",
    type=click.Choice([*SUITES, ALL]),
    multiple=True,
    help="What to measure; may be given several times.  [default: all]",
)
@click.option(
    "--scenario",
    "scenarios",
    metavar="NAME",
    multiple=True,
    help="Only this of a suite, such as warm; may be given several times.  [default: all]",
)
@click.option(
    "--tools",
    type=click.IntRange(1, MAX_TOOLS),
    multiple=True,
    help="Measure warm, cold and restored calls with so many tools; may be given several times.  [default: 1, 5, 20]",
)
@click.option(
    "--tasks",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Your own tasks, one JSON object a line; may be given several times.  [default: the demo's requests]",
)
@click.option("--episodes", is_flag=True, help="Conversations with a scripted user and tools that have state, too.")
@click.option("--bfcl", metavar="CATEGORY[,...]|all", help="Categories of the leaderboard too; needs bfcl-eval.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many tasks of a file or category.")
@click.option("--quants", metavar="TYPE[,TYPE...]", help="Quantizations to make of a checkpoint or a float GGUF.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where those are kept.  [default: the cache folder]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A folder or a .json file for the results; reports and plots come beside it.  [default: the state folder, "
    "without reports]",
)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="How often to repeat.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Begin no more repeats after that; --resume adds them.  [default: 2 without a MODEL, else no limit]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of measuring, and of sampling.")
@click.option("--cool-down", type=click.FloatRange(min=0), default=0.0, help="Seconds to wait before each measure.")
@THREADS
@DEVICE
@load_option("n_ctx")
@click.option("--resume", type=click.Path(path_type=Path), metavar="FILE", help="Go on with an interrupted run.")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="Where to run.")
@click.option("--address", metavar="ADDRESS", help="Of the Ray cluster.  [default: one on this machine]")
@click.option(
    "--cores", type=click.IntRange(min=1), help="Of each Ray worker that shares a machine.  [default: --threads]"
)
@click.option("--compare", type=click.Path(path_type=Path), nargs=2, metavar="BEFORE AFTER", help="Compare two runs.")
@click.option("--fail-if-slower", metavar="PERCENT", callback=_percent, help="With --compare: exit code 1 if it is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    compare: tuple[Path, Path] | None,
    fail_if_slower: float | None,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure latency, memory and quality of function calls.

    MODEL is a GGUF, owner/repo:QUANT on the hub, or with --quants a checkpoint or a float GGUF. Without one, the
    embedded model is measured, in about two minutes. The results are written after each measure: an interrupted run
    goes on with --resume.
    """
    if compare:
        _compare(ctx, *compare, limit=fail_if_slower, out=out, as_json=as_json)
        return
    if fail_if_slower is not None:
        raise click.UsageError("--fail-if-slower needs --compare")
    resume = options["resume"]
    results = resumed_results(resume, options) if resume else new_results(ctx.meta["edge_lam.bench"], out, options)
    _measure(results, options)
    written = _reports(results) if out or resume else []
    _print_results(results, written, as_json=as_json)
    if any(result.status == "failed" for result in results.items.values()):
        ctx.exit(1)


def _measure(results: Results, options: dict[str, Any]) -> None:
    """Run what is missing, with a progress bar."""
    from edge_lam_benchmarks.runs import run_items

    settings = results.settings
    items = items_of(results)
    if results.missing(items) and (load := system_load() or 0.0) > BUSY:
        click.echo(f"edge-lam: this machine is busy ({load:.1f} processes ready to run): times will vary", err=True)
    engine = open_engine(
        settings["engine"],
        cool_down=settings["cool_down"],
        address=options["address"],
        cores=options["cores"] or settings["options"]["n_threads"] or 1,
    )
    try:
        with progress_bar({"run": "measuring"}) as on_progress:

            def on_item(result: ItemResult, done: int, total: int) -> None:
                on_progress("run", done, total, f"{result.item.scenario} {result.item.quant}")

            minutes = options["minutes"] if options["resume"] else settings["minutes"]
            run_items(results, items, engine, on_item, minutes=minutes)
    except KeyboardInterrupt:
        click.echo(f"edge-lam: go on with: edge-lam bench --resume {shlex.quote(str(results.path))}", err=True)
        raise


def _reports(results: Results) -> Sequence[Path]:
    from edge_lam_benchmarks.report.files import write_reports

    return write_reports(results)


def _print_results(results: Results, written: Sequence[Path], *, as_json: bool) -> None:
    from edge_lam_benchmarks.report.terminal import show

    if as_json:
        print_json(results.to_dict())
        return
    out = console()
    show(out, results)
    for path in (results.path, *written):
        out.print(one_line(str(path)), soft_wrap=True)


@click.command("report", epilog=examples("edge-lam bench report results/a.json"))
@click.argument("file", type=click.Path(path_type=Path))
def report(file: Path) -> None:
    """Write the reports of a result file again: tables, CSV, HTML page and plots."""
    with whole(file):
        results = read_results(file)
        _print_results(results, _reports(results), as_json=False)


def _compare(
    ctx: click.Context, before: Path, after: Path, *, limit: float | None, out: Path | None, as_json: bool
) -> None:
    from edge_lam_benchmarks.compare import compare
    from edge_lam_benchmarks.report.comparison import comparison_table, write_comparison
    from edge_lam_benchmarks.report.terminal import show_table

    with whole(before):
        first = read_results(before)
    with whole(after):
        found = compare(first, read_results(after), limit=limit)
    if out is not None:
        write_comparison(found, out)
    if as_json:
        print_json(found.to_dict())
    else:
        show_table(console(), comparison_table(found))
    if found.slower:
        ctx.exit(1)


command = BenchGroup("bench", help=run.help, context_settings={"help_option_names": ["-h", "--help"]})
