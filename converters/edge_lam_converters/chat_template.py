"""The chat template that a GGUF gets: the checkpoint's own, or ours where that is missing or known to be broken.

A checkpoint goes in. Whether a template is broken is seen by rendering it: what it must not lose is in `_loses`. The
formats and their templates are the runtime's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam._util.debug import reason
from edge_lam._util.read_file import as_text, read_regular
from edge_lam.errors import CheckpointError, EdgeLamError, InvalidRequest, UnsupportedModel
from edge_lam.formats import ChatFormat, detect
from edge_lam.formats.generic import Generic
from edge_lam.tools import Tool
from edge_lam_converters.architectures import architecture_of
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.origin import Origin

if TYPE_CHECKING:
    from gguf import GGUFWriter

logger = logging.getLogger("edge_lam.converters")

FORMAT_KEY = "edge_lam.chat_template.format"
REPLACED_KEY = "edge_lam.chat_template.replaced"
_MAX_BYTES = 4 << 20
_FILES = ("chat_template.jinja", "chat_template.json")

Template = str | list[dict[str, str]]


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template and where it is from.

    Attributes:
        template: the Jinja text, several by name, or None.
        format: the name of the format whose template it is; "" for the checkpoint's own.
        replaced: the checkpoint's own, where that is broken; "" where there was none.
    """

    template: Template | None
    format: str = ""
    replaced: str = ""

    @classmethod
    def read(cls, checkpoint: Checkpoint) -> ChatTemplate:
        """Choose the template for a checkpoint.

        Raises:
            CheckpointError: its own can't be read.
        """
        own = _read_own(checkpoint)
        if isinstance(own, list):
            return cls(own)
        origin = Origin.of(checkpoint.path)
        architecture = architecture_of(checkpoint.config).gguf_name
        metadata = {"general.name": origin.name, "general.architecture": architecture}
        if own is not None:
            metadata["tokenizer.chat_template"] = own
        try:
            kind = type(detect(metadata))
        except (UnsupportedModel, InvalidRequest) as error:
            logger.debug("the checkpoint's own template is kept: %s", reason(error))
            return cls(own)
        if kind is Generic or (own is not None and not _loses(own, kind)):
            return cls(own)
        return cls(kind.own_template(), kind.name, own or "")

    def write(self, writer: GGUFWriter) -> None:
        """Write the template, and under our own keys where it is from."""
        if self.template is not None:
            writer.add_chat_template(self.template)
        if self.format:
            writer.add_string(FORMAT_KEY, self.format)
        if self.replaced:
            writer.add_string(REPLACED_KEY, self.replaced)


def _read_own(checkpoint: Checkpoint) -> Template | None:
    """Return the checkpoint's own template; tokenizer_config.json comes first, as in the reference."""
    file = "tokenizer_config.json"
    template = checkpoint.optional_json(file).get("chat_template")
    if template is None:
        file = next((name for name in _FILES if (checkpoint.path / name).is_file()), file)
        if file.endswith(".jinja"):
            template = _read_text(checkpoint.path / file)
        elif file in _FILES:
            template = checkpoint.optional_json(file).get("chat_template")
    if template is None or isinstance(template, str):
        return template
    if isinstance(template, list) and all(_is_named_template(entry) for entry in template):
        return template
    raise CheckpointError(f"{file}: chat_template is neither a text nor a list of named texts")


def _read_text(file: Path) -> str:
    try:
        return as_text(read_regular(file, _MAX_BYTES))
    except OSError as error:
        raise CheckpointError(f"{file.name} can't be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CheckpointError(f"{file.name} can't be read: it is no text in UTF-8") from error


def _is_named_template(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("template"), str)


def _loses(template: str, kind: type[ChatFormat]) -> bool:
    """Tell whether a template loses tools or instructions that its models were trained with.

    The known defects: the template of the base model, which knows of no tools; and one that drops its instructions
    when there is a system message.
    """
    ours = kind()
    tools = [Tool.from_schema({"name": "probe_tool", "description": "Probes."})] if ours.renders_tools else []
    words = [*(tool.name for tool in tools), *kind.signature]
    user = {"role": "user", "content": "What is it?"}
    messages = [{"role": "system", "content": "Answer in one word."}, user]
    try:
        ours.render(messages, tools)
    except InvalidRequest:  # a format without system messages
        messages = [user]
    try:
        rendered = kind(template, verbatim=True).render(messages, tools)
    except EdgeLamError as error:
        logger.debug("the checkpoint's own template is replaced: %s", reason(error))
        return True
    return not all(word in rendered for word in words)
