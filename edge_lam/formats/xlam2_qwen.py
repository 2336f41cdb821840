"""xLAM-2 on Qwen2.5 (xLAM-2-1b/3b/32b-fc-r, tiny-lam): ChatML."""

from __future__ import annotations

from edge_lam.formats.xlam2 import INSTRUCTION, XLam2


class XLam2Qwen(XLam2):
    """The format of xLAM-2 on Qwen2.5."""

    name = "xlam-2-qwen"
    about = "xLAM-2-1b/3b/32b-fc-r, tiny-lam"
    signature = (INSTRUCTION, "<|im_start|>")
    architectures = ("qwen2",)
    end_of_turn = "<|im_end|>"
    markers = ("<|im_start|>", "<|im_end|>")
