"""AgentLM (Llama-2-chat): a conversation in text; tools are not part of its training."""

from __future__ import annotations

import re

from edge_lam.formats.base import ChatFormat
from edge_lam.formats.syntax import ARRAY


class AgentLM(ChatFormat):
    """The format of AgentLM, with its fixed system prompt."""

    name = "agentlm"
    about = "AgentLM-7b/13b/70b"
    name_pattern = re.compile(r"agent[-_ ]?lm(?![a-z0-9])", re.IGNORECASE)
    names_decide = True
    end_of_turn = "</s>"
    syntax = ARRAY
    markers = ()
    frame = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")

    @property
    def renders_tools(self) -> bool:
        """False: nothing in its training defines tools."""
        return False
