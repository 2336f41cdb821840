"""llama.cpp's room, the only one that imports it: library, self-test, `Model`, `Context`."""

from __future__ import annotations

from edge_lam.llama.batch import Part
from edge_lam.llama.context import Context
from edge_lam.llama.gguf_file import GGUFArray, GGUFHeader, Tensor
from edge_lam.llama.kv_types import DEFAULT_KV_TYPE, KV_TYPES, KVType
from edge_lam.llama.library import BuildInfo, Device, build_info, library
from edge_lam.llama.model import Model
from edge_lam.llama.model_file import ModelFile
from edge_lam.llama.model_load import choose_device
from edge_lam.llama.self_test import Verdict, accelerator_verdict
from edge_lam.llama.shape import ARCHITECTURES, ModelShape
from edge_lam.llama.threads import ThreadChoice, default_threads

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_KV_TYPE",
    "KV_TYPES",
    "BuildInfo",
    "Context",
    "Device",
    "GGUFArray",
    "GGUFHeader",
    "KVType",
    "Model",
    "ModelFile",
    "ModelShape",
    "Part",
    "Tensor",
    "ThreadChoice",
    "Verdict",
    "accelerator_verdict",
    "build_info",
    "choose_device",
    "default_threads",
    "library",
]
