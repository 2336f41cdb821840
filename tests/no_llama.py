"""For `make test-fast`: a test that needs llama.cpp fails there, instead of waiting for a build."""

from __future__ import annotations

import sys

sys.modules["llama_cpp"] = None  # type: ignore[assignment]
