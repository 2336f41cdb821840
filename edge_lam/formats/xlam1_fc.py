"""xLAM 1.0 for function calling (xLAM-1b-fc-r, xLAM-7b-fc-r): one question, one list of calls."""

from __future__ import annotations

import re

from edge_lam.formats.syntax import TOOL_CALLS
from edge_lam.formats.xlam1 import BLOCKS, XLam1, brackets


class XLam1FC(XLam1):
    """The format of xLAM 1.0 for function calling.

    These models were trained on one user message and nothing else: its template refuses system messages and histories.
    """

    name = "xlam-1-fc"
    about = "xLAM-1b-fc-r, xLAM-7b-fc-r"
    signature = ("You are an AI assistant for function calling.For politically sensitive",)
    name_pattern = re.compile(r"xlam[-_ ](1|7)b[-_ ]fc(?![a-z0-9])", re.IGNORECASE)
    names_decide = True
    end_of_turn = "<|EOT|>"
    syntax = TOOL_CALLS
    markers = ()
    reads_results = False
    frame = ("### Instruction:", "### Response:", *brackets(*BLOCKS))
