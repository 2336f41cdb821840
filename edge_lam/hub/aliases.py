"""Short names of the official xLAM models. In comes "xlam-2-1b", out go its repositories; knows no network."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """A short name.

    Attributes:
        name: what to type, such as "xlam-2-1b"; the repository's own name works too, in any case.
        checkpoint: repository of the weights, to convert.
        gguf: repository of official GGUFs, to run; "" where there is none.
    """

    name: str
    checkpoint: str
    gguf: str = ""


def _official(name: str, repo: str, *, gguf: bool = False) -> Alias:
    return Alias(name, f"Salesforce/{repo}", f"Salesforce/{repo}-gguf" if gguf else "")


ALIASES = (
    _official("xlam-2-1b", "xLAM-2-1b-fc-r", gguf=True),
    _official("xlam-2-3b", "xLAM-2-3b-fc-r", gguf=True),
    _official("xlam-2-8b", "Llama-xLAM-2-8b-fc-r", gguf=True),
    _official("xlam-2-32b", "xLAM-2-32b-fc-r"),
    _official("xlam-2-70b", "Llama-xLAM-2-70b-fc-r"),
    _official("xlam-1b-fc", "xLAM-1b-fc-r", gguf=True),
    _official("xlam-7b-fc", "xLAM-7b-fc-r", gguf=True),
    _official("xlam-7b", "xLAM-7b-r"),
    _official("xlam-8x7b", "xLAM-8x7b-r"),
    _official("xlam-8x22b", "xLAM-8x22b-r"),
    _official("xlam-v0.1", "xLAM-v0.1-r"),
)


LICENSE = "cc-by-nc-4.0"  # of all these weights


def license_of(names: str) -> str:
    """Return the licence of an official xLAM model that is named in a text, such as "XLAM 2 1b Fc R"; else ""."""
    dashed = f"-{_dashed(names)}-"
    repos = (alias.checkpoint.rpartition("/")[2] for alias in ALIASES)
    return LICENSE if any(f"-{_dashed(repo)}-" in dashed for repo in repos) else ""


def _dashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def find_alias(name: str) -> Alias | None:
    """Return the alias of this name, or of the repository of this name without its owner; any case."""
    name = name.lower()
    for alias in ALIASES:
        repos = (repo.rpartition("/")[2].lower() for repo in (alias.checkpoint, alias.gguf) if repo)
        if name in (alias.name, *repos):
            return alias
    return None
