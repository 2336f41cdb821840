"""What is planned from a header against what is then measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lam.llama import Context, GGUFHeader, Model
from edge_lam.llama.plan import largest_context, plan_memory


@pytest.mark.parametrize("n_ctx", [100, 512, 2048, 4096])
@pytest.mark.parametrize("n_batch", [128, 512])
def test_a_plan_is_what_llama_cpp_then_takes(tiny_lam_path: Path, n_ctx: int, n_batch: int) -> None:
    plan = plan_memory(GGUFHeader.read(tiny_lam_path), n_ctx=n_ctx, n_batch=n_batch)
    with Model(tiny_lam_path, device="cpu") as model, Context(model, n_ctx=n_ctx, n_batch=n_batch) as context:
        assert plan.weights == pytest.approx(model.size, rel=0.01)
        assert plan.kv == context.kv_bytes
        assert plan.compute == pytest.approx(context.compute_bytes, rel=0.1)


def test_the_largest_context_is_the_last_that_fits(tiny_lam_path: Path) -> None:
    header = GGUFHeader.read(tiny_lam_path)
    budget = plan_memory(header, n_ctx=1024).total
    assert largest_context(header, budget) == 1024
    assert largest_context(header, budget - 1) == 768
    assert largest_context(header, 2**40) == 4096
    assert largest_context(header, 2**20) is None
