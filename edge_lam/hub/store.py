"""The models on this disk: those in huggingface_hub's cache, GGUFs in a folder for converted ones, and those made here.

In come those three folders, out go entries; `remove` frees what an entry alone takes, and touches nothing outside them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_lam._util.paths import made_models_dir, state_dir, user_path
from edge_lam.errors import InvalidRequest, ModelNotFound
from edge_lam.hub.choice import checkpoint_files, group_ggufs, quant_of
from edge_lam.hub.listing import license_of_card
from edge_lam.hub.reference import Reference


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model on this disk.

    Attributes:
        name: what `--model` or `convert` take: "owner/repo:Q4_K_M", "owner/repo", "smol-lam", or a path.
        path: the GGUF (of a split one its first part), or the folder of the checkpoint.
        quant: as the file's name says it; "" of a checkpoint.
        license: of a checkpoint or a repository whose card is there, else "".
        size: bytes of its files.
        used: when one of them was last read, seconds since the epoch, as far as the file system keeps it.
        commit: of the hub's; "" of others.
        files: its files; in the cache these may be links.
        is_checkpoint: whether it is to be converted rather than run.
    """

    name: str
    path: Path
    quant: str
    license: str
    size: int
    used: float
    commit: str
    files: tuple[Path, ...]
    is_checkpoint: bool


def models_folder() -> Path:
    """Return the folder whose GGUFs are listed beside the hub's: EDGE_LAM_MODELS, else `models` of the state folder."""
    folder = os.environ.get("EDGE_LAM_MODELS")
    return user_path(folder, param="EDGE_LAM_MODELS") if folder else state_dir() / "models"


def stored_models() -> list[StoredModel]:
    """Return the models on this disk, the last used first."""
    return sorted([*_in_cache(), *_in_folder(), *_made()], key=lambda model: (-model.used, model.name))


def find_stored(name: str) -> list[StoredModel]:
    """Return the models that a name means: one in the list, a repository, an alias, or a path.

    Raises:
        ModelNotFound: none.
    """
    models = stored_models()
    exact = [model for model in models if name.lower() == model.name.lower() or Path(name) == model.path]
    found = exact or [model for model in models if model.commit and _names_model(name, model)]
    if not found:
        raise ModelNotFound(
            f"no model on this disk is called {name}", hint="`edge-lam models` lists them", param="name"
        )
    return found


def remove(model: StoredModel) -> int:
    """Remove a model and return the bytes that this frees; content that another model uses too is kept.

    Raises:
        InvalidRequest: a file can't be removed.
    """
    try:
        if not model.commit:
            for file in model.files:
                file.unlink()
            return model.size
        return _remove_from_cache(model)
    except OSError as error:
        raise InvalidRequest(f"{error.filename} can't be removed: {error.strerror or error}", param="name") from error


def _names_model(name: str, model: StoredModel) -> bool:
    for checkpoint in (False, True):
        try:
            reference = Reference.parse(name, checkpoint=checkpoint)
        except ModelNotFound:  # no name of the hub, so it means no model of it
            return False
        repo, _, rest = model.name.partition("@")[0].partition(":")
        if (
            repo.lower() == reference.repo.lower()
            and (not reference.quant or reference.quant.lower() == rest.lower())
            and (not reference.file or reference.file.lower() == model.path.name.lower())
            and (reference.revision == "main" or model.commit.startswith(reference.revision))
        ):
            return True
    return False


def _in_folder() -> Iterator[StoredModel]:
    folder = models_folder()
    files = [path for path in folder.glob("*.gguf") if path.is_file() and not path.is_symlink()]
    files = [path for path in files if not _is_made(path)]
    for quant, models in group_ggufs([path.name for path in files]).items():
        for parts in models:
            paths = tuple(folder / part for part in parts)
            yield _stored(str(paths[0]), paths[0], paths, quant=quant)


def _made() -> Iterator[StoredModel]:
    for path in made_models_dir().glob("*.gguf"):
        if _is_made(path):
            yield _stored(path.name.rpartition("-")[0], path, (path,))


def _is_made(path: Path) -> bool:
    """Tell whether edge-lam merged a file; with EDGE_LAM_HOME those that people converted lie in the same folder."""
    return path.parent == made_models_dir() and bool(re.search(r"-[0-9a-f]{16}\.gguf$", path.name))


def _in_cache() -> Iterator[StoredModel]:
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:  # nothing was downloaded yet
        return
    for repo in repos:
        if repo.repo_type == "model":
            seen: set[Path] = set()  # the same content at several commits is one model
            for revision in sorted(repo.revisions, key=lambda revision: (not revision.refs, -revision.last_modified)):
                for model in _in_revision(repo, revision):
                    blobs = {file.resolve() for file in model.files}
                    if not blobs <= seen:
                        yield model
                    seen |= blobs


def _in_revision(repo: Any, revision: Any) -> Iterator[StoredModel]:
    root: Path = revision.snapshot_path
    files = {file.file_path.relative_to(root).as_posix(): file.file_path for file in revision.files}
    at = "" if "main" in revision.refs else f"@{revision.commit_hash}"
    card = license_of_card(root)
    for quant, models in group_ggufs(list(files)).items():
        for parts in models:
            paths = tuple(files[part] for part in parts)
            which = f":{quant}" if quant and len(models) == 1 else f"/{parts[0]}"
            name = f"{repo.repo_id}{which}{at}"
            yield _stored(name, paths[0], paths, quant=quant, license=card, commit=revision.commit_hash)
    paths = tuple(files[name] for name in checkpoint_files(list(files)))  # a part of one, too: it takes room
    if not paths:
        return
    yield _stored(f"{repo.repo_id}{at}", root, paths, license=card, commit=revision.commit_hash, is_checkpoint=True)


def _stored(
    name: str,
    path: Path,
    files: tuple[Path, ...],
    *,
    quant: str = "",
    license: str = "",
    commit: str = "",
    is_checkpoint: bool = False,
) -> StoredModel:
    stats = [file.stat() for file in files]
    return StoredModel(
        name=name,
        path=path,
        quant=quant or ("" if is_checkpoint else quant_of(path.name)),
        license=license,
        size=sum(stat.st_size for stat in stats),
        used=max(stat.st_atime for stat in stats),
        commit=commit,
        files=files,
        is_checkpoint=is_checkpoint,
    )


def _remove_from_cache(model: StoredModel) -> int:
    """Remove the names of a model's files from its snapshots, then the content that no name points to any more."""
    snapshot = next(parent for parent in model.files[0].parents if parent.parent.name == "snapshots")
    repo = snapshot.parent.parent
    targets = {file.resolve() for file in model.files}
    for name in _names(repo):
        if name in model.files or (not model.is_checkpoint and name.resolve() in targets):
            targets.add(name.resolve())
            name.unlink()
    wanted = {name.resolve() for name in _names(repo)}
    freed = 0
    for target in targets - wanted:
        if target.parent == (repo / "blobs").resolve():  # never what a link out of the cache points to
            freed += target.stat().st_size
            target.unlink()
    if not any(re.search(r"\.(gguf|safetensors|bin)$", name.name, re.IGNORECASE) for name in _names(repo)):
        freed += sum(blob.stat().st_size for blob in (repo / "blobs").glob("*") if not blob.is_symlink())
        shutil.rmtree(repo)
        shutil.rmtree(repo.parent / ".locks" / repo.name, ignore_errors=True)
    return freed


def _names(repo: Path) -> list[Path]:
    return [path for path in (repo / "snapshots").rglob("*") if path.is_symlink() or path.is_file()]
