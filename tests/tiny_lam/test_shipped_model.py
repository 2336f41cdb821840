"""The shipped model: made by this project's converter from the checkpoint here, and as good as its card says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import edge_lam
from edge_lam.formats import XLam2Qwen, detect
from edge_lam.llama import GGUFHeader
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam_converters import convert
from tests.amount import IS_THOROUGH, many
from tiny_lam.evaluate import EVALUATION_SEED, SETS, score_requests, score_set

HOME = Path(__file__).parents[2] / "models" / "tiny-lam"
CHECKPOINT = HOME / "checkpoint"
# Five examples of a set tell something only beside those of the others; `make test-thorough` has 360, set by set.
N_EXAMPLES = many(12) if IS_THOROUGH else 5
GROUPS = [[each] for each in SETS] if IS_THOROUGH else [list(SETS)]


def card_scores() -> dict[str, str]:
    """The Q8_0 column of the model card, by set."""
    rows = re.findall(r"^\| (.+?) \| .+? \| (.+?) \|", (HOME / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows[1:])


@pytest.fixture(scope="module")
def lam():
    with edge_lam.load(log=False) as loaded:
        yield loaded


def test_is_small_enough_and_what_the_card_says():
    header = GGUFHeader.read(EMBEDDED_MODEL)
    assert header.size <= 15e6
    assert 5e6 <= header.n_parameters <= 12e6
    assert (header.architecture, header.file_type, header.license) == ("qwen2", "Q8_0", "apache-2.0")
    assert header.metadata["tokenizer.ggml.pre"] == "qwen2"
    assert header.chat_template == XLam2Qwen.own_template()
    assert isinstance(detect(header.metadata), XLam2Qwen)


def test_is_converted_from_the_checkpoint_by_this_converter(tmp_path):
    convert(CHECKPOINT, tmp_path / "again.gguf", quant="Q8_0")
    shipped, again = GGUFHeader.read(EMBEDDED_MODEL), GGUFHeader.read(tmp_path / "again.gguf")
    assert shipped.tensors == again.tensors
    data = sum(tensor.n_bytes for tensor in shipped.tensors)
    assert EMBEDDED_MODEL.read_bytes()[-data:] == again.path.read_bytes()[-data:]
    hashes = [header.metadata["edge_lam.source.sha256"].strings() for header in (shipped, again)]
    assert hashes[0] == hashes[1]


@pytest.mark.thorough
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: ", ".join(chosen.name for chosen in group))
def test_scores_are_near_the_card(lam, group):
    wrong: list[dict[str, object]] = []
    scores, right, total, expected, variance = card_scores(), 0, 0, 0.0, 0.0
    for chosen in group:
        n_right, n = score_set(lam, chosen, N_EXAMPLES, EVALUATION_SEED, constrain=True, wrong=wrong)
        carded = float(scores[chosen.name].rstrip("%")) / 100
        right, total = right + n_right, total + n
        expected, variance = expected + carded * n, variance + carded * (1 - carded) * n
    # Fewer examples than the card's: three standard errors, no less than eight points.
    margin = max(0.08 * total, 3 * variance**0.5)
    assert right > expected - margin, json.dumps(wrong, ensure_ascii=False)


def test_requests_written_by_hand(lam):
    wrong: list[dict[str, object]] = []
    right, total = score_requests(lam, wrong)
    carded = int(card_scores()["thirty requests by hand"].partition("/")[0])
    assert (total, right >= carded - 1) == (30, True), wrong  # another processor may round one of them the other way


@pytest.mark.parametrize("request_text", ["Hello! Who are you?", "what time is it in Oslo?", "write a poem"])
def test_without_tools_a_sentence_says_so(lam, request_text):
    reply = lam.chat(request_text, max_tokens=30)
    assert (reply.finish_reason, reply.text[-1], reply.text.count(".")) == ("stop", ".", 1)


def test_all_results_of_a_reply_are_stated(lam):
    def get_time(city: str) -> dict[str, str]:
        """Get the current time in a city or time zone."""
        return {"city": city, "time": {"Tokyo": "07:59", "Oslo": "23:58"}[city]}

    answer = edge_lam.Agent(lam, [get_time]).run("what time is it in Tokyo and in Oslo?")
    assert "07:59" in answer.text
    assert "23:58" in answer.text
