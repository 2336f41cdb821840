"""xLAM 1.0 general (xLAM-7b-r, 8x7b-r, 8x22b-r) and xLAM-v0.1-r: Mistral's frame, earlier turns as history steps."""

from __future__ import annotations

import re

from edge_lam.formats.syntax import THOUGHT_AND_TOOL_CALLS
from edge_lam.formats.xlam1 import BLOCKS, HISTORY, XLam1, brackets


class XLam1General(XLam1):
    """The format of xLAM 1.0 general: a thought, which is the text for the user, and a list of calls."""

    name = "xlam-1-general"
    about = "xLAM-7b-r, xLAM-8x7b-r, xLAM-8x22b-r, xLAM-v0.1-r"
    name_pattern = re.compile(r"xlam[-_ ](7b|8x7b|8x22b|v0\.1)[-_ ]r(?![a-z0-9])", re.IGNORECASE)
    names_decide = True
    end_of_turn = "</s>"
    syntax = THOUGHT_AND_TOOL_CALLS
    markers = ()
    frame = ("[INST]", "[/INST]", *brackets(*BLOCKS, HISTORY))
