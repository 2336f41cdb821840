"""`edge-lam bench`: a door to the benchmarks, which are a package of their own."""

from __future__ import annotations

import click

from edge_lam.errors import InvalidRequest

try:
    from edge_lam_benchmarks.cli import command
except ModuleNotFoundError as error:
    missing = error.name or "edge_lam_benchmarks"

    @click.command("bench", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def command() -> None:
        """Measure latency, memory and quality of function calls."""
        raise InvalidRequest(f"the benchmarks need {missing}", hint="pip install 'edge-lam[bench]'")
