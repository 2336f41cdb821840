"""The roofline of this machine: how fast memory is read and how fast it multiplies, against what a pass needs of both.

In goes a GGUF, out come passes and shares of the limit (https://doi.org/10.1145/1498765.1498785): a pass reads every
weight once, whatever its number of tokens, and multiplies each with every token.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_lam.errors import BackendError
from edge_lam.llama import Context, Model
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.library import ggml

COPY_BYTES = 256 * 2**20  # far beyond any cache
MULTIPLY = (4096, 1024, 512)  # rows of weights, columns, tokens: stays in the caches
SECONDS = 0.5  # of each measurement
PASSES = (1, 2, 4, 8, 16, 64, 256)
REPEATS = 5
_EMBEDDING = "token_embd.weight"
_OUTPUT = "output.weight"


@dataclass(frozen=True)
class MachineSpeed:
    """What this machine can do with some threads.

    Attributes:
        bandwidth: bytes read from memory per second.
        throughput: multiply-adds per second, 8-bit integers as llama.cpp's own kernels multiply them.
        n_threads: threads.
    """

    bandwidth: float
    throughput: float
    n_threads: int


@dataclass(frozen=True)
class Need:
    """What a pass needs.

    Attributes:
        n_bytes: weights that every pass reads.
        multiplies: multiply-adds with weights for each token; attention, which grows with the context, is left out.
        output_multiplies: those of each token whose logits are computed.
    """

    n_bytes: int
    multiplies: int
    output_multiplies: int

    @classmethod
    def of(cls, header: GGUFHeader) -> Need:
        """Read it from the header of a model. Of the embedding one row is read, unless it is the output as well."""
        names = {tensor.name: tensor for tensor in header.tensors}
        output = names.get(_OUTPUT) or names[_EMBEDDING]
        layers = [tensor for tensor in header.tensors if tensor.name not in (_EMBEDDING, _OUTPUT)]
        matrices = [tensor for tensor in layers if len(tensor.shape) > 1]
        return cls(
            n_bytes=sum(tensor.n_bytes for tensor in layers) + output.n_bytes,
            multiplies=sum(tensor.n_elements for tensor in matrices),
            output_multiplies=output.n_elements,
        )

    def least_seconds(self, machine: MachineSpeed, n_tokens: int, n_logits: int = 1) -> tuple[float, float]:
        """Return the seconds that reading the weights takes at least, and those of multiplying."""
        multiplies = n_tokens * self.multiplies + n_logits * self.output_multiplies
        return self.n_bytes / machine.bandwidth, multiplies / machine.throughput

    def share(self, machine: MachineSpeed, n_tokens: int, seconds: float, n_logits: int = 1) -> tuple[float, str]:
        """Return how much of the limit a measured pass reaches, and which limit: "memory" or "compute"."""
        read, multiply = self.least_seconds(machine, n_tokens, n_logits)
        return max(read, multiply) / seconds, "memory" if read >= multiply else "compute"


def measure_machine(n_threads: int, *, seconds: float = SECONDS) -> MachineSpeed:
    """Measure this machine; takes a few seconds.

    Raises:
        BackendError: this build of llama.cpp hides what it takes.
    """
    return MachineSpeed(read_bandwidth(n_threads, seconds), multiply_throughput(n_threads, seconds), n_threads)


def read_bandwidth(n_threads: int, seconds: float = SECONDS) -> float:
    """Return bytes per second that threads read from memory together."""
    import numpy as np

    parts = [np.ones(COPY_BYTES // 8 // n_threads, dtype=np.uint64) for _ in range(n_threads)]

    def read(thread: int) -> int:
        # Bitwise or is one instruction for each register that is read, so that memory is what limits it.
        np.bitwise_or.reduce(parts[thread])
        return int(parts[thread].nbytes)

    return _rate(read, n_threads, seconds)


def multiply_throughput(n_threads: int, seconds: float = SECONDS) -> float:
    """Return multiply-adds per second of llama.cpp's own matrix product, Q8_0 weights with float tokens."""
    product = _Product(n_threads)
    try:
        product.run()  # the first one wakes the threads up
        best, start = float("inf"), time.perf_counter()
        while time.perf_counter() - start < seconds:
            begun = time.perf_counter()
            product.run()
            best = min(best, time.perf_counter() - begun)
        rows, columns, tokens = MULTIPLY
        return rows * columns * tokens / best
    finally:
        product.free()


def pass_seconds(model: Model, n_threads: int) -> dict[int, float]:
    """Return the seconds of passes into an empty context, by their number of tokens: the best of several."""
    context = Context(model, n_ctx=min(model.n_ctx_train, 2 * max(PASSES)), n_threads=n_threads)
    best = dict.fromkeys((size for size in PASSES if size <= context.n_ctx), float("inf"))
    for _ in range(REPEATS + 1):  # the first round reads the file and wakes the threads up
        for size in best:
            context.truncate(0)
            start = time.perf_counter()
            context.decode([1] * size, start=0)
            best[size] = min(best[size], time.perf_counter() - start)
    context.close()
    return best


def _rate(work: Callable[[int], int], n_threads: int, seconds: float) -> float:
    """Return what threads do per second together, in the best of several rounds: others may use the machine."""
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while not rates or time.perf_counter() < end:
        amounts = [0] * n_threads

        def run(thread: int, amounts: list[int] = amounts) -> None:
            amounts[thread] = sum(work(thread) for _ in range(2))

        threads = [threading.Thread(target=run, args=(thread,)) for thread in range(n_threads)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rates.append(sum(amounts) / (time.perf_counter() - start))
    return max(rates)


class _Parameters(ctypes.Structure):
    """ggml_init_params."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


class _Product:
    """One matrix product, computed by ggml as in a model: Q8_0 rows by F32 tokens."""

    _Q8_0, _F32 = 8, 0  # ggml_type

    def __init__(self, n_threads: int) -> None:
        rows, columns, tokens = MULTIPLY
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        n_bytes = rows * columns * 2 + (columns + 2 * rows) * tokens * 4 + 2**25
        self._context = ggml("ggml_init", pointer, _Parameters)(_Parameters(n_bytes, None, False))
        if not self._context:
            raise BackendError("llama.cpp has no memory for a matrix product")
        tensor = ggml("ggml_new_tensor_2d", pointer, pointer, ctypes.c_int, number, number)
        weights = tensor(self._context, self._Q8_0, columns, rows)
        inputs = tensor(self._context, self._F32, columns, tokens)
        size, data = ggml("ggml_nbytes", ctypes.c_size_t, pointer), ggml("ggml_get_data", pointer, pointer)
        for part in (weights, inputs):
            ctypes.memset(data(part), 0, size(part))
        product = ggml("ggml_mul_mat", pointer, pointer, pointer, pointer)(self._context, weights, inputs)
        self._graph = ggml("ggml_new_graph", pointer, pointer)(self._context)
        ggml("ggml_build_forward_expand", None, pointer, pointer)(self._graph, product)
        self._backend = ggml("ggml_backend_cpu_init", pointer)()
        ggml("ggml_backend_cpu_set_n_threads", None, pointer, ctypes.c_int)(self._backend, n_threads)
        self._compute: Any = ggml("ggml_backend_graph_compute", ctypes.c_int, pointer, pointer)

    def run(self) -> None:
        """Compute it once."""
        if self._compute(self._backend, self._graph):
            raise BackendError("llama.cpp could not compute a matrix product")

    def free(self) -> None:
        """Free its memory."""
        ggml("ggml_backend_free", None, ctypes.c_void_p)(self._backend)
        ggml("ggml_free", None, ctypes.c_void_p)(self._context)
