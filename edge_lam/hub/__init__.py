"""The hub: from `owner/repo:QUANT` to a GGUF file, from `owner/repo` to a checkpoint folder on this disk.

In comes the name of a model on a Hugging Face hub, out goes the path of a downloaded file. Endpoint, token, cache and
offline mode are huggingface_hub's own (HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE). Knows nothing of what is
inside the file.
"""

from __future__ import annotations

from edge_lam.hub.download import fetch_checkpoint, resolve
from edge_lam.hub.reference import Reference

__all__ = ["Reference", "fetch_checkpoint", "resolve"]
