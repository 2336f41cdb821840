"""Checkpoints to GGUF, quantized: the desktop side of edge-lam.

A folder in Hugging Face's layout goes in (`checkpoint.py`, `tokenizer.py`, `architectures/`); one GGUF comes out
(`conversion.py`, `gguf_writer.py`), quantized by llama.cpp where asked. Knows nothing of prompts, tools or calls.
"""

from __future__ import annotations

from edge_lam_converters.conversion import ConversionReport, convert

__all__ = ["ConversionReport", "convert"]
