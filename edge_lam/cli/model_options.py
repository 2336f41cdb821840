"""Options that say which model a command loads, and how."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.options import FILE, Function, Settings, byte_size, gathered

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from edge_lam.lam import LAM


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
        options = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "model"}
        file = model_file(self.model) if self.model else None
        return functools.partial(load, file, **options, log=settings.log, **more)


def _budget(text: str) -> int | bool:
    return text != "off" and byte_size(text)


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
        help="A GGUF file, a name such as xlam-2-1b, or owner/repo:QUANT on the hub.  "
        "[default: that of `edge-lam config`, else the embedded tiny-lam]",
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


def model_options(function: Function) -> Function:
    """Add --model, --n-ctx and all that `ModelOptions` holds; they arrive as `model_options: ModelOptions`."""
    return gathered(function, _MODEL_OPTIONS, "model_options", ModelOptions)


def format_options(function: Function) -> Function:
    """Add --format, --template and --verbatim."""
    for option in reversed(_FORMAT_OPTIONS):
        function = option(function)
    return function
