"""`pull`, `resolve` and `fetch_checkpoint`: list, choose, download; from the cache where there is no hub.

Files lie in huggingface_hub's cache, shared with every other tool that uses it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edge_lam._util.sizes import size
from edge_lam.errors import EdgeLamError, HubError, ModelNotFound
from edge_lam.hub.choice import choose_checkpoint, choose_gguf, group_ggufs, quant_of
from edge_lam.hub.failures import DOWNLOADING, no_space, our_errors
from edge_lam.hub.listing import CARD, Listing, cached_listing, remote_listing
from edge_lam.hub.reference import Reference
from edge_lam.hub.transfer import partial_size, transfer

logger = logging.getLogger("edge_lam.hub")

Progress = Callable[[int, "int | None", str], None]


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model that is on this disk now.

    Attributes:
        path: the GGUF (of a split one its first part), or the folder of the checkpoint.
        repo: "owner/name".
        commit: which commit of it.
        quant: quantization of a GGUF as its name says it; "" of a checkpoint.
        license: as the hub states it, or "".
        files: where each of its files lies.
        size: bytes of all of them.
        is_checkpoint: whether it is to be converted rather than run.
    """

    path: Path
    repo: str
    commit: str
    quant: str
    license: str
    files: tuple[Path, ...]
    size: int
    is_checkpoint: bool


def pull(
    spec: str, *, checkpoint: bool | None = None, revision: str | None = None, on_progress: Progress | None = None
) -> PulledModel:
    """Download a model unless the cache has it: a GGUF, or a checkpoint.

    Args:
        spec: an alias or "owner/repo", either with ":QUANT"; or "owner/repo/file.gguf"; with an optional "@revision".
            Without a quantization Q4_K_M is taken, then Q8_0, then what else there is.
        checkpoint: whether the weights to convert are meant; None takes a GGUF where the repository has one.
        revision: branch, tag or commit, instead of "@revision".
        on_progress: given bytes done, bytes in all (None if the hub doesn't say) and the file, while one arrives;
            without it huggingface_hub's own bar is shown.

    Raises:
        ModelNotFound: no such repository, revision, file or quantization.
        HubError: the hub can't be reached or refuses, and the cache does not have the model; the disk is full; or
            what arrived is not what the hub says it is.
    """
    reference = Reference.parse(spec, checkpoint=bool(checkpoint))
    if revision:
        reference = replace(reference, revision=revision)
    listing, names, is_checkpoint = _find(reference, checkpoint)
    # A GGUF need not state its licence; the card does, and is kept beside it.
    card = [CARD] if CARD in listing.sizes and not is_checkpoint else []
    if listing.cached:
        paths = [listing.cached[name] for name in names]
    else:
        paths = _fetch(reference, listing, names + card, on_progress)[: len(names)]
    return PulledModel(
        path=_root(names[0], paths[0]) if is_checkpoint else paths[0],
        repo=reference.repo,
        commit=listing.commit,
        quant="" if is_checkpoint else quant_of(names[0]),
        license=listing.license,
        files=tuple(paths),
        size=sum(path.stat().st_size for path in paths),
        is_checkpoint=is_checkpoint,
    )


def resolve(spec: str, *, on_progress: Progress | None = None) -> Path:
    """Return the path of a model's GGUF, downloading it unless the cache has it; arguments and errors as of `pull`."""
    return pull(spec, checkpoint=False, on_progress=on_progress).path


def fetch_checkpoint(spec: str, *, on_progress: Progress | None = None) -> Path:
    """Return the folder of a checkpoint or an adapter, downloading what the cache lacks of it.

    Args:
        spec: an alias or "owner/repo", with an optional "@revision".
        on_progress: as of `pull`.

    Returns:
        The snapshot in huggingface_hub's cache, whose own name is the commit.

    Raises:
        ModelNotFound, HubError: as of `pull`.
    """
    return pull(spec, checkpoint=True, on_progress=on_progress).path


def _find(reference: Reference, checkpoint: bool | None) -> tuple[Listing, list[str], bool]:
    """List a repository and choose the files that are meant: listing, names, whether they are a checkpoint."""
    try:
        listing = remote_listing(reference)
    except HubError as unreachable:
        logger.debug("the cache is asked for %s: %s", reference, unreachable)
        cached = cached_listing(reference)
        if cached is None:
            raise
        try:
            return cached, *_choose(reference, cached, checkpoint)
        except ModelNotFound:
            raise unreachable from None
    return listing, *_choose(reference, listing, checkpoint)


def _choose(reference: Reference, listing: Listing, checkpoint: bool | None) -> tuple[list[str], bool]:
    names = list(listing.sizes)
    if checkpoint is None:
        names_a_gguf = bool(reference.quant or reference.file)
        checkpoint = not names_a_gguf and not group_ggufs(names) and _has_checkpoint(reference, names)
    return (choose_checkpoint if checkpoint else choose_gguf)(reference, names), checkpoint


def _has_checkpoint(reference: Reference, names: list[str]) -> bool:
    try:
        return bool(choose_checkpoint(reference, names))
    except ModelNotFound:  # the question here; whoever needs a checkpoint gets the error
        return False


def _fetch(reference: Reference, listing: Listing, names: list[str], on_progress: Progress | None) -> list[Path]:
    from huggingface_hub import HfApi

    _check_space(reference, listing, names)
    known = [listing.sizes[name] for name in names]
    total = None if None in known else sum(n_bytes or 0 for n_bytes in known)
    done = 0
    paths: list[Path] = []
    for name in names:

        def advance(n_bytes: int, before: int = done, name: str = name) -> None:
            if on_progress is not None:
                on_progress(before + n_bytes, total, name)

        with our_errors(reference, doing=f"{DOWNLOADING} {name}"):
            checksum = listing.checksums.get(name, "")
            try:
                transfer(reference, name, checksum=checksum, on_arrived=advance if on_progress else None)
                path = Path(HfApi().hf_hub_download(reference.repo, name, revision=reference.revision))
            except KeyboardInterrupt:
                if arrived := partial_size(reference, {checksum}):
                    logger.warning("%s of %s are kept: the next try goes on from there", size(arrived), name)
                raise
            except ValueError as error:  # from huggingface_hub, of a file that it won't load over plain HTTP
                if isinstance(error, EdgeLamError):
                    raise
                raise HubError(f"{name} of {reference.repo} can't be downloaded: {error}", param="model") from error
        if paths and _root(name, path) != _root(names[0], paths[0]):
            raise HubError(f"{reference.repo} changed while it was downloaded", hint="try again", param="model")
        paths.append(path)
        done += path.stat().st_size
    return paths


def _check_space(reference: Reference, listing: Listing, names: list[str]) -> None:
    """Refuse what does not fit, before its first byte."""
    from huggingface_hub import constants

    cached = cached_listing(reference)
    have = cached.sizes if cached and cached.commit == listing.commit else {}
    missing = [name for name in names if name not in have]
    arrived = partial_size(reference, {listing.checksums.get(name, "") for name in missing})
    needed = sum(listing.sizes[name] or 0 for name in missing) - arrived
    folder = Path(constants.HF_HUB_CACHE).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise no_space(f"{reference.repo}: {needed / 1e9:.2f} GB more are needed, {free / 1e9:.2f} GB are free", folder)


def _root(name: str, path: Path) -> Path:
    """Return the folder of the snapshot in which a file of the repository lies."""
    return path.parents[len(PurePosixPath(name).parts) - 1]
