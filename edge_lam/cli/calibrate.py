"""`edge-lam calibrate`: an importance matrix from function calls, for quantizations that keep what calls need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge_lam.cli.corpus import corpus_options
from edge_lam.cli.download import model_file
from edge_lam.cli.model_options import MODEL
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, print_json, size


@click.command(
    "calibrate",
    epilog=examples(
        "edge-lam calibrate my-finetune-BF16.gguf --calls calls.jsonl -o imatrix.gguf",
        "edge-lam convert my-finetune-BF16.gguf -q Q4_K_M --imatrix imatrix.gguf",
        "edge-lam calibrate my-finetune-BF16.gguf --calls calls.jsonl --text wiki.txt -o imatrix.gguf",
    ),
)
@click.argument("model", type=MODEL)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("imatrix.gguf"),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@corpus_options
def command(*, model: str, output: Path, force: bool, as_json: bool, reading: dict[str, Any]) -> None:
    """Make an importance matrix from function calls.

    MODEL is a GGUF in BF16, F16 or F32, or owner/repo:QUANT on the hub. It reads rendered tool prompts and the calls
    that they should produce; what goes into each weight matrix meanwhile decides which weights a quantizer is to keep
    closest. The file is the standard one: `edge-lam convert --imatrix` and llama.cpp's own tools read it.
    """
    from edge_lam.errors import InvalidRequest
    from edge_lam_converters.quality import calibrate
    from edge_lam_converters.targets import not_written

    if output.exists() and not force:
        raise InvalidRequest(f"{output} exists", hint="--force overwrites it", param="output")
    if not output.parent.is_dir():
        raise InvalidRequest(f"there is no folder {output.parent}", param="output")
    with progress_bar({"calibrate": "reading"}) as on_progress:
        imatrix = calibrate(model_file(model), **reading, on_progress=on_progress)
    try:
        imatrix.write(output)
    except OSError as error:
        needed = sum(4 * (squares.size + counts.size) for squares, counts in imatrix.sums.values())
        raise not_written(output, needed, error) from error
    if as_json:
        print_json({"path": str(output), "tensors": len(imatrix.sums), **imatrix.notes})
        return
    screen = console()
    screen.print(one_line(str(output)), style="bold", soft_wrap=True)
    for label, value in {
        "size": f"{size(output.stat().st_size)}, {len(imatrix.sums)} weight matrices",
        "read": f"{imatrix.notes['edge_lam.calibration.tokens']:,} tokens of {', '.join(imatrix.datasets)}",
    }.items():
        screen.print(f"  {label:<6} {one_line(value)}", soft_wrap=True)
