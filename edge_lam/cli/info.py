"""`edge-lam info`: what is in a model file, from its header alone; no weights are loaded."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.download import model_file
from edge_lam.cli.model_options import MODEL, format_options
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, count, one_line, plain_table, print_json, print_table, size

if TYPE_CHECKING:
    from edge_lam.llama.gguf_file import GGUFHeader


@click.command(
    "info",
    epilog=examples(
        "edge-lam info",
        "edge-lam info model.gguf --format generic",
        "edge-lam info Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M --json",
    ),
)
@click.argument("model", type=MODEL, required=False)
@format_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, model: str | None, format: str | None, template: str | None, verbatim: bool, as_json: bool) -> None:
    """Describe a model file.

    MODEL is a GGUF file, a name such as xlam-2-1b, or owner/repo:QUANT on the hub (downloaded if it must be); without
    it, the embedded tiny-lam.
    """
    from edge_lam.llama.gguf_file import GGUFHeader

    header = GGUFHeader.read(model_file(model))
    described = describe(header) | describe_format(header, name=format, template=template, verbatim=verbatim)
    if as_json:
        print_json(described)
    else:
        _show(described)


def describe(header: GGUFHeader) -> dict[str, Any]:
    """Collect what is worth knowing of a model, in JSON types; sizes are bytes.

    What edge-lam can't run is described all the same: `problem` then says so.
    """
    from edge_lam.hub import license_of

    template = header.chat_template
    by_type = Counter[str]()
    for tensor in header.tensors:
        by_type[tensor.type] += tensor.n_bytes
    return {
        "path": str(header.path),
        "name": header.name,
        "architecture": header.architecture,
        "license": header.license or license_of(header.names),
        "license_stated": bool(header.license),
        "size": header.size,
        "parameters": header.n_parameters,
        "quantization": header.file_type,
        "bits_per_weight": round(header.bits_per_weight, 2),
        "tensors": {
            kind: {"count": sum(tensor.type == kind for tensor in header.tensors), "bytes": n_bytes}
            for kind, n_bytes in by_type.most_common()
        },
        **_shape(header),
        "sampling": header.sampling,
        "carried_template_sha256": hashlib.sha256(template.encode()).hexdigest() if template else "",
    }


def _shape(header: GGUFHeader) -> dict[str, Any]:
    from edge_lam.errors import ModelError
    from edge_lam.llama.shape import ModelShape

    try:
        shape = ModelShape.of(header)
    except ModelError as error:
        return {"problem": error.message}
    return {
        "context": shape.n_ctx_train,
        "vocabulary": shape.n_vocab,
        "layers": shape.n_layer,
        "width": shape.n_embd,
        "heads": shape.n_head,
        "kv_heads": shape.n_head_kv,
        "kv_bytes_per_1000_tokens": shape.kv_bytes(1000),
    }


def describe_format(
    header: GGUFHeader, *, name: str | None = None, template: str | None = None, verbatim: bool = False
) -> dict[str, Any]:
    """Return the chat format of a model, in JSON types; of a model without one, why.

    Args:
        header: of the model.
        name: the format to take, instead of the one that the file tells.
        template: a file with the template to render.
        verbatim: render the template in the model file.
    """
    from edge_lam.errors import UnsupportedModel
    from edge_lam.formats import detect, read_template

    text = None if template is None else read_template(template)
    try:
        form = detect(header.metadata, path=header.path, name=name, template=text, verbatim=verbatim)
        return {
            "format": form.name,
            "format_sha256": form.sha256,
            "template_sha256": form.template_sha256,
            "tool_template_sha256": form.sha256_of_template(with_tools=True) if form.tool_template else "",
            "verbatim": form.verbatim,
            "renders_tools": form.renders_tools,
            "guarantee": form.guarantee,
        }
    except UnsupportedModel as error:
        return {"format": "", "format_problem": str(error)}


def _format_rows(model: dict[str, Any]) -> dict[str, str]:
    carried = model["carried_template_sha256"]
    in_file = f"sha256 {carried[:16]}…" if carried else "none"
    if not model["format"]:
        return {"format": f"none: {model['format_problem']}", "template": f"in the file: {in_file}"}
    used = model["template_sha256"]
    source = "as in the file" if used == carried else f"in the file: {in_file}"
    with_tools = model["tool_template_sha256"]
    if with_tools:
        source += f"; with tools sha256 {with_tools[:16]}…, in the file too"
    return {
        "format": f"{model['format']}: {model['guarantee']}",
        "tools": "in the prompt" if model["renders_tools"] else "not in the prompt: requests with tools are refused",
        "template": f"sha256 {used[:16]}…, {source}",
    }


def _show(model: dict[str, Any]) -> None:
    out = console()
    bits = f"{model['bits_per_weight']:.2f} bits per weight"
    rows = {
        "file": f"{model['path']} ({size(model['size'])})",
        "architecture": model["architecture"],
        "parameters": count(model["parameters"]),
        "quantization": f"{model['quantization']}, {bits}",
    }
    if "problem" in model:
        rows["problem"] = model["problem"]
    else:
        rows["shape"] = (
            f"{model['layers']} layers of {model['width']}, {model['heads']} heads, {model['kv_heads']} for keys"
        )
        rows["context"] = f"{model['context']:,} tokens"
        rows["vocabulary"] = f"{model['vocabulary']:,} tokens"
        rows["KV cache"] = f"{size(model['kv_bytes_per_1000_tokens'])} per 1,000 tokens (F16)"
    rows |= _format_rows(model)
    if model["sampling"]:
        settings = ", ".join(f"{name} {value:g}" for name, value in model["sampling"].items())
        rows["sampling"] = f"{settings} (stated in the file; used with --model-sampling)"
    rows["licence"] = model["license"] or "not stated in the file"
    if model["license"] and not model["license_stated"]:
        rows["licence"] += " (of the official xLAM weights; the file states none)"
    out.print(one_line(model["name"]), style="bold")
    for label, value in rows.items():
        out.print(f"  {label:<13} {one_line(value)}", soft_wrap=True)
    out.print()
    table = plain_table("Tensors", "type", "count", "size", "share")
    for kind, tensors in model["tensors"].items():
        share = tensors["bytes"] / max(1, sum(row["bytes"] for row in model["tensors"].values()))
        table.add_row(kind, str(tensors["count"]), size(tensors["bytes"]), f"{share:.1%}")
    print_table(out, table)
