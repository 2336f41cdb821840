"""The folders that edge-lam writes to, and the paths that people name. Nothing is created here; who writes, creates.

EDGE_LAM_HOME overrides all. Elsewhere: XDG on Linux, ~/Library on macOS.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from edge_lam.errors import InvalidRequest


def state_dir() -> Path:
    """Return the folder for what should outlive a run: logs, notes, verdicts of the self-test."""
    return _folder("XDG_STATE_HOME", ".local/state", "Application Support")


def cache_dir() -> Path:
    """Return the folder for what can be made or fetched again."""
    return _folder("XDG_CACHE_HOME", ".cache", "Caches")


def made_models_dir() -> Path:
    """Return the folder of models that edge-lam merged of their parts, as `NAME-DIGEST.gguf`."""
    return cache_dir() / "models"


def config_dir() -> Path:
    """Return the folder for what people choose once: the config file."""
    return _folder("XDG_CONFIG_HOME", ".config", "Application Support")


def user_path(path: str | os.PathLike[str], *, param: str = "path") -> Path:
    """Return a path as a person names it: "~" and "~user" for home folders, "file://" as file managers copy it.

    Raises:
        InvalidRequest: there is no such user, it is on another machine, or the system has no such names; `param` says
            what the path was given for.
    """
    if isinstance(path, str) and path.lower().startswith("file://"):
        path = _path_of_address(path, param)
    try:
        found = Path(path).expanduser()
    except RuntimeError:
        user = Path(path).parts[0]
        hint = f"write ./{user} for a file of that name"
        raise InvalidRequest(f"{path}: {user} has no home folder", hint=hint, param=param) from None
    _check_name(found, param)
    return found


def _check_name(path: Path, param: str) -> None:
    """Refuse what no file can be called, before anybody asks whether it is there: even that raises an error."""
    try:
        path.lstat()
    except ValueError as error:
        raise InvalidRequest(f"{str(path)!r} is no path: {error}", param=param) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidRequest(f"{path} is no path: the name is too long", param=param) from error


def _path_of_address(address: str, param: str) -> str:
    from urllib.parse import unquote

    host, slash, path = address[len("file://") :].partition("/")
    if host.lower() not in ("", "localhost", "~"):
        hint = f"a path has three slashes: file:///{host}{slash}{path}"
        raise InvalidRequest(f"{address} is on another machine, {host}", hint=hint, param=param)
    return unquote(("~/" if host == "~" else "/") + path)


def _folder(variable: str, linux: str, macos: str) -> Path:
    home = os.environ.get("EDGE_LAM_HOME")
    if home:
        return user_path(home, param="EDGE_LAM_HOME")
    if sys.platform == "darwin":
        return _home() / "Library" / macos / "edge-lam"
    base = os.environ.get(variable, "")
    # The XDG specification: a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else _home() / linux) / "edge-lam"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # HOME is not set, and the system knows no such user, as in many containers
        hint = "set HOME, or EDGE_LAM_HOME"
        raise InvalidRequest("this user has no home folder", hint=hint, param="HOME") from None
