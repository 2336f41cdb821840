"""Errors of huggingface_hub, of the network and of the disk, turned into ours: one line each, with what to do."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from edge_lam._util.debug import reason
from edge_lam.errors import EdgeLamError, HubError, ModelNotFound
from edge_lam.hub.reference import Reference

logger = logging.getLogger("edge_lam.hub")

RETRY_DELAYS = (0.5, 2.0, 5.0)  # seconds before another try, after an answer of a hub in trouble

DOWNLOADING = "downloading"  # how the deeds begin that can go on where they stopped
_KEPT = " and try again (what has arrived is kept)"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)

T = TypeVar("T")


def network_errors() -> tuple[type[BaseException], ...]:
    """Return what a request can fail with, whatever HTTP library huggingface_hub uses."""
    from huggingface_hub import errors

    return (OSError, *errors.HfHubHTTPError.__bases__)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of an answer that was refused, or None."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def no_space(doing: str, folder: object, *, hint: str = "") -> HubError:
    """Return the error of a full disk."""
    return HubError(
        f"no space left in {folder} for {doing}",
        hint=hint or "make room (`edge-lam models` shows what takes it), or set HF_HOME to a folder on a larger disk",
    )


def with_retries(action: Callable[[], T], *, grows: Path | None = None) -> T:
    """Do something, again after an answer of a hub in trouble (5xx, 429).

    What makes a file grow is done again after a break, too: at once if it grew, else as after trouble. tenacity would
    take three callbacks with a state of their own for that: its attempts don't know whether the last one got on.
    """
    tries = 0
    while True:
        before = _size(grows)
        try:
            return action()
        except network_errors() as error:
            status = status_of(error)
            broken = grows is not None and status is None and not getattr(error, "errno", None)
            if broken and _size(grows) > before:
                logger.debug("going on after a break: %s", reason(error))
                continue
            in_trouble = broken or (status is not None and (status in (408, 429) or status >= 500))
            if not in_trouble or tries == len(RETRY_DELAYS):
                raise
            logger.debug("once more in %g s: %s", RETRY_DELAYS[tries], reason(error))
            time.sleep(RETRY_DELAYS[tries])
            tries += 1


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.exists() else 0


@contextmanager
def our_errors(reference: Reference, *, doing: str) -> Iterator[None]:
    """Raise ours instead of theirs.

    Raises:
        ModelNotFound: no such repository, revision or file.
        HubError: anything else.
    """
    from huggingface_hub import errors

    try:
        yield
    except EdgeLamError:
        raise
    except errors.HFValidationError as error:
        raise ModelNotFound(f"{reference.repo} is no valid repository name", param="model") from error
    except errors.OfflineModeIsEnabled as error:
        raise HubError(
            f"{reference} is not in the cache, and HF_HUB_OFFLINE forbids to download it",
            hint="unset HF_HUB_OFFLINE, or give the path of a GGUF file",
            param="model",
        ) from error
    except network_errors() as error:
        raise _refused(error, reference) or _failed(error, doing) from error


def _refused(error: BaseException, reference: Reference) -> EdgeLamError | None:
    """Return the error of a hub that answered and said no; None for others."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.RevisionNotFoundError):
        hint = "give a branch, a tag or a commit of it; without one, main is taken"
        return ModelNotFound(f"{reference.repo} has no revision {reference.revision}", hint=hint, param="model")
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{reference.repo} is gated: its conditions must be accepted first",
            hint=f"accept them at {constants.ENDPOINT}/{reference.repo}, then set HF_TOKEN or run `hf auth login`",
            param="model",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelNotFound(
            f"{constants.ENDPOINT} has no model repository {reference.repo}",
            hint="check the spelling; for a private repository set HF_TOKEN or run `hf auth login`",
            param="model",
        )
    return None


def _failed(error: BaseException, doing: str) -> HubError:
    from huggingface_hub import constants

    status = status_of(error)
    if status in (401, 403):
        return HubError(
            f"the hub refused {doing} ({status})",
            hint="check HF_TOKEN: it may be invalid or lack the right to read this repository",
            param="model",
        )
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return no_space(doing, constants.HF_HUB_CACHE)
    if isinstance(error, OSError) and error.errno in _NO_ACCESS and error.filename:
        return HubError(
            f"{error.filename} can't be written: {error.strerror}",
            hint="models are kept in huggingface_hub's cache; set HF_HOME to a folder that is yours",
        )
    reason = f"status {status}" if status else str(error).strip().split("\n")[0] or type(error).__name__
    return HubError(
        f"{doing} from {constants.ENDPOINT} failed: {reason}",
        hint=f"check the connection{_KEPT if doing.startswith(DOWNLOADING) else ''}, or give the path of a GGUF file",
        param="model",
    )
