"""What is planned from a header against what is then measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.llama import Context, Model, ModelFile
from edge_lam.llama.plan import largest_context, plan_memory
from tests.llama.shape_files import write_shape


@pytest.fixture(scope="module")
def file(tiny_lam_path: Path) -> ModelFile:
    return ModelFile.read(tiny_lam_path)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shape whose compute buffer is that of the layers: wide, with few tokens."""
    path = tmp_path_factory.mktemp("shapes") / "wide.gguf"
    return write_shape(path, n_layer=2, n_embd=1024, n_ff=4096, n_head=8, n_head_kv=2, n_head_dim=128, n_vocab=2048)


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shape whose compute buffer is that of the logits: narrow, with many tokens."""
    path = tmp_path_factory.mktemp("shapes") / "talkative.gguf"
    return write_shape(path, n_layer=3, n_embd=256, n_ff=512, n_head=8, n_head_kv=4, n_head_dim=32, n_vocab=32000)


def check(model: Model, file: ModelFile, n_ctx: int, n_parallel: int, kv_type: str, **options: int) -> None:
    plan = plan_memory(file, n_ctx=n_ctx, n_parallel=n_parallel, kv_type=kv_type, **options)
    with Context(model, n_ctx=n_ctx, n_sequences=n_parallel, kv_type=kv_type, **options) as context:
        assert plan.weights == pytest.approx(model.size, rel=0.01)
        assert plan.kv == context.kv_bytes
        assert plan.compute == pytest.approx(context.compute_bytes, rel=0.05)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@pytest.mark.parametrize("n_parallel", [1, 4])
@pytest.mark.parametrize("n_ctx", [100, 512, 2048, 4096])
def test_a_plan_is_what_llama_cpp_then_takes(
    model: Model, file: ModelFile, n_ctx: int, n_parallel: int, kv_type: str
) -> None:
    check(model, file, n_ctx, n_parallel, kv_type)
    check(model, file, n_ctx, n_parallel, kv_type, n_batch=512)


@pytest.mark.parametrize("name", ["wide", "talkative"])
def test_so_it_is_of_other_shapes(name: str, request: pytest.FixtureRequest) -> None:
    file = ModelFile.read(request.getfixturevalue(name))
    with Model(file, device="cpu") as model:
        for kv_type in ("f16", "q8_0", "q4_0"):
            for n_parallel in (1, 8):
                for n_ctx in (300, 1024, 8192):
                    check(model, file, n_ctx, n_parallel, kv_type)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@pytest.mark.parametrize("n_parallel", [1, 4])
def test_a_layout_tells_what_is_then_taken(file: ModelFile, n_parallel: int, kv_type: str) -> None:
    """Of a device that is known to llama.cpp alone; nothing is taken for it."""
    with Model(file, device="cpu", no_alloc=True) as layout, Model(file, device="cpu") as model:
        for n_ctx in (300, 4096):
            plan = plan_memory(file, n_ctx=n_ctx, n_parallel=n_parallel, kv_type=kv_type, layout=layout)
            with Context(model, n_ctx=n_ctx, n_sequences=n_parallel, kv_type=kv_type) as context:
                assert plan.compute == context.compute_bytes
                assert (plan.weights, plan.kv) == (model.size, context.kv_bytes)
        most = largest_context(file, plan.total, n_parallel=n_parallel, kv_type=kv_type, layout=layout)
        assert most == 4096


def test_rows_of_logits_are_counted_before_a_pass_wants_them(
    model: Model, file: ModelFile, caplog: pytest.LogCaptureFixture
) -> None:
    """As one of drafts does: llama.cpp takes memory for the first row at once, for more of them when they are there."""
    with caplog.at_level("DEBUG", "edge_lam.llama"), Context(model, n_ctx=256) as context:
        n_rows, row = context.n_logits, 4 * model.n_vocab
        at_first = sum(map(logged_bytes, caplog.messages))
        assert context.compute_bytes == pytest.approx(at_first + (n_rows - 1) * row, abs=2**14)
        context.decode([4] * n_rows, start=0, logits="all")
        first, last = context.logits(0), context.logits(-1)
        assert last.ctypes.data - first.ctypes.data == (n_rows - 1) * row
        assert plan_memory(file, n_ctx=256).compute >= context.compute_bytes


def logged_bytes(line: str) -> float:
    found = re.search(r"(?:compute|output) buffer size = +([\d.]+) MiB", line)
    return float(found[1]) * 2**20 if found else 0


def test_a_gpu_gets_larger_passes_and_a_copy_of_a_tied_matrix(file: ModelFile) -> None:
    cpu, gpu = plan_memory(file), plan_memory(file, device="cuda:0", kv_type="f16")
    tensors = {tensor.name: tensor.n_bytes for tensor in file.header.tensors}
    tied = 0 if "output.weight" in tensors else tensors["token_embd.weight"]
    assert tied <= gpu.weights - cpu.weights < tied + 2**20
    small = plan_memory(file, device="cuda:0", n_batch=64)
    assert small.compute < gpu.compute


def test_the_largest_context_is_the_last_that_fits(file: ModelFile) -> None:
    budget = plan_memory(file, n_ctx=1024).total
    assert largest_context(file, budget) == 1024
    assert largest_context(file, budget - 1) == 768
    assert largest_context(file, 2**40) == 4096
    assert largest_context(file, 2**20) is None
    assert largest_context(file, budget + 2**17, n_parallel=4) == 256  # and rows of logits
    assert largest_context(file, budget, kv_type="q8_0") > 1024


def test_a_model_trained_for_less_than_a_step_has_that_for_its_largest(tmp_path: Path) -> None:
    path = write_shape(
        tmp_path / "short.gguf", n_layer=1, n_embd=64, n_ff=64, n_head=2, n_head_kv=2, n_head_dim=32, n_vocab=300,
        n_ctx_train=100,
    )  # fmt: skip
    assert largest_context(ModelFile.read(path), 2**30) == 100


@pytest.mark.parametrize(
    ("options", "param"),
    [({"n_ctx": 4097}, "n_ctx"), ({"n_parallel": 0}, "n_parallel"), ({"n_parallel": 65}, "n_parallel")]
    + [({"kv_type": kv_type}, "kv_type") for kv_type in ("Q8", "", None, "q8_1")],
)
def test_what_can_not_be_loaded_can_not_be_planned(file: ModelFile, options: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        plan_memory(file, **options)
    assert refused.value.param == param
