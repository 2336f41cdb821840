"""What a repository holds: from the hub, or from the cache where the hub can't be reached."""

from __future__ import annotations

import codecs
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from edge_lam._util.debug import reason
from edge_lam._util.read_file import as_text, read_regular
from edge_lam.errors import HubError
from edge_lam.hub.failures import our_errors, with_retries
from edge_lam.hub.reference import Reference

logger = logging.getLogger("edge_lam.hub")

CARD = "README.md"
LIST_TIMEOUT = 10.0
_LONGEST_CARD = 1 << 20  # bytes: all of it is read

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository at one revision.

    Attributes:
        commit: the commit that the revision is.
        sizes: bytes by path in the repository; None where the hub does not say.
        checksums: of each file, SHA-256 of large ones and git's object id of others, as far as the hub says it.
        license: identifier such as "cc-by-nc-4.0", or "".
        cached: where the files lie, if this was read from the cache.
    """

    commit: str
    sizes: dict[str, int | None]
    checksums: dict[str, str] = field(default_factory=dict)
    license: str = ""
    cached: dict[str, Path] = field(default_factory=dict)


def remote_listing(reference: Reference) -> Listing:
    """Ask the hub.

    Raises:
        ModelNotFound: no such repository or revision.
        HubError: the hub can't be reached or refuses, or lists a path that would leave the folder.
    """
    from huggingface_hub import HfApi

    with our_errors(reference, doing=f"looking up {reference.repo}"):
        info = with_retries(
            lambda: HfApi().model_info(
                reference.repo, revision=reference.revision, timeout=LIST_TIMEOUT, files_metadata=True
            )
        )
    sizes = {}
    checksums = {}
    for sibling in info.siblings or []:
        if not _is_inside(sibling.rfilename):
            raise HubError(
                f"{reference.repo} lists a file whose path leaves its folder: {sibling.rfilename!r}",
                hint="don't use this repository",
                param="model",
            )
        sizes[sibling.rfilename] = sibling.size
        checksum = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        if checksum:
            checksums[sibling.rfilename] = checksum
    return Listing(info.sha or "", sizes, checksums, _license(info))


def cached_listing(reference: Reference) -> Listing | None:
    """Return what the cache has of a repository at a revision; None for nothing."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:  # nothing was downloaded yet
        return None
    for repo in repos:
        if repo.repo_type == "model" and repo.repo_id.lower() == reference.repo.lower():
            for revision in repo.revisions:
                if reference.revision in (*revision.refs, revision.commit_hash):
                    root = revision.snapshot_path
                    files = {file.file_path.relative_to(root).as_posix(): file.file_path for file in revision.files}
                    sizes = {name: path.stat().st_size for name, path in files.items()}
                    return (
                        Listing(revision.commit_hash, dict(sizes), {}, license_of_card(root), files) if files else None
                    )
    return None


def license_of_card(folder: Path) -> str:
    """Return what the metadata of a model card names as its licence, such as "cc-by-nc-4.0"; "" where it is silent."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        text = as_text(read_regular(folder / CARD, _LONGEST_CARD).removeprefix(codecs.BOM_UTF8))
        name = ModelCard(text, ignore_metadata_errors=True).data.get("license")
    except FileNotFoundError:  # a repository may have no card
        return ""
    except (OSError, ValueError, YAMLError) as error:
        logger.debug("no licence is read from %s: %s", folder / CARD, reason(error))
        return ""
    return name if isinstance(name, str) else ""


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not ("\\" in name or ":" in path.parts[0] or _CONTROL.search(name))
    )


def _license(info: Any) -> str:
    card = getattr(info, "card_data", None)
    name = card.get("license") if card is not None else None
    if isinstance(name, str):
        return name
    tags = [tag for tag in info.tags or [] if tag.startswith("license:")]
    return tags[0].partition(":")[2] if tags else ""
