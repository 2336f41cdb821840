"""Options that several commands share, and the dataclasses they arrive in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from edge_lam.debug import debug_is_wanted, show_debug_lines
from edge_lam.errors import InvalidRequest
from edge_lam.sizes import read_size

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from edge_lam.lam import LAM

Function = Callable[..., Any]


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


class ModelName(click.Path):
    """The file or the name of a model, which a shell completes from what is on this disk and what has a short name."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return files first: bash would forget the names before them."""
        from click.shell_completion import CompletionItem

        from edge_lam.hub import ALIASES, stored_models

        names = dict.fromkeys([*(alias.name for alias in ALIASES), *(model.name for model in stored_models())])
        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return [*super().shell_complete(ctx, param, incomplete), *found]


class FormatName(click.ParamType[str]):
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
FILE = click.Path()  # a name that a shell completes; whether there is such a file, its reader says


def _budget(text: str) -> int | bool:
    return text != "off" and byte_size(text)


@dataclass(frozen=True)
class ModelOptions:
    """Which model to load, and how."""

    model: str | None
    n_ctx: int | None
    kv_type: str
    memory_budget: int | bool | None
    fit_context: bool
    n_threads: int | None
    device: str
    repack: bool
    adapters: tuple[tuple[str, float], ...]
    prefix: str | None
    format: str | None
    template: str | None
    verbatim: bool

    def load(self, *, save_conversations: bool = False) -> LAM:
        """Load the model, with the log that the command line asks for; `save_conversations` as of `edge_lam.load`."""
        return self.loader(save_conversations=save_conversations)()

    def loader(self, **more: Any) -> Callable[[], LAM]:
        """Return what loads the model, in any thread; `more` are further arguments of `edge_lam.load`."""
        from edge_lam.cli.download import model_file
        from edge_lam.lam import load

        settings = click.get_current_context().ensure_object(Settings)
        return functools.partial(
            load,
            model_file(self.model) if self.model else None,
            n_ctx=self.n_ctx,
            kv_type=self.kv_type,
            memory_budget=self.memory_budget,
            fit_context=self.fit_context,
            n_threads=self.n_threads,
            device=self.device,
            repack=self.repack,
            adapters=self.adapters,
            prefix=self.prefix,
            format=self.format,
            template=self.template,
            verbatim=self.verbatim,
            log=settings.log,
            **more,
        )


@dataclass(frozen=True)
class ToolOptions:
    """Which tools there are."""

    sources: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    skip_bad: bool = False


@dataclass(frozen=True)
class SamplingOptions:
    """How replies are sampled, and when they end."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int | None
    max_tokens: int | None
    max_tool_calls: int | None
    timeout: float | None

    def arguments(self, stated: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return them as keyword arguments of `LAM.chat`.

        Args:
            stated: what the model file says; it holds where neither command line nor configuration does.
        """
        context = click.get_current_context()
        defaults = ParameterSource.DEFAULT
        own = {name: value for name, value in (stated or {}).items() if context.get_parameter_source(name) is defaults}
        return asdict(self) | own


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
        metavar="PATH|off",
        expose_value=False,
        callback=_remember,
        help="Where a line per model call is logged; prompts are left out.  [default: the state folder]",
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


def _scaled_files(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> list[tuple[str, float]]:
    """Read FILE or FILE:SCALE."""
    found = []
    for text in value:
        file, separator, scale = text.rpartition(":")
        try:
            found.append((file, float(scale)) if separator else (text, 1.0))
        except ValueError:  # a colon in the name of the file
            found.append((text, 1.0))
    return found


_FORMAT_OPTIONS = (
    click.option(
        "--format",
        type=FormatName(),
        help="The chat format to speak.  [default: what the model file tells]",
    ),
    click.option(
        "--template", type=FILE, metavar="FILE", help="A Jinja chat template to render instead of the format's own."
    ),
    click.option("--verbatim", is_flag=True, help="Render the template in the model file, known defects included."),
)
KV_TYPE = click.option(
    "--kv-type",
    type=click.Choice(["f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]),
    default="f16",
    show_default=True,
    help="What keys and values are kept as; q8_0 takes half the memory.",
)
THREADS = click.option(
    "--threads", "n_threads", type=click.IntRange(min=1), help="CPU threads.  [default: physical cores]"
)
DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
ADAPTERS = click.option(
    "--adapter",
    "adapters",
    type=FILE,
    multiple=True,
    callback=_scaled_files,
    metavar="FILE[:SCALE]",
    help="A LoRA adapter in GGUF to compute with.",
)
_MODEL_OPTIONS = (
    click.option(
        "-m",
        "--model",
        type=MODEL,
        metavar="MODEL",
        help="A GGUF file, a name such as xlam-2-1b, or owner/repo:QUANT on the hub.  [default: the embedded tiny-lam]",
    ),
    click.option("--n-ctx", type=click.IntRange(min=1), help="Tokens of context for prompt and reply."),
    KV_TYPE,
    click.option(
        "--memory-budget",
        type=_budget,
        metavar="SIZE|off",
        help="The most memory that the model may take, such as 2GiB; off checks nothing.  [default: what there is]",
    ),
    click.option("--fit-context", is_flag=True, help="Shorten the context to what fits the memory."),
    THREADS,
    DEVICE,
    click.option(
        "--repack/--no-repack",
        default=True,
        show_default=True,
        help="Copy weights into the order of the processor's kernels: faster replies, a slower start.",
    ),
    ADAPTERS,
    click.option("--prefix", type=FILE, metavar="FILE", help="What `edge-lam bake` computed of the tools."),
    *_FORMAT_OPTIONS,
)
_SAMPLING_OPTIONS = (
    click.option(
        "--temperature",
        type=click.FloatRange(min=0),
        default=0.0,
        show_default=True,
        help="0 takes the likeliest token; higher varies more.",
    ),
    click.option(
        "--top-k",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Sample from that many of the likeliest tokens; 0 from all.",
    ),
    click.option(
        "--top-p",
        type=click.FloatRange(min=0, max=1, min_open=True),
        default=1.0,
        show_default=True,
        help="Sample from the likeliest tokens that hold this share.",
    ),
    click.option(
        "--min-p",
        type=click.FloatRange(min=0, max=1),
        default=0.0,
        show_default=True,
        help="Leave out what is less likely than this share of the likeliest.",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Repeat the same sampling."),
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


def examples(*lines: str) -> str:
    """Return a command's `epilog`: command lines to copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def model_options(function: Function) -> Function:
    """Add --model, --n-ctx and all that `ModelOptions` holds; they arrive as `model_options: ModelOptions`."""
    return gathered(function, _MODEL_OPTIONS, "model_options", ModelOptions)


def format_options(function: Function) -> Function:
    """Add --format, --template and --verbatim."""
    for option in reversed(_FORMAT_OPTIONS):
        function = option(function)
    return function


def tool_options(function: Function) -> Function:
    """Add --tools, --allow, --deny and --skip-bad-tools; they arrive as `tool_options: ToolOptions`."""
    return gathered(function, _TOOL_OPTIONS, "tool_options", ToolOptions)


def sampling_options(function: Function) -> Function:
    """Add --temperature, --top-k and all that `SamplingOptions` holds; they arrive as `sampling: SamplingOptions`."""
    return gathered(function, _SAMPLING_OPTIONS, "sampling", SamplingOptions)


def options_of(*decorators: Function) -> dict[str, click.Option]:
    """Return the options that decorators such as `sampling_options` add, by the names of their values."""

    def command(**_values: Any) -> None: ...

    for decorator in reversed(decorators):
        command = decorator(command)
    made = click.command()(command)
    return {option.name: option for option in made.params if isinstance(option, click.Option) and option.name}


def gathered(function: Function, options: tuple[Function, ...], name: str, kind: type[Any]) -> Function:
    """Add options to a command; they arrive as one argument, a dataclass whose fields have their names."""

    @functools.wraps(function)
    def gather(**arguments: Any) -> Any:
        values = {field.name: arguments.pop(field.name) for field in fields(kind)}
        return function(**arguments, **{name: kind(**values)})

    command: Function = gather
    for option in reversed(options):
        command = option(command)
    return command
