"""`resolve`: list the repository, choose the file, download it; from the cache where there is no network.

Everything that touches the network or the cache goes through huggingface_hub, whose errors become ours here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_lam.errors import HubError, ModelNotFound
from edge_lam.hub.choice import choose_file
from edge_lam.hub.reference import Reference

LIST_TIMEOUT = 10.0


def resolve(spec: str) -> Path:
    """Return the path of a model's GGUF, downloading it unless the cache has it.

    Args:
        spec: "owner/repo", "owner/repo:QUANT" or "owner/repo/file.gguf", each with an optional "@revision".
            Without a quantization Q4_K_M is taken, then Q8_0, then what else there is.

    Raises:
        ModelNotFound: no such repository, revision, file or quantization.
        UnsupportedModel: the model is split into several files.
        HubError: the hub can't be reached or refuses, and the cache does not have the model.
    """
    from huggingface_hub import HfApi

    reference = Reference.parse(spec)
    try:
        names = _remote_names(reference)
    except HubError as unreachable:
        cached = _cached_files(reference)
        if not cached:
            raise
        try:
            return cached[choose_file(reference, list(cached))]
        except ModelNotFound:
            raise unreachable from None
    name = choose_file(reference, names)
    with _translated(reference, doing=f"downloading {name}"):
        return Path(HfApi().hf_hub_download(reference.repo, name, revision=reference.revision))


def _remote_names(reference: Reference) -> list[str]:
    from huggingface_hub import HfApi

    with _translated(reference, doing=f"looking up {reference.repo}"):
        info = HfApi().model_info(reference.repo, revision=reference.revision, timeout=LIST_TIMEOUT)
    return [sibling.rfilename for sibling in info.siblings or []]


def _cached_files(reference: Reference) -> dict[str, Path]:
    """Return the files of a repository that are on disk, by their path in it."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return {}
    for repo in repos:
        if repo.repo_type == "model" and repo.repo_id.lower() == reference.repo.lower():
            for revision in repo.revisions:
                if reference.revision in (*revision.refs, revision.commit_hash):
                    root = revision.snapshot_path
                    return {file.file_path.relative_to(root).as_posix(): file.file_path for file in revision.files}
    return {}


@contextmanager
def _translated(reference: Reference, *, doing: str) -> Iterator[None]:
    """Turn errors of huggingface_hub and of the network below it into ours."""
    from huggingface_hub import constants, errors

    # Whatever HTTP library huggingface_hub uses, its own error derives from that library's.
    network: tuple[type[BaseException], ...] = (OSError, *errors.HfHubHTTPError.__bases__)
    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise ModelNotFound(f"{reference.repo} has no revision {reference.revision}", param="model") from error
    except errors.HFValidationError as error:
        raise ModelNotFound(f"{reference.repo} is no valid repository name", param="model") from error
    except errors.GatedRepoError as error:
        raise HubError(
            f"{reference.repo} is gated: its conditions must be accepted first",
            hint=f"accept them at {constants.ENDPOINT}/{reference.repo}, then set HF_TOKEN or run `hf auth login`",
            param="model",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotFound(
            f"{constants.ENDPOINT} has no model repository {reference.repo}",
            hint="check the spelling; for a private repository set HF_TOKEN or run `hf auth login`",
            param="model",
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise HubError(
            f"{reference} is not in the cache, and HF_HUB_OFFLINE forbids to download it",
            hint="unset HF_HUB_OFFLINE, or give the path of a GGUF file",
            param="model",
        ) from error
    except network as error:
        raise _network_error(error, doing) from error


def _network_error(error: BaseException, doing: str) -> HubError:
    from huggingface_hub import constants

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return HubError(
            f"the hub refused {doing} ({status})",
            hint="check HF_TOKEN: it may be invalid or lack the right to read this repository",
            param="model",
        )
    reason = f"status {status}" if status else str(error).strip().split("\n")[0] or type(error).__name__
    return HubError(
        f"{doing} from {constants.ENDPOINT} failed: {reason}",
        hint="check the connection, or give the path of a GGUF file",
        param="model",
    )
