"""Builds the wheel of llama-cpp-python with one of the backend files beside this script, or finds it in the cache.

In goes the name of a backend; out comes a wheel, for pip to install. pip's own wheel cache tells builds apart by
version only, not by CMAKE_ARGS or processor, so it is bypassed. Standard library only: nothing is installed yet.

    python cmake/build_wheel.py --backend cpu --print      # build or find the wheel, and print its path
    python cmake/build_wheel.py --backend cpu --install    # and install it, unless this very build is installed
    python cmake/build_wheel.py --backend cpu --print --cached    # only if it was built before

Wheels are kept in EDGE_LAM_WHEELS, by default ~/.cache/edge-lam/wheels: one folder per build, with the wheel, the log
and build.json, which says what it was built from. Any folder may be deleted.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from build_key import Build, BuildError, backends, describe

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
STAMP = "llama_cpp/lib/edge_lam_build.json"  # written by after_project.cmake


def cached_wheel(build: Build, requirement: str, cache: Path) -> Path:
    """Return the wheel of a build, from the cache or newly built; of two at once, one builds and the other waits.

    Args:
        build: what the wheel depends on.
        requirement: what pip is to build: "llama-cpp-python==0.3.36", or the path of an sdist.
        cache: the folder of all wheels.

    Raises:
        BuildError: it can't be built.
    """
    target = cache / build.key
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{build.key}.lock"):
        wheel = _find(target)
        if wheel is None:
            for leftover in cache.glob(f"building-{build.key}-*"):  # of a build that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=f"building-{build.key}-", dir=cache) as folder:
                finished = _build(build, requirement, Path(folder), log=cache / f"{build.key}.log")
                shutil.rmtree(target, ignore_errors=True)
                finished.rename(target)
            wheel = _find(target)
    if wheel is None:
        raise BuildError(f"the wheel disappeared from {target}")
    return wheel


def install(wheel: Path, key: str) -> None:
    """Install the wheel into the environment of this Python, unless the same build is there already.

    Raises:
        BuildError: pip refuses.
    """
    if _installed_key() == key:
        return
    _say(f"installing {key}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", str(wheel)]
    if subprocess.run(command, check=False).returncode:
        raise BuildError(f"pip could not install {wheel}")


def _build(build: Build, requirement: str, folder: Path, log: Path) -> Path:
    """Build into `folder`; return its finished subfolder, with the wheel, build.json and the log."""
    if importlib.util.find_spec("pip") is None:
        raise BuildError("this Python has no pip", f"run {sys.executable} -m ensurepip, or apt install python3-pip")
    finished = folder / "finished"
    finished.mkdir()
    command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-cache-dir"]
    command += ["--no-binary", PACKAGE, "--wheel-dir", str(finished), requirement]
    _say(f"building llama.cpp for {build.backend}, some minutes the first time; log: {log}")
    start = time.monotonic()
    if _run(command, {**os.environ, "CMAKE_ARGS": shlex.join(build.cmake_args)}, log):
        reason = _reason(log)
        offline = "without network, give --sdist FILE; " if "No matching distribution" in reason else ""
        raise BuildError(f"llama.cpp could not be built: {reason}", f"{offline}the whole log is in {log}")
    seconds = round(time.monotonic() - start, 1)
    wheel = next(finished.glob("*.whl"), None)
    # Some other wheel (pip's configuration may name places that have one) must not pass for this build.
    if wheel is None or _stamp(wheel).get("key") != build.key:
        raise BuildError(f"pip built a wheel without the stamp of {build.key}", f"the whole log is in {log}")
    facts = {
        "key": build.key,
        "wheel": wheel.name,
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": seconds,
        "cmake_args": build.cmake_args,
        "stamp": _stamp(wheel),
        "depends_on": asdict(build),
    }
    (finished / "build.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    shutil.move(log, finished / "build.log")
    _say(f"built in {seconds:.0f} s")
    return finished


def _run(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run with all output in the log, and say how far it is at every tenth."""
    with (
        log.open("w", encoding="utf-8", errors="replace") as file,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child,
    ):
        said = most = 0
        for line in child.stdout or ():
            file.write(line)
            progress = re.match(r"\s*\[(\d+)/(\d+)\]", line) or re.match(r"\s*\[ *(\d+)(%)\]", line)  # Ninja, make
            if progress:
                steps = 100 if progress[2] == "%" else int(progress[2])
                most = max(most, steps)  # a build inside, as of Vulkan's shader compiler, counts its own few
                tenth = 10 * int(progress[1]) // steps
                if steps == most and tenth > said:
                    said = tenth
                    _say(f"{10 * tenth} %")
    return child.returncode


def _reason(log: Path) -> str:
    """Find the line of a failed build that says most."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines()]
    for pattern in (
        r"No space left on device|Killed signal|[Cc]annot allocate memory",
        r"^CMake Error|: (fatal )?error:|undefined reference",
        r"^ERROR: No matching distribution",
        r"^ERROR:|^error:",
    ):
        for number, line in enumerate(lines):
            if re.search(pattern, line):  # CMake puts the reason on the line after "CMake Error at ...:"
                reason = " ".join(lines[number : number + 2]) if line.startswith("CMake Error") else line
                return reason[:300]
    return lines[-1][:300] if lines else "pip printed nothing"


def _find(target: Path) -> Path | None:
    """Return the wheel in a folder of the cache, if the folder is whole."""
    try:
        wheel: Path = target / json.loads((target / "build.json").read_text(encoding="utf-8"))["wheel"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return wheel if wheel.is_file() else None


def _stamp(wheel: Path) -> dict[str, object]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            stamp = json.loads(archive.read(STAMP))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _installed_key() -> str | None:
    """Return the key of the build in this Python's environment, None without one."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        return None
    try:
        stamp = json.loads((Path(spec.origin).parents[1] / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(stamp.get("key"))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another build of the same wheel")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"[backend] {text}", file=sys.stderr, flush=True)


def default_cache() -> Path:
    """Return EDGE_LAM_WHEELS, or a folder in the user's cache."""
    chosen = os.environ.get("EDGE_LAM_WHEELS")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "edge-lam" / "wheels"


def main() -> int:
    """Read the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="%(prog)s [options]"
    )
    parser.add_argument("--backend", default="cpu", choices=backends(), help="which llama.cpp to build (cpu)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--version", default=VERSION, help=f"version of {PACKAGE} ({VERSION})")
    source.add_argument("--sdist", type=Path, metavar="FILE", help=f"sdist of {PACKAGE} that is built instead")
    parser.add_argument("--cached", action="store_true", help="build nothing: fail where it was not built before")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--print", action="store_true", help="print the path of the wheel")
    action.add_argument("--install", action="store_true", help="install the wheel for the Python that runs this")
    options = parser.parse_args()
    try:
        requirement = identity = f"{PACKAGE}=={options.version}"
        if options.sdist:
            requirement = str(options.sdist.resolve())
            identity = hashlib.sha256(options.sdist.read_bytes()).hexdigest()
        build = describe(options.backend, identity)
        if options.cached and _find(default_cache() / build.key) is None:
            raise BuildError(f"{build.key} was not built on this machine", "leave --cached out to build it")
        wheel = cached_wheel(build, requirement, default_cache())
        if options.install:
            install(wheel, build.key)
        else:
            print(wheel)
    except (BuildError, OSError) as error:
        _say(f"error: {error}")
        if isinstance(error, BuildError) and error.hint:
            _say(f"hint: {error.hint}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
