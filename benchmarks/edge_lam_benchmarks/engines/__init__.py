"""Where items are run: one after the other on this machine, or spread over a Ray cluster.

In go items, out come their results as they are done (`BenchEngine.run`). What an item is, an engine does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.results import ItemResult

ENGINES = ("local", "ray")


class BenchEngine(Protocol):
    """Runs items.

    Attributes:
        environments: of the machines that were used so far, by the `where` of their results.
    """

    environments: dict[str, dict[str, Any]]

    def run(self, items: Iterable[WorkItem]) -> Iterator[ItemResult]:
        """Yield the result of each item once it is there; never raises for what an item did."""

    def close(self) -> None:
        """End the processes; a second call does nothing."""


def open_engine(name: str, *, cool_down: float = 0.0, address: str | None = None, cores: int = 1) -> BenchEngine:
    """Return an engine.

    Args:
        name: one of `ENGINES`.
        cool_down: seconds to wait before each item that takes times.
        address: of the Ray cluster; None starts one on this machine.
        cores: of each worker of the Ray cluster where several share a machine.

    Raises:
        InvalidRequest: Ray is not installed, or the cluster can't be reached.
    """
    if name == "ray":
        from edge_lam_benchmarks.engines.ray_cluster import RayEngine

        return RayEngine(address=address, cores=cores, cool_down=cool_down)
    from edge_lam_benchmarks.engines.local import LocalEngine

    return LocalEngine(cool_down=cool_down)
