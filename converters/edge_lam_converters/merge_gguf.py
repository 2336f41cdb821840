"""An adapter in GGUF merged into its base in GGUF: one file that runs everywhere, and speaks one format by itself.

    python -m edge_lam_converters.merge_gguf base.Q4_1.gguf adapter.gguf merged.gguf --name my-model

A checkpoint is better merged before it is quantized (`edge-lam convert --adapter`); this is for a base that there is in
GGUF alone. Adapted matrices become Q8_0, since the base's own type would round away much of what was learnt; all others
stay as they are. With `--float` all of them become F16, to be quantized by other means.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_lam.errors import CheckpointError, InvalidRequest
from edge_lam.formats import XLam2Qwen
from edge_lam_converters.dtypes import Array
from edge_lam_converters.gguf_writer import partial_file

if TYPE_CHECKING:
    from gguf import GGUFReader, GGUFWriter, ReaderTensor

_OWN = ("GGUF.", "general.architecture", "general.name", "general.file_type", "tokenizer.chat_template")


def merge_gguf(
    base: Path,
    adapter: Path,
    out: Path,
    *,
    name: str,
    template: str | None = None,
    as_float: bool = False,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> None:
    """Write the merged model, whole or not at all.

    Args:
        base: a GGUF, which may be quantized.
        adapter: a LoRA adapter for it.
        out: the file to write.
        name: what the merged model is called.
        template: the chat template that it gets; by default the base's.
        as_float: write every matrix as F16, so that quantizations can be made of the result.
        on_progress: hears how many of the tensors are written, and how many there are.

    Raises:
        CheckpointError: the adapter is for another base.
        InvalidRequest: `out` can't be written, or is being written.
        ModuleNotFoundError: the package gguf is not installed.
    """
    import gguf

    source, learnt = gguf.GGUFReader(base), gguf.GGUFReader(adapter)
    factors = {tensor.name: tensor for tensor in learnt.tensors}
    _check_fits(base, adapter, source, factors)
    alpha = float(learnt.fields[gguf.Keys.Adapter.LORA_ALPHA].contents())
    try:
        with partial_file(out) as partial:
            writer = _metadata(source, partial, name, template, as_float=as_float)
            kinds = gguf.GGMLQuantizationType
            for done, tensor in enumerate(source.tensors):
                on_progress(done, len(source.tensors))
                is_adapted = f"{tensor.name}.lora_a" in factors
                if is_adapted or (as_float and len(tensor.shape) > 1):
                    merged, kind = _values(tensor), kinds.F16 if as_float else kinds.Q8_0
                    if is_adapted:
                        a, b = (_values(factors[f"{tensor.name}.{which}"]) for which in ("lora_a", "lora_b"))
                        merged = merged + b @ a * (alpha / len(a))
                    writer.add_tensor(tensor.name, gguf.quantize(merged, kind), raw_dtype=kind)
                else:
                    writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
    except OSError as error:
        raise InvalidRequest(f"{out} can't be written: {error.strerror or error}", param="out") from error
    on_progress(len(source.tensors), len(source.tensors))


def _check_fits(base: Path, adapter: Path, source: GGUFReader, factors: dict[str, ReaderTensor]) -> None:
    shapes = {tensor.name: tensor.shape.tolist() for tensor in source.tensors}
    for name in {name.rsplit(".", 1)[0] for name in factors}:
        a, b = (factors.get(f"{name}.{which}") for which in ("lora_a", "lora_b"))
        if name not in shapes or a is None or b is None or [int(a.shape[0]), int(b.shape[1])] != shapes[name]:
            what = "which it does not have" if name not in shapes else f"which is {shapes[name]} there"
            raise CheckpointError(f"{adapter} is for another base than {base}: it adapts {name}, {what}")


def _metadata(source: GGUFReader, path: Path, name: str, template: str | None, *, as_float: bool) -> GGUFWriter:
    """Return a writer with the base's metadata, under another name and with another template."""
    import gguf

    writer = gguf.GGUFWriter(path, str(source.fields["general.architecture"].contents()))
    for field in source.fields.values():
        if not field.name.startswith(_OWN):
            kinds = field.types
            writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if as_float else gguf.LlamaFileType.MOSTLY_Q8_0)
    carried = source.fields.get("tokenizer.chat_template")
    if text := template or (str(carried.contents()) if carried else ""):
        writer.add_chat_template(text)
    return writer


def _values(tensor: ReaderTensor) -> Array:
    """Return a tensor's values in float32, rows first."""
    import gguf

    values: Any = gguf.dequantize(tensor.data, tensor.tensor_type)
    return np.asarray(values, dtype=np.float32)


def main() -> None:
    """Merge by hand."""
    parser = argparse.ArgumentParser(description="Merge an adapter in GGUF into its base in GGUF.")
    parser.add_argument("base", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", help="what the merged model is called (default: the name of its file)")
    parser.add_argument("--xlam", action="store_true", help="give it the template of xLAM-2")
    parser.add_argument("--float", action="store_true", help="write F16, to make quantizations of it")
    given = parser.parse_args()
    name, template = given.name or given.out.stem, XLam2Qwen.own_template() if given.xlam else None
    merge_gguf(given.base, given.adapter, given.out, name=name, template=template, as_float=given.float)


if __name__ == "__main__":
    main()
