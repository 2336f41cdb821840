"""`Reference`: the name or the address of a model on the hub, taken apart; an alias becomes its repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches

from edge_lam._util.cut_files import JOIN_HINT, is_cut
from edge_lam.errors import ModelNotFound
from edge_lam.hub.aliases import ALIASES, find_alias

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REFERENCE = re.compile(
    rf"(?P<repo>{_NAME}(?P<owned>/{_NAME})?)(?:/(?P<file>[^:@]+\.gguf))?"
    r"(?::(?P<quant>[A-Za-z0-9_.-]+))?(?:@(?P<revision>[^@\s]+))?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<rest>.*)", re.IGNORECASE)
_HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_NO_MODELS = ("datasets", "spaces", "collections", "papers", "docs", "blog", "organizations", "join", "search")
_VIEWS = ("blob", "resolve", "raw", "tree", "blame", "commit", "commits")  # what follows owner/repo in an address


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

        The address of a page or a file of the hub is read too, as a browser or another program gives it:
        "https://huggingface.co/owner/repo/blob/main/x.gguf", "hf.co/owner/repo:Q4_K_M", "hf://owner/repo".

        Args:
            spec: the text; an alias may stand for "owner/repo".
            checkpoint: whether an alias means the weights to convert, rather than the GGUFs to run.

        Raises:
            ModelNotFound: the text is none of these.
        """
        match = _REFERENCE.fullmatch(_name_of_address(spec.strip()))
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


def _name_of_address(spec: str) -> str:
    """Return the name that an address of the hub stands for, such as "owner/repo/x.gguf@main"; other text as it is.

    Raises:
        ModelNotFound: an address that is none of a model on the hub.
    """
    from urllib.parse import parse_qs, unquote

    address = _ADDRESS.fullmatch(spec)
    if address is None:
        return spec
    rest, _, query = address["rest"].partition("#")[0].partition("?")
    host, _, path = rest.partition("/")
    if (scheme := (address["scheme"] or "").lower()) == "hf":
        path = rest.removeprefix("models/")
    elif host.lower() not in _hub_hosts():
        if scheme:
            raise _elsewhere(spec, scheme)
        return spec
    owner, name, view, revision, *file = [*map(unquote, path.strip("/").split("/")), "", "", ""]
    if not name or owner in _NO_MODELS:
        raise _no_model(spec)
    if view not in _VIEWS:  # owner/repo, or owner/repo/folder/x.gguf
        revision, file = "", [view, revision, *file]
    within = "/".join(file).strip("/") or parse_qs(query).get("show_file_info", [""])[0]
    if within and not re.search(r"\.gguf(@[^@]*)?$", within, re.IGNORECASE):
        raise _no_model(spec)
    return f"{owner}/{name}" + (f"/{within}" if within else "") + (f"@{revision}" if revision else "")


def _hub_hosts() -> tuple[str, ...]:
    """Return the hosts whose addresses are those of the hub: its own, and the one that HF_ENDPOINT names."""
    endpoint = _ADDRESS.fullmatch(os.environ.get("HF_ENDPOINT", "").strip("/"))
    return (*_HUB_HOSTS, endpoint["rest"].lower()) if endpoint and endpoint["rest"] else _HUB_HOSTS


def _no_model(spec: str) -> ModelNotFound:
    return ModelNotFound(
        f"{spec} is not the address of a model or of a GGUF file",
        hint="that of a model ends in owner/repo, that of a file in owner/repo/blob/main/file.gguf",
        param="model",
    )


def _elsewhere(spec: str, scheme: str) -> ModelNotFound:
    if scheme == "file":
        return ModelNotFound(f"{spec} is a file on this disk, not a model on the hub", param="model")
    return ModelNotFound(
        f"{spec} is not on the hub",
        hint="download the file and give its path; a mirror of the hub is used with HF_ENDPOINT",
        param="model",
    )


def _unknown(spec: str) -> ModelNotFound:
    close = get_close_matches(spec.lower(), [alias.name for alias in ALIASES], n=1)
    if is_cut(spec):
        return ModelNotFound(f"{spec} is a piece of a GGUF", hint=JOIN_HINT, param="model")
    return ModelNotFound(
        f"there is no file {spec}, and it is no model on the hub",
        hint=f"did you mean {close[0]}?"
        if close
        else "give a GGUF file, owner/repo, owner/repo:QUANT, owner/repo/file.gguf, or a name of "
        "`edge-lam models --available`",
        param="model",
    )
