"""For `make test-fast`: llama.cpp can't be imported, so that a test that needs it fails instead of waiting for a build."""

import sys

sys.modules["llama_cpp"] = None  # type: ignore[assignment]
