"""xLAM-2 on Llama 3.1 (Llama-xLAM-2-8b/70b-fc-r): Llama 3's frame, tool results under the role ipython."""

from __future__ import annotations

from edge_lam.formats.xlam2 import INSTRUCTION, XLam2


class XLam2Llama(XLam2):
    """The format of xLAM-2 on Llama 3.1."""

    name = "xlam-2-llama"
    about = "Llama-xLAM-2-8b/70b-fc-r"
    signature = (INSTRUCTION, "<|start_header_id|>")
    architectures = ("llama",)
    end_of_turn = "<|eot_id|>"
    markers = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
