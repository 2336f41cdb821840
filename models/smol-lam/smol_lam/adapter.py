"""LoRA factors as the GGUF that llama.cpp adds to the base, and back."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch

from smol_lam.model import SmolLam

TYPES = {
    "F16": gguf.GGMLQuantizationType.F16,
    "Q8_0": gguf.GGMLQuantizationType.Q8_0,
    "F32": gguf.GGMLQuantizationType.F32,
}


def write_adapter(model: SmolLam, path: Path, dtype: str = "F16") -> None:
    """Write the factors; alpha is the rank, so that their product is added as it is."""
    kind = TYPES[dtype]
    rank = model.adapted()[0].b.shape[1]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_name("smol-lam")
    writer.add_license("apache-2.0")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(rank))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for matrix in model.adapted():
        for name, (a, b) in matrix.factors().items():
            for suffix, factor in (("lora_a", a), ("lora_b", b)):
                data = gguf.quantize(factor.detach().cpu().numpy(), kind)
                writer.add_tensor(f"{name}.{suffix}", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def read_adapter(model: SmolLam, path: Path) -> None:
    """Take over the factors of an adapter; matrices that it does not adapt stay as they are."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for matrix in model.adapted():
        for name, factors in matrix.factors().items():
            for suffix, factor in zip(("lora_a", "lora_b"), factors, strict=True):
                if tensor := tensors.get(f"{name}.{suffix}"):
                    values = gguf.dequantize(tensor.data, tensor.tensor_type)
                    factor.copy_(torch.from_numpy(np.array(values, dtype=np.float32)))
