"""--kv-type, --memory-budget and --fit-context of the commands that load a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_lam.llama import build_info

CHECKPOINT = Path(__file__).parents[2] / "models" / "tiny-lam" / "checkpoint"


@pytest.fixture
def call(edge_lam):
    return lambda *arguments: edge_lam("call", "hi", "--max-tokens", "1", "--log", "off", *arguments)


def test_over_the_budget_it_is_one_line_and_what_fits(call):
    result = call("--memory-budget", "16MiB")
    error, hint = result.err.splitlines()
    assert result.code == 1
    assert "tiny-lam with 4096 tokens of context takes" in error
    assert "more than the memory budget of 16.8 MB" in error
    assert hint.startswith("hint: a context of ")


def test_with_fit_context_it_answers(call):
    assert call("--memory-budget", "20MiB", "--fit-context").code == 0
    assert call("--memory-budget", "off").code == 0


@pytest.mark.parametrize("arguments", [["--memory-budget", "much"], ["--kv-type", "q3_0"]])
def test_values_that_are_none_are_wrong_usage(call, arguments):
    result = call(*arguments)
    assert result.code == 2
    assert f"Invalid value for '{arguments[0]}'" in result.err


def test_a_prefix_baked_in_q8_0_is_half_as_large_and_for_q8_0(edge_lam, call, lamp, tmp_path):
    sizes = {}
    for kv_type in ("f16", "q8_0"):
        path = tmp_path / f"{kv_type}.prefix"
        baked = edge_lam("bake", "-t", lamp, "-o", path, "--kv-type", kv_type, "--json", "--log", "off")
        sizes[kv_type] = json.loads(baked.out)["bytes"]
    assert 0.5 < sizes["q8_0"] / sizes["f16"] < 0.6
    path = tmp_path / "q8_0.prefix"
    assert call("-t", lamp, "--no-run", "--prefix", path, "--kv-type", "q8_0").code == 0
    refused = call("-t", lamp, "--no-run", "--prefix", path)
    assert refused.code == 1
    assert f"{path} was baked for kv_type q8_0, not f16" in refused.err.splitlines()[0]


@pytest.mark.skipif(any(device.kind == "gpu" for device in build_info().devices), reason="a GPU is here")
def test_a_prefix_for_a_gpu_is_not_baked_on_a_processor(edge_lam, lamp, tmp_path):
    refused = edge_lam("bake", "-t", lamp, "-o", tmp_path / "app.prefix", "--device", "gpu", "--log", "off")
    assert refused.code == 1
    assert "no GPU" in refused.err
    assert "bake for a GPU on one of its kind" in refused.err
    assert not (tmp_path / "app.prefix").exists()


@pytest.mark.skipif(
    "AVX2" not in build_info().features["CPU"], reason="llama.cpp has no kernels for repacked Q4_0 here"
)
def test_weights_may_stay_mapped(edge_lam, call, caplog, tmp_path):
    path = tmp_path / "tiny.gguf"
    assert edge_lam("convert", CHECKPOINT, "-q", "Q4_0", "-o", path).code == 0
    for option, buffers in (("--no-repack", {"CPU_Mapped"}), ("--repack", {"CPU_Mapped", "CPU_REPACK"})):
        caplog.clear()
        with caplog.at_level("DEBUG", "edge_lam.llama"):
            assert call("--model", path, option).code == 0
        assert {line.split()[1] for line in caplog.messages if "model buffer size" in line} == buffers
