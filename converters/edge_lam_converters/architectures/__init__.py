"""One file per architecture behind a small base; what is listed here is what can be converted."""

from __future__ import annotations

from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.architectures.base import Architecture, TensorPlan
from edge_lam_converters.architectures.llama import Llama
from edge_lam_converters.architectures.mistral import Mistral
from edge_lam_converters.architectures.mixtral import Mixtral
from edge_lam_converters.architectures.qwen2 import Qwen2

__all__ = ["ARCHITECTURES", "Architecture", "TensorPlan", "architecture_of"]

ARCHITECTURES: dict[str, type[Architecture]] = {
    "LlamaForCausalLM": Llama,
    "MistralForCausalLM": Mistral,
    "MixtralForCausalLM": Mixtral,
    "Qwen2ForCausalLM": Qwen2,
}
"""Supported classes, by the name that config.json gives them."""


def architecture_of(config: dict[str, Any]) -> Architecture:
    """Return the architecture that config.json declares, with its dimensions.

    Raises:
        CheckpointError: none, several or an unsupported one declared; or values that make no model.
    """
    supported = ", ".join(sorted(ARCHITECTURES))
    declared = config.get("architectures")
    if not isinstance(declared, list) or len(declared) != 1:
        raise CheckpointError("config.json declares no single architecture", hint=f"supported: {supported}")
    if not isinstance(declared[0], str) or declared[0] not in ARCHITECTURES:
        raise CheckpointError(
            f"the architecture {str(declared[0])[:60]} is not supported", hint=f"supported: {supported}"
        )
    if config.get("quantization_config") is not None:
        raise CheckpointError(
            "the checkpoint is already quantized (config.json has a quantization_config)",
            hint="convert the original checkpoint in bfloat16, float16 or float32",
        )
    return ARCHITECTURES[declared[0]](config)
