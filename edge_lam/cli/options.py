"""What the options of all commands are made of, and those that every command has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
from click.core import ParameterSource

from edge_lam._util.debug import debug_is_wanted, show_debug_lines
from edge_lam._util.sizes import read_size
from edge_lam.errors import InvalidRequest
from edge_lam.loading.options import FLAGS

Function = Callable[..., Any]
FILE = click.Path()  # a name that a shell completes; whether there is such a file, its reader says


@dataclass
class Settings:
    """What holds for the whole command line. `log` is None (the usual file), a path, or "off"."""

    debug: bool = field(default_factory=debug_is_wanted)
    log: str | None = None


def byte_size(text: str) -> int:
    """Read a size such as 2GiB or 800M, the type of an option."""
    try:
        return read_size(text)
    except InvalidRequest as error:
        raise click.BadParameter(error.message) from error


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep an option that may stand before the command's name or behind it; a default beats neither."""
    settings = ctx.ensure_object(Settings)
    if value and parameter.name and not (getattr(settings, parameter.name) and _is_default(ctx, parameter.name)):
        setattr(settings, parameter.name, value)


def _debug(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    _remember(ctx, parameter, value)
    if value and not debug_is_wanted():  # by the environment it is shown in any program
        show_debug_lines()
        ctx.find_root().call_on_close(lambda: show_debug_lines(False))


def _is_default(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE


GLOBAL_OPTIONS = (
    click.Option(
        ["--log"],
        metavar=FLAGS["log"].metavar,
        expose_value=False,
        callback=_remember,
        help=FLAGS["log"].help,
    ),
    click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_debug,
        help="Show the traceback of an error, and what goes wrong without disturbing anything.",
    ),
)


def examples(*lines: str) -> str:
    """Return a command's `epilog`: command lines to copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def options_of(*decorators: Function) -> dict[str, click.Option]:
    """Return the options that decorators such as `sampling_options` add, by the names of their values."""

    def command(**_values: Any) -> None: ...

    for decorator in reversed(decorators):
        command = decorator(command)
    made = click.command()(command)
    return {option.name: option for option in made.params if isinstance(option, click.Option) and option.name}


def gathered(function: Function, options: tuple[Function, ...], name: str, kind: Callable[..., Any]) -> Function:
    """Add options to a command; they arrive as one argument, made by `kind`: a dataclass with fields of their names."""
    names = options_of(*options)

    @functools.wraps(function)
    def gather(**arguments: Any) -> Any:
        values = {each: arguments.pop(each) for each in names}
        return function(**arguments, **{name: kind(**values)})

    command: Function = gather
    for option in reversed(options):
        command = option(command)
    return command
