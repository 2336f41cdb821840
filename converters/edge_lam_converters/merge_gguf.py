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
from edge_lam.llama.adapter import check_fits
from edge_lam.llama.gguf_file import GGUFArray, GGUFHeader, Tensor
from edge_lam_converters.dtypes import Array
from edge_lam_converters.gguf_writer import partial_file

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, ReaderTensor

_MAX_ELEMENTS = 2_000_000  # of all arrays of a file: the package gguf makes two objects of each
_LARGEST = {"F16": 65504.0, "Q8_0": 127 * 65504.0}  # of what a type holds
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
        ModelNotFound, InvalidModelFile: a file is missing, no GGUF, or no LoRA adapter.
        CheckpointError: the adapter is for another base, or one of them can't be merged; names the tensor.
        InvalidRequest: `out` can't be written, or is being written.
        ModuleNotFoundError: the package gguf is not installed.
    """
    import gguf

    adapted = _adapted(GGUFHeader.read(base), GGUFHeader.read(adapter))
    source, learnt = _open(base), _open(adapter)
    factors = {tensor.name: tensor for tensor in learnt.tensors}
    alpha = float(learnt.fields[gguf.Keys.Adapter.LORA_ALPHA].contents())
    try:
        with partial_file(out) as partial:
            writer = _metadata(source, partial, name, template, as_float=as_float)
            kinds = gguf.GGMLQuantizationType
            for done, tensor in enumerate(source.tensors):
                on_progress(done, len(source.tensors))
                is_adapted = tensor.name in adapted
                if is_adapted or (as_float and len(tensor.shape) > 1):
                    kind = kinds.F16 if as_float else kinds.Q8_0
                    product = _product(tensor.name, factors, alpha) if is_adapted else None
                    writer.add_tensor(tensor.name, _quantized(tensor, product, kind), raw_dtype=kind)
                else:
                    writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
    except OSError as error:
        raise InvalidRequest(f"{out} can't be written: {error.strerror or error}", param="out") from error
    on_progress(len(source.tensors), len(source.tensors))


def _adapted(base: GGUFHeader, adapter: GGUFHeader) -> dict[str, Tensor]:
    """Return which tensors of the base are adapted, by name; raises as `merge_gguf`."""
    for header in (base, adapter):
        n_elements = sum(value.count for value in header.metadata.values() if isinstance(value, GGUFArray))
        if header.metadata.get("split.count", 1) > 1 or n_elements > _MAX_ELEMENTS:
            what = f"has arrays of {n_elements} elements" if n_elements > _MAX_ELEMENTS else "is split"
            raise CheckpointError(f"{header.path} {what}, which can't be merged")
    try:
        check_fits(adapter, base)
    except InvalidRequest as error:
        raise CheckpointError(error.message) from error
    names = {tensor.name.rsplit(".", 1)[0] for tensor in adapter.tensors}
    adapted = {tensor.name: tensor for tensor in base.tensors if tensor.name in names}
    for tensor in adapted.values():
        if len(tensor.shape) != 2 or tensor.shape[0] % 32 or tensor.name == "token_embd.weight":
            raise CheckpointError(f"{adapter.path} adapts {tensor.name}, {tensor.shape}, which can't be merged")
    if not adapted:
        raise CheckpointError(f"{adapter.path} adapts nothing")
    return adapted


def _open(path: Path) -> GGUFReader:
    import gguf

    try:
        return gguf.GGUFReader(path)
    except (ValueError, KeyError, IndexError) as error:  # its header is sound: there is more that the package refuses
        raise CheckpointError(f"{path} can't be read: {error}") from error


def _product(name: str, factors: dict[str, ReaderTensor], alpha: float) -> Array:
    """Return what an adapter adds to a tensor."""
    a, b = (_values(factors[f"{name}.{which}"]) for which in ("lora_a", "lora_b"))
    with np.errstate(over="ignore", invalid="ignore"):  # reported by `_quantized`
        added: Array = b @ a * np.float32(alpha / len(a))
    return added


def _quantized(tensor: ReaderTensor, added: Array | None, kind: GGMLQuantizationType) -> Array:
    """Return a tensor in another type, with what is added to it."""
    import gguf

    values = _values(tensor)
    if added is not None:
        values = values + added
    if not np.abs(values).max() <= _LARGEST[kind.name]:
        raise CheckpointError(f"{tensor.name} would hold NaN, or numbers that are too large")
    quantized: Array = gguf.quantize(values, kind)
    return quantized


def _metadata(source: GGUFReader, path: Path, name: str, template: str | None, *, as_float: bool) -> GGUFWriter:
    """Return a writer with the base's metadata, under another name and with another template."""
    import gguf

    writer = gguf.GGUFWriter(path, str(source.fields["general.architecture"].contents()))
    for field in source.fields.values():
        kinds = field.types
        is_empty = kinds[0] == gguf.GGUFValueType.ARRAY and not field.data  # the package writes none
        if not field.name.startswith(_OWN) and not is_empty:
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

    try:
        values: Any = gguf.dequantize(tensor.data, tensor.tensor_type)
    except NotImplementedError as error:
        raise CheckpointError(f"{tensor.name}: {error}") from error
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
