"""How good a quantized model is, and how to make it better: calibration before, comparison after.

In go models and the conversations of a calls.jsonl; out come an importance matrix, or what one model does differently
from another.
"""

from __future__ import annotations

from edge_lam_converters.quality.calibration import calibrate
from edge_lam_converters.quality.comparison import Limits, ModelComparison, compare

__all__ = ["Limits", "ModelComparison", "calibrate", "compare"]
