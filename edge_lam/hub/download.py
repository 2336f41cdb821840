"""`resolve` and `fetch_checkpoint`: list the repository, choose, download; from the cache where there is no network.

Everything that touches the network or the cache goes through huggingface_hub, whose errors become ours here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edge_lam.errors import HubError, ModelNotFound
from edge_lam.hub.choice import choose_file
from edge_lam.hub.reference import Reference

LIST_TIMEOUT = 10.0

# What a checkpoint or an adapter is made of, beside its weights; weights in other formats are left on the hub.
_CHECKPOINT_TEXTS = (".json", ".jinja", ".model", ".md")
_WEIGHTS = (re.compile(r".+\.safetensors"), re.compile(r"(pytorch|adapter)_model.*\.bin"))  # the first kind it has


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


def fetch_checkpoint(spec: str) -> Path:
    """Return the folder of a checkpoint or an adapter, downloading what the cache lacks of it.

    Args:
        spec: "owner/repo", with an optional "@revision".

    Returns:
        The snapshot in huggingface_hub's cache, whose own name is the commit.

    Raises:
        ModelNotFound: no such repository or revision, or one without weights in safetensors or PyTorch's format.
        HubError: the hub can't be reached or refuses, and the cache does not have the repository.
    """
    from huggingface_hub import HfApi

    reference = Reference.parse(spec)
    try:
        names = _checkpoint_files(reference, _remote_names(reference))
    except HubError:
        cached = _cached_files(reference)
        if not cached:
            raise
        return _cached_root(cached)
    folders = set()
    for name in names:
        with _translated(reference, doing=f"downloading {name}"):
            path = Path(HfApi().hf_hub_download(reference.repo, name, revision=reference.revision))
        folders.add(path.parent)
    if len(folders) > 1:
        raise HubError(f"{reference.repo} changed while it was downloaded", hint="try again", param="model")
    return folders.pop()


def _checkpoint_files(reference: Reference, names: list[str]) -> list[str]:
    """Choose the files of a checkpoint from a repository: those that lie in no folder of it."""
    top = [name for name in names if "/" not in name]
    for kind in _WEIGHTS:
        weights = [name for name in top if kind.fullmatch(name)]
        if weights:
            return [name for name in top if name.endswith(_CHECKPOINT_TEXTS)] + weights
    has_gguf = any(name.lower().endswith(".gguf") for name in names)
    raise ModelNotFound(
        f"{reference.repo} holds no checkpoint" + (", only GGUF models" if has_gguf else ""),
        hint=f"name a GGUF to quantize: {reference.repo}:F16" if has_gguf else "a checkpoint has safetensors weights",
        param="model",
    )


def _cached_root(cached: dict[str, Path]) -> Path:
    """Return the folder of the snapshot that holds the cached files."""
    name, path = next(iter(cached.items()))
    return path.parents[len(PurePosixPath(name).parts) - 1]


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
