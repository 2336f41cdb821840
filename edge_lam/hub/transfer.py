"""Brings one file into huggingface_hub's cache: resumed where it stopped, checked before it gets its name.

`hf_hub_download` does neither: as of 2.4 it starts a file from its beginning in every process, and compares its size
alone. Here a partial file stays beside the blobs, as `<etag>.incomplete`, and the next run asks for the rest of it. If
locks are not kept somewhere, as on some network disks, the checksum tells.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.errors import HubError
from edge_lam.hub.failures import with_retries
from edge_lam.hub.reference import Reference

if TYPE_CHECKING:
    from filelock import BaseFileLock

_CHUNK = 1 << 20
_ETAG = re.compile(r"[\w-]{8,128}")  # it becomes the name of a file

Arrived = Callable[[int], None]


def transfer(reference: Reference, name: str, *, checksum: str = "", on_arrived: Arrived | None = None) -> None:
    """Make sure that the cache has the content of one file of a repository.

    Args:
        reference: the repository and the revision.
        name: path of the file in it.
        checksum: what the listing says of the file, or "".
        on_arrived: given how many bytes of the file are on disk, whenever it grows; not what was there before.

    Raises:
        HubError: the content is not what the hub says it is; nothing of it is kept.
        OSError, HTTP errors of huggingface_hub: the transfer failed; what has arrived is kept.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    url = hf_hub_url(reference.repo, name, revision=reference.revision)
    metadata = with_retries(lambda: get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT))
    etag = metadata.etag or ""
    if not _ETAG.fullmatch(etag):
        raise HubError(f"the hub gives no usable checksum of {name} in {reference.repo}", param="model")
    if checksum and len(etag) == len(checksum) and etag.lower() != checksum.lower():
        raise HubError(f"{name} of {reference.repo} is not the file that was listed", hint="try again", param="model")
    there = try_to_load_from_cache(reference.repo, name, revision=metadata.commit_hash)
    if isinstance(there, str):  # perhaps in a cache that may only be read, or one without links
        return
    blob = _blobs(reference) / etag
    repo = blob.parent.parent
    lock = repo.parent / ".locks" / repo.name / f"{etag}.lock"  # huggingface_hub's own, so that other tools wait too
    for path in (blob, lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(lock):
        partial = blob.with_name(f"{etag}.incomplete")
        if on_arrived is not None:
            on_arrived(next((path.stat().st_size for path in (blob, partial) if path.exists()), 0))
        if not blob.exists():
            _receive(url, name, partial, metadata.size, on_arrived)
            _check(partial, etag, name)
            partial.replace(blob)


def partial_size(reference: Reference, checksums: Collection[str]) -> int:
    """Return how many bytes of the files with these checksums have arrived in earlier runs."""
    partials = [_blobs(reference) / f"{checksum}.incomplete" for checksum in checksums]
    return sum(path.stat().st_size for path in partials if path.is_file())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock among processes and threads, however long others hold it before."""
    from filelock import FileLock, SoftFileLock

    lock: BaseFileLock = FileLock(path, mode=0o664)  # for all who share the cache
    try:
        lock.acquire()
    except NotImplementedError:  # some network file systems have no locks: there, it is the file that counts
        lock = SoftFileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _blobs(reference: Reference) -> Path:
    """Return the folder of the cache that holds the content of a repository's files.

    Its layout is documented: huggingface.co/docs/huggingface_hub/guides/manage-cache.
    """
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{reference.repo.replace('/', '--')}" / "blobs"


def _receive(url: str, name: str, partial: Path, size: int | None, on_arrived: Arrived | None) -> None:
    """Ask for what a partial file lacks, and add it."""
    from huggingface_hub import constants, get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers, tqdm

    def attempt() -> None:
        with partial.open("ab") as file:
            if size is not None and file.tell() > size:
                file.truncate(0)
            start = file.seek(0, os.SEEK_END)
            # A compressed answer could not be resumed: its ranges are not the file's.
            headers = build_hf_headers() | {"Accept-Encoding": "identity"}
            headers |= {"Range": f"bytes={start}-"} if start else {}
            timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
            if start != size:
                with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
                    hf_raise_for_status(response)
                    if start and response.status_code != HTTPStatus.PARTIAL_CONTENT:  # all of it all the same
                        file.seek(0)
                        file.truncate()
                    for piece in response.iter_bytes():  # as it comes; pieces of one size would make slow links wait
                        file.write(piece)
                        advance(file.tell())
            file.flush()
            os.fsync(file.fileno())
            if size is not None and file.tell() != size:
                raise OSError(f"{file.tell()} of {size} bytes arrived")

    bar: Any = tqdm
    with bar(total=size, desc=name, unit="B", unit_scale=True, disable=on_arrived is not None or None) as shown:
        advance = on_arrived or (lambda n_bytes: shown.update(n_bytes - shown.n))
        with_retries(attempt, grows=partial)


def _check(partial: Path, etag: str, name: str) -> None:
    """Compare a file with the checksum that the hub gives: SHA-256 of large files, git's object id of small ones."""
    if len(etag) == 64:
        digest, kind = hashlib.sha256(), "SHA-256"
    elif len(etag) == 40:
        header = f"blob {partial.stat().st_size}\0".encode()
        digest, kind = hashlib.sha1(header, usedforsecurity=False), "git's object id"
    else:
        return  # a hub that gives no checksum; the size was compared
    with partial.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != etag.lower():
        partial.unlink()
        raise HubError(
            f"{name} arrived damaged: its {kind} is {digest.hexdigest()[:12]}..., the hub says {etag[:12]}...",
            hint="it was removed; try again",
            param="model",
        )
