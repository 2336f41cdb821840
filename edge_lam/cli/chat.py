"""`edge-lam chat`: a conversation in the terminal, line by line."""

from __future__ import annotations

import click

from edge_lam.cli.options import (
    SYSTEM,
    TOOLS,
    ModelOptions,
    SamplingOptions,
    examples,
    model_options,
    sampling_options,
)


@click.command(
    "chat",
    epilog=examples(
        "edge-lam chat",
        "edge-lam chat --tools my_tools.py",
        'edge-lam chat --model owner/repo:Q4_K_M --system "Be short."',
        "printf 'note: buy milk\\nread my notes\\n' | edge-lam chat",
    ),
)
@TOOLS
@SYSTEM
@sampling_options
@model_options
def command(*, tools: str | None, system: str | None, sampling: SamplingOptions, model_options: ModelOptions) -> None:
    """Talk to a model in the terminal.

    Text appears as it is written, with every call and its result. Ctrl-C stops a reply and keeps the conversation;
    Ctrl-D or /quit ends it; /help lists the commands. Lines from a pipe are answered one by one.
    """
    from edge_lam.cli.conversation import Conversation
    from edge_lam.cli.prompt import lines
    from edge_lam.cli.toolbox import find_tools, warn_of_timers

    found = find_tools(tools)
    with model_options.load() as lam:
        conversation = Conversation(lam, found, system=system, options=sampling.arguments())
        conversation.greet()
        for line in lines():
            if not conversation.take(line):
                break
    warn_of_timers("the chat")
