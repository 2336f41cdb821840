"""`edge-lam bench make-shape`: a GGUF with random weights in the exact shape of a checkpoint, to take times with."""

from __future__ import annotations

from pathlib import Path

import click

from edge_lam.cli.model_options import THREADS
from edge_lam.cli.options import examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, one_line, print_json, size


@click.command(
    "make-shape",
    epilog=examples(
        "edge-lam bench make-shape xlam-2-1b -o xlam-2-1b-shape.gguf",
        "edge-lam bench make-shape xlam-2-3b -q Q4_K_M,Q4_0 -o shapes/",
        "edge-lam bench make-shape xlam-2-8b --vocab other-llama-3.gguf -q Q4_0 -o shapes/",
    ),
)
@click.argument("shape")
@click.option(
    "--vocab",
    "vocabulary",
    metavar="FILE|NAME",
    help="Any GGUF, or the name of a vocabulary in llama-cpp-python's source archive, which pip fetches: qwen2, "
    "llama-bpe, llama-spm, deepseek-coder, deepseek-llm.  [default: the shape's own]",
)
@click.option(
    "-q",
    "--quant",
    "quants",
    metavar="TYPE[,TYPE...]",
    multiple=True,
    default=["Q4_K_M"],
    show_default=True,
    help="BF16, F16, F32, or a quantization of llama.cpp.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A folder, or for a single type the GGUF to write.  [default: NAME-shape-TYPE.gguf, here]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the weights.")
@THREADS
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    shape: str,
    vocabulary: str | None,
    quants: tuple[str, ...],
    out: Path | None,
    seed: int,
    n_threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write random weights in the exact shape of an xLAM checkpoint, with a real vocabulary.

    SHAPE is xlam-2-1b, xlam-2-3b, xlam-2-8b, xlam-2-32b, xlam-2-70b, xlam-1b-fc, xlam-7b-fc, xlam-7b or
    xlam-8x7b, or the checkpoint's own name. It takes the time and memory of the real model; what it says means
    nothing. On disk, it needs room for the weights in BF16 too, until it is done.
    """
    from edge_lam_benchmarks.random_weights import LABEL
    from edge_lam_benchmarks.shapes import make_shape

    names = [name for text in quants for name in text.split(",") if name.strip()]
    with progress_bar({"write": "writing", "quantize": "quantizing"}, in_bytes=True) as on_progress:
        files = make_shape(
            shape,
            vocabulary,
            out,
            quants=names,
            seed=seed,
            n_threads=n_threads,
            force=force,
            on_progress=on_progress,
        )
    if as_json:
        print_json({"label": LABEL, "files": [{"path": str(path), "size": path.stat().st_size} for path in files]})
        return
    for path in files:
        console().print(one_line(f"{path}: {size(path.stat().st_size)}, random weights"), soft_wrap=True)
