"""A model against itself and against what it was made from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import read_examples
from edge_lam.llama.probe import write_model
from edge_lam_converters.quality import Limits, ModelComparison, compare
from edge_lam_converters.quality.comparison import BUILT_IN


@pytest.fixture(scope="module")
def quantized(converted: dict[str, Path], calls_path: Path) -> dict[str, ModelComparison]:
    """Q8_0 and Q4_0 against BF16."""
    return {
        quant: compare(converted[quant], converted["BF16"], calls=calls_path, n_threads=1) for quant in ("Q8_0", "Q4_0")
    }


def test_a_model_is_what_it_is(converted: dict[str, Path], calls_path: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("All work and no play makes Jack a dull boy.\n" * 25)  # a passage of 512 tokens
    found = compare(converted["Q8_0"], converted["Q8_0"], calls=calls_path, text=text, n_threads=1)
    assert found.replies
    assert found.text
    assert found.calls
    for group in (found.replies, found.text):
        assert (group.kl_mean, group.kl_p99, group.kl_max, group.agreement) == (0.0, 0.0, 0.0, 1.0)
        assert group.perplexity == group.reference_perplexity
    assert found.text.n_positions % 255 == 0  # the second halves of 512 tokens
    assert (found.calls.same, found.calls.only_model, found.calls.only_reference) == (1.0, 0, 0)
    assert found.calls.p_value == 1.0
    assert not found.faults(Limits(max_kl=0.0, min_agreement=1.0))


def test_coarser_is_farther(quantized: dict[str, ModelComparison]) -> None:
    fine, coarse = quantized["Q8_0"].replies, quantized["Q4_0"].replies
    assert fine
    assert coarse
    assert 0 < fine.kl_mean < coarse.kl_mean
    assert fine.kl_median <= fine.kl_p99 <= fine.kl_max
    assert fine.kl_p99 < coarse.kl_p99
    assert fine.n_positions == coarse.n_positions
    assert fine.reference_perplexity == coarse.reference_perplexity
    assert fine.perplexity == pytest.approx(fine.reference_perplexity, rel=0.1)


def test_the_table_of_calls_adds_up(quantized: dict[str, ModelComparison], calls_path: Path) -> None:
    n_requests = len(read_examples(calls_path))
    for found in quantized.values():
        assert found.calls
        counts = (found.calls.both, found.calls.only_model, found.calls.only_reference, found.calls.neither)
        assert sum(counts) == found.calls.n_requests == n_requests


def test_limits(quantized: dict[str, ModelComparison]) -> None:
    found = quantized["Q4_0"]
    assert found.replies
    assert found.faults(Limits()) == []
    assert found.faults(Limits(max_kl=found.replies.kl_mean)) == []
    [fault] = found.faults(Limits(max_kl=found.replies.kl_mean / 2))
    assert fault.startswith("replies: mean KL divergence")
    worse = dataclasses.replace(found, replies=dataclasses.replace(found.replies, agreement=0.5))
    assert any("top-1 agreement 0.5000, below 0.6" in fault for fault in worse.faults(Limits(min_agreement=0.6)))
    broken = dataclasses.replace(found, replies=dataclasses.replace(found.replies, kl_mean=float("nan")))
    assert broken.faults(Limits(max_kl=1.0))


def test_json(quantized: dict[str, ModelComparison]) -> None:
    plain = json.loads(json.dumps(quantized["Q4_0"].to_dict()))
    assert plain["text"] is None
    assert plain["replies"]["kl_mean"] > 0
    assert plain["calls"]["n_requests"] > 0


def test_other_vocabularies_are_refused(tiny_lam_path: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "probe.gguf")
    with pytest.raises(InvalidRequest, match="have 288 and 4096 tokens in their vocabularies"):
        compare(tmp_path / "probe.gguf", tiny_lam_path)
    data = (tmp_path / "probe.gguf").read_bytes()
    (tmp_path / "other.gguf").write_bytes(data.replace(b"<0x41>", b"<0y41>"))
    with pytest.raises(InvalidRequest, match="differ in their vocabularies, first in token 65"):
        compare(tmp_path / "other.gguf", tmp_path / "probe.gguf")


def test_formats_that_differ_are_refused(converted: dict[str, Path], calls_path: Path, tmp_path: Path) -> None:
    data = converted["Q4_0"].read_bytes()
    first = b"When using tools, make calls in a single JSON array"
    assert first in data
    (tmp_path / "other.gguf").write_bytes(data.replace(first, first.replace(b"tools", b"spoon")))
    with pytest.raises(InvalidRequest, match=r"speaks .*with another template"):
        compare(tmp_path / "other.gguf", converted["Q4_0"], calls=calls_path)
    found = compare(tmp_path / "other.gguf", converted["Q4_0"], calls=calls_path, format="xlam-2-qwen", n_threads=1)
    assert found.replies
    assert found.replies.kl_max == 0.0


def test_the_built_in_requests_fit_the_demo_tools(demo_tools) -> None:
    examples = read_examples(BUILT_IN, demo_tools)
    assert len(examples) == 32
    assert {call.name for example in examples for call in example.calls} == {tool.name for tool in demo_tools}
    assert any(example.text for example in examples)
    schemas = {tool.name: tool.parameters for tool in demo_tools}
    jsonschema = pytest.importorskip("jsonschema")
    for example in examples:
        for call in example.calls:
            jsonschema.validate(call.arguments, schemas[call.name])
