"""Vocabularies: any GGUF has one, and the source archive of llama-cpp-python holds those of many models.

In goes a path or a name, out comes the path of a GGUF. pip fetches the archive, once; only the one file that is asked
for is unpacked. Knows nothing of what a vocabulary is for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.paths import cache_dir, user_path
from edge_lam.errors import HubError, InvalidRequest, ModelNotFound

# By the name of a tokenizer, as `random_checkpoint` calls them, where llama.cpp calls its vocabulary otherwise.
ALIASES = {"sentencepiece": "llama-spm"}
NAMES = ("qwen2", "llama-bpe", "llama-spm", "deepseek-coder", "deepseek-llm")
_PACKAGE = "llama-cpp-python"
_PIP_SECONDS = 600


def find_vocabulary(wanted: str | Path, folder: Path | None = None) -> Path:
    """Return a GGUF with a vocabulary.

    Args:
        wanted: a GGUF, or a name from `NAMES`, which is taken from llama-cpp-python's source archive.
        folder: where vocabularies from the archive are kept; by default in the cache folder.

    Raises:
        ModelNotFound: no such file.
        InvalidRequest: the archive has no such vocabulary.
        HubError: the archive can't be fetched.
    """
    path = user_path(wanted, param="vocab")
    if path.is_file() or isinstance(wanted, Path) or path.suffix == ".gguf":
        if not path.is_file():
            raise ModelNotFound(f"there is no file {path}", param="vocab")
        return path
    name = ALIASES.get(wanted, wanted)
    if name not in NAMES:
        raise InvalidRequest(
            f"there is no file {wanted}, and no vocabulary of that name",
            hint=f"one of {', '.join(NAMES)}",
            param="vocab",
        )
    kept = (folder or cache_dir() / "vocabularies") / f"ggml-vocab-{name}.gguf"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            extract(download(Path(temporary)), kept)
    return kept


def download(folder: Path) -> Path:
    """Let pip fetch the source archive of the llama-cpp-python that is installed, and return it.

    Raises:
        HubError: pip can't.
    """
    try:
        wanted = f"{_PACKAGE}=={version(_PACKAGE)}"
    except PackageNotFoundError:  # built from source, under another name: the newest will do
        wanted = _PACKAGE
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", _PACKAGE, "--dest", str(folder), wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
        lines = done.stderr.strip().splitlines()
    except subprocess.TimeoutExpired:  # reported below, if nothing came
        lines = [f"no answer in {_PIP_SECONDS} seconds"]
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        reason = lines[-1] if lines else "it fetched nothing"
        raise HubError(
            f"pip can't fetch the source archive of {wanted}: {reason}", hint="give a GGUF with --vocab FILE.gguf"
        )
    return archives[0]


def extract(archive: Path, target: Path) -> None:
    """Unpack the vocabulary that is called like `target` from a source archive, whole or not at all.

    Raises:
        InvalidRequest: the archive doesn't hold it, or can't be read.
    """
    try:
        with tarfile.open(archive) as files:
            for member in files:
                if member.isfile() and member.name.endswith(f"/models/{target.name}"):
                    source = files.extractfile(member)
                    if source is not None:
                        with atomic_write(target) as file:
                            shutil.copyfileobj(source, file)
                        return
    except (OSError, tarfile.TarError, EOFError) as error:
        raise InvalidRequest(f"{archive} can't be unpacked: {error}", param="vocab") from error
    raise InvalidRequest(f"{archive.name} holds no {target.name}", param="vocab")
