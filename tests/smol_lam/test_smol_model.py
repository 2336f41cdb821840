"""Training's model against llama.cpp: the same numbers, with an adapter that was just learnt. Needs torch."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edge_lam.llama.context import Context  # noqa: E402
from edge_lam.llama.model import Model  # noqa: E402
from edge_lam_converters import convert  # noqa: E402
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint  # noqa: E402
from smol_lam.adapter import read_adapter, write_adapter  # noqa: E402
from smol_lam.base import Base  # noqa: E402
from smol_lam.model import SmolLam  # noqa: E402
from smol_lam.train import Run  # noqa: E402
from tiny_lam.rows import Piece, Row, pack  # noqa: E402


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    write_random_checkpoint(folder / "checkpoint", SHAPES["tiny-smollm"], hidden_size=64)
    convert(folder / "checkpoint", folder / "base.gguf", quant="F16")
    return folder / "base.gguf"


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)

    def piece(size: int, weight: float) -> Piece:
        return Piece(rng.integers(3, 600, size).tolist(), [weight] * size)

    rows = [Row(piece(9, 0.0), [piece(7, 1.0), piece(5, 1.0)]), Row(piece(4, 0.0), [piece(6, 1.0)])]
    return rows, pack(rows, piece(8, 0.0).ids)


def learnt(base, batch) -> SmolLam:
    torch.manual_seed(0)
    model = SmolLam(Base(base), rank=32, first_layer=1)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(8):
        model.merge()
        model.read_preamble(batch)
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    model.merge()
    model.read_preamble(batch)
    return model


def last_logits(loaded: Model, ids: list[int], *adapters: tuple[Path, float]) -> np.ndarray:
    with Context(loaded, n_ctx=64, adapters=adapters, kv_type="f16") as context:
        context.decode(ids, start=0)
        return context.logits()[:600].copy()


@pytest.mark.parametrize(("dtype", "tolerance"), [("F32", 0.02), ("Q8_0", 0.2)])
def test_llama_cpp_computes_what_training_did(base, batch, tmp_path, dtype, tolerance):
    rows, packed = batch
    model = learnt(base, packed)
    write_adapter(model, tmp_path / "adapter.gguf", dtype)
    with torch.no_grad():
        hidden = torch.nn.functional.rms_norm(model.hidden(packed), (64,), model.norm, model.shape.eps)
        logits = (hidden @ model.embedding.T).numpy()
    first = len(rows[0].trunk.ids)
    branch = rows[0].branches[0].ids
    ids = [*packed.ids[: packed.preamble].tolist(), *rows[0].trunk.ids, *branch]
    with Model(base, device="cpu") as loaded:
        plain = last_logits(loaded, ids)
        adapted = last_logits(loaded, ids, (tmp_path / "adapter.gguf", 1.0))
    expected = logits[first + len(branch) - 1][:600]
    assert np.abs(plain - expected).max() > 10 * tolerance
    assert np.abs(adapted - expected).max() < tolerance


def test_bfloat16_learns_the_same(base, batch):
    model = SmolLam(Base(base), rank=8, dtype=torch.bfloat16)
    plain = SmolLam(Base(base), rank=8)
    plain.load_state_dict(model.state_dict())
    losses = []
    for each in (model, plain):
        torch.manual_seed(1)
        each.read_preamble(batch[1])
        loss = each.loss(batch[1])
        loss.backward()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    for one, other in zip(model.adapted(), plain.adapted(), strict=True):
        assert one.b.grad.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(one.b.grad.flatten(), other.b.grad.flatten(), dim=0) > 0.99


def test_an_adapter_is_read_back(base, batch, tmp_path):
    model = learnt(base, batch[1])
    write_adapter(model, tmp_path / "adapter.gguf", "F32")
    again = SmolLam(Base(base), rank=32, first_layer=1)
    read_adapter(again, tmp_path / "adapter.gguf")
    for one, other in zip(model.adapted(), again.adapted(), strict=True):
        assert torch.equal(one.a, other.a)
        assert torch.equal(one.b, other.b)


def test_the_bases_predictions_are_kept_on_plain_text(base, batch):
    text = pack([Row(batch[0][0].branches[0], [], shared=False)], batch[1].ids[: batch[1].preamble].tolist())
    untaught = SmolLam(Base(base), rank=32)
    untaught.read_preamble(batch[1])
    assert untaught.divergence(text).item() == pytest.approx(0, abs=1e-6)
    model = learnt(base, batch[1])
    weights = [matrix.merged.clone() for matrix in model.adapted()]
    before = model.divergence(text)
    assert before.item() > 0.1
    assert all(torch.equal(one, matrix.merged) for one, matrix in zip(weights, model.adapted(), strict=True))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(8):
        model.divergence(text).backward()
        optimizer.step()
        optimizer.zero_grad()
        model.merge()
    assert model.divergence(text).item() < before.item() / 2


def test_a_run_goes_on_where_it_was_and_writes_its_average(base, tmp_path):
    options = argparse.Namespace(
        out=tmp_path / "run", base=base, steps=9, decay=0.3, lr=1e-2, rank=4, first_layer=0, bf16=False, device="cpu",
        seed=0, init=None,
    )  # fmt: skip
    run = Run(options)
    batch = run.maker.draw_batch()
    for _ in range(3):
        run.train_step(batch)
    run.save()
    factors = [factor.detach().clone() for factor in run.trained]
    again = Run(options)
    assert again.step == 3
    written = SmolLam(Base(base), rank=4)
    read_adapter(written, tmp_path / "run" / "adapter-F16.gguf")
    for i, matrix in enumerate(written.adapted()):
        assert torch.equal(again.trained[i], factors[i])
        assert torch.equal(again.average[i], run.average[i])
        assert torch.allclose(matrix.a, run.average[i], atol=1e-3)
        assert not torch.allclose(matrix.a, factors[i], atol=1e-3)
