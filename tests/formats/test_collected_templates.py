"""An agent's second round on each template of llama.cpp's collection, which `make test` fetches with its source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect
from edge_lam.formats.thinking import thinking_end
from edge_lam.tools import Tool

CMAKE = Path(__file__).parents[2] / "cmake"
ASK = "from chat_templates import folder; print(folder())"
FOLDER = subprocess.run([sys.executable, "-c", ASK], cwd=CMAKE, capture_output=True, text=True, check=True).stdout
TEMPLATES = sorted(Path(FOLDER.strip()).glob("*.jinja"))
N_TEMPLATES = 70
WITHOUT_TOOLS = {
    "HuggingFaceTB-SmolLM3-3B",  # as it is in the collection; the published one reads xml_tools
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
    "deepseek-ai-DeepSeek-V3.1",
    "google-gemma-2-2b-it",
    "llama-cpp-rwkv-world",
    "microsoft-Phi-3.5-mini-instruct",
}
ENDS_IN_THINKING = {
    "Apriel-1.6-15b-Thinker-fixed", "Cohere2MoE", "GLM-4.7-Flash", "Kimi-K3", "MiniMax-M2",
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "NVIDIA-Nemotron-Nano-v2", "Qwen3.5-4B", "Spark2.5", "StepFun3.5-Flash",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "inclusionai-ling-3.0-flash", "llama-cpp-deepseek-r1",
    "poolside-Laguna-S-2.1",
}  # fmt: skip
TOOLS = [
    Tool("delete_file", "Delete a file.", {"properties": {"path": {"type": "string"}}, "required": ["path"]}),
    Tool("list_files", "List files."),
]
CALLS = [
    {"id": "call_7f00", "type": "function", "function": {"name": "delete_file", "arguments": {"path": "straw"}}},
    {"id": "call_7f01", "type": "function", "function": {"name": "delete_file", "arguments": {"path": "chaff"}}},
]
FIRST = [{"role": "user", "content": "clean up"}]
SECOND = [
    *FIRST,
    {"role": "assistant", "content": "", "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "call_7f00", "name": "delete_file", "content": '{"deleted": "husk"}'},
    {"role": "tool", "tool_call_id": "call_7f01", "name": "delete_file", "content": '{"deleted": "bran"}'},
]
BESIDE = [*FIRST, SECOND[1] | {"content": "I look."}, *SECOND[2:]]

pytestmark = pytest.mark.skipif(not TEMPLATES, reason="no templates: run python cmake/chat_templates.py, or make test")


def test_all_are_there():
    assert len(TEMPLATES) == N_TEMPLATES
    assert {path.stem for path in TEMPLATES} >= WITHOUT_TOOLS | ENDS_IN_THINKING


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_an_agent_goes_on_after_its_tools_ran(path):
    vocabulary = {"tokens": ["<s>", "</s>"], "token_type": [3, 3], "bos_token_id": 0, "eos_token_id": 1}
    metadata = {f"tokenizer.ggml.{key}": value for key, value in vocabulary.items()}
    form = detect(metadata | {"tokenizer.chat_template": path.read_text(encoding="utf-8")}, name="generic")
    if path.stem in WITHOUT_TOOLS:
        assert not form.renders_tools
        with pytest.raises(InvalidRequest, match="renders no tools"):
            form.render(FIRST, TOOLS)
        prompt = form.render(FIRST)
    else:
        prompt = form.render(FIRST, TOOLS)
        for conversation in (SECOND, BESIDE):
            later = form.render(conversation, TOOLS)
            for words in ("clean up", "straw", "chaff", "husk", "bran"):
                assert words in later
            assert "'path': 'straw'" not in later, "Python's spelling"
            assert '\\"straw' not in later, "JSON inside of JSON"
        assert "list_files" in prompt
    assert bool(thinking_end(prompt)) == (path.stem in ENDS_IN_THINKING)
