"""Chat formats: template, output grammar and parser of each xLAM generation, held together in one object.

Messages and tools go in, a prompt and a grammar come out; the model's text goes in, text and calls come out.
"""

from __future__ import annotations

from edge_lam.formats.base import FORMATS, ChatFormat, Segment
from edge_lam.formats.detect import detect
from edge_lam.formats.events import ParsedReply
from edge_lam.formats.messages import normalize_messages
from edge_lam.formats.template import read_template
from edge_lam.formats.xlam2_qwen import XLam2Qwen

__all__ = [
    "FORMATS",
    "ChatFormat",
    "ParsedReply",
    "Segment",
    "XLam2Qwen",
    "detect",
    "normalize_messages",
    "read_template",
]
