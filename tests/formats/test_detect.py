"""Which format a model speaks."""

import re
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats import FORMATS, ChatFormat, XLam2Qwen, detect
from edge_lam.formats.syntax import ARRAY
from edge_lam.tools import Tool

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
    with pytest.raises(UnsupportedModel, match=r"no chat format for this model.*formats agentlm, generic, xlam-1-fc"):
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


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("xLAM-1b-fc-r.Q4_K_M.gguf", "xlam-1-fc"),
        ("xlam-7b-fc-r_q8_0.gguf", "xlam-1-fc"),
        ("xLAM-7b-r/ggml-model-Q4_0.gguf", "xlam-1-general"),
        ("hub/models--Salesforce--xLAM-1b-fc-r-gguf/snapshots/0a1b/model.gguf", "xlam-1-fc"),
        ("agentlm-7b.gguf", "agentlm"),
        ("xlam-1b-fcx.gguf", "generic"),
        ("model.gguf", "generic"),
    ],
)
def test_by_the_name_of_the_file_or_its_repository(path, form):
    """Files of xLAM 1.0 carry the template of their base, and often its name too."""
    metadata = {"general.architecture": "llama", "tokenizer.chat_template": MISTRAL}
    for name in ("", "deepseek-ai", "LLaMA v2"):
        assert detect(metadata | {"general.name": name}, path=Path("/models") / path).name == form
    assert detect(metadata | {"general.name": "xLAM-7b-r"}, path=Path(path)).name == "xlam-1-general"
    url = "https://huggingface.co/Salesforce/xLAM-1b-fc-r"
    assert detect(metadata | {"general.repo_url": url}).name == "xlam-1-fc"


def test_a_format_that_is_defined_is_registered():
    class Mine(ChatFormat):
        name = "mine"
        about = "a test"
        end_of_turn = "</s>"
        syntax = ARRAY
        markers = ()
        signature = ("my very own words",)
        name_pattern = re.compile("my-model")
        names_decide = True

        @classmethod
        def own_template(cls) -> str:
            return "{{ messages[0].content }}: my very own words"

    try:
        assert FORMATS["mine"] is Mine
        assert detect({"tokenizer.chat_template": "-- my very own words {{ messages }}"}).name == "mine"
        assert detect({"tokenizer.chat_template": MISTRAL, "general.name": "my-model-7b"}).name == "mine"
        assert detect({}, name="mine").render("x") == "x: my very own words"
        with pytest.raises(InvalidRequest, match="generic, mine"):
            detect({}, name="none")
    finally:
        del FORMATS["mine"]


def tooled(template, **more):
    return {"general.architecture": "x", "tokenizer.chat_template.tool_use": template, **more}


WITH_TOOLS = "{% if tools %}{{ tools | tojson }}{% endif %}T{{ messages | length }}"


def test_a_template_for_tools_is_used_with_tools():
    form = detect(tooled(WITH_TOOLS, **{"tokenizer.chat_template": "P{{ messages | length }}"}))
    assert (form.name, form.renders_tools) == ("generic", True)
    assert form.render("x") == "P1"
    assert '"name": "now"' in form.render("x", [Tool("now", "")])
    calls = [{"role": "assistant", "tool_calls": [{"name": "now", "arguments": {}}]}]
    assert form.render([{"role": "user", "content": "x"}, *calls, {"role": "tool", "content": "1"}]) == "T3"
    assert form.sha256_of_template(with_tools=False) == form.template_sha256
    assert form.sha256_of_template(with_tools=True) not in ("", form.template_sha256)
    assert form.sha256 != detect({"tokenizer.chat_template": "P{{ messages | length }}"}).sha256


def test_a_template_for_tools_alone_is_the_template():
    form = detect(tooled(WITH_TOOLS))
    assert (form.name, form.render("x")) == ("generic", "T1")


def test_a_template_for_tools_tells_the_format_too():
    assert detect(tooled(QWEN, **{"tokenizer.chat_template": MISTRAL})).name == "xlam-2-qwen"


def test_a_template_that_is_given_is_enough():
    form = detect({"general.architecture": "qwen2"}, template=WITH_TOOLS)
    assert (form.name, form.template) == ("generic", WITH_TOOLS)
    assert detect({"general.architecture": "qwen2"}, template=QWEN).name == "xlam-2-qwen"
    assert detect({"general.architecture": "qwen2", "general.name": "xLAM-2-1b"}, template=WITH_TOOLS).name == (
        "xlam-2-qwen"
    )
    given = detect(tooled("{{ tools }}T", **{"tokenizer.chat_template": "P"}), template=WITH_TOOLS)
    assert given.tool_template is None


def test_bos_reaches_a_template_only_where_the_model_adds_it():
    vocabulary = {"tokens": ["a", "<s>"], "token_type": [1, 3], "bos_token_id": 1}
    metadata = {f"tokenizer.ggml.{key}": value for key, value in vocabulary.items()}
    metadata["tokenizer.chat_template"] = "{{ bos_token }}x"
    assert detect(metadata).render("x") == "x"
    for adds in ({"add_bos_token": True}, {"model": "llama"}, {"model": "gpt2", "pre": "llama-bpe"}):
        more = {f"tokenizer.ggml.{key}": value for key, value in adds.items()}
        assert detect(metadata | more).render("x") == "<s>x"
    never = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.add_bos_token": False}
    assert detect(metadata | never).render("x") == "x"


def test_verbatim_adds_no_list_of_required_parameters():
    given = {"properties": {"x": {"type": "string"}}}
    bare, listed = Tool("f", "", given), Tool("f", "", {**given, "required": []})
    metadata = {"tokenizer.chat_template": "{{ tools | tojson }}"}
    verbatim, repaired = detect(metadata, verbatim=True), detect(metadata)
    assert '"required"' not in verbatim.render("x", [bare])
    assert '"required": []' in verbatim.render("x", [listed])
    assert '"required": []' in repaired.render("x", [bare])
    assert bare == listed
