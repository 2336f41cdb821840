"""`Model`: the weights and the vocabulary of one GGUF, loaded by llama.cpp.

In goes a path, out come tokens for text and text for tokens; a `Context` runs it.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterable
from typing import Any, Protocol

from edge_lam.errors import Closed, InvalidRequest
from edge_lam.llama.gguf_file import GGUFArray
from edge_lam.llama.library import library
from edge_lam.llama.model_file import ModelFile
from edge_lam.llama.model_load import choose_device, free_model, load_model

_NORMAL_TOKEN = 1  # tokenizer.ggml.token_type


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
        file = path if isinstance(path, ModelFile) else ModelFile.read(path)
        self.path, self.header, self.shape = file.path, file.header, file.shape
        self._llama = library()
        self.device = choose_device(device)
        pointer = load_model(
            self.path, self.device, use_mmap=use_mmap, repack=repack, vocab_only=vocab_only, no_alloc=no_alloc
        )
        self._pointer: int | None = pointer
        self._free = weakref.finalize(self, free_model, self._llama, pointer, os.getpid())
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

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Model({os.fspath(self.path)!r}, device={self.device!r})"
