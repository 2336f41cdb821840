"""Formats chosen at loading, on the embedded model: what the report says, and what ends a reply."""

from __future__ import annotations

import pytest

import edge_lam
from edge_lam.decoding import Vocabulary
from edge_lam.errors import InvalidModelFile, InvalidRequest
from edge_lam.formats import XLam2Qwen, detect
from edge_lam.llama import Model
from edge_lam.llama.probe import write_model


def get_time(city: str) -> str:
    """Tell the time."""
    return city


def test_the_format_in_use_stands_in_every_report():
    with edge_lam.load(device="cpu", log="off") as lam:
        report = lam.chat("Hi", max_tokens=1).report
        assert report.format == lam.info.format == "xlam-2-qwen"
        assert report.format_sha256 == lam.info.format_sha256
        assert report.template_sha256 == XLam2Qwen().template_sha256
        assert report.to_dict()["format_sha256"] == report.format_sha256


def test_another_format_is_spoken_and_constrained():
    with edge_lam.load(device="cpu", log="off", format="xlam-1-fc") as lam:
        reply = lam.chat("What time is it in Oslo?", tools=[get_time], tool_choice="required", max_tokens=60)
        assert reply.report.format == "xlam-1-fc"
        assert reply.report.finish_reason == "length" or reply.tool_calls[0].name == "get_time"
        with pytest.raises(InvalidRequest, match="trained on one user message"):
            lam.chat([{"role": "system", "content": "x"}, {"role": "user", "content": "x"}])


def test_a_given_template_is_rendered(tmp_path):
    path = tmp_path / "mine.jinja"
    path.write_text("<|im_start|>{{ messages[0].content }}<|im_end|>", encoding="utf-8")
    with edge_lam.load(device="cpu", log="off", template=path) as lam:
        assert lam.chat("a", max_tokens=1).report.tokens.prompt == 3
        with pytest.raises(InvalidRequest, match="renders no tools"):
            lam.chat("a", tools=[get_time])
    for wrong in (tmp_path, tmp_path / "none", "\x00"):
        with pytest.raises(InvalidRequest, match="can't be read") as caught:
            edge_lam.load(device="cpu", log="off", template=wrong)
        assert caught.value.param == "template"


def test_the_end_of_turn_ends_replies_whatever_the_file_says(tiny_lam_path):
    with Model(tiny_lam_path, device="cpu") as model:
        (start,) = model.tokenize("<|im_start|>")
        assert start not in model.end_tokens
        assert Vocabulary(model, "<|im_start|>").end_tokens == model.end_tokens | {start}
        assert Vocabulary(model, "<|EOT|>").end_tokens == model.end_tokens  # no token of this vocabulary
        special = detect(model.metadata).special
        assert {"<|im_start|>", "<|im_end|>"} <= set(special.control)
        assert (special.eos, special.add_bos) == ("<|im_end|>", False)


def test_the_timeout_of_a_request_covers_its_template(tmp_path):
    path = tmp_path / "slow.jinja"
    slow = "{% for m in messages if m.content == 'long' %}{% for i in range(99999) %}{{ i }}{% endfor %}{% endfor %}"
    path.write_text("{{ messages[0].content }}" + slow)
    with edge_lam.load(device="cpu", log="off", template=path) as lam:
        assert lam.chat("short", max_tokens=1).report.tokens.prompt > 0
        with pytest.raises(InvalidRequest, match="it takes too long"):
            lam.chat("long", timeout=1e-3)


def test_a_vocabulary_that_no_grammar_works_with_is_found_by_load(tmp_path, capfd):
    write_model(tmp_path / "odd.gguf")  # that of the self-test: no text can be made of its tokens
    with pytest.raises(InvalidModelFile, match="has no tokens for control characters"):
        edge_lam.load(tmp_path / "odd.gguf", device="cpu", log="off", format="xlam-2-llama")
    assert capfd.readouterr() == ("", "")
