"""`edge-lam convert`: a checkpoint folder becomes one GGUF, with a progress bar and a short account."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, count, duration, one_line, print_json, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_lam_converters import ConversionReport
    from edge_lam_converters.progress import Progress

_STAGES = {"hash": "reading the checkpoint", "write": "writing", "quantize": "quantizing"}


@click.command(
    "convert",
    epilog=examples(
        "edge-lam convert ./my-finetune",
        "edge-lam convert ./my-finetune -q Q4_K_M -o my-finetune.gguf",
        "edge-lam convert ./my-finetune -q BF16 --force --json",
    ),
)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The GGUF to write.  [default: CHECKPOINT-TYPE.gguf, beside the folder]",
)
@click.option(
    "-q",
    "--quant",
    metavar="TYPE",
    default="Q8_0",
    show_default=True,
    help="BF16, F16, F32, or a quantization of llama.cpp: Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, IQ4_XS, Q3_K_M, ...",
)
@click.option("--threads", "n_threads", type=click.IntRange(min=1), help="CPU threads.  [default: physical cores]")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *, checkpoint: Path, out: Path | None, quant: str, n_threads: int | None, force: bool, as_json: bool
) -> None:
    """Convert a checkpoint to GGUF and quantize it.

    CHECKPOINT is a folder with config.json, tokenizer.json and safetensors. Weights keep their type until they are
    quantized; nothing goes through float16. FILE appears whole or not at all.
    """
    from edge_lam_converters import convert

    with _progress_bar() as on_progress:
        report = convert(checkpoint, out, quant=quant, force=force, n_threads=n_threads, on_progress=on_progress)
    if as_json:
        print_json(report.to_dict())
    else:
        _show(report)


def _show(report: ConversionReport) -> None:
    out = console()
    out.print(one_line(report.path), style="bold", soft_wrap=True)
    types = sorted(report.tensor_types.items(), key=lambda item: -item[1])
    rows = {
        "size": f"{size(report.size)}, {report.bits_per_weight:.2f} bits per weight",
        "parameters": count(report.n_parameters),
        "tensors": ", ".join(f"{n} {kind}" for kind, n in types),
        "licence": report.license or "not stated in the checkpoint's README.md",
        "time": duration(report.seconds),
    }
    for label, value in rows.items():
        out.print(f"  {label:<13} {one_line(value)}", soft_wrap=True)


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """Show each stage with its rate and the time left on stderr, if that is a terminal."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    terminal = console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    item = TextColumn("{task.fields[item]}", style="dim")
    with Bars(
        *columns, TimeRemainingColumn(), item, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bars:
        tasks = {}

        def on_progress(stage: str, done: int, total: int | None, item: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_STAGES[stage], total=total, item="")
            bars.update(tasks[stage], completed=done, item=item)

        yield on_progress
