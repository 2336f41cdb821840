"""`Reference`: the name of a model on the hub, taken apart; an alias becomes its repository.

Knows nothing of files or networks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from edge_lam.errors import ModelNotFound
from edge_lam.hub.aliases import ALIASES, find_alias

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REFERENCE = re.compile(
    rf"(?P<repo>{_NAME}(?P<owned>/{_NAME})?)(?:/(?P<file>[^:@]+\.gguf))?"
    r"(?::(?P<quant>[A-Za-z0-9_.-]+))?(?:@(?P<revision>[^@\s]+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A model on the hub.

    Attributes:
        repo: "owner/name".
        file: path of a GGUF in the repository, or "".
        quant: quantization such as "Q4_K_M", or "" for the best choice; any case.
        revision: branch, tag or commit.
    """

    repo: str
    file: str = ""
    quant: str = ""
    revision: str = "main"

    @classmethod
    def parse(cls, spec: str, *, checkpoint: bool = False) -> Reference:
        """Read "owner/repo", "owner/repo:QUANT", "owner/repo/file.gguf" or an alias, each with an optional "@revision".

        Args:
            spec: the text; an alias may stand for "owner/repo".
            checkpoint: whether an alias means the weights to convert, rather than the GGUFs to run.

        Raises:
            ModelNotFound: the text is none of these.
        """
        match = _REFERENCE.fullmatch(spec.strip())
        if match is None or match["repo"].lower().endswith(".gguf") or (match["file"] and match["quant"]):
            raise _unknown(spec)
        repo = match["repo"]
        if not match["owned"]:
            alias = find_alias(repo)
            if alias is None:
                raise _unknown(spec)
            named_gguf = repo.lower().endswith("-gguf")
            repo = alias.gguf if alias.gguf and (named_gguf or not checkpoint) else alias.checkpoint
        return cls(repo, match["file"] or "", match["quant"] or "", match["revision"] or "main")

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        quant = f":{self.quant}" if self.quant else ""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        return f"{self.repo}{file}{quant}{revision}"


def is_alias(spec: str) -> bool:
    """Whether a text is an alias, with or without a quantization and a revision."""
    match = _REFERENCE.fullmatch(spec.strip())
    return match is not None and not match["owned"] and find_alias(match["repo"]) is not None


def _unknown(spec: str) -> ModelNotFound:
    close = get_close_matches(spec.lower(), [alias.name for alias in ALIASES], n=1)
    return ModelNotFound(
        f"there is no file {spec}, and it is no model on the hub",
        hint=f"did you mean {close[0]}?"
        if close
        else "give a GGUF file, owner/repo, owner/repo:QUANT, owner/repo/file.gguf, or a name of "
        "`edge-lam models --available`",
        param="model",
    )
