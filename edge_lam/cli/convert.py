"""`edge-lam convert`: a checkpoint becomes GGUFs, with a progress bar and a short account of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from edge_lam.cli.model_options import MODEL, THREADS
from edge_lam.cli.options import FILE, examples
from edge_lam.cli.progress import progress_bar
from edge_lam.cli.terminal import console, count, duration, one_line, plain_table, print_json, print_table, size

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam_converters import ConversionReport, FilePlan

_STAGES = {
    "hash": "reading the source",
    "write": "writing",
    "calibrate": "calibrating",
    "quantize": "quantizing",
}


@click.command(
    "convert",
    epilog=examples(
        "edge-lam convert ./my-finetune",
        "edge-lam convert Salesforce/xLAM-2-1b-fc-r -q Q4_K_M,Q8_0 -o models/",
        "edge-lam convert ./my-finetune --adapter ./my-lora -q Q4_K_M -o my-finetune.gguf",
        "edge-lam convert my-finetune-BF16.gguf -q Q4_K_M --tensor-type ffn_down=Q6_K",
        "edge-lam convert ./my-finetune -q Q4_K_M,IQ3_XXS --calibrate calls.jsonl",
        "edge-lam convert ./my-finetune -q Q8_0,Q5_K_M,Q4_K_M --dry-run",
        "edge-lam convert ./my-finetune --adapter ./my-lora --export-adapter my-lora.gguf",
    ),
)
@click.argument("source", type=MODEL)
@click.option(
    "-o",
    "--out",
    type=click.Path(),  # a string: whether it ends with a slash counts
    metavar="PATH",
    help="A folder (made if it ends with /), or for a single type the GGUF to write.  [default: beside SOURCE]",
)
@click.option(
    "-q",
    "--quant",
    "quants",
    metavar="TYPE[,TYPE...]",
    multiple=True,
    default=["Q8_0"],
    show_default=True,
    help="BF16, F16, F32, or a quantization of llama.cpp: Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, IQ4_XS, Q3_K_M, ...",
)
@click.option(
    "--tensor-type",
    "tensor_types",
    metavar="PATTERN=TYPE",
    multiple=True,
    help="Type of the tensors whose names match a regular expression, such as ffn_down=Q6_K.",
)
@click.option("--adapter", metavar="LORA", help="A LoRA adapter's folder or owner/repo, merged into the weights.")
@click.option(
    "--export-adapter",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the adapter as a GGUF of its own, for `--adapter` of `call` and `chat`; the weights are left alone.",
)
@click.option("--imatrix", "imatrix_file", type=FILE, metavar="FILE", help="An importance matrix, ours or llama.cpp's.")
@click.option(
    "--calibrate",
    "calls",
    type=click.Path(path_type=Path),
    metavar="CALLS",
    help="Make an importance matrix from these function calls, as `calibrate --calls` does.",
)
@click.option("--allow-non-finite", is_flag=True, help="Write NaN and infinite weights; quantizing refuses them still.")
@THREADS
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and its size; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the facts of each file.")
def command(
    *,
    source: str,
    out: str | None,
    quants: tuple[str, ...],
    tensor_types: tuple[str, ...],
    adapter: str | None,
    export_adapter: Path | None,
    imatrix_file: str | None,
    calls: Path | None,
    n_threads: int | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert a checkpoint to GGUF and quantize it.

    SOURCE is a folder with config.json, tokenizer and weights, the owner/repo or name (xlam-2-1b) of one on the hub, or
    a GGUF in BF16, F16 or F32. Weights keep their type until they are quantized; nothing goes through float16. Files
    appear whole or not at all.
    """
    from edge_lam_converters import convert_all, plan

    if export_adapter is not None:
        _refuse_beside_export()
        _export(source, adapter, export_adapter, force=options["force"], as_json=as_json)
        return
    names = [name for text in quants for name in text.split(",") if name.strip()]
    options |= {"adapter": adapter, "tensor_types": [_tensor_type(text) for text in tensor_types]}
    with progress_bar(_STAGES, in_bytes=True) as on_progress:
        options |= _importance(imatrix_file, calls, n_threads, on_progress)
        if dry_run:
            plans = plan(source, out, quants=names, **options)
        else:
            reports = convert_all(source, out, quants=names, n_threads=n_threads, on_progress=on_progress, **options)
    if dry_run:
        _show_plans(plans, as_json=as_json)
        return
    if as_json:
        print_json({"files": [report.to_dict() for report in reports]})
    else:
        _show(reports)


def _tensor_type(text: str) -> tuple[str, str]:
    pattern, separator, kind = text.rpartition("=")
    if not separator or not pattern:
        raise click.BadParameter(f"{text!r} is not of the form PATTERN=TYPE", param_hint="--tensor-type")
    return pattern, kind.upper()


def _importance(
    imatrix_file: str | None, calls: Path | None, n_threads: int | None, on_progress: Callable[..., None]
) -> dict[str, Any]:
    """Return the options of the conversion that say which weights matter."""
    if imatrix_file is not None and calls is not None:
        raise click.UsageError("--imatrix and --calibrate are two ways to the same: give one")
    if imatrix_file is not None:
        from edge_lam_converters.imatrix import read_imatrix

        imatrix = read_imatrix(imatrix_file)
        return {"imatrix": imatrix.importance(), "calibration": imatrix.metadata(Path(imatrix_file).name)}
    if calls is None:
        return {}
    from edge_lam.cli.corpus import print_left_out
    from edge_lam.formats.examples import read_examples
    from edge_lam_converters.quality import calibrate

    read_examples(calls, on_wrong=print_left_out)  # what is wrong with it is reported before anything is converted

    def on_stage(stage: str, done: int, total: int) -> None:
        on_progress(stage, 0, None, f"{done:,} of {total:,} tokens")

    def run(model: Path) -> tuple[Any, Any]:
        imatrix = calibrate(model, calls=calls, n_threads=n_threads, on_wrong=lambda _: None, on_progress=on_stage)
        return imatrix.importance(), imatrix.metadata("")

    return {"calibrate": run}


def _refuse_beside_export() -> None:
    """Refuse what says how a model is written: exporting an adapter writes none."""
    context = click.get_current_context()
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if given and param.name not in ("source", "adapter", "export_adapter", "force", "as_json"):
            raise click.UsageError(f"{param.opts[-1]} does not go with --export-adapter, which writes no model")


def _export(source: str, adapter: str | None, out: Path, *, force: bool, as_json: bool) -> None:
    from edge_lam_converters import export_adapter

    if adapter is None:
        raise click.UsageError("--export-adapter needs --adapter, the one to export")
    report = export_adapter(source, adapter, out, force=force)
    if as_json:
        print_json(report.to_dict())
        return
    screen = console()
    screen.print(one_line(report.path), style="bold", soft_wrap=True)
    _show_rows(
        screen,
        {
            "size": size(report.size),
            "adapts": f"{report.n_tensors} tensors of {one_line(report.base)}, rank {report.rank}",
            "licence": report.license or "not stated in the adapter's README.md",
        },
    )


def _show(reports: Sequence[ConversionReport]) -> None:
    screen = console()
    for report in reports:
        screen.print(one_line(report.path), style="bold", soft_wrap=True)
        types = sorted(report.tensor_types.items(), key=lambda item: -item[1])
        rows = {
            "size": f"{size(report.size)}, {report.bits_per_weight:.2f} bits per weight",
            "tensors": ", ".join(f"{n} {kind}" for kind, n in types),
            **_fallback_row(report),
        }
        _show_rows(screen, rows)
    report = reports[0]
    rows = {
        "parameters": count(report.n_parameters),
        "adapter": report.adapter,
        "template": _template(report),
        "licence": report.license or "not stated in the source",
        "time": f"{duration(report.seconds)}, {size(report.peak_memory)} of memory at most",
    }
    if len(reports) > 1:
        screen.print("all", style="bold")
    _show_rows(screen, {label: value for label, value in rows.items() if value})


def _template(report: ConversionReport) -> str:
    """Say where the chat template is from, if it is not the checkpoint's own."""
    if not report.template_format:
        return ""
    why = "loses tools or instructions" if report.template_replaced else "is missing"
    return f"of {report.template_format}, because the checkpoint's own {why}"


def _show_rows(screen: Console, rows: dict[str, str]) -> None:
    for label, value in rows.items():
        screen.print(f"  {label:<13} {one_line(value)}", soft_wrap=True)


def _fallback_row(file: ConversionReport) -> dict[str, str]:
    """Say which tensors got another type than meant, and why; layers of one kind of tensor are counted together."""
    if not file.fallbacks:
        return {}
    changes: dict[str, dict[str, list[int]]] = {}
    for fallback in file.fallbacks:
        change = f"{fallback.wanted} to {fallback.used}, rows of {fallback.n_columns} don't divide into its blocks"
        layer = re.match(r"blk\.(\d+)\.", fallback.tensor)
        kind = fallback.tensor.replace(layer[0], "blk.N.") if layer else fallback.tensor
        changes.setdefault(change, {}).setdefault(kind, []).extend([int(layer[1])] if layer else [])
    texts = []
    for change, kinds in changes.items():
        names = [f"{kind} (N = {_ranges(layers)})" if layers else kind for kind, layers in kinds.items()]
        texts.append(f"{change}: {', '.join(names)}")
    return {"fell back": "; ".join(texts)}


def _ranges(numbers: list[int]) -> str:
    """Return "0-2, 5" for 0, 1, 2 and 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _show_plans(plans: Sequence[FilePlan], *, as_json: bool) -> None:
    if as_json:
        print_json({"files": [plan.to_dict() for plan in plans]})
        return
    screen = console()
    table = plain_table("would be written", "file", "size", "bits per weight", "fell back")
    for plan in plans:
        fell_back = str(len(plan.fallbacks)) if plan.fallbacks else "-"
        table.add_row(one_line(plan.path.name), size(plan.size), f"{plan.bits_per_weight:.2f}", fell_back)
    print_table(screen, table)
    screen.print(f"in {one_line(str(plans[0].path.parent))}", soft_wrap=True)
