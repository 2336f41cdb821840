"""`edge-lam chat`: a conversation in the terminal, line by line."""

from __future__ import annotations

import sys

import click

from edge_lam.cli.model_options import ModelOptions, load_option, model_options
from edge_lam.cli.options import examples
from edge_lam.cli.request_options import (
    MODEL_SAMPLING,
    SYSTEM,
    SamplingOptions,
    ToolOptions,
    sampling_options,
    tool_options,
)
from edge_lam.cli.running import RunOptions, run_options


@click.command(
    "chat",
    epilog=examples(
        "edge-lam chat",
        "edge-lam chat --tools my_tools.py --tools more.json",
        "edge-lam chat --tools my_tools.py --approve --tool-timeout 30",
        'edge-lam chat --model owner/repo:Q4_K_M --system "Be short."',
        "printf 'note: buy milk\\nread my notes\\n' | edge-lam chat",
        "edge-lam chat --json < requests.txt > answers.jsonl",
    ),
)
@tool_options
@SYSTEM
@load_option(
    "save_conversations",
    help="Keep what the model read of conversations in the cache folder: one that is loaded goes on at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each message of a pipe.")
@run_options
@sampling_options
@MODEL_SAMPLING
@model_options
def command(
    *,
    system: str | None,
    save_conversations: bool,
    as_json: bool,
    running: RunOptions,
    sampling: SamplingOptions,
    model_sampling: bool,
    model_options: ModelOptions,
    tool_options: ToolOptions,
) -> None:
    """Talk to a model in the terminal.

    Text appears as it is written, with every call and its result. Ctrl-C stops a reply and keeps the conversation;
    Ctrl-D or /quit ends it; /help lists the commands. A message goes on after a backslash at the end of a line, and
    from one triple quote to another. For tools from JSON, which have no code, you are asked for the results.

    Lines from a pipe are answered one by one, and calls of tools without code are only shown; with --json, stdout holds
    nothing but the answers. Where the context is too small for the conversation, its oldest turns are left out, and
    that is said. What you type is kept in the state folder for the arrow keys, unless EDGE_LAM_HISTORY=off.
    """
    from edge_lam.cli.chat_commands import handle, names
    from edge_lam.cli.conversation import ChatSession
    from edge_lam.cli.prompt import messages
    from edge_lam.cli.toolbox import find_tools, usable_tools, warn_of_timers, without_function

    if as_json and sys.stdin.isatty():
        raise click.UsageError("--json answers what comes from a pipe")
    found = find_tools(tool_options)
    run_tools = sys.stdin.isatty() or not without_function(found)
    with model_options.load(save_conversations=save_conversations) as lam:
        conversation = ChatSession(
            lam,
            usable_tools(lam, found, tool_options),
            run_tools=run_tools,
            system=system,
            running=running,
            options=sampling.arguments(lam.info.sampling if model_sampling else None),
            as_json=as_json,
        )
        conversation.greet()
        for message in messages(names(), echo=not as_json):
            if not handle(conversation, message):
                break
    warn_of_timers("the chat")
