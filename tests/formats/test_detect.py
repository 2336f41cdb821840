"""Which format a model speaks."""

import pytest

from edge_lam.errors import UnsupportedModel
from edge_lam.formats import XLam2Qwen, detect

CARRIED = "<|im_start|>... When using tools, make calls in a single JSON array: ..."


def test_by_template():
    form = detect({"general.architecture": "qwen2", "tokenizer.chat_template": CARRIED})
    assert isinstance(form, XLam2Qwen)
    assert form.template == XLam2Qwen.own_template()
    assert detect({"tokenizer.chat_template": CARRIED}, verbatim=True).template == CARRIED
    assert detect({"tokenizer.chat_template": XLam2Qwen.own_template()}).name == "xlam-2-qwen"


@pytest.mark.parametrize("name", ["xLAM-2-1b-fc-r", "XLAM 2 3B Fc R", "tiny-lam", "Tiny Lam"])
def test_by_name_where_there_is_no_template(name):
    assert detect({"general.architecture": "qwen2", "general.name": name}).name == "xlam-2-qwen"
    assert detect({"general.architecture": "qwen2", "general.basename": name}, verbatim=True).verbatim is False


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"general.architecture": "qwen2", "general.name": "Qwen2.5 1.5B"},
        {"general.architecture": "llama", "general.name": "Llama-xLAM-2-8b"},
        {"general.architecture": "qwen2", "general.name": "xLAM-2-1b", "tokenizer.chat_template": "{{ messages }}"},
        {"tokenizer.chat_template": "<|start_header_id|> When using tools, make calls in a single JSON array"},
    ],
)
def test_unknown_is_refused_with_the_known_ones(metadata):
    with pytest.raises(UnsupportedModel, match=r"no chat format for this model.*known formats: xlam-2-qwen"):
        detect(metadata)
