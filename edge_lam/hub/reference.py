"""`Reference`: the name of a model on the hub, taken apart. Knows nothing of files or networks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_lam.errors import ModelNotFound

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REFERENCE = re.compile(
    rf"(?P<repo>{_NAME}/{_NAME})(?:/(?P<file>[^:@]+\.gguf))?(?::(?P<quant>[A-Za-z0-9_.-]+))?(?:@(?P<revision>[^@\s]+))?",
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
    def parse(cls, spec: str) -> Reference:
        """Read "owner/repo", "owner/repo:QUANT" or "owner/repo/file.gguf", each with an optional "@revision".

        Raises:
            ModelNotFound: the text is none of these.
        """
        match = _REFERENCE.fullmatch(spec.strip())
        if match is None or match["repo"].lower().endswith(".gguf") or (match["file"] and match["quant"]):
            raise ModelNotFound(
                f"there is no file {spec}, and it is no model on the hub",
                hint="give a GGUF file, owner/repo, owner/repo:QUANT or owner/repo/file.gguf",
                param="model",
            )
        return cls(match["repo"], match["file"] or "", match["quant"] or "", match["revision"] or "main")

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        quant = f":{self.quant}" if self.quant else ""
        revision = f"@{self.revision}" if self.revision != "main" else ""
        return f"{self.repo}{file}{quant}{revision}"
