"""How a context is set up and freed: llama.cpp's parameters for it, and what its log tells about the result."""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from edge_lam.errors import BackendError
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.library import library, log, string_length

if TYPE_CHECKING:
    from edge_lam.llama.context_size import ContextSize
    from edge_lam.llama.kv_types import KVType
    from edge_lam.llama.model import Model

_ROUNDED_AWAY = 3 * 2**20 // 200  # bytes at most: the log tells hundredths of a MiB for device, host and output


@dataclass(frozen=True)
class NewContext:
    """A context of llama.cpp.

    Attributes:
        pointer: its address.
        compute_bytes: memory for intermediate results and logits, at most.
        kv_layout: how the bytes of keys and values differ from what is usual for their type, or "".
    """

    pointer: int
    compute_bytes: int
    kv_layout: str


def create_context(
    model: Model, size: ContextSize, kv_type: KVType, *, abort: ctypes.Array[ctypes.c_char], on_node: object
) -> NewContext:
    """Let llama.cpp make a context.

    Args:
        model: what it runs.
        size: its numbers.
        kv_type: what keys and values are kept as.
        abort: a text of C, to be kept as long as the context; a pass ends early once it is not empty.
        on_node: a callback for every node of the graph (``ggml_backend_sched_eval_callback``), to be kept too, or None.

    Raises:
        BackendError: it could not, such as for want of memory.
    """
    llama = library()
    params = llama.llama_context_default_params()
    params.n_ctx = size.n_ctx * size.n_sequences
    params.n_seq_max = size.n_sequences
    params.kv_unified = True  # one pass reads the tokens of all sequences, and they can share cells
    params.n_batch = params.n_ubatch = size.n_batch
    params.n_outputs_max = size.n_logits
    params.n_threads = params.n_threads_batch = size.n_threads
    params.type_k = params.type_v = kv_type.number
    params.flash_attn_type = _flash_attention(llama, kv_type, model.device)
    # llama.cpp looks at the flag between the nodes of its graph. A callback of Python would have to wait for the
    # interpreter each time, hundreds of times a pass.
    params.abort_callback = ctypes.cast(string_length(), llama.ggml_abort_callback)
    params.abort_callback_data = ctypes.addressof(abort)
    if on_node is not None:
        params.cb_eval = on_node

    def init() -> NewContext:
        with log.capture():
            pointer: int | None = llama.llama_init_from_model(model.pointer, params)
            reason = log.last_error() or "no reason given"
            # Rows of logits are there for one token of each sequence. A pass that wants more, as of drafts, takes more.
            rows = 4 * max(0, size.n_logits - size.n_sequences) * model.n_vocab
            compute_bytes = log.buffer_bytes("compute") + log.buffer_bytes("output") + rows + _ROUNDED_AWAY
            is_fused = params.flash_attn_type != llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
            kv_layout = _kv_layout(log.text(), kv_type, is_fused=is_fused)
        if not pointer:
            raise BackendError(
                f"llama.cpp could not set up a context of {size.n_ctx} tokens: {reason}", hint="use a smaller n_ctx"
            )
        return NewContext(pointer, compute_bytes, kv_layout)

    return interruptible(init, discard=lambda made: llama.llama_free(made.pointer))


def free_context(llama: ModuleType, pointer: int, batch: ctypes.Structure, process: int) -> None:
    """Free a context and its batch, in the process that made them only."""
    if os.getpid() == process:
        llama.llama_batch_free(batch)
        llama.llama_free(pointer)


def _flash_attention(llama: ModuleType, kv_type: KVType, device: str) -> int:
    """Return llama.cpp's number for how attention is computed.

    The fused kernel ("flash attention") needs no memory for the scores of all tokens at once. But on a processor it
    goes through the context token by token: where a pass reads a handful, as of forced tokens, drafts and short
    messages, matrix products are much faster, and where it reads a long prompt they are as fast. On a GPU llama.cpp
    finds out itself what that can do. Quantized values can be read by the fused kernel only.
    """
    number: int = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if kv_type.is_quantized:
        number = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
    elif device != "cpu":
        number = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
    return number


def _kv_layout(text: str, kv_type: KVType, *, is_fused: bool) -> str:
    """Read from llama.cpp's log how the bytes of keys and values differ from what is usual for their type.

    Without flash attention values are stored transposed. Quantized ones are rotated before they are rounded, where the
    size of the heads and the environment allow it.
    """
    found = ["transposed"] if not is_fused or "Flash Attention not supported" in text else []
    if kv_type.is_quantized and not re.search(r"attn_rot_[kv] = 1", text):
        found.append("unrotated")
    return " ".join(found)
