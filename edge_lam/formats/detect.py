"""Which format a model speaks, from the metadata of its GGUF and the names that lead to it; reads no file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest, UnsupportedModel

# Each registers itself, in `FORMATS`.
from edge_lam.formats import agentlm, xlam1_fc, xlam1_general, xlam2_llama, xlam2_qwen  # noqa: F401
from edge_lam.formats.base import FORMATS, ChatFormat
from edge_lam.formats.generic import Generic
from edge_lam.formats.special_tokens import SpecialTokens

TEMPLATE_KEY = "tokenizer.chat_template"
TOOL_TEMPLATE_KEY = f"{TEMPLATE_KEY}.tool_use"
_NAME_KEYS = ("name", "basename", "repo_url", "source.repo_url", "source.url", "source.huggingface.repository")


def detect(
    metadata: Mapping[str, Any],
    *,
    path: Path | None = None,
    name: str | None = None,
    template: str | None = None,
    verbatim: bool = False,
    nested_tools: bool | None = None,
    mark_required: bool | None = None,
) -> ChatFormat:
    """Return the format of a model.

    Its chat template decides, or its name where models carry the template of their base; a template that no format
    knows is rendered as it is, by `Generic`. Of two templates in a file, that for tools is rendered with tools.

    Args:
        metadata: a GGUF's key-value pairs.
        path: of the file, whose name and folder may tell what its metadata doesn't.
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
        raise InvalidRequest(f"unknown format {name!r}", hint=f"known formats: {_known()}", param="format")
    carried = [text for key in (TEMPLATE_KEY, TOOL_TEMPLATE_KEY) if isinstance(text := metadata.get(key), str) and text]
    kind = FORMATS[name] if name else _find(metadata, carried, path, template)
    tool_template = None
    if template is None and carried and (verbatim or kind is Generic):
        template, tool_template = carried[0], carried[1] if len(carried) > 1 else None
    return kind(
        template,
        tool_template=tool_template,
        verbatim=verbatim and template is not None,
        special=SpecialTokens.of(metadata),
        nested_tools=nested_tools,
        mark_required=mark_required,
    )


def _find(metadata: Mapping[str, Any], carried: list[str], path: Path | None, given: str | None) -> type[ChatFormat]:
    """Return the format that a model's templates or names tell, or else a template that is given."""
    if known := _by_template(carried):
        return known
    architecture = str(metadata.get("general.architecture", ""))
    own_names = " ".join(str(metadata.get(f"general.{key}", "")) for key in _NAME_KEYS)
    names = (own_names, "" if path is None else _path_names(path))
    for words in names:
        for kind in FORMATS.values():
            has_name = kind.name_pattern is not None and kind.name_pattern.search(words)
            fits = not kind.architectures or architecture in kind.architectures
            if has_name and fits and (kind.names_decide or not carried):
                return kind
    if carried:
        return Generic
    if given is not None:
        return _by_template([given]) or Generic
    name = str(metadata.get("general.name", "")) or (path.name if path else "none")
    raise UnsupportedModel(
        f"no chat format for this model (architecture {architecture or 'unknown'}, name {name})",
        hint=f"name one of the formats {_known()}, or give a template",
    )


def _by_template(templates: list[str]) -> type[ChatFormat] | None:
    """Return the format whose own template, or one with its signature, is among these."""
    kinds = [kind for kind in FORMATS.values() if kind is not Generic]
    for template in templates:
        for kind in kinds:
            if template == kind.own_template():
                return kind
        for kind in kinds:
            if kind.signature and all(words in template for words in kind.signature):
                return kind
    return None


def _path_names(path: Path) -> str:
    """Return the name of a file, of its folder, and of the repository if it lies in the hub's cache."""
    repositories = [part.removeprefix("models--") for part in path.parts if part.startswith("models--")]
    return " ".join([path.name, re.sub("^models--", "", path.parent.name), *repositories])


def _known() -> str:
    return ", ".join(sorted(FORMATS))
