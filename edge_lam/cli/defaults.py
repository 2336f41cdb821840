"""The config file: what options are where neither a flag nor the environment says it.

It is TOML, one key an option (`model = "xlam-2-1b"`). The file is read when a command first asks for a default, so
that help and `edge-lam config` work however wrong it is.
"""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.paths import config_dir, user_path
from edge_lam._util.read_file import as_text, read_bounded
from edge_lam.errors import InvalidRequest
from edge_lam.loading.options import FLAGS

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

# The options that can have a default of one's own: how a model is loaded, not which files one request is about.
NAMES = tuple(name for name, flag in FLAGS.items() if flag.in_config)
_MAX_BYTES = 1 << 20
# The variables of the environment that say the same, by key; they beat the file.
VARIABLES = {"model": "EDGE_LAM_MODEL", "threads": "EDGE_LAM_THREADS", "log": "EDGE_LAM_LOG"}


class Defaults(UserDict[str, Any]):
    """click's `default_map` of one command: the values of the options that it has."""

    def __init__(self, command: click.Command) -> None:
        self._names = {parameter.name for parameter in command.params if not parameter.required}

    @cached_property
    def data(self) -> dict[str, Any]:  # type: ignore[override]  # read once, and only if requested
        """Return the values by the names of parameters, as the environment and the file say them."""
        found = {
            option.name: value
            for key, value in read_config().items()
            if (option := options()[key]).name in self._names and not os.environ.get(VARIABLES.get(key, ""))
        }
        if "model" in self._names and (model := os.environ.get(VARIABLES["model"])):
            found["model"] = model
        return found


@cache
def options() -> dict[str, click.Option]:
    """Return the options that the file may set, by key: the long flag, such as n_ctx of --n-ctx."""
    from edge_lam.cli.model_options import model_options
    from edge_lam.cli.options import GLOBAL_OPTIONS, options_of

    by_name = {**options_of(model_options), **{option.name: option for option in GLOBAL_OPTIONS}}
    return {max(by_name[name].opts, key=len).lstrip("-").replace("-", "_"): by_name[name] for name in NAMES}


def config_path() -> Path:
    """Return where the config file is, or would be."""
    return config_dir() / "config.toml"


def read_config() -> dict[str, Any]:
    """Return the values of the file by key; {} where there is no file.

    Raises:
        InvalidRequest: it can't be read, or a key or a value is wrong.
    """
    return {known_key(key): check_value(key, value) for key, value in _document().unwrap().items()}


def known_key(key: str) -> str:
    """Return a key that there is.

    Raises:
        InvalidRequest: there is none of this name.
    """
    if key in options():
        return key
    close = get_close_matches(key.replace("-", "_").lower(), options(), n=1)
    raise InvalidRequest(
        f"{config_path()} knows no key {key!r}" + (f", did you mean {close[0]!r}?" if close else ""),
        hint=f"keys are {', '.join(options())}; `edge-lam config unset KEY` removes one",
        param=key,
    )


def check_value(key: str, value: Any) -> Any:
    """Return a value that its option takes.

    Raises:
        InvalidRequest: it takes none such.
    """
    option = options()[key]
    kind, wanted = _kind(option)
    problem = f"it must be {wanted}" if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) else ""
    try:
        if not problem:
            option.type.convert(value, option, None)
    except click.BadParameter as error:
        problem = error.message
    except ValueError as error:  # a path with a zero byte
        problem = str(error)
    if problem:
        hint = f"`edge-lam config set {key} VALUE` sets it, `edge-lam config unset {key}` removes it"
        raise InvalidRequest(f"{key} in {config_path()}: {problem}", hint=hint, param=key)
    return value


def _kind(option: click.Option) -> tuple[type, str]:
    if option.is_flag:
        return bool, "true or false"
    return (int, "a whole number") if isinstance(option.type, click.IntRange) else (str, "text in quotes")


def set_value(key: str, text: str) -> Any:
    """Write one key and leave the rest of the file as it is; return the value.

    Raises:
        InvalidRequest: an unknown key, a value that its option does not take, or a file that can't be read or written.
    """
    kind, _ = _kind(options()[known_key(key)])
    value: Any = text
    if kind is bool:
        value = {"true": True, "false": False}.get(text.lower(), text)
    elif kind is int and text.isdecimal():
        value = int(text)
    elif key in ("model", "log") and text != "off" and user_path(text).exists():
        value = str(user_path(text).absolute())  # the file is read in every folder
    document = _document()
    document[key] = check_value(key, value)
    _write(document)
    return value


def unset_value(key: str) -> bool:
    """Remove a key, also one that is unknown; return whether it was there.

    Raises:
        InvalidRequest: the file can't be read or written.
    """
    document = _document()
    if key not in document:
        return False
    document.remove(key)
    _write(document)
    return True


def _document() -> TOMLDocument:
    import tomlkit

    path = config_path()
    try:
        return tomlkit.parse(as_text(read_bounded(path, _MAX_BYTES)))
    except (FileNotFoundError, NotADirectoryError):  # nothing was set yet, or the home is none, as /dev/null
        return tomlkit.document()
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {error.strerror or error}", param="config") from error
    except (ValueError, RecursionError, tomlkit.exceptions.TOMLKitError) as error:
        raise InvalidRequest(f"{path} is not TOML: {error}", hint="mend or remove it", param="config") from error


def _write(document: Mapping[str, Any]) -> None:
    import tomlkit

    path = config_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(tomlkit.dumps(document).encode())
    except OSError as error:
        raise InvalidRequest(f"{path} can't be written: {error.strerror or error}", param="config") from error
