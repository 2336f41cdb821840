"""`plan`: what a model would take of the memory. In go a model and how it would be loaded, out comes a `MemoryPlan`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from edge_lam.defaults import none_is_default
from edge_lam.llama import DEFAULT_KV_TYPE, ModelFile
from edge_lam.llama.adapter import adapter_bytes
from edge_lam.llama.plan import MemoryPlan, plan_memory
from edge_lam.model_path import find_model


@none_is_default
def plan(
    model: str | os.PathLike[str] | None = None,
    *,
    n_ctx: int | None = None,
    n_parallel: int = 1,
    kv_type: str = DEFAULT_KV_TYPE,
    adapters: Sequence[tuple[str | os.PathLike[str], float]] = (),
) -> MemoryPlan:
    """Estimate what a model will take of the memory, from the header of its file; nothing is loaded.

    Args:
        model: as of `load`; what is on the hub is downloaded if it must be.
        n_ctx: tokens of context, as of `load`.
        n_parallel: replies side by side, each with a context of its own.
        kv_type: what keys and values are kept as.
        adapters: LoRA adapters in GGUF, as of `load`.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        InvalidModelFile: not a GGUF, truncated or contradicting itself.
        UnsupportedModel: a sound file that edge-lam can't run.
        HubError: the hub can't be reached.
        InvalidRequest: a number is out of range, or the model can't have that type; `param` names it.
    """
    file = ModelFile.read(find_model(model))
    return plan_memory(file, n_ctx=n_ctx, n_parallel=n_parallel, kv_type=kv_type, adapters=adapter_bytes(adapters))
