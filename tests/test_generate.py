"""`LAM.generate`, `render`, `tokenize`: prompts without the template, and what the template makes of messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge_lam
from edge_lam.errors import Closed, InvalidRequest, PromptTooLong


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[edge_lam.LAM]:
    log = tmp_path_factory.mktemp("log") / "calls.jsonl"
    with edge_lam.load(tiny_lam_path, log=log, log_prompts=True, prefix_cache=False) as lam:
        yield lam


def test_a_rendered_prompt_is_continued_as_a_chat_is(lam: edge_lam.LAM) -> None:
    chat = lam.chat("hello")
    assert lam.generate(lam.render("hello")).result().text == chat.text
    assert lam.count_tokens("hello") == chat.report.tokens.prompt == len(lam.tokenize(lam.render("hello")))


def test_the_text_is_all_that_the_model_writes(lam: edge_lam.LAM) -> None:
    stream = lam.generate("one two", max_tokens=6)
    pieces = [event.text for event in stream if isinstance(event, edge_lam.TextDelta)]
    reply = stream.result()
    assert "".join(pieces) == reply.text
    tokens = lam.generate("one two", max_tokens=6, logprobs=True).result().logprobs
    assert reply.text == b"".join(token.bytes for token in tokens).decode()


def test_control_tokens_are_read_as_such_and_texts_come_back(lam: edge_lam.LAM) -> None:
    assert len(lam.tokenize("<|im_end|>")) == 1 < len(lam.tokenize("<|im_end|>", parse_special=False))
    assert lam.detokenize(lam.tokenize("ä 🤗")).decode() == "ä 🤗"


def test_stop_ends_it(lam: edge_lam.LAM) -> None:
    whole = lam.generate(lam.render("hello")).result().text
    assert lam.generate(lam.render("hello"), stop="?").result().text == whole[: whole.index("?")]


@pytest.mark.parametrize(
    ("prompt", "options", "param"),
    [
        ("", {}, "prompt"),
        ([], {}, "prompt"),
        ([True], {}, "prompt"),
        (b"abc", {}, "prompt"),
        (3, {}, "prompt"),
        ([10**9], {}, "prompt"),
        ("\ud800", {}, "prompt"),
        ("a", {"tools": []}, "tools"),
        ("a", {"tool_choice": "none"}, "tool_choice"),
        ("a", {"no_such_option": 1}, "no_such_option"),
    ],
)
def test_what_is_no_prompt_is_refused(lam: edge_lam.LAM, prompt: object, options: dict, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        lam.generate(prompt, **options)
    assert refused.value.param == param


def test_a_prompt_that_is_too_long(lam: edge_lam.LAM) -> None:
    with pytest.raises(PromptTooLong) as refused:
        lam.generate("word " * 6000)
    assert refused.value.parts == {"prompt": refused.value.n_prompt}


def test_its_log_has_the_prompt_and_no_messages(lam: edge_lam.LAM) -> None:
    lam.generate("one two", max_tokens=2).result()
    line = json.loads(lam.log.path.read_text().splitlines()[-1])
    assert line["prompt"] == "one two"
    assert "messages" not in line


def test_after_close(tiny_lam_path: Path) -> None:
    lam = edge_lam.load(tiny_lam_path, log="off", prefix_cache=False)
    lam.close()
    for use in (lambda: lam.generate("a"), lambda: lam.tokenize("a"), lambda: lam.count_tokens("a")):
        with pytest.raises(Closed):
            use()
