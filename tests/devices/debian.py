"""Packages of Debian, unpacked into a folder: nothing is installed, and nobody needs to be root.

In go suites, architectures and names of packages; they come from where this machine's apt has its own from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


class UnavailableError(Exception):
    """A check can't be made on this machine; says what is missing."""


@dataclass(frozen=True)
class Archive:
    """Debian's archive with an index of our own.

    Attributes:
        home: folder of the index and of what is downloaded.
        sources: the suites, as "bookworm arm64"; where two have a package, the first suite's is taken.
        installed: whether what is installed on this machine counts as there.
    """

    home: Path
    sources: tuple[str, ...]
    installed: bool = False

    def unpack(self, root: Path, *packages: str) -> None:
        """Unpack packages, with all that they depend on, into `root`.

        Raises:
            UnavailableError: they can't be had.
        """
        self._apt("install", "--yes", "--no-install-recommends", "--download-only", *packages)
        _extract(self.home / "archives", root)

    def unpack_alone(self, root: Path, *packages: str) -> None:
        """Unpack packages ("name/suite") without what they depend on.

        Raises:
            UnavailableError: they can't be had.
        """
        folder = self.home / "alone"
        folder.mkdir(parents=True, exist_ok=True)
        self._apt("download", *packages, folder=folder)
        _extract(folder, root)

    def _apt(self, *arguments: str, folder: Path | None = None) -> None:
        settings = self.home / "apt.conf"
        if not settings.is_file():
            self._prepare(settings)
        _run("apt-get", *arguments, folder=folder or self.home, environment={"APT_CONFIG": str(settings)})

    def _prepare(self, settings: Path) -> None:
        """Write apt's settings and sources, and fetch the index."""
        for name in ("lists/partial", "archives/partial", "state"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (self.home / "state" / "status").touch()
        mirror = _mirror()
        lines = [f"deb [arch={source.split()[1]}] {mirror} {source.split()[0]} main" for source in self.sources]
        (self.home / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        status = "/var/lib/dpkg/status" if self.installed else self.home / "state" / "status"
        architectures = " ".join(f'"{source.split()[1]}";' for source in self.sources)
        unfinished = settings.with_suffix(".new")
        unfinished.write_text(
            f'Dir::State "{self.home}/state";\nDir::State::status "{status}";\nDir::State::Lists "{self.home}/lists";\n'
            f'Dir::Cache "{self.home}";\nDir::Etc::SourceList "{self.home}/sources.list";\n'
            f'Dir::Etc::SourceParts "/dev/null";\nAPT::Default-Release "{self.sources[0].split()[0]}";\n'
            f'APT::Architectures {{ {architectures} }};\nAPT::Sandbox::User "{os.environ.get("USER", "root")}";\n',
            encoding="utf-8",
        )
        _run("apt-get", "update", folder=self.home, environment={"APT_CONFIG": str(unfinished)})
        unfinished.rename(settings)


def codename() -> str:
    """Return the name of this machine's Debian, such as "bookworm".

    Raises:
        UnavailableError: it is another system.
    """
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    if told.get("ID") != "debian" or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise UnavailableError("this machine is no Debian, of whose packages the check is made")
    return told["VERSION_CODENAME"].strip('"')


def _mirror() -> str:
    """Return where this machine's apt has its own release from."""
    told = _run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages")
    for line in told.splitlines():
        place, _, release = line.partition(" ")
        if release == codename():
            return place
    raise UnavailableError(f"apt has no source of {codename()}")


def _extract(folder: Path, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for package in sorted(folder.glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(root))
        package.unlink()


def _run(*command: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise UnavailableError(f"{command[0]} failed: {reason}")
    return done.stdout
