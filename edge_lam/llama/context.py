"""`Context`: runs a `Model` over tokens and keeps their keys and values.

In go tokens and positions, out come logits. All it knows is token ids; sampling, grammars and prompts live above.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, Literal

from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama.adapter import apply_adapters, load_adapters
from edge_lam.llama.adaptive_threads import AdaptiveThreads
from edge_lam.llama.batch import Batch, Part, logit_rows, token_ids
from edge_lam.llama.context_setup import create_context, free_context
from edge_lam.llama.context_size import ContextSize
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.kv_types import DEFAULT_KV_TYPE, kv_type_of
from edge_lam.llama.library import library
from edge_lam.llama.sequence_memory import SequenceMemory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama.adapter import Adapters
    from edge_lam.llama.model import Model

_ABORTED = 2
_FAILURES = {
    1: "the KV cache has no room left",
    _ABORTED: "it was aborted",
    -1: "it refused the batch",
    -2: "it ran out of memory",
    -3: "the computation failed",
}


class Context(SequenceMemory):
    """The working memory of one model; not for use by two threads at once, `abort` aside.

    Attributes beside those of `SequenceMemory`:
        model: what it runs.
        n_cells: tokens that all sequences hold together.
        n_batch: tokens that go through the model in one pass.
        n_threads: threads that compute; on a processor that others use too they may be fewer for a while.
        n_logits: tokens whose logits one `decode` can give.
        adapters: what can be added to the model, by name; "" is there always.
        adapter: the name of those that it computes with.
        kv_type: what keys and values are kept as.
        kv_layout: how their bytes differ from what is usual for that type, or "".
        kv_bytes: memory for keys and values.
        compute_bytes: memory for intermediate results and logits, as llama.cpp reports it, where `n_logits` are wanted.

    Args:
        model: a loaded model.
        n_ctx: tokens to hold, in each sequence; by default what the model was trained for, at most 4096: the
            memory is taken now.
        n_batch: tokens in one pass; by default 512 on a GPU, and at most 128 on a processor.
        n_threads: threads that compute; by default one per physical core that this process may use, and fewer while
            other programs want the cores.
        n_logits: tokens whose logits one `decode` can give; memory for them is set aside, 300 MB for 512 of Qwen's.
            By default 32, or 10 for each sequence.
        n_sequences: sequences that go through the model side by side.
        kv_type: what keys and values are kept as, a name of `KV_TYPES`.
        adapters: LoRA adapters in GGUF to compute with, as `load` takes them; those of the name "" at first.
        on_node: llama.cpp calls it for every node of its graph (``ggml_backend_sched_eval_callback``).
        llama: llama.cpp's functions, where they are not those of `library()`.

    Raises:
        InvalidRequest: a number is out of range, the model can't have that type, or an adapter is for another one.
        ModelNotFound, InvalidModelFile: an adapter is missing or none.
        BackendError: llama.cpp could not set it up, such as for want of memory.
        Closed: the model is closed.
    """

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: int | None = None,
        n_batch: int | None = None,
        n_threads: int | None = None,
        n_logits: int | None = None,
        n_sequences: int = 1,
        kv_type: str = DEFAULT_KV_TYPE,
        adapters: Adapters = (),
        on_node: object = None,
        llama: Any = None,
    ) -> None:
        is_adaptive = n_threads is None and model.device == "cpu"
        size = ContextSize.of(
            model.shape,
            model.device,
            n_ctx=n_ctx,
            n_sequences=n_sequences,
            n_batch=n_batch,
            n_logits=n_logits,
            n_threads=n_threads,
        )
        self.model, self.kv_type = model, kv_type_of(kv_type, model.shape.n_head_dim)
        self.n_batch, self.n_logits, self.n_threads = size.n_batch, size.n_logits, size.n_threads
        self._threads = AdaptiveThreads(size.n_threads) if is_adaptive else None
        self.adapters, self.adapter = load_adapters(model, adapters), ""
        self._on_node = on_node  # llama.cpp keeps only the address
        self._abort = ctypes.create_string_buffer(2)  # not empty: the pass under way ends
        self._n_outputs = 0
        created = create_context(model, size, self.kv_type, abort=self._abort, on_node=on_node)
        pointer, llama = created.pointer, llama or library()
        super().__init__(llama, pointer, n_ctx=size.n_ctx, n_sequences=size.n_sequences)
        self.compute_bytes, self.kv_layout = created.compute_bytes, created.kv_layout
        self._batch = Batch(llama, self.n_batch)
        self._free = weakref.finalize(self, free_context, llama, pointer, self._batch.struct, os.getpid())
        self.n_cells: int = llama.llama_n_ctx(pointer)
        self.kv_bytes = model.shape.kv_bytes(self.n_cells, self.kv_type)
        model.attach(self)
        apply_adapters(pointer, self.adapters[""])

    def check_adapter(self, name: str) -> None:
        """Refuse a name that is none of `adapters`; any thread may ask.

        Raises:
            InvalidRequest: `param` is "adapter".
        """
        if name not in self.adapters:
            known = ", ".join(filter(None, self.adapters))
            hint = f"there are {known}" if known else 'load(..., adapters={"name": "my-lora.gguf"}) names some'
            raise InvalidRequest(f"no adapter is called {name!r}", hint=hint, param="adapter")

    def use_adapter(self, name: str) -> None:
        """Compute with other adapters from now on; what sequences hold stays as it was computed.

        llama.cpp plans its graphs anew then, which takes about half as long as a pass of one token.

        Args:
            name: one of `adapters`.

        Raises:
            InvalidRequest: as `check_adapter`.
            Closed: after `close()`.
        """
        self.check_adapter(name)
        pointer = self._open()
        if name != self.adapter:
            apply_adapters(pointer, self.adapters[name])
            self.adapter = name

    def decode(
        self,
        tokens: Sequence[int],
        *,
        start: int,
        logits: Literal["last", "all", "none"] | Sequence[int] = "last",
        sequence: int = 0,
    ) -> int:
        """Run tokens through the model and keep their keys and values.

        If it fails, the context holds what it held before. If it is interrupted (Ctrl-C), it may hold some of the
        tokens: `length()` tells, and `truncate()` takes them away.

        Args:
            tokens: at least one.
            start: position of the first one, which must be `length()`.
            logits: for which tokens `logits()` will be there: a word, or their indices among `tokens`, ascending; at
                most `n_logits` of them, and all in the last pass.
            sequence: which sequence.

        Returns:
            The number of passes.

        Raises:
            InvalidRequest: tokens or positions that can't be.
            BackendError: the context is full, or llama.cpp failed.
            Closed: after `close()`.
        """
        ids = self._check(tokens, start, sequence)
        rows = logit_rows(len(ids), logits, n_logits=self.n_logits, n_batch=self.n_batch)
        passes = 0
        for first in range(0, len(ids), self.n_batch):
            part = ids[first : first + self.n_batch]
            wanted = [row - first for row in rows if first <= row < first + self.n_batch]
            status = self._pass([Part(sequence, part, start + first, wanted)])
            passes += 1
            if status != 0:
                self.truncate(start, sequence=sequence)
                raise BackendError(f"decoding {len(ids)} tokens at {start}: {_FAILURES.get(status, f'error {status}')}")
        return passes

    def decode_parts(self, parts: Sequence[Part]) -> bool:
        """Run tokens of several sequences through the model in one pass, and keep their keys and values.

        `logits` counts through the rows of all parts, in their order.

        Args:
            parts: at least one, each of another sequence; together at most `n_batch` tokens and `n_logits` rows.

        Returns:
            Whether it was done; False if `abort` ended it, and the context holds what it held before.

        Raises:
            InvalidRequest: tokens or positions that can't be.
            BackendError: a sequence is full, or llama.cpp failed; the context holds what it held before.
            Closed: after `close()`.
        """
        checked = [replace(part, tokens=self._check(part.tokens, part.start, part.sequence)) for part in parts]
        n_tokens, n_rows = sum(len(part.tokens) for part in parts), sum(len(part.rows) for part in parts)
        if n_tokens > self.n_batch or n_rows > self.n_logits:
            raise InvalidRequest(f"{n_tokens} tokens with {n_rows} rows are too many for one pass", param="parts")
        try:
            status = self._pass(checked)
            if status == _ABORTED and self._abort[0] == b"\0":  # nobody asked: trying again could go on for ever
                status = -3
        finally:
            self._abort[0] = b"\0"
        if status != 0:
            for part in parts:
                self.truncate(part.start, sequence=part.sequence)
        if status not in (0, _ABORTED):
            raise BackendError(f"decoding {n_tokens} tokens: {_FAILURES.get(status, f'error {status}')}")
        return status == 0

    def abort(self) -> None:
        """End the pass under way in another thread; without one, the next `decode_parts` may be ended."""
        self._abort[0] = b"\1"

    def _pass(self, parts: Sequence[Part]) -> int:
        """Run one pass and return llama.cpp's status."""
        pointer = self._open()
        self._n_outputs = 0  # until the pass is through: nobody may read logits of an interrupted one
        self._batch.fill(parts)
        if self._threads:
            self._llama.llama_set_n_threads(pointer, self._threads.n, self._threads.n)
        start, busy = perf_counter(), process_time()
        status = int(self._llama.llama_decode(pointer, self._batch.struct))
        if status == 0:
            self._llama.llama_synchronize(pointer)  # a GPU works on its own: else the time shows up in logits()
            self._n_outputs = sum(len(part.rows) for part in parts)
            if self._threads:
                n_tokens = sum(len(part.tokens) for part in parts)
                self._threads.record(n_tokens, perf_counter() - start, process_time() - busy)
        return status

    def _check(self, tokens: Sequence[int] | NDArray[np.int64], start: int, sequence: int) -> NDArray[np.int64]:
        """Return the tokens as an array if llama.cpp can take them; it would abort on some that it can't."""
        ids = token_ids(tokens)
        self.model.check_tokens(int(ids.min()), int(ids.max()))
        held = self.length(sequence)
        if start != held:
            raise InvalidRequest(f"decoding starts at {start}, but the context holds {held} tokens", param="start")
        if start + len(ids) > self.n_ctx:
            raise BackendError(
                f"the context is full: {held} of {self.n_ctx} tokens are taken, {len(ids)} more don't fit",
                hint="use a larger n_ctx",
            )
        return ids

    def logits(self, index: int = -1) -> NDArray[np.float32]:
        """Return the logits after a token of the last `decode`.

        Args:
            index: which of the tokens with logits, counted from the end if negative.

        Returns:
            Shape (n_vocab,); llama.cpp's own memory, valid until the next `decode` or `close()`.

        Raises:
            InvalidRequest: there are no such logits.
            Closed: after `close()`.
        """
        import numpy as np

        pointer = self._open()
        if not -self._n_outputs <= index < self._n_outputs:
            raise InvalidRequest(f"no logits {index}: the last decode left {self._n_outputs}", param="index")
        row = self._llama.llama_get_logits_ith(pointer, index if index < 0 else index - self._n_outputs)
        return np.ctypeslib.as_array(row, shape=(self.model.n_vocab,))

    def restore(self, state: NDArray[np.uint8], *, sequence: int = 0) -> int:
        """Replace what a sequence holds by a state of shape (bytes,); the logits of the last `decode` are gone."""
        self._n_outputs = 0
        return super().restore(state, sequence=sequence)

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        if self._pointer is not None:
            self._pointer = None
            try:
                interruptible(self._free)  # llama.cpp logs a line there
            except RuntimeError:  # no thread can be started any more: Python ends
                self._free()

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
