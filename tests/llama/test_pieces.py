"""The tokens of a vocabulary, read at once, against llguidance's own reading of them one by one."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from llguidance.llamacpp import lltokenizer_from_vocab

from edge_lam.llama import Model
from edge_lam.llama.pieces import SPECIAL, marked_pieces, tokenize_address


@pytest.fixture(scope="module")
def model(tiny_lam_path):
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


def test_pieces_are_the_models_own_and_control_tokens_are_marked(model):
    pieces = marked_pieces(model.vocab)
    assert len(pieces) == model.n_vocab
    for token, piece in enumerate(pieces):
        assert piece in (model.token_bytes(token), SPECIAL + model.token_bytes(token))
    (end,) = model.tokenize("<|im_end|>")
    assert pieces[end] == SPECIAL + b"<|im_end|>"
    (word,) = model.tokenize("a")
    assert pieces[word] == b"a"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_llguidance_gets_what_it_would_read_itself(model):
    with patch("llguidance.llamacpp.LLTokenizer") as seen:
        lltokenizer_from_vocab(model.vocab)
    theirs = seen.from_llamacpp.call_args.kwargs
    assert marked_pieces(model.vocab) == theirs["tokens"]
    assert tokenize_address() == theirs["tokenize_fptr"]
