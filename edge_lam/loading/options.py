"""`LoadOptions`: how a model is loaded, each option once: argument of `load`, flag of commands, key of the config file.

Neither llama.cpp nor click is imported: `help`, command lines and the config's keys are made from the fields alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import partial, wraps
from inspect import cleandoc, signature
from textwrap import fill
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from edge_lam.llama.adapter import Adapters

P = ParamSpec("P")
T = TypeVar("T")
OptionsT = TypeVar("OptionsT", bound="PlanOptions")


@dataclass(frozen=True, slots=True)
class Flag:
    """How an option is spelled on the command line.

    Attributes:
        help: one line.
        names: the flags; by default the name of the field.
        metavar: what stands for the value in help texts.
        low: the least that a number may be.
        choices: what a text may be; any if empty.
        is_common: whether every command that loads a model has it.
        in_config: whether the config file may set it.
    """

    help: str
    names: tuple[str, ...] = ()
    metavar: str | None = None
    low: int | None = None
    choices: tuple[str, ...] = ()
    is_common: bool = True
    in_config: bool = False


def _option(about: str, flag: Flag | None = None) -> dict[str, Any]:
    """Return what a field says of itself: its text for Python and, if commands have it, its flag."""
    return {"about": about, "flag": flag}


@dataclass(frozen=True)
class PlanOptions:
    """What decides how much memory a model takes: the arguments of `plan`; `help(edge_lam.plan)` tells of each."""

    model: str | os.PathLike[str] | None = field(
        default=None,
        metadata=_option(
            'a GGUF file; "tiny-lam", which is embedded, or "smol-lam" (needs `edge-lam[smol]`); "xlam-2-1b", '
            '"owner/repo:QUANT" or "owner/repo/file.gguf" on the hub, downloaded if it must be. None takes smol-lam if '
            "it was made here before, else tiny-lam.",
            Flag(
                "A GGUF file, a name such as smol-lam or xlam-2-1b, or owner/repo:QUANT on the hub.  "
                "[default: that of `edge-lam config`, else smol-lam if it was pulled, else the embedded tiny-lam]",
                names=("-m", "--model"),
                metavar="MODEL",
                in_config=True,
            ),
        ),
    )
    _: KW_ONLY
    n_ctx: int | None = field(
        default=None,
        metadata=_option(
            "tokens of prompt and reply together; by default what the model was trained for, at most 4096.",
            Flag("Tokens of context for prompt and reply.", low=1, in_config=True),
        ),
    )
    n_parallel: int = field(
        default=1,
        metadata=_option(
            "replies that are written side by side, each with `n_ctx` tokens of its own, whose memory is taken at "
            "loading. More requests wait in line.",
            Flag(
                "Replies written side by side, each with a context of its own.",
                names=("--parallel",),
                low=1,
                is_common=False,
            ),
        ),
    )
    kv_type: str = field(
        default="f16",
        metadata=_option(
            'what keys and values are kept as: "f16", or in about half the memory "q8_0"; "q5_1", "q5_0", "q4_1" and '
            '"q4_0" take less, at a risk for the arguments of calls.',
            Flag(
                "What keys and values are kept as; q8_0 takes half the memory.",
                choices=("f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"),
                in_config=True,
            ),
        ),
    )
    adapters: Adapters = field(
        default=(),
        metadata=_option(
            'LoRA adapters in GGUF to compute with, each with its scale, such as [("my-lora.gguf", 1.0)]. Or by names, '
            'such as {"notes": "notes.gguf", "both": ["notes.gguf", ("mail.gguf", 0.5)]}: each request chooses one as '
            'its `adapter`, and one that chooses none is computed without, or with what is named "".',
            Flag(
                "A LoRA adapter in GGUF to compute with; with a NAME, chosen by request (`chat`, `serve`).",
                names=("--adapter",),
                metavar="[NAME=]FILE[:SCALE]",
            ),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class LoadOptions(PlanOptions):
    """How a model is loaded: the arguments of `load`; `help(edge_lam.load)` tells of each."""

    memory_budget: int | str | bool | None = field(
        default=None,
        metadata=_option(
            "the most that weights, keys and values, and compute may take together, in bytes or as "
            '"2GiB"; a model that would take more is refused before it is loaded. So is, with None too, what does not '
            "fit this machine or its container; False leaves all that to the system.",
            Flag(
                "The most memory that the model may take, such as 2GiB; off checks nothing.  [default: what there is]",
                metavar="SIZE|off",
                in_config=True,
            ),
        ),
    )
    fit_context: bool = field(
        default=False,
        metadata=_option(
            "load with a shorter context instead, if that fits; `LAM.info.n_ctx` tells how long it is.",
            Flag("Shorten the context to what fits the memory.", in_config=True),
        ),
    )
    n_threads: int | None = field(
        default=None,
        metadata=_option(
            "threads that compute; by default one per physical core that this process may use, and fewer while other "
            "programs want the cores.",
            Flag("CPU threads.  [default: physical cores]", names=("--threads",), low=1, in_config=True),
        ),
    )
    queue_limit: int = field(
        default=128,
        metadata=_option(
            "how many may wait; one more is refused as `Busy`.",
            Flag("Requests that may wait.", names=("--queue",), low=0, is_common=False),
        ),
    )
    device: str = field(
        default="auto",
        metadata=_option(
            '"auto", "cpu" or "gpu".', Flag("Where to compute.", choices=("auto", "cpu", "gpu"), in_config=True)
        ),
    )
    fd: int | tuple[int, int, int] | None = field(
        default=None,
        metadata=_option(
            "instead of `model`, an open file descriptor of a GGUF, which may be closed afterwards; or descriptor, "
            "offset and length of one inside of another file, such as an asset of an Android app, which is copied into "
            "the cache folder once: llama.cpp maps whole files.",
        ),
    )
    constraint: str = field(
        default="auto",
        metadata=_option(
            'what holds replies to their grammars: "llguidance", or "gbnf", llama.cpp\'s own grammars, for where '
            'llguidance can\'t be had: slower, no forced tokens, and more of a schema is left to the check. "auto" '
            "takes llguidance where it is installed.",
            Flag("What holds replies to their grammars.", choices=("auto", "llguidance", "gbnf"), in_config=True),
        ),
    )
    repack: bool = field(
        default=True,
        metadata=_option(
            "let llama.cpp copy weights, on a processor, into an order that suits its kernels. Replies are written "
            "faster then; without it the model is loaded in a fraction of the time, and its weights stay pages of the "
            "file, which processes share and the system may drop.",
            Flag(
                "Copy weights into the order of the processor's kernels: faster replies, a slower start.",
                names=("--repack/--no-repack",),
                in_config=True,
            ),
        ),
    )
    prefix: str | os.PathLike[str] | None = field(
        default=None,
        metadata=_option(
            "a file made by `LAM.bake`, so that even the first call need not read its tools.",
            Flag("What `edge-lam bake` computed of the tools.", metavar="FILE"),
        ),
    )
    format: str | None = field(
        default=None,
        metadata=_option(
            'the chat format to speak, such as "xlam-2-llama"; by default what the file tells.',
            Flag("The chat format to speak.  [default: what the model file tells]"),
        ),
    )
    template: str | os.PathLike[str] | None = field(
        default=None,
        metadata=_option(
            "a file with a Jinja chat template to render instead of the format's own.",
            Flag("A Jinja chat template to render instead of the format's own.", metavar="FILE"),
        ),
    )
    verbatim: bool = field(
        default=False,
        metadata=_option(
            "render the template that the model file carries, with its known defects.",
            Flag("Render the template in the model file, known defects included."),
        ),
    )
    nested_tools: bool | None = field(
        default=None, metadata=_option("write definitions in OpenAI's nested form (xLAM-2 and generic).")
    )
    mark_required: bool | None = field(
        default=None, metadata=_option('write ``"required": true`` into required properties (xLAM 1.0); on by default.')
    )
    log: str | os.PathLike[str] | bool | None = field(
        default=None,
        metadata=_option(
            'a file that gets a line for each call, "off" for none; None takes EDGE_LAM_LOG, else the state folder.',
            Flag(
                "Where a line per model call is logged; prompts are left out.  [default: the state folder]",
                metavar="PATH|off",
                is_common=False,
                in_config=True,
            ),
        ),
    )
    log_prompts: bool | None = field(
        default=None, metadata=_option("whether prompts and replies are logged too; None takes EDGE_LAM_LOG_PROMPTS=1.")
    )
    otel: bool = field(
        default=False,
        metadata=_option(
            "tell OpenTelemetry of each call: a span by its conventions for generative AI, with the phases of the call "
            "in it, and metrics. Exporters are the matter of the program, or of `opentelemetry-instrument`. What is "
            "asked and answered is told only with OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true.",
            Flag("Tell OpenTelemetry of each call; opentelemetry-instrument sets it up.", is_common=False),
        ),
    )
    prefix_cache: str | os.PathLike[str] | bool | None = field(
        default=None,
        metadata=_option(
            "a folder that keeps what was read of tools and system messages, so that the next start of a process need "
            "not read them again; False keeps it in memory only. None takes EDGE_LAM_PREFIX_CACHE (a folder, or "
            '"off"), else the cache folder. Prompts can be read from its files: only their owner may open them.'
        ),
    )
    save_conversations: bool = field(
        default=False,
        metadata=_option(
            "keep conversations in `prefix_cache` too, so that one goes on after a restart without being read again. "
            "They are written when the model has had nothing to do for a second, and when it is closed; each takes the "
            "place of what was kept of it before.",
            Flag("Keep what the model read of conversations over a restart.", is_common=False),
        ),
    )


# The options that commands have, by the names of their fields.
FLAGS: dict[str, Flag] = {each.name: each.metadata["flag"] for each in fields(LoadOptions) if each.metadata["flag"]}


def takes(kind: Callable[P, OptionsT]) -> Callable[[Callable[[OptionsT], T]], Callable[P, T]]:
    """Have a function of `PlanOptions` or `LoadOptions` take their fields as its own arguments, as `help` shows.

    An argument that is None is one that was not given, as clients and configurations write it.
    """

    def decorate(function: Callable[[OptionsT], T]) -> Callable[P, T]:
        own = signature(kind)

        @wraps(function)
        def taking(*arguments: P.args, **options: P.kwargs) -> T:
            try:
                own.bind(*arguments, **options)
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            for name in [name for name, value in options.items() if value is None]:
                del options[name]
            return function(kind(*arguments, **options))

        hint = function.__annotations__["return"]
        taking.__dict__["__signature__"] = own.replace(return_annotation=hint)
        taking.__annotations__ = {name: each.annotation for name, each in own.parameters.items()} | {"return": hint}
        if function.__doc__:  # there is none with -OO
            first, raises, rest = cleandoc(function.__doc__).partition("Raises:")
            taking.__doc__ = f"{first}Args:\n{_arguments(kind)}\n\n{raises}{rest}"
        return taking

    return decorate


def _arguments(kind: Any) -> str:
    """Return what the fields are, as the lines of a docstring's Args."""
    wrap = partial(fill, width=112, initial_indent=" " * 4, subsequent_indent=" " * 8, break_on_hyphens=False)
    return "\n".join(wrap(f"{each.name}: {each.metadata['about']}") for each in fields(kind))
