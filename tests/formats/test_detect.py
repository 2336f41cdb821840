"""Which format a model speaks."""

import pytest

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats import FORMATS, XLam2Qwen, detect

QWEN = "<|im_start|>... When using tools, make calls in a single JSON array: ..."
LLAMA = "<|start_header_id|> When using tools, make calls in a single JSON array"
FC = "{{'You are an AI assistant for function calling.For politically sensitive questions, ...'}}{{ messages }}"
MISTRAL = "{{ bos_token }}{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
OWN = [name for name in FORMATS if name != "generic"]


@pytest.mark.parametrize(
    ("template", "name"), [(QWEN, "xlam-2-qwen"), (LLAMA, "xlam-2-llama"), (FC, "xlam-1-fc"), (MISTRAL, "generic")]
)
def test_by_template(template, name):
    form = detect({"general.architecture": "x", "tokenizer.chat_template": template})
    assert form.name == name
    assert form.template == (template if name == "generic" else FORMATS[name].own_template())
    assert not form.verbatim
    assert detect({"tokenizer.chat_template": template}, verbatim=True).template == template


@pytest.mark.parametrize("name", OWN)
def test_by_own_template(name):
    template = FORMATS[name].own_template()
    assert detect({"tokenizer.chat_template": template}).name == name


@pytest.mark.parametrize("name", ["xLAM-2-1b-fc-r", "XLAM 2 3B Fc R", "tiny-lam", "Tiny Lam"])
def test_by_name_where_there_is_no_template(name):
    assert detect({"general.architecture": "qwen2", "general.name": name}).name == "xlam-2-qwen"
    assert detect({"general.architecture": "qwen2", "general.basename": name}, verbatim=True).verbatim is False


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Llama-xLAM-2-8b-fc-r", "xlam-2-llama"),
        ("xLAM-1b-fc-r", "xlam-1-fc"),
        ("XLAM 7b Fc R", "xlam-1-fc"),
        ("xLAM-7b-r", "xlam-1-general"),
        ("xLAM 8x22b R", "xlam-1-general"),
        ("xLAM-v0.1-r", "xlam-1-general"),
        ("AgentLM 7B", "agentlm"),
    ],
)
def test_by_name_and_architecture(name, form):
    metadata = {"general.architecture": "llama", "general.name": name}
    assert detect(metadata).name == form
    if form != "xlam-2-llama":  # their files carry the template of their base
        assert detect(metadata | {"tokenizer.chat_template": MISTRAL}).name == form


def test_a_template_that_no_format_knows_goes_before_the_name_of_xlam_2():
    metadata = {"general.architecture": "qwen2", "general.name": "xLAM-2-1b", "tokenizer.chat_template": MISTRAL}
    assert detect(metadata).name == "generic"


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"general.architecture": "qwen2", "general.name": "Qwen2.5 1.5B"},
        {"general.architecture": "rwkv", "general.name": "xLAM-2-8b", "tokenizer.chat_template": ""},
        {"general.architecture": "llama", "general.name": "xLAM-20-8b", "tokenizer.chat_template": 5},
    ],
)
def test_unknown_is_refused_with_the_known_ones(metadata):
    with pytest.raises(UnsupportedModel, match=r"no chat format for this model.*formats xlam-2-qwen, xlam-2-llama"):
        detect(metadata)


def test_overrides():
    metadata = {"general.architecture": "qwen2", "tokenizer.chat_template": QWEN}
    assert detect(metadata, name="xlam-1-fc").name == "xlam-1-fc"
    assert detect(metadata, name="xlam-2-llama", verbatim=True).template == QWEN
    assert detect(metadata, name="generic").template == QWEN
    given = detect(metadata, template="{{ messages[0].content }}")
    assert isinstance(given, XLam2Qwen)
    assert not given.verbatim
    assert given.render([{"role": "user", "content": None}]) == ""
    assert detect({}, name="generic", template="{{ 1 }}").render("x") == "1"
    assert detect(metadata, nested_tools=True).nested_tools
    with pytest.raises(InvalidRequest, match="unknown format 'x'") as caught:
        detect(metadata, name="x")
    assert caught.value.param == "format"


def test_special_tokens_are_read_from_the_vocabulary_not_assumed():
    tokens = {"tokenizer.ggml.tokens": ["a", "<B>", "<E>"], "tokenizer.ggml.token_type": [1, 3, 3]}
    ids = {"tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2}
    special = detect(tokens | ids, name="xlam-1-fc").special
    assert (special.bos, special.eos, special.control, special.add_bos) == ("<B>", "<E>", ("<B>", "<E>"), False)
    assert detect(tokens | ids | {"tokenizer.ggml.bos_token_id": 99}, name="xlam-1-fc").special.bos == ""
