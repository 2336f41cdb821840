"""What a model will take of the memory, from the header of its file alone; nothing is loaded.

In go the header and how it is to be loaded, out comes a `MemoryPlan`. It knows how llama.cpp lays out its buffers on a
CPU. What a GPU takes differs from one to the next: there llama.cpp lays the buffers out itself, without taking them.
Who asks, and how much memory there is, is another's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_lam.llama.context import Context
from edge_lam.llama.context_size import CELLS, MAX_SEQUENCES, ContextSize, cells_of, check_number
from edge_lam.llama.kv_types import DEFAULT_KV_TYPE, KVType, kv_type_of
from edge_lam.llama.model import Model
from edge_lam.llama.model_file import ModelFile

_GPU_PADDING = 2048  # bytes of a tensor at most: a row is filled up to 512 numbers (CUDA), its place to 256 bytes
_COMPUTE_PADDING = 32 << 10  # bytes: of small tensors, and of what llama.cpp's log rounds away


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What a model needs as it would be loaded; sizes in bytes.

    Attributes:
        n_ctx: tokens of context of each sequence.
        n_ctx_train: tokens of context that the model was trained for.
        n_parallel: sequences.
        kv_type: what keys and values are kept as.
        weights: all tensors of the file, and what a device adds.
        kv: keys and values of all sequences.
        compute: intermediate results and logits.
        adapters: weights of LoRA adapters.
    """

    n_ctx: int
    n_ctx_train: int
    n_parallel: int
    kv_type: str
    weights: int
    kv: int
    compute: int
    adapters: int = 0

    @property
    def held(self) -> int:
        """What is there beside the weights, and can't be read from a file again."""
        return self.kv + self.compute + self.adapters

    @property
    def total(self) -> int:
        """All of it together; the process itself takes more beside it."""
        return self.weights + self.held

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the total."""
        return asdict(self) | {"total": self.total}


def plan_memory(
    file: ModelFile,
    *,
    n_ctx: int | None = None,
    n_parallel: int = 1,
    kv_type: str = DEFAULT_KV_TYPE,
    adapters: int = 0,
    n_batch: int | None = None,
    n_logits: int | None = None,
    device: str = "cpu",
    layout: Model | None = None,
) -> MemoryPlan:
    """Estimate what a model and its context take; with a layout, tell what they take at most.

    Args:
        file: of the model.
        n_ctx: tokens of context, as of `Context`.
        n_parallel: sequences, as of `Context`.
        kv_type: what keys and values are kept as.
        adapters: bytes of the weights of LoRA adapters, as `adapter_bytes` counts them.
        n_batch: tokens in one pass, as of `Context`.
        n_logits: tokens whose logits one pass can give, as of `Context`.
        device: "cpu", or a GPU's label.
        layout: the model on its device, loaded with ``no_alloc``.

    Raises:
        InvalidRequest: a number is out of range, or the model can't have that type.
        BackendError: llama.cpp can't lay it out.
    """
    device = layout.device if layout else device
    shape = file.shape
    check_number("n_parallel", n_parallel, MAX_SEQUENCES)
    size = ContextSize.of(
        shape, device, n_ctx=n_ctx, n_sequences=n_parallel, n_batch=n_batch, n_logits=n_logits, n_threads=1
    )
    kind = kv_type_of(kv_type, shape.n_head_dim)
    if layout:
        compute = _laid_out_bytes(layout, size, kv_type)
    else:
        compute = _compute_bytes(file, size, kind, is_fused=kind.is_quantized or device != "cpu")
    weights = _weight_bytes(file, device)
    kv = shape.kv_bytes(cells_of(size.n_ctx, n_parallel), kind)
    return MemoryPlan(size.n_ctx, shape.n_ctx_train, n_parallel, kv_type, weights, kv, compute, adapters)


def largest_context(
    file: ModelFile,
    budget: int,
    *,
    n_parallel: int = 1,
    kv_type: str = DEFAULT_KV_TYPE,
    adapters: int = 0,
    device: str = "cpu",
    layout: Model | None = None,
) -> int | None:
    """Return the longest context, in steps of 256 tokens, that a budget of bytes holds, or None if none does.

    Raises:
        InvalidRequest: as `plan_memory`.
    """
    n_ctx_train = file.shape.n_ctx_train
    # What a plan takes grows with its context: the last that fits is found by halving.
    fits, beyond = 0, -(-n_ctx_train // CELLS) + 1
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        n_ctx = min(middle * CELLS, n_ctx_train)
        plan = plan_memory(
            file,
            n_ctx=n_ctx,
            n_parallel=n_parallel,
            kv_type=kv_type,
            adapters=adapters,
            device=device,
            layout=layout,
        )
        if plan.total <= budget:
            fits = middle
        else:
            beyond = middle
    return min(fits * CELLS, n_ctx_train) or None


def _weight_bytes(file: ModelFile, device: str) -> int:
    """Return the bytes of the weights on a device.

    Tokens are looked up on the processor: where the same matrix gives the logits, a GPU gets a copy of it. GPUs also
    pad rows and tensors.
    """
    n_bytes = {tensor.name: tensor.n_bytes for tensor in file.header.tensors}
    total = sum(n_bytes.values())
    if device == "cpu":
        return total
    copied = 0 if "output.weight" in n_bytes else n_bytes.get("token_embd.weight", 0)
    return total + copied + _GPU_PADDING * len(n_bytes)


def _laid_out_bytes(layout: Model, size: ContextSize, kv_type: str) -> int:
    """Return the compute and output buffers that llama.cpp lays out on the device of a model, without taking them."""
    with Context(
        layout,
        n_ctx=size.n_ctx,
        n_batch=size.n_batch,
        n_logits=size.n_logits,
        n_sequences=size.n_sequences,
        kv_type=kv_type,
    ) as context:
        return context.compute_bytes


def _compute_bytes(file: ModelFile, size: ContextSize, kv_type: KVType, *, is_fused: bool) -> int:
    """Return the compute and output buffers of llama.cpp.

    llama.cpp sets memory aside for the largest pass (`graph_reserve` in llama-context.cpp), and its allocator uses it
    again as soon as a value is no longer needed, so that the largest moment counts: in the feed-forward layers, whose
    gate, up projection and product are there at once beside the mask of attention, at the scores of attention unless
    that is fused, or at the logits. What stays beside them was found by comparing with the buffers that llama.cpp
    reports.
    """
    shape, n_cells, n_sequences = file.shape, cells_of(size.n_ctx, size.n_sequences), size.n_sequences
    n_used = file.header.metadata.get(f"{file.header.architecture}.expert_used_count", 0) or 1
    rotated = kv_type.is_quantized and shape.n_head_dim % 64 == 0  # llama.cpp does so before it rounds
    n_batch = -(-size.n_batch // n_sequences) * n_sequences  # reserved for as many tokens of each sequence
    mask = (2 if is_fused else 4) * n_batch * n_cells
    # Fused attention leaves a gap as wide as the model. It stays, unless layers are narrow or values rotated.
    has_gap = n_used > 1 or (is_fused and shape.n_ff > 2 * shape.n_embd and not rotated)
    n_kv = 0 if is_fused else 2 * shape.n_head_kv * shape.n_head_dim
    hidden = 4 * n_batch * (3 * n_used * shape.n_ff + (2 + n_used + has_gap) * shape.n_embd + n_kv)
    at_layers = hidden + mask + (8 * shape.n_head_dim**2 if rotated else 0)
    at_scores = 0 if is_fused else 4 * n_batch * (n_cells * shape.n_head + 5 * shape.n_embd + n_kv) + mask
    at_logits = 4 * (size.n_logits * (shape.n_vocab + shape.n_embd) + n_batch * shape.n_embd)
    inputs = 32 * n_batch  # ids, positions, sequences and cells of tokens
    largest = max(at_layers, at_scores, at_logits)
    outputs = 4 * max(size.n_logits, n_sequences) * shape.n_vocab  # rows of logits to read
    return largest + inputs + outputs + _COMPUTE_PADDING
