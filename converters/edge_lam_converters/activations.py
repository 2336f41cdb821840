"""Watches a model compute, and sums the squares of what goes into each of its weight matrices.

In go tokens, out comes an `Imatrix`. llama.cpp calls back for every node of its graph; those that multiply by a weight
matrix of a layer are looked at.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_lam.cache import common_length
from edge_lam.errors import BackendError, InvalidModelFile
from edge_lam.llama.context import Context
from edge_lam.llama.library import INSTALL_HINT, ggml, library
from edge_lam_converters.imatrix import Sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama.model import Model

# All tokens of a pass give logits, else llama.cpp leaves them out of the last layer: 78 MB for 128 of Qwen's.
_N_BATCH = 128
_WORTH_KEEPING = 32  # tokens that two texts begin with; fewer are read again
_F32, _I32 = 0, 26  # ggml_type
_OBJECT_BYTES = 32  # struct ggml_object


class _Tensor(ctypes.Structure):
    """``struct ggml_tensor`` of ggml.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )

    def source(self, index: int) -> _Tensor:
        """Return one of the tensors that this one is computed from."""
        return _Tensor.from_address(self.src[index])


class ActivationSums:
    """Sums over the tokens that a model reads.

    Attributes:
        n_tokens: how many it has read.

    Its context is freed with the model.

    Args:
        model: whose matrices.
        n_ctx: tokens of the longest text.
        n_threads: threads that compute; by default one per physical core.

    Raises:
        BackendError: llama.cpp could not set it up, or is of a build whose tensors look different.
    """

    def __init__(self, model: Model, *, n_ctx: int, n_threads: int | None = None) -> None:
        _check_layout()
        self.n_tokens = 0
        self._sums: dict[str, Sums] = {}
        self._error: BaseException | None = None
        self._held: list[int] = []
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="calibrate")
        callback = library().ggml_backend_sched_eval_callback(self._see)
        self._context = Context(
            model, n_ctx=n_ctx, n_batch=_N_BATCH, n_logits=_N_BATCH, n_threads=n_threads, on_node=callback
        )

    @property
    def sums(self) -> dict[str, Sums]:
        """The sums so far, by the names of the matrices."""
        return dict(self._sums)

    def read(self, tokens: Sequence[int]) -> None:
        """Read a text of its own; what it begins with in common with the text before it is not counted again.

        Args:
            tokens: at least one, at most `n_ctx`.

        Raises:
            InvalidRequest: no tokens, or some outside the vocabulary.
            InvalidModelFile: a value in the model is not finite.
            BackendError: llama.cpp failed, or the text is longer than `n_ctx`.
        """
        kept = common_length(self._held, tokens)
        if kept < _WORTH_KEEPING or kept == len(tokens):
            kept = 0
        self._held = []
        self._context.truncate(kept)
        for start in range(kept, len(tokens), _N_BATCH):
            part = tokens[start : start + _N_BATCH]
            self._decode(part, start)
            self.n_tokens += len(part)
        self._held = list(tokens)

    def _decode(self, tokens: Sequence[int], start: int) -> None:
        """Decode in another thread: in this one, Ctrl-C would be lost if it came while llama.cpp calls back."""
        try:
            self._worker.submit(self._context.decode, tokens, start=start, logits="all").result()
        except BaseException as error:
            self._error = self._error or error  # nothing more is added, and llama.cpp ends this pass
            self._wait()
        failure, self._error = self._error, None
        if failure is not None:
            raise failure

    def _wait(self) -> None:
        """Wait until the other thread is idle, however often Ctrl-C is pressed: it uses the model."""
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # the first one is raised by the caller already
                self._worker.submit(lambda: None).result()
                return

    def _see(self, address: int, ask: bool, _: object) -> bool:
        """Answer llama.cpp: whether a node is of interest (`ask`), or, once it is computed, whether to go on."""
        if self._error is not None:
            return False
        try:
            node = _node(ctypes.cast(address, ctypes.POINTER(_Tensor)).contents)
            if node is not None and not ask:
                self._add(node)
            return node is not None
        except Exception as error:  # nothing may be raised into llama.cpp
            self._error = error
            return False

    def _add(self, node: _Node) -> None:
        import numpy as np

        inputs, weight = _read(node.inputs), node.weight
        n_columns, n_matrices = weight.ne[0], weight.ne[2]
        if node.name not in self._sums:
            self._sums[node.name] = Sums(np.zeros((n_matrices, n_columns)), np.zeros(n_matrices, np.int64))
        sums = self._sums[node.name]
        if node.experts is None:
            _accumulate(sums, 0, inputs.reshape(-1, n_columns))
        else:
            chosen = _read(node.experts)[0, 0]  # (n_tokens, n_used)
            for place in range(chosen.shape[1]):
                rows = inputs[0, :, place % inputs.shape[2]]  # experts share their input, or each has its own
                for expert in np.unique(chosen[:, place]).tolist():
                    _accumulate(sums, expert, rows[chosen[:, place] == expert])
        if not np.isfinite(sums.squares).all():
            raise InvalidModelFile(f"the inputs of {node.name} are not finite", hint="the model is damaged")


class _Node(NamedTuple):
    """A node that multiplies by a weight matrix.

    Attributes:
        name: of the matrix, as in the file.
        weight: the matrix, or the stacked ones of experts.
        inputs: what it is multiplied with, in F32.
        experts: which experts each token goes to, or None.
    """

    name: str
    weight: _Tensor
    inputs: _Tensor
    experts: _Tensor | None


def _node(tensor: _Tensor) -> _Node | None:
    """Return a node if it multiplies by a weight matrix of a layer, as llama-imatrix looks at them."""
    operation = ggml("ggml_op_desc", ctypes.c_char_p, ctypes.c_void_p)(ctypes.addressof(tensor))
    if operation not in (b"MUL_MAT", b"MUL_MAT_ID"):
        return None
    weight, inputs = tensor.source(0), tensor.source(1)
    name = _weight_name(weight.name.decode("utf-8", "replace"))
    if inputs.type != _F32 or not (name.startswith("blk.") and name.endswith(".weight")):
        return None
    return _Node(name, weight, inputs, tensor.source(2) if operation == b"MUL_MAT_ID" else None)


def _weight_name(name: str) -> str:
    """Return the name in the file: on a GPU a copy is called "CUDA0#blk.0.ffn_up.weight#0"."""
    return name.split("#")[1] if name.count("#") >= 2 else name


def _read(tensor: _Tensor) -> NDArray[Any]:
    """Return a copy of a tensor's values, wherever they are, shape (ne[3], ne[2], ne[1], ne[0])."""
    import numpy as np

    dtype = {_F32: np.float32, _I32: np.int32}[tensor.type]
    shape, strides = tensor.ne[::-1], tensor.nb[::-1]
    n_bytes = 4 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    data = np.empty(n_bytes, np.uint8)
    size = ctypes.c_size_t
    copy = ggml("ggml_backend_tensor_get", None, ctypes.c_void_p, ctypes.c_void_p, size, size)
    copy(ctypes.addressof(tensor), data.ctypes.data, 0, n_bytes)
    values: NDArray[Any] = np.ndarray(shape, dtype, data.data, strides=strides)
    return values


def _accumulate(sums: Sums, matrix: int, rows: NDArray[np.float32]) -> None:
    """Add rows of inputs, shape (n, n_columns), to the sums of one matrix."""
    import numpy as np

    sums.squares[matrix] += np.add.reduce(np.square(rows), axis=0, dtype=np.float64)
    sums.counts[matrix] += len(rows)


@cache
def _check_layout() -> None:
    overhead = ggml("ggml_tensor_overhead", ctypes.c_size_t)()
    if overhead != _OBJECT_BYTES + ctypes.sizeof(_Tensor):
        raise BackendError("this build of llama.cpp lays out tensors in another way", hint=INSTALL_HINT)
