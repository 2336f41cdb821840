"""`plan`: what a model would take of the memory. In go a model and how it would be loaded, out comes a `MemoryPlan`."""

from __future__ import annotations

from edge_lam.llama import ModelFile
from edge_lam.llama.adapter import adapter_bytes
from edge_lam.llama.plan import MemoryPlan, plan_memory
from edge_lam.loading.model_path import find_model
from edge_lam.loading.options import PlanOptions, takes


@takes(PlanOptions)
def plan(options: PlanOptions) -> MemoryPlan:
    """Estimate what a model will take of the memory, from the header of its file; nothing is loaded.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        InvalidModelFile: not a GGUF, truncated or contradicting itself.
        UnsupportedModel: a sound file that edge-lam can't run.
        HubError: the hub can't be reached.
        InvalidRequest: a number is out of range, or the model can't have that type; `param` names it.
    """
    return plan_of(ModelFile.read(find_model(options.model)), options)


def plan_of(file: ModelFile, options: PlanOptions, *, device: str = "cpu") -> MemoryPlan:
    """Return what the model of a file will take, loaded so on a device ("cpu", or a GPU's label).

    Raises:
        InvalidModelFile, UnsupportedModel, InvalidRequest: as `plan`.
    """
    return plan_memory(
        file,
        n_ctx=options.n_ctx,
        n_parallel=options.n_parallel,
        kv_type=options.kv_type,
        adapters=adapter_bytes(options.adapters),
        device=device,
    )
