"""`edge-lam`: the group of all commands, and the one place where an error becomes a line and an exit code.

A command's file is imported when the command is called, so that `--help` stays fast.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

import click

from edge_lam._util.addresses import spare_addresses
from edge_lam._util.interrupt import INTERRUPTED, end_at_once_on_ctrl_c
from edge_lam._util.printable import one_line, printable
from edge_lam.cli.defaults import Defaults
from edge_lam.cli.options import GLOBAL_OPTIONS, Settings, examples
from edge_lam.errors import EdgeLamError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Name: what `edge-lam --help` says, so that it need not import the commands. A test holds it against their own help.
COMMANDS = {
    "demo": "Run scripted requests with real tools and show where time and memory went.",
    "call": "Send one request, run the tools it calls, print the answer.",
    "chat": "Talk to a model in the terminal.",
    "serve": "Serve a model over HTTP, to clients of OpenAI's API and others.",
    "pull": "Download a model, or the rest of it, and check it.",
    "models": "List, show and remove the models on this disk.",
    "convert": "Convert a checkpoint to GGUF and quantize it.",
    "calibrate": "Make an importance matrix from function calls.",
    "tune": "Learn an adapter (LoRA) from conversations, and measure what it changed.",
    "verify": "Measure what quantization cost a model, against the one it was made from.",
    "bench": "Measure latency, memory and quality of function calls.",
    "info": "Describe a model file.",
    "plan": "Tell what a model will take of the memory, from its header alone.",
    "lint": "Show what tools cost in the prompt, and how calls are held to their schemas.",
    "log": "Show what calls took, from the log: by time, model, tool and phase.",
    "trajectories": "Export what ran as training data, and check which calls are clean.",
    "bake": "Compute tools and system message ahead, into one file to ship inside an app.",
    "config": "Show and change what options are by default, such as the model.",
    "completion": "Print a script with which a shell completes commands, options, models and files.",
    "cache": "List what is kept of prompts, so that the next start need not read them again.",
    "doctor": "Check this machine, the build and the model; advise where something is wrong.",
}

COMPLETE_VARIABLE = "_EDGE_LAM_COMPLETE"  # set for each Tab by the script of `edge-lam completion`
LONGEST_LINE = 480  # characters: an error may quote what is in a file
# What else means that, by the type of the error.
_NO_MEMORY: dict[type[Exception], tuple[str, ...]] = {
    RuntimeError: ("can't start new thread",),
    ImportError: ("failed to map segment", "cannot allocate memory", "Cannot allocate memory"),
}
_OUTPUT_FAILS = (errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, errno.EDQUOT)
EXIT_CODES = """

\b
Exit codes:
  0    done
  1    failed; the reason is one line on stderr
  2    wrong usage
  130  interrupted with Ctrl-C"""


class CommandGroup(click.Group):
    """The commands in the order of `COMMANDS`, each imported from `edge_lam.cli.<name>` when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and give it the options that every command has."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"edge_lam.cli.{cmd_name}").command
        known = {parameter.name for parameter in command.params}
        command.params.extend(option for option in GLOBAL_OPTIONS if option.name not in known)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without importing them all."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, and the defaults of its options; or say which one may be meant."""
        if ctx.resilient_parsing and args[0] not in COMMANDS:  # while a shell completes, nothing can be said
            return None, None, args
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            raise click.UsageError(f"no command {args[0]!r}" + (f", did you mean {close[0]!r}?" if close else ""), ctx)
        name, command, rest = super().resolve_command(ctx, args)
        asks = ctx.resilient_parsing or name == "config"  # a shell that completes, or who mends the file
        if command and name and not asks and not set(ctx.help_option_names) & set(rest):
            ctx.default_map = {name: Defaults(command)}
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from edge_lam import __version__

        click.echo(f"edge-lam {__version__}")
        ctx.exit()


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=list(GLOBAL_OPTIONS),
    epilog=examples(
        "edge-lam demo",
        'edge-lam call "what time is it in Tokyo?"',
        "edge-lam chat --tools my_tools.py",
        'edge-lam call "book a table" --tools tools.json --model model.gguf --json',
    )
    + EXIT_CODES,
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def commands() -> None:
    """Function calling on this device: xLAM models through llama.cpp."""


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        args: the words after `edge-lam`; None takes them from the process.

    Returns:
        The exit code, as `edge-lam --help` documents them.
    """
    settings = Settings()
    try:
        arguments = list(sys.argv[1:] if args is None else args)
        with commands.make_context("edge-lam", arguments, obj=settings) as context:
            commands.invoke(context)
        sys.stdout.flush()
    except BaseException as error:  # every way out of a command ends here
        return _report(error, settings)
    return 0


def main() -> None:
    """Run the process's own command line, and end it with its exit code."""
    _open_missing_streams()
    spare_addresses()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show a character gets "?", not a traceback
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")  # its readers say what is not UTF-8
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(commands, {}, "edge-lam", COMPLETE_VARIABLE, instruction))
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
    finally:
        end_at_once_on_ctrl_c()  # what is left to do is not worth a traceback
    sys.exit(code)


def _open_missing_streams() -> None:
    """Give the process the streams that it was started without, or files that it opens would get their numbers.

    What is written to stdout then fails, as it should: nobody would see it.
    """
    for name, mode, access in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode))


def _report(error: BaseException, settings: Settings) -> int:
    """Say what went wrong in a line or two on stderr, and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return _report_usage(error)
    if isinstance(error, BrokenPipeError):  # `edge-lam info | head`: the reader has what it wanted
        _close_stdout()
        return 1
    if settings.debug:
        print(printable("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal shows "^C" in the middle of a line
        return _complain("interrupted", code=INTERRUPTED)
    if not isinstance(error, Exception):
        raise error
    return _complain(*_message_of(error))


def _message_of(error: Exception) -> tuple[str, str]:
    """Return an error and a hint as people read them."""
    if isinstance(error, EdgeLamError):
        return f"error: {error.message}", error.hint
    if isinstance(error, OSError) and error.errno in _OUTPUT_FAILS and error.filename is None:
        return f"error: the output can't be written: {error.strerror}", ""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"error: {os.fsdecode(error.filename)}: {error.strerror}", ""
    if _is_of_memory(error):
        return "error: there is not enough memory", "free some, raise the limit of this shell (ulimit -v), or use less"
    return f"error: {type(error).__name__}: {error}", "--debug shows the traceback"  # a fault of ours, or of a tool


def _is_of_memory(error: Exception) -> bool:
    """Tell whether the system had no memory, or no address space, to give: for values, a thread, or a library."""
    is_full = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    return is_full or any(words in str(error) for words in _NO_MEMORY.get(type(error), ()))


def _report_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    context = getattr(error, "ctx", None)
    hint = f"see {context.command_path} --help" if context else ""
    return _complain(f"error: {error.format_message()}", hint=hint, code=error.exit_code)


def _complain(message: str, hint: str = "", *, code: int = 1) -> int:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # whoever read it is gone, as `head` is; or a tool closed it
        _close_stdout()
    with contextlib.suppress(OSError, ValueError):  # stderr is closed: there is nobody to tell
        print(f"edge-lam: {one_line(message, LONGEST_LINE)}", file=sys.stderr)
        if hint:
            print(f"hint: {one_line(hint, LONGEST_LINE)}", file=sys.stderr)
    return code


def _close_stdout() -> None:
    """Point stdout at nothing, so that Python's own flush at exit does not fail again."""
    with contextlib.suppress(OSError, ValueError):  # it is closed already, or no file: then nothing flushes it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
