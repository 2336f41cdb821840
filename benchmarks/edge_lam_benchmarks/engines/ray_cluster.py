"""The Ray engine: the same items, spread over the machines of a cluster.

Items that take times get a machine for themselves, and all of one model the same one; the others share machines, each
worker on cores of its own. What a lost machine was measuring is measured again elsewhere.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.engines.local import LocalEngine
from edge_lam_benchmarks.items import SUITES, WorkItem
from edge_lam_benchmarks.results import ItemResult

ATTEMPTS = 3  # how often an item is tried whose worker is lost


class Measurer:
    """What runs on a machine of the cluster, as a Ray actor: a local engine on some of its cores.

    Args:
        first: the first core, counted among those that the actor may use.
        count: how many; None for all.
        cool_down: as `LocalEngine`.
    """

    def __init__(self, first: int, count: int | None, cool_down: float) -> None:
        cpus = None
        if count is not None and hasattr(os, "sched_getaffinity"):
            usable = sorted(os.sched_getaffinity(0))
            cpus = [usable[(first + index) % len(usable)] for index in range(min(count, len(usable)))]
        self._engine = LocalEngine(cool_down=cool_down, cpus=cpus)

    def measure(self, item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the result of an item, and the environments it may be from; all in JSON types."""
        (result,) = self._engine.run([WorkItem.from_dict(item)])
        return result.to_dict(), self._engine.environments


@dataclass
class Seat:
    """A place for a worker: some cores of one machine, and what is to be measured there."""

    node: str
    first: int
    count: int | None
    reserved: float
    queue: deque[WorkItem] = field(default_factory=deque)
    actor: Any = None


class RayEngine:
    """Runs items on a cluster; see `Engine`.

    Args:
        address: of the cluster; None starts one on this machine.
        cores: of each worker where several share a machine.
        cool_down: seconds to wait before each item that takes times.

    Raises:
        InvalidRequest: Ray is not installed, or the cluster can't be reached.
    """

    def __init__(self, *, address: str | None = None, cores: int = 1, cool_down: float = 0.0) -> None:
        try:
            self._ray: Any = import_module("ray")
        except ImportError as error:
            raise InvalidRequest("Ray is not installed", hint="pip install 'edge-lam[ray]'", param="engine") from error
        self.environments: dict[str, dict[str, Any]] = {}
        self._cores, self._cool_down = cores, cool_down
        self._attempts: dict[str, int] = {}
        try:
            self._ray.init(address=address, log_to_driver=False, include_dashboard=False, ignore_reinit_error=True)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InvalidRequest(f"the Ray cluster can't be reached: {reason}", param="address") from error

    def run(self, items: Iterable[WorkItem]) -> Iterator[ItemResult]:
        """Yield the result of each item once it is there, whichever machine is first."""
        everything = list(items)
        exclusive = [item for item in everything if SUITES[item.suite].exclusive]
        machines = [Seat(node, 0, None, cpus) for node, cpus in self._machines()]
        for place, model in enumerate(dict.fromkeys(item.model for item in exclusive)):
            seat = machines[place % len(machines)]
            seat.queue.extend(item for item in exclusive if item.model == model)
        yield from self._work(machines, deque())
        shared = deque(item for item in everything if not SUITES[item.suite].exclusive)
        seats = [
            Seat(node, slot * self._cores, self._cores, self._cores)
            for node, cpus in self._machines()
            for slot in range(max(1, int(cpus) // self._cores))
        ]
        yield from self._work(seats, shared)

    def _machines(self) -> list[tuple[str, float]]:
        """Return the machines that are there, with the processors that Ray may use of them."""
        alive = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        return [(node["NodeID"], node["Resources"]["CPU"]) for node in alive]

    def _work(self, seats: Sequence[Seat], shared: deque[WorkItem]) -> Iterator[ItemResult]:
        """Keep every seat busy with its own items, then with the shared ones, until none is left."""
        busy: dict[Any, tuple[Seat, WorkItem]] = {}
        idle = list(seats)
        try:
            while True:
                for seat in list(idle):
                    if queue := seat.queue or shared:
                        idle.remove(seat)
                        item = queue.popleft()
                        busy[self._start(seat).measure.remote(item.to_dict())] = seat, item
                if not busy:
                    break
                (ready,), _ = self._ray.wait(list(busy), num_returns=1)
                seat, item = busy.pop(ready)
                result = self._result(ready, item)
                if result is not None:
                    idle.append(seat)
                    yield result
                    continue
                self._end(seat)
                if any(node == seat.node for node, _ in self._machines()):
                    seat.queue.appendleft(item)
                    idle.append(seat)
                else:
                    shared.extend([item, *seat.queue])
        finally:
            for seat in seats:
                self._end(seat)
        for item in shared:
            yield ItemResult(item, "failed", reason="no machine of the cluster is left")

    def _result(self, answer: Any, item: WorkItem) -> ItemResult | None:
        """Return what came of an item, or None if its worker was lost and it is to be tried again."""
        try:
            plain, environments = self._ray.get(answer)
        except self._ray.exceptions.RayActorError as error:
            tried = self._attempts[item.id] = self._attempts.get(item.id, 0) + 1
            reason = f"its worker was lost {tried} times: {str(error).splitlines()[0]}"
            return ItemResult(item, "failed", reason=reason) if tried == ATTEMPTS else None
        except self._ray.exceptions.RayError as error:  # a fault that would come again
            return ItemResult(item, "failed", reason=str(error).splitlines()[-1])
        self.environments.update(environments)
        return ItemResult.from_dict(plain)

    def _start(self, seat: Seat) -> Any:
        """Return the actor of a seat, started if there is none; it holds its cores against other actors."""
        if seat.actor is None:
            scheduling = import_module("ray.util.scheduling_strategies")
            strategy = scheduling.NodeAffinitySchedulingStrategy(node_id=seat.node, soft=False)
            remote = self._ray.remote(Measurer).options(num_cpus=seat.reserved, scheduling_strategy=strategy)
            seat.actor = remote.remote(seat.first, seat.count, self._cool_down)
        return seat.actor

    def _end(self, seat: Seat) -> None:
        if seat.actor is not None:
            self._ray.kill(seat.actor)
        seat.actor = None

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()
