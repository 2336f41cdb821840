"""Which format a model speaks, from the metadata of its GGUF. Knows nothing of the file itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edge_lam.errors import UnsupportedModel
from edge_lam.formats.base import ChatFormat
from edge_lam.formats.xlam2_qwen import XLam2Qwen

FORMATS: dict[str, type[ChatFormat]] = {XLam2Qwen.name: XLam2Qwen}

# What every revision of the xLAM-2 template says, and the frame of its Qwen line.
XLAM_2 = "When using tools, make calls in a single JSON array"
CHATML = "<|im_start|>"
XLAM_2_NAME = re.compile(r"xlam[-_ ]?2|tiny[-_ ]?lam", re.IGNORECASE)


def detect(metadata: Mapping[str, Any], *, verbatim: bool = False, nested_tools: bool = False) -> ChatFormat:
    """Return the format of a model.

    Its chat template decides; where it carries none, its name and architecture do.

    Args:
        metadata: a GGUF's key-value pairs.
        verbatim: render the template that the model carries, with its known defects, instead of the repaired one.
        nested_tools: render definitions in OpenAI's nested form.

    Raises:
        UnsupportedModel: no known format; the hint lists those there are.
    """
    carried = metadata.get("tokenizer.chat_template")
    architecture = metadata.get("general.architecture", "")
    names = " ".join(str(metadata.get(f"general.{key}", "")) for key in ("name", "basename"))
    if isinstance(carried, str) and carried:
        known = XLAM_2 in carried and CHATML in carried
    else:
        known = bool(XLAM_2_NAME.search(names)) and architecture == "qwen2"
    if not known:
        raise UnsupportedModel(
            f"no chat format for this model (architecture {architecture or 'unknown'}, name {names.strip() or 'none'})",
            hint=f"known formats: {', '.join(FORMATS)}",
        )
    return XLam2Qwen(carried if verbatim else None, nested_tools=nested_tools)
