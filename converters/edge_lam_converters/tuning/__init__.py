"""Tuning: a LoRA adapter for a base, learnt from conversations with the replies that they should get, and measured.

Conversations go in (`data.py`), become rows of tokens of which only replies are learnt (`rows.py`), and are learnt with
transformers and peft (`base.py`, `trainer.py`); an adapter and a page with what it did come out (`tune.py`,
`report.py`). The prompt is the format's own, rendered by the runtime and cut into tokens by llama.cpp: what is learnt
is what is asked later, token for token.
"""

from __future__ import annotations

from edge_lam_converters.tuning.report import TuneReport
from edge_lam_converters.tuning.tune import TuneOptions, tune

__all__ = ["TuneOptions", "TuneReport", "tune"]
