"""Keeps llama.cpp's collection of chat templates beside the built wheels, for the tests: none is ours to commit.

They come with the source of llama-cpp-python, which pip downloads once (77 MB, of which 1 MB is kept).

    python cmake/chat_templates.py        # prints the folder; says why, and ends well, where there is no network
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from build_wheel import PACKAGE, VERSION, default_cache

WITHIN = "vendor/llama.cpp/models/templates"


def folder() -> Path:
    """Return where the templates are kept."""
    return default_cache() / f"chat-templates-{VERSION}"


def fetch(target: Path) -> None:
    """Download the source, and keep its templates in a folder that appears whole or not at all.

    Raises:
        RuntimeError: pip can't download it, or it holds none.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chat-templates-", dir=target.parent) as name:
        work = Path(name)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--no-binary"]
        command += [PACKAGE, "--dest", str(work), f"{PACKAGE}=={VERSION}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        source = next(work.glob("*.tar.gz"), None)
        if run.returncode or source is None:
            raise RuntimeError((run.stderr.strip() or "pip downloaded no source").splitlines()[-1])
        found = work / "found"
        found.mkdir()
        with tarfile.open(source) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if path.suffix != ".jinja" or not str(path.parent).endswith(WITHIN):
                    continue
                if file := archive.extractfile(member):
                    with file, (found / path.name).open("wb") as kept:
                        shutil.copyfileobj(file, kept)
        if not any(found.iterdir()):
            raise RuntimeError(f"{source.name} holds no templates in {WITHIN}")
        found.rename(target)


def main() -> int:
    """Fetch the templates unless they are there."""
    target = folder()
    if not target.is_dir():
        try:
            fetch(target)
        except (RuntimeError, OSError, tarfile.TarError) as error:
            print(f"[templates] left out: {error}", file=sys.stderr)
            return 0
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
