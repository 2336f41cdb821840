"""Which of the CPU's matrix instructions PyTorch may use; imported before torch, which reads its settings once."""

from __future__ import annotations

import os
import subprocess
import sys

SETTING = "ONEDNN_MAX_CPU_ISA"  # of oneDNN, which multiplies PyTorch's matrices
_PRODUCT = """
import torch
a, b = torch.randn(512, 256), torch.randn(256, 256)
torch.testing.assert_close((a.bfloat16() @ b.bfloat16()).float(), a @ b, rtol=0.05, atol=1.0)
"""


def max_isa() -> str:
    """What the environment sets, or "DEFAULT"; without AMX tiles where a bfloat16 product with them dies or comes out wrong.

    Some virtual machines advertise AMX and cannot run it: a child process tries.
    """
    if SETTING in os.environ:
        return os.environ[SETTING]
    tried = subprocess.run([sys.executable, "-c", _PRODUCT], check=False)  # noqa: S603 - this Python, our text
    return "AVX512_CORE_BF16" if tried.returncode else "DEFAULT"
