"""`edge-lam trajectories`: what ran on the device as training data, and which of its calls are clean."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.options import FILE, examples
from edge_lam.cli.terminal import console, one_line, print_json

if TYPE_CHECKING:
    from edge_lam.errors import InvalidRequest
    from edge_lam.trajectories import TrajectoryVerdict, Verifier

_CHECKS = (
    click.option(
        "-t",
        "--tools",
        multiple=True,
        metavar="SOURCE",
        help="tools.py, tools.json or module:attribute, whose functions are executed; may be repeated.",
    ),
    click.option("--execute", is_flag=True, help="Run each call that fits its schema. This runs code."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="How long one call may run.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def _check_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --tools, --execute, --timeout and --json; the first three arrive as `verifier`."""

    @functools.wraps(function)
    def gather(tools: tuple[str, ...], execute: bool, timeout: float, **arguments: Any) -> Any:
        from edge_lam.tools import as_tools, load_tools
        from edge_lam.trajectories import Verifier

        if execute and not tools:
            raise click.UsageError("--execute needs the functions to run: give --tools")
        loaded = as_tools(tool for source in tools for tool in load_tools(source))
        return function(**arguments, verifier=Verifier(loaded, execute=execute, timeout=timeout))

    command: Callable[..., Any] = gather
    for option in reversed(_CHECKS):
        command = option(command)
    return command


@click.group(
    "trajectories",
    epilog=examples(
        "edge-lam trajectories export calls.jsonl -o train.jsonl --clean-only",
        "edge-lam trajectories check train.jsonl --tools my_tools.py --execute",
    ),
)
def command() -> None:
    """Export what ran as training data, and check which calls are clean.

    The data is in the unified trajectory format of ActionStudio and AgentOhana.
    """


@command.command(
    "export",
    epilog=examples(
        "edge-lam trajectories export calls.jsonl -o train.jsonl",
        "edge-lam trajectories export calls.jsonl -o train.json --clean-only",
        "edge-lam trajectories export chat.json -o train.jsonl --tools my_tools.py",
    ),
)
@click.argument("log", type=FILE)
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to write: a list if it ends in .json, else lines."
)
@click.option("--clean-only", is_flag=True, help="Leave out conversations with a call that is not clean.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@_check_options
def export(*, log: str, output: str, clean_only: bool, force: bool, verifier: Verifier, as_json: bool) -> None:
    """Write the conversations of a call log as trajectories.

    LOG must hold prompts: set EDGE_LAM_LOG_PROMPTS=1, or load(log_prompts=True), before the calls. Replies that were
    cut off or failed are left out; lines that can't be read are named on stderr, and the rest goes on. LOG may also be
    a chat that /save wrote (it doesn't say which tools there were, so name them with --tools), or rows of
    xlam-function-calling-60k or APIGen-MT-5k, which become trajectories.
    """
    from edge_lam._util.paths import user_path
    from edge_lam.errors import InvalidRequest
    from edge_lam.trajectories import read_log, write_trajectories

    target = user_path(output, param="output")
    if target.exists() and user_path(log, param="log").exists() and target.samefile(user_path(log)):
        raise InvalidRequest(f"{output} is the log itself", hint="name another file", param="output")
    if target.exists() and not force:
        raise InvalidRequest(f"{output} exists", hint="--force overwrites it", param="output")
    found = read_log(log, verifier.tools.values())
    _complain(found.wrong)
    if not found.trajectories:
        hint = "log prompts with EDGE_LAM_LOG_PROMPTS=1" if found.skipped["prompts not logged"] else ""
        raise InvalidRequest(f"{log} holds no conversations", hint=hint, param="log")
    verdicts = list(verifier.check_all(found.trajectories))
    kept = [
        trajectory
        for trajectory, verdict in zip(found.trajectories, verdicts, strict=True)
        if verdict.clean or not clean_only
    ]
    if not kept:
        if not as_json:
            _show(verdicts)
        raise InvalidRequest(f"none of {len(verdicts)} conversations is clean; nothing was written", param="log")
    count = write_trajectories(target, kept)
    n_clean = sum(verdict.clean for verdict in verdicts)
    if as_json:
        counts = {"output": output, "written": count, "found": len(verdicts), "clean": n_clean}
        wrong = [error.message for error in found.wrong]
        print_json({**counts, "skipped": dict(found.skipped), "wrong": wrong, **_listed(verdicts)})
        return
    out = console()
    _show(verdicts)
    out.print(f"{output}  written: {count} of {len(verdicts)}, clean: {n_clean}", soft_wrap=True)
    for reason, replies in sorted(found.skipped.items()):
        out.print(f"  replies left out: {replies}, {reason}", soft_wrap=True)


@command.command(
    "check",
    epilog=examples(
        "edge-lam trajectories check train.jsonl",
        "edge-lam trajectories check train.jsonl --tools my_tools.py --execute --timeout 5",
    ),
)
@click.argument("file", type=FILE)
@_check_options
def check(*, file: str, verifier: Verifier, as_json: bool) -> None:
    """Say which calls of a file of trajectories are clean.

    A clean call names a tool of its trajectory and has arguments that fit its schema; with --execute its function also
    runs without an error. Exit code 1 if anything is not clean or can't be read.
    """
    from edge_lam.errors import InvalidRequest
    from edge_lam.trajectories import read_entries

    entries = [entry for _place, entry in read_entries(file)]
    wrong = [entry for entry in entries if isinstance(entry, InvalidRequest)]
    verdicts = list(verifier.check_all(entry for entry in entries if not isinstance(entry, InvalidRequest)))
    n_clean = sum(verdict.clean for verdict in verdicts)
    n_calls = sum(len(verdict.calls) for verdict in verdicts)
    if as_json:
        counts = {"trajectories": len(verdicts), "clean": n_clean, "calls": n_calls}
        print_json({**counts, "wrong": [error.message for error in wrong], **_listed(verdicts)})
    else:
        _complain(wrong)
        _show(verdicts)
        console().print(f"trajectories: {len(verdicts)}, calls: {n_calls}, clean: {n_clean}", soft_wrap=True)
    if wrong or n_clean < len(verdicts) or not verdicts:
        click.get_current_context().exit(1)


def _listed(verdicts: Iterable[TrajectoryVerdict]) -> dict[str, Any]:
    return {"verdicts": [verdict.to_dict() for verdict in verdicts]}


def _show(verdicts: Iterable[TrajectoryVerdict]) -> None:
    """Print what is not clean."""
    out = console()
    for verdict in verdicts:
        if verdict.clean:
            continue
        out.print(one_line(verdict.id), style="bold", soft_wrap=True)
        for problem in verdict.problems:
            out.print(f"  {one_line(problem)}", soft_wrap=True)
        for call in verdict.calls:
            if not call.clean:
                line = f"conversation[{call.message}] {call.name}: {call.stage}: {'; '.join(call.reasons)}"
                out.print(f"  {one_line(line)}", soft_wrap=True)


def _complain(wrong: Iterable[InvalidRequest]) -> None:
    err = console(stderr=True)
    for error in wrong:
        err.print(one_line(f"wrong: {error}"), soft_wrap=True)
