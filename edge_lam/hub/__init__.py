"""The hub: from `owner/repo:QUANT` or an alias to a GGUF file or a checkpoint folder on this disk.

In comes the name of a model on a Hugging Face hub, out goes the path of a downloaded and verified file. Endpoint,
token, cache and offline mode are huggingface_hub's own (HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE). Also lists and
removes what is there.
"""

from __future__ import annotations

from edge_lam.hub.aliases import ALIASES, Alias, license_of
from edge_lam.hub.download import PulledModel, fetch_checkpoint, pull, resolve
from edge_lam.hub.reference import Reference, is_alias
from edge_lam.hub.store import StoredModel, find_stored, models_folder, remove, stored_models

__all__ = [
    "ALIASES",
    "Alias",
    "PulledModel",
    "Reference",
    "StoredModel",
    "fetch_checkpoint",
    "find_stored",
    "is_alias",
    "license_of",
    "models_folder",
    "pull",
    "remove",
    "resolve",
    "stored_models",
]
