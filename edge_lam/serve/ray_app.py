"""The server on many machines: a Ray Serve application.

    serve run edge_lam.serve.ray_app:app model=my.gguf cores=4 min_replicas=2 max_replicas=8

A `Door` checks who asks, reads the request and passes it on. A `Replica` answers it: the ASGI app of `edge-lam serve`,
in a process on cores of its own. Requests whose prompts begin alike go to the same replica while it has room, which has
their tools in its cache then. A replica that is lost is told to clients, or another is asked: `ForwardedResponse`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from filelock import FileLock, Timeout
from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from edge_lam._util.extras import require
from edge_lam._util.paths import cache_dir
from edge_lam.errors import Busy, InvalidRequest
from edge_lam.serve.auth import read_key_file
from edge_lam.serve.body import read_body
from edge_lam.serve.errors import RequestError, failure_of
from edge_lam.serve.forwarding import Forwarded, ForwardedResponse, Message, ReplicaLostError, answered
from edge_lam.serve.gate import Gate
from edge_lam.serve.options import ServeOptions
from edge_lam.serve.wire import failure_response
from edge_lam.tools.tool import faults_of

require("ray", "replicas", extra="ray")

from ray import serve  # noqa: E402
from ray.exceptions import RayActorError  # noqa: E402
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig  # noqa: E402
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError  # noqa: E402
from ray.serve.request_router import RequestRouter  # noqa: E402

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

logger = logging.getLogger("edge_lam.serve")


class ReplicaSettings(BaseModel, extra="forbid", frozen=True):
    """How the application is run; `serve run ... NAME=VALUE` sets each.

    Attributes:
        model: as of `edge_lam.load`; a path must be there on every machine.
        n_ctx: as of `edge_lam.load`.
        parallel: replies that a replica writes side by side.
        cores: of each replica, which has them for itself on machines that let it.
        min_replicas: at least so many run.
        max_replicas: at most so many.
        patience: replies for each one that is written, waiting ones included, beyond which replicas are added.
        queue: requests that may wait for a replica with room; one more is told 429.
        api_key_file: keys, one a line; it must be there on every machine. EDGE_LAM_API_KEY holds one too.
        max_tokens: of a reply, whatever is requested.
        timeout: seconds of a reply, as of `edge-lam serve`.
    """

    model: str | None = None
    n_ctx: int | None = Field(None, ge=1)
    parallel: int = Field(1, ge=1)
    cores: int = Field(1, ge=1)
    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(1, ge=1)
    patience: float = Field(2.0, gt=0)
    queue: int = Field(128, ge=0)
    api_key_file: str | None = None
    max_tokens: int | None = Field(None, ge=1)
    timeout: float = Field(600.0, gt=0)

    def options(self) -> ServeOptions:
        """Return how the server behaves."""
        keys = tuple(filter(None, [os.environ.get("EDGE_LAM_API_KEY")]))
        keys += read_key_file(self.api_key_file) if self.api_key_file else ()
        return ServeOptions(api_keys=keys, max_tokens=self.max_tokens, timeout=self.timeout)


class Replica:
    """One model, on cores of its own."""

    def __init__(self, settings: ReplicaSettings) -> None:
        import edge_lam
        from edge_lam.serve import app
        from edge_lam.serve.access_log import print_line

        self._cores = take_cores(settings.cores)
        load: Mapping[str, Any] = settings.model_dump(include={"model", "n_ctx"}, exclude_none=True)
        self._lam = edge_lam.load(n_threads=settings.cores, n_parallel=settings.parallel, **load)
        self._app = app(self._lam, settings.options(), access_log=print_line)

    async def answer(self, asked: Forwarded) -> AsyncGenerator[Message, None]:
        """Yield the messages of ASGI that answer a request."""
        async for message in answered(self._app, asked):
            yield message

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Tell Ray how many replies are written or wait here."""
        activity = self._lam.engine.core.activity
        return {OPEN: activity.running + activity.waiting}

    def check_health(self) -> None:
        """Have Ray start another replica if this one's engine has ended.

        Raises:
            RuntimeError: it has.
        """
        if not self._lam.engine.core.owner.is_alive():
            raise RuntimeError("the engine has ended")

    def __del__(self) -> None:
        """Free the model: Ray calls this once all replies are whole."""
        if hasattr(self, "_lam"):
            self._lam.close()


OPEN = "edge_lam_replies_open"


class QueuePolicy:
    """How many replicas are wanted: so many that none has more replies open than it may.

    Args:
        open_each: replies that a replica may have, those included that wait.
    """

    def __init__(self, open_each: float) -> None:
        self._open_each = open_each

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """Return how many, and what is to be remembered: nothing. Ray applies the limits and delays."""
        n_open = sum((context.aggregated_metrics or {}).get(OPEN, {}).values())
        return ceil((n_open + (context.total_queued_requests or 0)) / self._open_each), {}


class PrefixRouter(RequestRouter):
    """Sends requests whose prompts begin alike to the same replica, and to another one only while that has no room.

    Replicas are ranked by a hash of prefix and replica: when one comes or goes, no other prefix moves.
    """

    async def choose_replicas(self, candidate_replicas: Sequence[Any], pending_request: Any = None) -> list[list[Any]]:
        """Return ranks of replicas, the preferred first: of one each, or of all for a request without a prefix."""
        asked = pending_request.args[0] if pending_request is not None and pending_request.args else None
        if not isinstance(asked, Forwarded) or not asked.prefix:
            return [list(candidate_replicas)]

        def rank(replica: Any) -> bytes:
            return sha256(f"{asked.prefix} {replica.replica_id.unique_id}".encode()).digest()

        return [[replica] for replica in sorted(candidate_replicas, key=rank)]


class Door:
    """What clients reach. It has no model, and can run on any machine."""

    def __init__(self, settings: ReplicaSettings, replicas: Any) -> None:
        self._options, self._replicas = settings.options(), replicas

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return Starlette(
            routes=[Route("/{path:path}", self._answer, methods=["GET", "HEAD", "POST", "OPTIONS"])],
            middleware=[Middleware(Gate, options=self._options)],
        )

    async def _answer(self, request: Request) -> Response:
        if request.url.path == "/metrics":
            message = "each replica counts by itself"
            return self._refused(RequestError(404, "not_found", message, hint="Ray has metrics of all"), request)
        try:
            body = await read_body(request, self._options)
        except RequestError as error:
            return self._refused(error, request)
        return cast("Response", ForwardedResponse(Forwarded.of(request.scope, body), self._begin))

    async def _begin(self, asked: Forwarded) -> AsyncGenerator[Message, None]:
        stream = self._replicas.options(stream=True).answer.remote(asked)
        try:
            async for message in stream:
                yield message
        except RayActorError as error:
            raise ReplicaLostError from error
        except BackPressureError as error:
            raise Busy("too many requests wait for a replica", hint="ask again in a moment") from error
        except DeploymentUnavailableError as error:
            raise RequestError(503, "no_replica", "no replica can be started", hint="ask again in a moment") from error
        finally:
            stream.cancel()

    @staticmethod
    def _refused(error: RequestError, request: Request) -> Response:
        return failure_response(failure_of(error), request.url.path)


def app(settings: Mapping[str, Any]) -> Any:
    """Return the application.

    Args:
        settings: fields of `ReplicaSettings`, as text or as they are.

    Raises:
        InvalidRequest: there is no such field, or it can't have that value.
    """
    try:
        read = ReplicaSettings.model_validate(settings)
    except ValidationError as error:
        raise InvalidRequest(f"the settings of the replicas: {faults_of(error)}") from error
    policy = AutoscalingPolicy(
        policy_function=f"{__name__}:{QueuePolicy.__name__}",
        policy_kwargs={"open_each": read.parallel * read.patience},
    )
    replicas = serve.deployment(Replica).options(
        ray_actor_options={"num_cpus": read.cores},
        max_ongoing_requests=ceil(read.parallel * read.patience),
        max_queued_requests=read.queue,
        autoscaling_config=AutoscalingConfig(
            min_replicas=read.min_replicas, max_replicas=max(read.min_replicas, read.max_replicas), policy=policy
        ),
        request_router_config=RequestRouterConfig(request_router_class=f"{__name__}:{PrefixRouter.__name__}"),
        health_check_period_s=5,
        graceful_shutdown_timeout_s=30,
    )
    door = serve.deployment(serve.ingress()(Door)).options(ray_actor_options={"num_cpus": 0}, max_ongoing_requests=4096)
    return door.bind(read, replicas.bind(read))


def take_cores(count: int) -> FileLock | None:
    """Run this thread, and those that it starts, on cores that no other replica on this machine has.

    Returns:
        What holds them until the process ends; None where there are none, or threads can't be held to any.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    folder = cache_dir() / "cores"
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(usable) - count + 1, count):
        lock = FileLock(folder / f"{first}-{count}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:  # another replica holds these
            continue
        os.sched_setaffinity(0, usable[first : first + count])
        return lock
    logger.warning("no %d cores are free for a replica: it shares them", count)
    return None
