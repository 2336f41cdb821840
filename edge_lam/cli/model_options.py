"""Options that say which model a command loads, and how."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.options import FILE, Function, Settings, byte_size, gathered
from edge_lam.loading.options import FLAGS, LoadOptions

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from edge_lam.lam import LAM
    from edge_lam.llama.adapter import AdapterFile, Adapters


class ModelName(click.Path):
    """The file or the name of a model, which a shell completes from what is on this disk and what has a short name."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return files first: bash would forget the names before them."""
        from click.shell_completion import CompletionItem

        from edge_lam.hub import ALIASES, stored_models
        from edge_lam.loading.model_path import EMBEDDED_NAME
        from edge_lam.loading.smol_lam import SMOL_LAM

        own = (EMBEDDED_NAME, SMOL_LAM.name)
        names = dict.fromkeys([*own, *(alias.name for alias in ALIASES), *(model.name for model in stored_models())])
        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return [*super().shell_complete(ctx, param, incomplete), *found]


class FormatName(click.types.StringParamType):
    """The name of a chat format, one of those that are registered."""

    name = "format"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the names, for help texts."""
        return self._choice().get_metavar(param, ctx) or self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, if there is such a format."""
        return self._choice().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so."""
        return self._choice().shell_complete(ctx, param, incomplete)

    @staticmethod
    def _choice() -> click.Choice[str]:
        from edge_lam.formats import FORMATS  # only where it is wanted: commands start sooner without

        return click.Choice(sorted(FORMATS))


MODEL = ModelName()


@dataclass(frozen=True, kw_only=True)
class ModelOptions(LoadOptions):
    """Which model a command loads, and how."""

    def load(self, *, save_conversations: bool = False) -> LAM:
        """Load the model, with the log that the command line asks for; `save_conversations` as of `edge_lam.load`."""
        return self.loader(save_conversations=save_conversations)()

    def loader(self, **more: Any) -> Callable[[], LAM]:
        """Return what loads the model, in any thread; `more` are further arguments of `edge_lam.load`."""
        from edge_lam.cli.download import model_file
        from edge_lam.loading.load import load

        settings = click.get_current_context().ensure_object(Settings)
        options = {each.name: getattr(self, each.name) for each in fields(self)}
        if not self.model:
            _tell_of_smol_lam()
        file = model_file(os.fspath(self.model)) if self.model else None
        return functools.partial(load, **options | {"model": file, "log": settings.log} | more)


def _tell_of_smol_lam() -> None:
    """Say at a terminal that a model is installed which is not taken, since it was never made: that takes room."""
    from edge_lam.cli.terminal import console
    from edge_lam.loading.smol_lam import SMOL_LAM

    screen = console(stderr=True)
    if screen.is_terminal and SMOL_LAM.could_be_made():
        say = f"tiny-lam answers; edge-lam pull {SMOL_LAM.name} makes {SMOL_LAM.name}, which is installed, the default"
        screen.print(say, style="dim", soft_wrap=True)


def _budget(text: str) -> int | bool:
    return text != "off" and byte_size(text)


# Commands with requests that choose among adapters, and the one that tells what these take of the memory.
_CHOOSING = ("chat", "plan", "serve")


def _adapters(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Adapters:
    """Read FILE, FILE:SCALE, and the same with NAME= before it, which adds to those without a name."""
    named: dict[str, list[AdapterFile]] = {}
    unnamed: list[AdapterFile] = []
    for text in value:
        name, separator, file = text.partition("=")
        if not separator or os.path.sep in name or Path(text).exists():
            unnamed.append(_scaled_file(text))
        elif ctx.info_name in _CHOOSING:
            named.setdefault(name, []).append(_scaled_file(file))
        else:
            raise click.UsageError(f"names of adapters are for {', '.join(_CHOOSING)}: say --adapter {file}")
    return {"": unnamed, **{name: [*unnamed, *files] for name, files in named.items()}} if named else unnamed


def _scaled_file(text: str) -> tuple[str, float]:
    file, separator, scale = text.rpartition(":")
    try:
        return (file, float(scale)) if separator else (text, 1.0)
    except ValueError:  # a colon in the name of the file
        return text, 1.0


# How values are read that are neither numbers, switches nor one of a few words.
_READ: dict[str, dict[str, Any]] = {
    "model": {"type": MODEL},
    "adapters": {"type": FILE, "multiple": True, "callback": _adapters},
    "memory_budget": {"type": _budget},
    "prefix": {"type": FILE},
    "format": {"type": FormatName()},
    "template": {"type": FILE},
}


def load_option(name: str, **other: Any) -> Function:
    """Return the option of a field of `LoadOptions`; `other` are arguments of `click.option` that it has instead."""
    flag, default = FLAGS[name], getattr(LoadOptions, name)
    names = flag.names or (f"--{name.replace('_', '-')}",)
    more: dict[str, Any] = {"help": flag.help, "metavar": flag.metavar}
    if flag.low is not None:
        more["type"] = click.IntRange(min=flag.low)
    elif flag.choices:
        more["type"] = click.Choice(flag.choices)
    more |= _READ.get(name, {})
    if default is False:
        more["is_flag"] = True
    elif "multiple" not in more:
        more |= {"default": default, "show_default": default is not None}
    return click.option(*names, name, **more | other)


KV_TYPE, THREADS, DEVICE, ADAPTERS = map(load_option, ("kv_type", "n_threads", "device", "adapters"))
_FORMAT_OPTIONS = tuple(map(load_option, ("format", "template", "verbatim")))
_MODEL_OPTIONS = tuple(load_option(name) for name, flag in FLAGS.items() if flag.is_common)


def model_options(function: Function) -> Function:
    """Add --model, --n-ctx and all other flags of `LoadOptions`; they arrive as `model_options: ModelOptions`."""
    return gathered(function, _MODEL_OPTIONS, "model_options", ModelOptions)


def format_options(function: Function) -> Function:
    """Add --format, --template and --verbatim."""
    for option in reversed(_FORMAT_OPTIONS):
        function = option(function)
    return function
