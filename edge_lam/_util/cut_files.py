"""Files that tools which know nothing of GGUF cut in pieces, such as model.gguf.part1of2; llama.cpp can't load one."""

from __future__ import annotations

import re

# model.gguf.part1of2, model.gguf-split-a, model.gguf.001
_CUT = re.compile(r"\.gguf[.-](?:part[-_.]?\w+|split[-_.]?\w+|\d{2,4})$", re.IGNORECASE)
JOIN_HINT = "get all its pieces and join them in order, such as: cat model.gguf.part* > model.gguf"


def is_cut(name: str) -> bool:
    """Tell whether a file is a piece of a GGUF that has to be joined with others."""
    return _CUT.search(name) is not None
