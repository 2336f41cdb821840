"""`edge-lam tune`: a LoRA adapter from conversations with the calls that they should get."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.corpus import print_left_out
from edge_lam.cli.model_options import THREADS, format_options
from edge_lam.cli.options import examples, gathered
from edge_lam.cli.terminal import console, duration, one_line, print_json, size

if TYPE_CHECKING:
    from edge_lam_converters.tuning import TuneReport
    from edge_lam_converters.tuning.train_options import StepProgress, TrainOptions

_FILE = click.Path(path_type=Path)
_SHOWN_EVERY = 10  # steps between two lines where there is no terminal


_TRAINING = (
    click.option(
        "--rank", type=click.IntRange(1, 512), default=16, show_default=True, help="Of the adapter's factors."
    ),
    click.option(
        "--epochs", type=click.IntRange(1, 100), default=2, show_default=True, help="Times all is read, at most."
    ),
    click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=4e-4, show_default=True),
    click.option(
        "--batch", type=click.IntRange(1), default=16, show_default=True, help="Replies that a step learns from."
    ),
    click.option(
        "--room", type=click.IntRange(64), default=2048, show_default=True, help="Tokens that are read at once."
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the order, and of what is kept back."),
)


def _train_options(**options: Any) -> TrainOptions:
    from edge_lam_converters.tuning.train_options import TrainOptions

    return TrainOptions(**options)


@click.command(
    "tune",
    epilog=examples(
        "edge-lam tune ./my-base --calls train.jsonl -o my-lora/",
        "edge-lam tune owner/repo --calls train.jsonl --eval eval.jsonl --rank 32 --epochs 3 -o my-lora/",
        "edge-lam tune base.Q8_0.gguf --format xlam-2-qwen --calls rows.json --tools tools.py -o my-lora/",
        "edge-lam call 'note: buy milk' --model base.gguf --adapter my-lora/adapter.gguf --tools tools.py",
    ),
)
@click.argument("base")
@click.option("--calls", type=_FILE, required=True, metavar="FILE", help="Conversations with the calls to learn.")
@click.option("--eval", "eval_file", type=_FILE, metavar="FILE", help="Others, to measure.  [default: a tenth of them]")
@click.option("-t", "--tools", metavar="SOURCE", help="tools.py or tools.json, for the rows that bring no tools.")
@click.option("-o", "--output", type=_FILE, required=True, help="Folder for the adapter.")
@lambda function: gathered(function, _TRAINING, "train", _train_options)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@THREADS
@format_options
@click.option("--force", is_flag=True, help="Begin anew, and replace what is in the folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    base: str,
    calls: Path,
    eval_file: Path | None,
    tools: str | None,
    output: Path,
    train: TrainOptions,
    device: str,
    n_threads: int | None,
    format: str | None,
    template: str | None,
    verbatim: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Learn an adapter (LoRA) from conversations, and measure what it changed.

    BASE is a checkpoint's folder, owner/repo on the hub, or a GGUF, which is dequantized for training. --calls takes
    what `edge-lam trajectories export` wrote, rows of xlam-function-calling-60k or APIGen-MT-5k, or rows of your own as
    `edge-lam calibrate` takes them. Only replies are learnt, in the spelling of the base's chat format (--format names
    another). Rows with calls that don't fit their tools are told and left out.

    Out come the adapter as peft writes it, adapter.gguf for --adapter, and a page: exact calls before and after, on
    requests that were kept back (or --eval) and on general ones, with what it cost. Epochs end early when the requests
    kept back are answered worse. The same command goes on where it was stopped.
    """
    from edge_lam.tools import load_tools
    from edge_lam_converters.tuning import TuneOptions, tune

    options = TuneOptions(
        calls=calls,
        eval=eval_file,
        tools=load_tools(tools) if tools else (),
        format=format,
        template=template,
        verbatim=verbatim,
        train=train,
        device=device,
        n_threads=n_threads,
        force=force,
        on_wrong=print_left_out,
        on_progress=_show_calls,
        on_step=_show_step,
    )
    report = tune(base, output, options)
    if as_json:
        print_json(report.to_dict())
    else:
        _show(report)


def _show_calls(stage: str, done: int, total: int) -> None:
    """Say whose calls are counted, once."""
    if done == 1:
        click.echo(f"counting exact calls of {stage}: {total} requests", err=True)


def _show_step(now: StepProgress) -> None:
    """Say how far training is: on a terminal in one line, elsewhere in a line now and then."""
    left = duration(now.seconds_left)
    line = f"step {now.step} of {now.n_steps}, loss {now.loss:.3f}, {now.tokens_per_second:.0f} tokens/s, {left} left"
    is_last = now.step == now.n_steps
    if console(stderr=True).is_terminal:
        click.echo(f"\r\x1b[K{line}", nl=is_last, err=True)
    elif is_last or now.step % _SHOWN_EVERY == 1:
        click.echo(line, err=True)


def _show(report: TuneReport) -> None:
    out = console()
    out.print(one_line(report.gguf), style="bold", soft_wrap=True)
    for name, counts in {"held out": report.held_out, "general": report.general}.items():
        before, after = counts.both + counts.only_reference, counts.both + counts.only_model
        line = f"{name:<10} {before} -> {after} of {counts.n_requests} exact (p {counts.p_value:.3g})"
        out.print(f"  {line}", soft_wrap=True)
    cost = f"{report.n_replies} replies, {report.steps} steps, {duration(report.seconds)}, {size(report.memory)}"
    out.print(f"  {'learnt':<10} {cost}; {report.n_left_out + report.n_too_long} left out", soft_wrap=True)
    if report.is_dequantized:
        out.print(f"  {'base':<10} a GGUF: its weights were dequantized for training", soft_wrap=True)
    out.print(f"  {'page':<10} {one_line(report.folder)}/report.md", soft_wrap=True)
