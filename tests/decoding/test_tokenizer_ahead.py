"""The tokenizer that is built while the model is loaded, against the one that is built afterwards."""

from __future__ import annotations

import pytest

import edge_lam.decoding.tokenizer as module
from edge_lam.decoding import TokenizerAhead, Vocabulary
from edge_lam.errors import BackendError, Closed
from edge_lam.llama import Model, ModelFile

GRAMMAR = 'start: "[{\\"name\\": \\"get_time\\", " /[a-z]+/ "}]"'


@pytest.fixture
def file(tiny_lam_path):
    return ModelFile.read(tiny_lam_path)


def test_it_forces_and_masks_as_the_models_own(file):
    ahead = TokenizerAhead(file, "<|im_end|>")
    with Model(file, device="cpu") as model:
        early, late = (Vocabulary(model, "<|im_end|>", ahead=builder) for builder in (ahead, None))
        one, other = early.matcher(GRAMMAR), late.matcher(GRAMMAR)
        forced = one.forced()
        assert model.detokenize(forced) == b'[{"name": "get_time", '
        assert forced == other.forced() == model.tokenize('[{"name": "get_time", ')
        for matcher in (one, other):
            matcher.accept(forced)
        assert one.allowed().tolist() == other.allowed().tolist()


def test_the_vocabulary_it_was_built_from_is_freed(file, monkeypatch):
    loaded: list[Model] = []

    def load(*arguments, **options):
        loaded.append(Model(*arguments, **options))
        return loaded[-1]

    monkeypatch.setattr(module, "Model", load)
    TokenizerAhead(file, "").wait()
    (model,) = loaded
    with pytest.raises(Closed):
        _ = model.vocab


def test_a_failure_is_told_to_who_asks_for_the_result(file, monkeypatch):
    def fails(*_arguments, **_options):
        raise BackendError("no memory")

    monkeypatch.setattr(module, "Model", fails)
    ahead = TokenizerAhead(file, "")
    with Model(file, device="cpu") as model, pytest.raises(BackendError, match="no memory"):
        ahead.result(model)
