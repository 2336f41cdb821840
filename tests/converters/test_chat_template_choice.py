"""The chat template of a GGUF: the checkpoint's own, or ours by name where that is missing or loses something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam.errors import CheckpointError
from edge_lam.formats import FORMATS, detect
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

INST = "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
# As published: a system message takes the place of the instructions.
DROPS_INSTRUCTIONS = """\
{%- if messages[0].role == "system" %}{{ "<|im_start|>system\n" + messages[0].content }}
{%- else %}{{ "<|im_start|>system\nWhen using tools, make calls in a single JSON array" }}{% endif %}
{%- for tool in tools or [] %}{{ tool | tojson }}{% endfor %}
{%- for message in messages %}{{ "<|im_start|>" + message.role + message.content + "<|im_end|>" }}{% endfor %}"""
KEEPS_INSTRUCTIONS = DROPS_INSTRUCTIONS.replace("{%- else %}", "{% endif %}").replace(
    'array" }}{% endif %}', 'array" }}'
)


def made(folder: Path, shape: str, template: Any, files: dict[str, str] | None = None) -> GGUFHeader:
    """Convert a checkpoint of that folder's name whose tokenizer_config.json has this template."""
    write_random_checkpoint(folder, SHAPES[shape])
    (folder / "README.md").unlink()
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"chat_template": template}
    path.write_text(json.dumps(config))
    for name, text in (files or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    convert(folder, folder / "out.gguf")
    return GGUFHeader.read(folder / "out.gguf")


def origin(header: GGUFHeader) -> tuple[object, object]:
    return tuple(header.metadata.get(f"edge_lam.chat_template.{key}") for key in ("format", "replaced"))


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("xLAM-2-1b-fc-r", "tiny-qwen2", "xlam-2-qwen"),
        ("Llama-xLAM-2-8b-fc-r", "tiny-llama3", "xlam-2-llama"),
        ("xLAM-1b-fc-r", "tiny-llama-linear", "xlam-1-fc"),
        ("xLAM-7b-r", "tiny-mistral", "xlam-1-general"),
        ("agentlm-7b", "tiny-llama", "agentlm"),
    ],
)
def test_without_a_template_the_name_decides(name: str, shape: str, expected: str, tmp_path: Path) -> None:
    header = made(tmp_path / name, shape, None)
    assert header.chat_template == FORMATS[expected].own_template()
    assert origin(header) == (expected, None)
    assert detect(header.metadata).name == expected


@pytest.mark.parametrize(
    ("name", "shape", "template", "expected"),
    [
        ("xLAM-2-1b-fc-r", "tiny-qwen2", DROPS_INSTRUCTIONS, "xlam-2-qwen"),
        ("xLAM-7b-r", "tiny-mistral", INST, "xlam-1-general"),
        ("xLAM-1b-fc-r", "tiny-llama-linear", INST, "xlam-1-fc"),
        ("agentlm-7b", "tiny-llama", "{{ raise_exception('no') }}", "agentlm"),
    ],
)
def test_a_template_that_loses_something_is_replaced_and_kept(
    name: str, shape: str, template: str, expected: str, tmp_path: Path
) -> None:
    header = made(tmp_path / name, shape, template)
    assert header.chat_template == FORMATS[expected].own_template()
    assert origin(header) == (expected, template)


@pytest.mark.parametrize(
    ("name", "shape", "template"),
    [
        ("xLAM-2-1b-fc-r", "tiny-qwen2", KEEPS_INSTRUCTIONS),
        ("xLAM-2-1b-fc-r", "tiny-qwen2", FORMATS["xlam-2-qwen"].own_template()),
        ("agentlm-7b", "tiny-llama", INST),
        ("another", "tiny-qwen2", INST),
        ("another", "tiny-qwen2", "{{ not jinja"),
        ("another", "tiny-qwen2", None),
    ],
)
def test_any_other_template_stays(name: str, shape: str, template: str | None, tmp_path: Path) -> None:
    header = made(tmp_path / name, shape, template)
    assert header.chat_template == template
    assert origin(header) == (None, None)


@pytest.mark.parametrize("file", ["chat_template.jinja", "chat_template.json"])
def test_a_template_in_a_file_of_its_own(file: str, tmp_path: Path) -> None:
    text = INST if file.endswith(".jinja") else json.dumps({"chat_template": INST})
    assert made(tmp_path / "own", "tiny-qwen2", None, {file: text}).chat_template == INST
    assert made(tmp_path / "both", "tiny-qwen2", "{{ 1 }}", {file: text}).chat_template == "{{ 1 }}"


def test_several_templates_by_name(tmp_path: Path) -> None:
    templates = [{"name": "default", "template": INST}, {"name": "tool_use", "template": "{{ tools }}"}]
    header = made(tmp_path / "xLAM-2-1b-fc-r", "tiny-qwen2", templates)
    assert header.chat_template == INST
    assert header.metadata["tokenizer.chat_template.tool_use"] == "{{ tools }}"


@pytest.mark.parametrize("template", [7, {"default": INST}, [{"name": "default"}], [INST]])
def test_what_is_no_template_is_refused(template: object, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json: chat_template is neither a text nor a list"):
        made(tmp_path / "another", "tiny-qwen2", template)


def test_a_template_file_that_is_no_text(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path / "a", SHAPES["tiny-qwen2"])
    path = tmp_path / "a" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"chat_template": None}))
    (tmp_path / "a" / "chat_template.jinja").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CheckpointError, match=r"chat_template\.jinja can't be read"):
        convert(tmp_path / "a", tmp_path / "out.gguf")
