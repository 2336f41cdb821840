"""Adapters that requests choose by name, without a reload: what each computes, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import edge_lam
from edge_lam import Agent
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import InvalidModelFile, InvalidRequest, ModelNotFound, UnusableLogits
from edge_lam.loading.model_path import EMBEDDED_MODEL
from tests.adapters import write_lora

QUESTION = "what time is it in Tokyo?"
CLOSE = 0.15  # log probabilities: other batches move their last digits, other adapters by more than twice as much
# What random weights make of the question, held to a call: texts of the base are too sure to tell adapters apart.
ASKED = {"tools": DEMO_TOOLS[:1], "tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 40}


@pytest.fixture(scope="module")
def files(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        name: write_lora(folder / f"{name}.gguf", tiny_lam_path, seed=seed, spread=0.4)
        for seed, name in enumerate(("wild", "odd"))
    }


def load(adapters, **options) -> edge_lam.LAM:
    return edge_lam.load(adapters=adapters, **{"log": False, "prefix_cache": False} | options)


@pytest.fixture(scope="module")
def lam(files: dict[str, Path]) -> Iterator[edge_lam.LAM]:
    with load(files, n_parallel=3) as lam:
        yield lam


def logits_of(lam: edge_lam.LAM, **options) -> list[float]:
    """Return the log probabilities of a reply's first tokens: adapters differ in them whatever is said."""
    reply = lam.chat("Hello", max_tokens=3, logprobs=True, **options)
    return [token.logprob for token in reply.logprobs]


@pytest.mark.parametrize("name", ["wild", "odd"])
def test_a_request_is_computed_as_if_its_adapter_alone_were_loaded(lam, files, name):
    with load([(files[name], 1.0)]) as alone:
        expected = logits_of(alone)
    assert logits_of(lam, adapter=name) == pytest.approx(expected, abs=CLOSE)
    assert logits_of(lam) != pytest.approx(expected, abs=CLOSE)


def test_a_request_without_a_name_is_computed_as_if_there_were_none(lam):
    with load(()) as alone:
        expected = logits_of(alone)
    logits_of(lam, adapter="wild")
    assert logits_of(lam) == logits_of(lam, adapter="") == pytest.approx(expected, abs=CLOSE)


def test_names_may_stand_for_several_files_and_scales(files):
    named = {"": files["wild"], "both": [files["wild"], (files["odd"], 0.5)]}
    with load(named) as lam, load([(files["wild"], 1.0), (files["odd"], 0.5)]) as both, load([files["wild"]]) as one:
        assert lam.info.adapters == ("both",)
        assert logits_of(lam, adapter="both") == pytest.approx(logits_of(both), abs=CLOSE)
        assert logits_of(lam) == pytest.approx(logits_of(one), abs=CLOSE)


def test_requests_with_different_adapters_run_side_by_side(lam):
    names = ["wild", "", "odd", "wild", "odd", ""]
    alone = {name: logits_of(lam, adapter=name) for name in set(names)}
    with ThreadPoolExecutor(len(names)) as callers:
        together = list(callers.map(lambda name: logits_of(lam, adapter=name), names))
    for name, found in zip(names, together, strict=True):
        assert found == pytest.approx(alone[name], abs=CLOSE)


def test_what_one_adapter_read_is_not_used_by_another(files, tmp_path):
    folder = tmp_path / "prefixes"

    def outcomes(lam: edge_lam.LAM) -> list[str]:
        return [lam.chat(QUESTION, **ASKED, adapter=name).report.cache for name in ("wild", "", "wild", "odd", "")]

    with load(files, prefix_cache=folder) as lam:
        assert outcomes(lam) == ["miss: nothing stored", "miss: other adapters", "hit", "miss: other adapters", "hit"]
    with load(files, prefix_cache=folder) as lam:
        assert outcomes(lam) == ["hit"] * 5
    with load([(files["odd"], 1.0)], prefix_cache=folder) as lam:
        assert lam.chat(QUESTION, **ASKED).report.cache == "hit", "the same file under no name"


def test_a_prefix_is_prewarmed_and_baked_for_an_adapter(files, tmp_path):
    with load(files) as lam:
        lam.prewarm(ASKED["tools"], adapter="odd").result()
        assert lam.chat(QUESTION, **ASKED, adapter="odd").report.cache == "hit"
        assert lam.chat(QUESTION, **ASKED).report.cache.startswith("miss")
        lam.bake(tmp_path / "odd.prefix", ASKED["tools"], adapter="odd")
    with load(files, prefix=tmp_path / "odd.prefix") as lam:
        assert lam.chat(QUESTION, **ASKED, adapter="odd").report.cache == "hit"
        assert lam.chat(QUESTION, **ASKED).report.cache.startswith("miss")
    with pytest.raises(InvalidRequest, match="was baked for adapters"):
        load([(files["wild"], 1.0)], prefix=tmp_path / "odd.prefix")


def test_adapters_are_there_again_after_a_trim(files):
    with load(files) as lam:
        before = logits_of(lam, adapter="odd")
        assert lam.trim()
        assert logits_of(lam, adapter="odd") == pytest.approx(before, abs=CLOSE)


def test_an_agent_keeps_to_its_adapter(lam):
    answer = Agent(lam, DEMO_TOOLS[:3], adapter="wild", max_tokens=8, max_rounds=1).run(QUESTION)
    assert {step.reply.report.adapter for step in answer.steps} == {"wild"}


def test_an_unknown_adapter_is_refused_by_name(lam):
    with pytest.raises(InvalidRequest, match="no adapter is called 'wilt'") as caught:
        lam.chat(QUESTION, adapter="wilt")
    assert (caught.value.param, caught.value.hint) == ("adapter", "there are wild, odd")
    with pytest.raises(InvalidRequest, match="no adapter is called 'wilt'"):
        lam.prewarm(adapter="wilt").result()
    with pytest.raises(InvalidRequest, match="adapter must be a name, not 3"):
        lam.chat(QUESTION, adapter=3)
    assert lam.chat(QUESTION, adapter="odd", max_tokens=2).report.tokens.generated, "the others go on"


@pytest.mark.parametrize(
    ("adapters", "error", "said"),
    [
        ({"a": "nowhere.gguf"}, ModelNotFound, "nowhere.gguf"),
        ({"a": EMBEDDED_MODEL}, InvalidModelFile, "is no LoRA adapter, but a whole model"),
        ({"a:b": "x.gguf"}, InvalidRequest, "'a:b' is no name of an adapter"),
        ({1: "x.gguf"}, InvalidRequest, "1 is no name of an adapter"),
        ({"a": None}, InvalidRequest, "adapters can't be read from None"),
        ([3], InvalidRequest, "adapters can't be read from 3"),
        (7, InvalidRequest, "adapters can't be read from 7"),
        ({"a": ("x.gguf", "much")}, InvalidRequest, "the scale of x.gguf is 'much', no number of use"),
    ],
)
def test_what_is_no_adapter_is_refused_when_it_is_loaded(adapters, error, said):
    with pytest.raises(error, match=said):
        load(adapters)


def test_an_adapter_of_another_base_is_refused_when_it_is_loaded(files, tiny_lam_path, tmp_path):
    write_lora(tmp_path / "short.gguf", tiny_lam_path, ["blk.0.attn_q.weight"])
    data = (tmp_path / "short.gguf").read_bytes()
    (tmp_path / "short.gguf").write_bytes(data.replace(b"blk.0.attn_q", b"blk.9.attn_q"))
    with pytest.raises(InvalidRequest, match=r"short\.gguf adapts blk\.9\.attn_q\.weight, which \S+ does not have"):
        load({"wild": files["wild"], "short": tmp_path / "short.gguf"})


def test_an_adapter_that_computes_no_numbers_fails_alone(tiny_lam_path, tmp_path):
    """Its keys and values stay in the context, where short requests of others came upon them."""
    path = write_lora(tmp_path / "endless.gguf", tiny_lam_path, spread=1e30)
    with load({"endless": path}, n_ctx=512, n_parallel=2) as lam:
        before = lam.generate("hello there", max_tokens=4).result().text
        for _ in range(2):
            with pytest.raises(UnusableLogits, match="no usable logits"):
                lam.generate("hello there", max_tokens=4, adapter="endless").result()
            assert lam.generate("hello there", max_tokens=4).result().text == before
