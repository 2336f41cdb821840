"""`edge-lam completion`: what a shell must read so that Tab completes commands, options, models and files."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from edge_lam.cli.options import examples

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(
    "completion",
    epilog=examples(
        "edge-lam completion bash >> ~/.bashrc",
        "edge-lam completion zsh >> ~/.zshrc                      # below compinit",
        "edge-lam completion fish > ~/.config/fish/completions/edge-lam.fish",
    ),
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> None:
    """Print a script with which a shell completes commands, options, models and files."""
    from edge_lam.cli.main import COMPLETE_VARIABLE, commands

    click.echo(SHELLS[shell](commands, {}, "edge-lam", COMPLETE_VARIABLE).source())
