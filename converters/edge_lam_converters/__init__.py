"""Checkpoints to GGUF, quantized: the desktop side of edge-lam.

A folder in Hugging Face's layout goes in (`checkpoint.py`, `tokenizer.py`, `architectures/`), perhaps with a LoRA
adapter (`lora.py`, `merging.py`); GGUFs come out (`conversion.py`, `gguf_writer.py`), quantized by llama.cpp where
asked (`quantize.py`). `quality/` says how good the result is: an importance matrix before, a comparison after; only it
reads prompts and calls.
"""

from __future__ import annotations

from edge_lam_converters.adapter_gguf import AdapterReport, export_adapter
from edge_lam_converters.conversion import ConvertOptions, convert, convert_all, plan
from edge_lam_converters.report import ConversionReport, FilePlan

__all__ = [
    "AdapterReport",
    "ConversionReport",
    "ConvertOptions",
    "FilePlan",
    "convert",
    "convert_all",
    "export_adapter",
    "plan",
]
