"""`Model` on the embedded model: facts, tokens, devices, and what it refuses."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.errors import BackendError, Closed, InvalidModelFile, InvalidRequest, ModelNotFound, UnsupportedModel
from edge_lam.llama import Context, GGUFHeader, Model, library
from edge_lam.llama.library import devices
from tests.llama.gguf_builder import gguf
from tests.llama.shape_files import write_shape

HAS_GPU = any(device.kind == "gpu" for device in devices())


def test_facts_agree_with_the_header(model: Model) -> None:
    assert model.n_parameters == model.header.n_parameters
    assert model.size == sum(tensor.n_bytes for tensor in model.header.tensors)
    assert model.n_vocab == model.metadata["tokenizer.ggml.tokens"].count == model.shape.n_vocab
    assert model.n_ctx_train == model.metadata[f"{model.architecture}.context_length"]
    assert model.eos_token == model.metadata["tokenizer.ggml.eos_token_id"]
    assert model.device == "cpu"
    assert isinstance(model.vocab, int)


def test_tokens_of_a_special_text(model: Model) -> None:
    [end] = model.tokenize("<|im_end|>")
    assert end in model.end_tokens
    assert model.token_bytes(end) == b"<|im_end|>"
    assert len(model.tokenize("<|im_end|>", parse_special=False)) > 1


def test_end_tokens_are_all_that_llama_cpp_knows(model: Model) -> None:
    is_end = library().llama_vocab_is_eog
    assert model.end_tokens == {token for token in range(model.n_vocab) if is_end(model.vocab, token)}
    assert model.eos_token in model.end_tokens


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(model: Model, text: str) -> None:
    assert model.detokenize(model.tokenize(text)).decode() == text


def test_a_text_that_goes_on_gets_no_space_in_front(model: Model, tmp_path: Path) -> None:
    """A vocabulary of SentencePiece in which the end of the turn is user-defined."""
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = ["<unk>", "<s>", "<|EOT|>", *letters, *("\u2581<|EOT>ab")]
    types = [2, 3, 4, *[6] * 256, *[1] * 9]
    scores = struct.pack(f"<IIQ{len(tokens)}f", 9, 6, len(tokens), *[0.0] * len(tokens))
    path = tmp_path / "spm.gguf"
    vocabulary = {
        "model": "llama", "tokens": tokens, "scores": scores, "token_type": types, "eos_token_id": 2, "bos_token_id": 1,
    }  # fmt: skip
    shape = {"block_count": 1, "context_length": 64, "embedding_length": 32, "feed_forward_length": 32}
    heads = {"attention.head_count": 1, "attention.layer_norm_rms_epsilon": 1e-5, "vocab_size": len(tokens)}
    path.write_bytes(
        gguf(
            {"general.architecture": "llama"}
            | {f"llama.{key}": value for key, value in (shape | heads).items()}
            | {f"tokenizer.ggml.{key}": value for key, value in vocabulary.items()},
            [("token_embd.weight", (32, len(tokens)), "F32")],
        )
    )
    with Model(path, device="cpu", vocab_only=True) as spm:
        assert 2 in spm.tokenize("a<|EOT|>b", parse_special=False)
        tokens = spm.tokenize_parts([("a<", False), ("|EOT|>b", False), ("<|EOT|>", True), ("a", False)])
        assert spm.detokenize(tokens) == b" a<|EOT|>b<|EOT|> a"
        assert tokens.count(2) == 1
        assert spm.tokenize("a") != spm.tokenize("a", continued=True)
    assert model.tokenize("a b", continued=True) == model.tokenize("a b")


def test_a_long_text_comes_back(model: Model) -> None:
    text = "a🎈 \0" * 50_000
    assert model.detokenize(model.tokenize(text)).decode() == text
    assert model.tokenize("") == []


def test_half_a_character_is_refused(model: Model) -> None:
    with pytest.raises(InvalidRequest, match=r"half a character \(a lone surrogate\) at 3"):
        model.tokenize("ab \ud83c")


@pytest.mark.parametrize("token", [-1, 10**9])
def test_tokens_outside_the_vocabulary(model: Model, token: int) -> None:
    with pytest.raises(InvalidRequest, match=f"token {token} is outside the vocabulary"):
        model.token_bytes(token)


def test_normal_text_that_looks_like_an_end_is_no_end(tmp_path: Path, probe_path: Path) -> None:
    """Qwen's vocabulary has "</s>" as text; llama.cpp takes it for an end by its spelling, the file does not."""
    header = GGUFHeader.read(probe_path)
    tokens = [text.decode() for text in header.metadata["tokenizer.ggml.tokens"].strings()]
    tokens[100] = "</s>"
    numbers = {key: value for key, value in header.metadata.items() if isinstance(value, int | float | str)}
    arrays = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": ["a b"]}
    tensors = [(tensor.name, tensor.shape, tensor.type) for tensor in header.tensors]
    path = tmp_path / "s.gguf"
    path.write_bytes(gguf(numbers | arrays | {"tokenizer.ggml.token_type": [1] * 287 + [3]}, tensors))
    with Model(path) as model:
        assert library().llama_vocab_is_eog(model.vocab, 100)
        assert model.end_tokens == {287}


def test_closing(probe_path: Path) -> None:
    model = Model(probe_path)
    context = Context(model, n_ctx=64)
    context.decode([1, 2, 3], start=0)
    model.close()
    model.close()
    for use in (lambda: model.tokenize("a"), lambda: model.vocab, lambda: Context(model), context.length):
        with pytest.raises(Closed):
            use()
    context.close()


def test_contexts_may_outlive_the_name_of_their_model(probe_path: Path) -> None:
    context = Context(Model(probe_path), n_ctx=64)
    context.decode([1, 2, 3], start=0)
    assert context.length() == 3
    del context


def test_without_mapping(probe_path: Path) -> None:
    with Model(probe_path, use_mmap=False) as model, Context(model, n_ctx=64) as context:
        assert context.decode([1], start=0) == 1


def test_without_copies_of_weights(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_shape(
        tmp_path / "model.gguf", n_layer=1, n_embd=256, n_ff=256, n_head=4, n_head_kv=4, n_head_dim=64, n_vocab=288
    )
    with caplog.at_level("DEBUG", "edge_lam.llama"), Model(path, device="cpu", repack=False) as model:
        buffers = [line for line in caplog.messages if "model buffer size" in line]
        assert [line.split()[1] for line in buffers] == ["CPU_Mapped"]
        with Context(model, n_ctx=64) as context:
            assert context.decode([1], start=0) == 1


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_no_gpu(probe_path: Path) -> None:
    with pytest.raises(BackendError, match="no GPU backend, or sees no GPU") as caught:
        Model(probe_path, device="gpu")
    assert "make demo BACKEND=cuda" in caught.value.hint
    assert Model(probe_path, device="auto").device == "cpu"


@pytest.mark.skipif(not HAS_GPU, reason="this machine has no GPU")
def test_gpu(probe_path: Path) -> None:
    for device in ("gpu", "auto"):
        with Model(probe_path, device=device) as model, Context(model, n_ctx=64) as context:
            assert model.device != "cpu"
            context.decode([1, 2], start=0)


def test_refusals_before_llama_cpp(tmp_path: Path, probe_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="device must be auto, cpu or gpu, not 'tpu'"):
        Model(probe_path, device="tpu")
    with pytest.raises(ModelNotFound, match="there is no file"):
        Model(tmp_path / "missing.gguf")
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({"general.architecture": "mamba"}, [("a", (32,), "F32")]))
    with pytest.raises(UnsupportedModel, match="has the architecture mamba"):
        Model(path)
    path.write_bytes(probe_path.read_bytes()[:-1000])
    with pytest.raises(InvalidModelFile, match="is cut off"):
        Model(path)


def test_a_refusal_of_llama_cpp_carries_its_reason(tmp_path: Path, probe_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(probe_path.read_bytes().replace(b"blk.0.attn_q.weight", b"blk.0.attn_X.weight"))
    with pytest.raises(BackendError, match=r"could not load .*: .*'blk\.0\.attn_q\.weight' not found") as caught:
        Model(path)
    assert "\n" not in str(caught.value)
