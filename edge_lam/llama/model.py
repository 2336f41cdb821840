"""`Model`: the weights and the vocabulary of one GGUF, loaded by llama.cpp.

In goes a path, out come tokens for text and text for tokens; a `Context` runs it.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterable
from types import ModuleType, TracebackType
from typing import Any, Protocol

from edge_lam.errors import BackendError, Closed, InvalidRequest
from edge_lam.llama.cpu import cpu, lacking_features
from edge_lam.llama.gguf_file import GGUFArray
from edge_lam.llama.interruptible import interruptible
from edge_lam.llama.library import build_info, device_label, devices, library, log, string_length
from edge_lam.llama.mapped import release_pages
from edge_lam.llama.model_file import ModelFile
from edge_lam.llama.self_test import accelerator_verdict

_NORMAL_TOKEN = 1  # tokenizer.ggml.token_type
_ALL_LAYERS = -1
_NO_DEVICES = (ctypes.c_void_p * 1)(None)  # a list that ends at once; llama.cpp gets its address


class _Closes(Protocol):
    """What has to be closed before its model."""

    def close(self) -> None: ...


class Model:
    """A loaded model.

    Attributes:
        path: the GGUF.
        header: its metadata and tensors.
        shape: its sizes.
        device: "cpu", "cuda:0", "metal", ...: where the layers are.
        n_vocab: tokens in the vocabulary, the width of the logits.
        n_ctx_train: tokens of context that it was trained for.
        n_parameters: its weights.
        size: bytes of its weights.
        eos_token: the token that ends a text, or -1 where the model has none.
        end_tokens: all tokens that end a reply.
        first_token: the token that every text begins with, or None where the model wants none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | ModelFile,
        *,
        device: str = "auto",
        use_mmap: bool = True,
        repack: bool = True,
        vocab_only: bool = False,
        no_alloc: bool = False,
    ) -> None:
        """Check and load a model.

        Args:
            path: a GGUF, of a split one the first part; or what was read of one.
            device: "cpu"; "gpu"; "auto" takes a GPU if llama.cpp was built for one and sees one.
            use_mmap: map the weights into memory, so that processes share them and only touched pages are read.
            repack: let llama.cpp copy weights into an order that suits the processor. That is faster, but a copy can't
                be dropped and read again as mapped weights can.
            vocab_only: load no weights; no context can run it then.
            no_alloc: read no weights and take no memory for them; contexts then take none either, and only tell what
                they would take (`plan_memory`).

        Raises:
            ModelNotFound: no such file.
            InvalidModelFile: not a GGUF, truncated or contradicting itself.
            UnsupportedModel: a sound file that edge-lam can't run.
            BackendError: llama.cpp or the GPU is missing, llama.cpp was built for another processor, or it refused the
                model; carries its reason.
            InvalidRequest: an unknown device.
        """
        file = path if isinstance(path, ModelFile) else ModelFile.read(path)
        self.path, self.header, self.shape = file.path, file.header, file.shape
        self._llama = library()
        _check_processor()
        self.device = choose_device(device)
        params = self._params(use_mmap and not no_alloc, repack)
        params.vocab_only, params.no_alloc = vocab_only, no_alloc
        pointer, copied = self._load(params)
        if copied and use_mmap:
            release_pages(self.path)
        self._pointer: int | None = pointer
        self._free = weakref.finalize(self, _free_model, self._llama, pointer, os.getpid())
        self._contexts: weakref.WeakSet[_Closes] = weakref.WeakSet()
        self._pieces: dict[int, bytes] = {}
        self.n_vocab: int = self._llama.llama_vocab_n_tokens(self.vocab)
        self.n_ctx_train = self.shape.n_ctx_train
        self.n_parameters: int = self._llama.llama_model_n_params(pointer)
        self.size: int = self._llama.llama_model_size(pointer)
        self.eos_token: int = self._llama.llama_vocab_eos(self.vocab)
        self.end_tokens = self._find_end_tokens()
        adds_bos = self._llama.llama_vocab_get_add_bos(self.vocab)
        self.first_token: int | None = self._llama.llama_vocab_bos(self.vocab) if adds_bos else None

    def _load(self, params: Any) -> tuple[int, int]:
        """Return the address of the loaded model, and how many bytes of its weights were copied."""
        goes_on = ctypes.create_string_buffer(b"1")  # emptied to stop: llama.cpp looks at it before each tensor
        params.progress_callback = ctypes.cast(string_length(), self._llama.llama_progress_callback)
        params.progress_callback_user_data = ctypes.addressof(goes_on)

        def load() -> tuple[int, int]:
            with log.capture():
                pointer: int | None = self._llama.llama_model_load_from_file(os.fsencode(self.path), params)
                reason = log.last_error() or "no reason given"
                copied = log.buffer_bytes("model", but="CPU_Mapped")
            if not pointer:
                raise BackendError(f"llama.cpp could not load {self.path}: {reason}")
            return pointer, copied

        def stop() -> None:
            goes_on.value = b""

        def discard(loaded: tuple[int, int]) -> None:
            self._llama.llama_model_free(loaded[0])

        return interruptible(load, stop=stop, discard=discard)

    def _params(self, use_mmap: bool, repack: bool) -> Any:
        params = self._llama.llama_model_default_params()
        params.load_mode = self._llama.LLAMA_LOAD_MODE_MMAP if use_mmap else self._llama.LLAMA_LOAD_MODE_NONE
        params.use_extra_bufts = repack and accelerator_verdict().ok
        params.n_gpu_layers = 0 if self.device == "cpu" else _ALL_LAYERS
        if self.device == "cpu":
            # Zero layers alone would still let llama.cpp send large matrix products to a GPU: list no devices.
            params.devices = ctypes.cast(_NO_DEVICES, ctypes.c_void_p)
        return params

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the file; arrays as `GGUFArray`."""
        return self.header.metadata

    @property
    def architecture(self) -> str:
        """Such as "qwen2"."""
        return self.header.architecture

    @property
    def name(self) -> str:
        """The model's own name, else the name of the file."""
        return self.header.name

    @property
    def chat_template(self) -> str | None:
        """The Jinja template in the file, or None."""
        return self.header.chat_template

    @property
    def pointer(self) -> int:
        """The address of llama.cpp's model.

        Raises:
            Closed: after `close()`.
        """
        if self._pointer is None:
            raise Closed(f"the model {self.name} is closed")
        return self._pointer

    @property
    def vocab(self) -> int:
        """The address of llama.cpp's vocabulary, for llguidance; valid until `close()`."""
        return int(self._llama.llama_model_get_vocab(self.pointer))

    def tokenize(
        self, text: str, *, add_special: bool = False, parse_special: bool = True, continued: bool = False
    ) -> list[int]:
        """Turn text into tokens.

        Args:
            text: any text.
            add_special: add the tokens that the model wants at the start or end; templates write them themselves.
            parse_special: read "<|im_end|>" and the like as the tokens they name.
            continued: the text goes on from another one, so that no space is put in front of it, as SentencePiece's
                vocabularies want it at the start.

        Raises:
            InvalidRequest: the text holds half a surrogate pair, which is no character.
            Closed: after `close()`.
        """
        if continued and self.metadata.get("tokenizer.ggml.model") == "llama":
            start = self.tokenize("\n", parse_special=False)
            tokens = self.tokenize(f"\n{text}", parse_special=parse_special)
            return tokens[len(start) :] if tokens[: len(start)] == start else self.tokenize(text, parse_special=False)
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"the text has half a character (a lone surrogate) at {error.start}") from error
        room = len(data) + 8  # a token takes at least a byte, special ones may be added
        buffer = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(self.vocab, data, len(data), buffer, room, add_special, parse_special)
        if count < 0:  # a vocabulary that makes more tokens of a text than it has bytes
            buffer = (ctypes.c_int32 * -count)()
            count = self._llama.llama_tokenize(self.vocab, data, len(data), buffer, -count, add_special, parse_special)
        return buffer[:count]

    def tokenize_parts(self, parts: Iterable[tuple[str, bool]]) -> list[int]:
        """Turn the parts of a prompt into tokens.

        Args:
            parts: texts, each with whether it may be read as special tokens: "<|im_end|>" in a message stays text.
                A text behind another one goes on from it.

        Raises:
            InvalidRequest, Closed: as `tokenize`.
        """
        tokens, was_text = list[int](), False
        for text, special in parts:
            tokens += self.tokenize(text, parse_special=special, continued=was_text and not special)
            was_text = not special
        return tokens

    def token_bytes(self, token: int) -> bytes:
        """Return what a token stands for, special tokens by their names; a token may be part of a character.

        Raises:
            InvalidRequest: no such token.
            Closed: after `close()`.
        """
        piece = self._pieces.get(token)
        if piece is None:
            self.check_tokens(token, token)
            piece = self._pieces[token] = self._read_piece(token)
        return piece

    def detokenize(self, tokens: Iterable[int]) -> bytes:
        """Join what the tokens stand for."""
        return b"".join(map(self.token_bytes, tokens))

    def check_tokens(self, smallest: int, largest: int) -> None:
        """Refuse tokens outside the vocabulary, given the smallest and the largest of them.

        Raises:
            InvalidRequest: one of them is outside.
        """
        if smallest < 0 or largest >= self.n_vocab:
            token = smallest if smallest < 0 else largest
            raise InvalidRequest(f"token {token} is outside the vocabulary of {self.n_vocab}", param="tokens")

    def _read_piece(self, token: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self._llama.llama_token_to_piece(self.vocab, token, buffer, room, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def _find_end_tokens(self) -> frozenset[int]:
        """Ask llama.cpp about every token that could be one: those that the file does not call normal text.

        llama.cpp also counts normal tokens that are merely spelled like one, such as "</s>" in Qwen's vocabulary; they
        are text to the model. Asking about all 152,000 would take longer than a short call.
        """
        llama, vocab = self._llama, self.vocab
        candidates = {llama.llama_vocab_eos(vocab), llama.llama_vocab_eot(vocab)}
        types = self.metadata.get("tokenizer.ggml.token_type")
        if isinstance(types, GGUFArray):
            candidates.update((types.numbers() != _NORMAL_TOKEN).nonzero()[0].tolist())
        else:
            candidates.update(range(self.n_vocab))
        return frozenset(token for token in candidates if token >= 0 and llama.llama_vocab_is_eog(vocab, token))

    def attach(self, context: _Closes) -> None:
        """Let `close()` close this context first: llama.cpp crashes on a context without its model."""
        self._contexts.add(context)

    def close(self) -> None:
        """Free the model and its contexts; a second call does nothing."""
        for context in list(self._contexts):
            context.close()
        self._pointer = None
        self._free()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Model({os.fspath(self.path)!r}, device={self.device!r})"


def _check_processor() -> None:
    """Refuse a build whose first pass would end the process.

    Raises:
        BackendError: it uses instructions that this processor does not have.
    """
    found = cpu()
    lacking = lacking_features(build_info().features.get("CPU", {}), found)
    if lacking:
        raise BackendError(
            f"this llama.cpp was built for a processor with {', '.join(lacking)}, which {found.model} does not have",
            hint="build it on this machine, or without them; `edge-lam doctor` shows what was built",
        )


def choose_device(wanted: str) -> str:
    """Return the label of the device that "auto", "cpu" or "gpu" stands for here.

    Raises:
        InvalidRequest: another word.
        BackendError: there is no GPU.
    """
    if wanted not in ("auto", "cpu", "gpu"):
        raise InvalidRequest(f"device must be auto, cpu or gpu, not {wanted!r}", param="device")
    gpus = [device for device in devices() if device.kind == "gpu"]
    if wanted == "gpu" and not gpus:
        raise BackendError(
            "this build of llama.cpp has no GPU backend, or sees no GPU",
            hint="build with `make demo BACKEND=cuda`, =metal or =vulkan; `edge-lam doctor` lists the devices",
        )
    return device_label(gpus[0].name) if gpus and wanted != "cpu" else "cpu"


def _free_model(llama: ModuleType, pointer: int, process: int) -> None:
    if os.getpid() == process:  # a forked child shares the memory, but not the threads and GPU handles behind it
        llama.llama_model_free(pointer)
