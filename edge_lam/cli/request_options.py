"""Options of the commands that ask a model: its tools, and how it replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields
from typing import Any

import click
from click.core import ParameterSource

from edge_lam.cli.options import FILE, Function, gathered
from edge_lam.params import Range, SamplingParams


@dataclass(frozen=True)
class ToolOptions:
    """Which tools there are."""

    sources: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    skip_bad: bool = False


@dataclass(frozen=True)
class SamplingOptions(SamplingParams):
    """How replies are sampled, and when they end.

    Attributes:
        max_tokens: tokens of a reply, at most.
        max_tool_calls: calls of a reply, at most.
        timeout: seconds until a reply is ended.
    """

    max_tokens: int | None = None
    max_tool_calls: int | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Leave the ranges to click, which checks them too."""

    def arguments(self, stated: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return them as keyword arguments of `LAM.chat`.

        Args:
            stated: what the model file says; it holds where neither command line nor configuration does.
        """
        context = click.get_current_context()
        defaults = ParameterSource.DEFAULT
        own = {name: value for name, value in (stated or {}).items() if context.get_parameter_source(name) is defaults}
        return asdict(self) | own


def _sampling_option(param: Field[Any]) -> Function:
    """Return the option of a field of `SamplingParams`."""
    allowed: Range = param.metadata["range"]
    kind: type[click.IntRange | click.FloatRange] = click.IntRange if allowed.is_whole else click.FloatRange
    limits: dict[str, Any] = {"min": allowed.low, "max": allowed.high, "min_open": allowed.is_open}
    return click.option(
        f"--{param.name.replace('_', '-')}",
        type=kind(**limits),
        default=param.default,
        show_default=param.default is not None,
        help=param.metadata["help"],
    )


_SAMPLING_OPTIONS = (
    *map(_sampling_option, fields(SamplingParams)),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Longest reply, in tokens.  [default: 4096]"),
    click.option(
        "--max-tool-calls", type=click.IntRange(min=1), help="Most calls of one reply, which then ends.  [default: 64]"
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="End a reply as it is after so long, reading the request included.",
    ),
)
MODEL_SAMPLING = click.option(
    "--model-sampling",
    is_flag=True,
    help="Sample as the model file says, where it does and no option says otherwise; `edge-lam info` shows it.",
)
SYSTEM = click.option("--system", metavar="TEXT", help="A system message for the model.")
_TOOL_OPTIONS = (
    click.option(
        "-t",
        "--tools",
        "sources",
        type=FILE,
        multiple=True,
        metavar="SOURCE",
        help="tools.py, tools.json or module:attribute; may be repeated.  [default: the tools of the demo]",
    ),
    click.option(
        "--allow", multiple=True, metavar="GLOB", help='Only tools with such names, as "read_*"; may be repeated.'
    ),
    click.option("--deny", multiple=True, metavar="GLOB", help="No tools with such names; may be repeated."),
    click.option(
        "--skip-bad-tools", "skip_bad", is_flag=True, help="Leave out tools that can't be used, and say which."
    ),
)


def tool_options(function: Function) -> Function:
    """Add --tools, --allow, --deny and --skip-bad-tools; they arrive as `tool_options: ToolOptions`."""
    return gathered(function, _TOOL_OPTIONS, "tool_options", ToolOptions)


def sampling_options(function: Function) -> Function:
    """Add --temperature, --top-k and all that `SamplingOptions` holds; they arrive as `sampling: SamplingOptions`."""
    return gathered(function, _SAMPLING_OPTIONS, "sampling", SamplingOptions)
