"""What a model will take of the memory, from the header of its file alone; nothing is loaded.

In go a header and the numbers of a context, out comes a `Plan`. It knows how llama.cpp lays out its buffers on a CPU;
who asks, and how much memory there is, is another's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.shape import ModelShape

_CELLS = 256  # llama.cpp rounds a context up to a multiple of this


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model needs with a context of `n_ctx` tokens; sizes in bytes, keys and values as F16.

    Attributes:
        weights: all tensors of the file.
        kv: keys and values.
        compute: intermediate results and logits.
    """

    n_ctx: int
    n_ctx_train: int
    weights: int
    kv: int
    compute: int

    @property
    def total(self) -> int:
        """All of it together; the process itself takes more beside it."""
        return self.weights + self.kv + self.compute

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the total."""
        return asdict(self) | {"total": self.total}


def plan_memory(header: GGUFHeader, *, n_ctx: int, n_batch: int = 512, n_logits: int = 32) -> Plan:
    """Estimate what a model and its context take on a CPU.

    Args:
        header: of the model's file.
        n_ctx: tokens of the context, at least one.
        n_batch: tokens in one pass, as of `Context`.
        n_logits: tokens whose logits one pass can give, as of `Context`.

    Raises:
        UnsupportedModel, InvalidModelFile: the model can't be run.
    """
    shape = ModelShape.of(header)
    n_cells = -(-n_ctx // _CELLS) * _CELLS
    compute = _compute_bytes(header, shape, n_cells, min(n_batch, n_ctx), min(n_logits, n_batch, n_ctx))
    weights = sum(tensor.n_bytes for tensor in header.tensors)
    return Plan(n_ctx, shape.n_ctx_train, weights, shape.kv_bytes(n_cells), compute)


def largest_context(header: GGUFHeader, budget: int) -> int | None:
    """Return the longest context, in steps of 256 tokens, that a budget of bytes holds, or None if none does.

    Raises:
        UnsupportedModel, InvalidModelFile: the model can't be run.
    """
    n_ctx_train = ModelShape.of(header).n_ctx_train
    # What a plan takes grows with its context: the last that fits is found by halving.
    fits, beyond = 0, n_ctx_train // _CELLS + 1
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        if plan_memory(header, n_ctx=middle * _CELLS).total <= budget:
            fits = middle
        else:
            beyond = middle
    return fits * _CELLS or None


def _compute_bytes(header: GGUFHeader, shape: ModelShape, n_cells: int, n_batch: int, n_logits: int) -> int:
    """Return the compute and output buffers of llama.cpp.

    llama.cpp sets memory aside for the largest pass (`graph_reserve` in llama-context.cpp), and its allocator uses it
    again as soon as a value is no longer needed, so that the largest moment counts: in the feed-forward layers, whose
    gate, up projection and product are there at once beside the F16 mask of flash attention, or at the logits. What
    stays beside them was found by comparing with the buffers that llama.cpp reports.
    """
    n_used = header.metadata.get(f"{header.architecture}.expert_used_count", 0) or 1
    hidden = 4 * n_batch * (3 * n_used * shape.n_ff + (3 + n_used) * shape.n_embd)
    at_layers = hidden + 2 * n_batch * n_cells
    at_logits = 4 * (n_logits * (shape.n_vocab + shape.n_embd) + n_batch * shape.n_embd)
    return max(at_layers, at_logits) + 4 * shape.n_vocab  # and a row of logits to read
