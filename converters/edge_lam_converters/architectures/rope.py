"""How positions are rotated into queries and keys: theta, and how it was stretched to a longer context.

The rope settings of config.json go in, old style or new; metadata and, for Llama 3's way, one tensor of factors come
out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_lam.errors import CheckpointError
from edge_lam_converters import config as values
from edge_lam_converters.dtypes import Array

if TYPE_CHECKING:
    from gguf import GGUFWriter

_PLAIN = ("default", None)


@dataclass(frozen=True)
class Rope:
    """Rope settings.

    Attributes:
        theta: base of the rotation frequencies.
        kind: "default", "linear", "yarn" or "llama3".
        settings: the object of config.json that says how the context was stretched.
    """

    theta: float
    kind: str | None = "default"
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, config: dict[str, Any], kinds: tuple[str, ...], default_theta: float) -> Rope:
        """Read the settings.

        Args:
            config: config.json.
            kinds: ways of stretching that llama.cpp computes for the architecture.
            default_theta: what Transformers takes when theta is not given.

        Raises:
            CheckpointError: a way that is not among `kinds`, or values that make no sense.
        """
        # Transformers 5 keeps everything in rope_parameters; before, theta stood beside an optional rope_scaling.
        settings = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if not isinstance(settings, dict):
            raise CheckpointError("config.json: rope_parameters is no object")
        kind = settings.get("rope_type", settings.get("type", "default"))
        if kind not in kinds and kind not in _PLAIN:
            raise CheckpointError(
                f"config.json: rope scaling {str(kind)[:60]!r} is not supported, only {' and '.join(kinds)}"
            )
        theta = values.number(config, "rope_theta", default=default_theta)
        rope = cls(values.number(settings, "rope_theta", default=theta), kind, settings)
        if kind not in _PLAIN:
            values.number(settings, "factor")
        if kind == "yarn":
            values.count(settings, "original_max_position_embeddings")
        return rope

    def write(self, writer: GGUFWriter) -> None:
        """Write theta and the scaling; Llama 3's way has no key, only a tensor."""
        from gguf import RopeScalingType

        if self.kind in ("linear", "yarn"):
            writer.add_rope_scaling_type(RopeScalingType(self.kind))
            writer.add_rope_scaling_factor(values.number(self.settings, "factor"))
        if self.kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(values.count(self.settings, "original_max_position_embeddings"))
            for key, add in (
                ("extrapolation_factor", writer.add_rope_scaling_yarn_ext_factor),
                ("attention_factor", writer.add_rope_scaling_yarn_attn_factor),
                ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
                ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
            ):
                if self.settings.get(key) is not None:
                    add(values.number(self.settings, key))
        writer.add_rope_freq_base(self.theta)

    def factors(self, head_dim: int) -> Array | None:
        """Return by what Llama 3's way divides each frequency, shape (head_dim / 2,), float32; None for other ways.

        High frequencies stay, low ones are divided by `factor`, those between by something between (Llama 3.1's model
        card). Every step is rounded as PyTorch rounds it, so that the values are the reference converter's.

        Raises:
            CheckpointError: settings that make no sense.
        """
        if self.kind != "llama3":
            return None
        factor = values.number(self.settings, "factor", default=8.0)
        low = values.number(self.settings, "low_freq_factor", default=1.0)
        high = values.number(self.settings, "high_freq_factor", default=4.0)
        n_ctx = values.count(self.settings, "original_max_position_embeddings", default=8192)
        if not low < high:
            raise CheckpointError(f"config.json: low_freq_factor {low:g} is not below high_freq_factor {high:g}")
        one = np.float32(1)
        exponents = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
        frequencies = one / (self.theta ** exponents.astype(np.float64)).astype(np.float32)
        wavelengths = one / frequencies * np.float32(2 * math.pi)
        smooth = (one / wavelengths * np.float32(n_ctx) - np.float32(low)) / np.float32(high - low)
        between = one / ((one - smooth) / np.float32(factor) + smooth)
        is_low, is_high = wavelengths > np.float32(n_ctx / low), wavelengths < np.float32(n_ctx / high)
        factors: Array = np.where(is_high, one, np.where(is_low, np.float32(factor), between))
        if not np.isfinite(factors).all():
            raise CheckpointError("config.json: the rope settings give no finite factors")
        return factors
