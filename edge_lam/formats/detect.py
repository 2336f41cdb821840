"""Which format a model speaks, from the metadata of its GGUF. Knows nothing of the file itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats.agentlm import AgentLM
from edge_lam.formats.base import ChatFormat
from edge_lam.formats.generic import Generic
from edge_lam.formats.special_tokens import SpecialTokens
from edge_lam.formats.xlam1_fc import XLam1FC
from edge_lam.formats.xlam1_general import XLam1General
from edge_lam.formats.xlam2_llama import XLam2Llama
from edge_lam.formats.xlam2_qwen import XLam2Qwen

FORMATS: dict[str, type[ChatFormat]] = {
    form.name: form for form in (XLam2Qwen, XLam2Llama, XLam1FC, XLam1General, AgentLM, Generic)
}

# What every revision of a template says, in the words of one model line and in the frame of its base.
SIGNATURES: tuple[tuple[type[ChatFormat], tuple[str, ...]], ...] = (
    (XLam2Qwen, ("When using tools, make calls in a single JSON array", "<|im_start|>")),
    (XLam2Llama, ("When using tools, make calls in a single JSON array", "<|start_header_id|>")),
    (XLam1FC, ("You are an AI assistant for function calling.For politically sensitive",)),
)
XLAM_2_NAME = re.compile(r"xlam[-_ ]?2\b|tiny[-_ ]?lam", re.IGNORECASE)
# Models whose files carry the template of their base, which knows nothing of tools: only the name tells.
NAMES: tuple[tuple[type[ChatFormat], re.Pattern[str]], ...] = (
    (XLam1FC, re.compile(r"xlam[-_ ](1|7)b[-_ ]fc\b", re.IGNORECASE)),
    (XLam1General, re.compile(r"xlam[-_ ](7b|8x7b|8x22b|v0\.1)[-_ ]r\b", re.IGNORECASE)),
    (AgentLM, re.compile(r"agent[-_ ]?lm\b", re.IGNORECASE)),
)


def detect(
    metadata: Mapping[str, Any],
    *,
    name: str | None = None,
    template: str | None = None,
    verbatim: bool = False,
    nested_tools: bool | None = None,
    mark_required: bool | None = None,
) -> ChatFormat:
    """Return the format of a model.

    Its chat template decides, or its name where models carry the template of their base; a template that no format
    knows is rendered as it is, by `Generic`.

    Args:
        metadata: a GGUF's key-value pairs.
        name: take this format, whatever the model says.
        template: render this template, whatever the model carries.
        verbatim: render the template that the model carries, with its known defects, instead of the repaired one.
        nested_tools: whether to render definitions in OpenAI's nested form.
        mark_required: whether to mark required properties where a format leaves the schema around them out.

    Raises:
        UnsupportedModel: no known format and no template; the hint lists the formats there are.
        InvalidRequest: an unknown name, or an option that the format doesn't know.
    """
    if name is not None and name not in FORMATS:
        raise InvalidRequest(f"unknown format {name!r}", hint=f"known formats: {', '.join(FORMATS)}", param="format")
    own = metadata.get("tokenizer.chat_template")
    carried = own if isinstance(own, str) and own else None
    kind = FORMATS[name] if name else _find(metadata, carried)
    if template is None and (verbatim or kind is Generic):
        template = carried
    return kind(
        template,
        verbatim=verbatim and template is not None,
        special=SpecialTokens.of(metadata),
        nested_tools=nested_tools,
        mark_required=mark_required,
    )


def _find(metadata: Mapping[str, Any], carried: str | None) -> type[ChatFormat]:
    """Return the format that a model's template or name tells."""
    names = " ".join(str(metadata.get(f"general.{key}", "")) for key in ("name", "basename"))
    if carried:
        for kind in FORMATS.values():
            if kind is not Generic and carried == kind.own_template():
                return kind
        for kind, said in SIGNATURES:
            if all(words in carried for words in said):
                return kind
    for kind, pattern in NAMES:
        if pattern.search(names):
            return kind
    architecture = metadata.get("general.architecture", "")
    if carried:
        return Generic
    if XLAM_2_NAME.search(names) and architecture in ("qwen2", "llama"):
        return XLam2Qwen if architecture == "qwen2" else XLam2Llama
    raise UnsupportedModel(
        f"no chat format for this model (architecture {architecture or 'unknown'}, name {names.strip() or 'none'})",
        hint=f"name one of the formats {', '.join(FORMATS)}, or give a template",
    )
