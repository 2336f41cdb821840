"""`ServedModel`: the model behind the server, loaded in the background, and freed while nobody asks it, if wanted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import Future
from contextlib import asynccontextmanager
from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from edge_lam.engine.core import Activity
from edge_lam.serve.dialects.base import Answering
from edge_lam.serve.errors import RequestError

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.model_info import ModelInfo
    from edge_lam.serve.replies import Running


class ServedModel:
    """One model. All but `start` and `close` is for the server's event loop.

    Attributes:
        alias: what clients see it called; None for the name in its file.
        created: when it was first served, in seconds since 1970.
        under_way: the replies that somebody waits for.

    Args:
        load: returns the model; called in a thread of its own.
        alias: as above.
        idle_unload: seconds without a request after which the model is freed, until the next one; None for never.
    """

    def __init__(self, load: Callable[[], LAM], alias: str | None = None, *, idle_unload: float | None = None) -> None:
        self.alias = alias
        self.created = int(time())
        self.under_way: set[Running] = set()
        self._load, self._idle_unload = load, idle_unload
        self._loading: Future[LAM] | None = Future()
        self._info: ModelInfo | None = None
        self._n_users = 0
        self._resting: asyncio.TimerHandle | None = None
        self._is_stopping = False

    @classmethod
    def of(cls, lam: LAM, alias: str | None = None) -> ServedModel:
        """Return one that is loaded already."""
        served = cls(lambda: lam, alias)
        served._loading = Future()
        served._loading.set_result(lam)
        return served

    def start(self, ready: Callable[[], None], failed: Callable[[BaseException], None]) -> Future[LAM]:
        """Begin to load the model, in a thread that calls one of them at the end."""
        loading: Future[LAM] = Future()
        self._loading = loading

        def run() -> None:
            try:
                lam = self._load()
            except BaseException as error:
                loading.set_exception(error)
                failed(error)
            else:
                loading.set_result(lam)
                ready()

        threading.Thread(target=run, name="edge-lam-load", daemon=True).start()
        return loading

    @asynccontextmanager
    async def use(self) -> AsyncIterator[LAM]:
        """Give the model to a request, loaded again if it was freed.

        Raises:
            RequestError: 503 while it is loaded at first, if it can't be, and once the server stops.
        """
        self._n_users += 1
        try:
            self.info  # noqa: B018  (refuses)
            loading = self._loading or self.start(lambda: None, lambda error: None)
            try:
                lam = loading.result() if loading.done() else await asyncio.wrap_future(loading)
            except Exception:
                if self._loading is loading:
                    self._loading = None  # the next request tries again
                raise
            yield lam
        finally:
            self._n_users -= 1
            self._rest()

    @property
    def info(self) -> ModelInfo:
        """What is served.

        Raises:
            RequestError: as `use`.
        """
        if self._is_stopping:
            raise RequestError(503, "closed", "the server is stopping", hint="ask again in a moment")
        if self._info is None:
            if self._loading is None or not self._loading.done():
                raise RequestError(503, "loading", "the model is being loaded", hint="try again in a moment")
            if self._loading.exception():
                raise RequestError(503, "not_loaded", "the model could not be loaded")
            self._info = self._loading.result().info
        return self._info

    @property
    def is_loaded(self) -> bool:
        """Whether it is in memory."""
        return self._loading is not None and self._loading.done() and not self._loading.exception()

    @property
    def activity(self) -> Activity:
        """What the engine does, and did since it was loaded."""
        if self._loading is None or not self.is_loaded:
            return Activity()
        return self._loading.result().engine.core.activity

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.alias or self.info.name

    @property
    def names(self) -> list[str]:
        """What clients may call the model: by itself, and with each adapter that they may choose."""
        return [self.name, *(f"{self.name}:{adapter}" for adapter in self.info.adapters)]

    def adapter(self, name: object, lora: object = None) -> str:
        """Return the adapter that a client chooses by what it calls the model: "MODEL:ADAPTER"; "" for none.

        Other names say nothing: clients send what they were once set up with. `lora` says it as llama-server's clients
        do, with the numbers of /lora-adapters: ``[{"id": 0, "scale": 1.0}]``.

        Raises:
            RequestError: 404 for an adapter that this model does not have, 400 for a `lora` that is none of its own.
        """
        if lora is not None:
            return self._numbered(lora)
        base, _, adapter = name.rpartition(":") if isinstance(name, str) else ("", "", "")
        adapters = self.info.adapters
        if not adapters or base not in (self.name, self.info.name) or adapter == "latest":  # as Ollama's clients say
            return ""
        if adapter not in adapters:
            hint = f"there are {', '.join(adapters)}"
            raise RequestError(404, "model_not_found", f"no adapter is called {adapter!r}", param="model", hint=hint)
        return adapter

    def _numbered(self, lora: object) -> str:
        """Return the one adapter that llama-server's field `lora` switches on, "" for none."""
        names, chosen = self.info.adapters, list[str]()
        for each in lora if isinstance(lora, list) else [lora]:
            number, scale = (each.get("id"), each.get("scale", 0.0)) if isinstance(each, dict) else (None, 0.0)
            if type(number) is not int or not 0 <= number < len(names):
                hint = "a list such as [{'id': 0, 'scale': 1.0}], with the numbers of GET /lora-adapters"
                raise RequestError(400, "invalid_request", f"lora holds {each!r:.80}", param="lora", hint=hint)
            if scale not in (0, 1):
                hint = "an adapter's scale is set where it is loaded: --adapter NAME=FILE:SCALE"
                raise RequestError(
                    400, "invalid_request", f"scale can be 0 or 1, not {scale!r:.40}", param="lora", hint=hint
                )
            chosen += [names[number]] * bool(scale)
        if len(chosen) > 1:
            hint = "load them under one name: --adapter both=FILE --adapter both=FILE"
            raise RequestError(
                400, "invalid_request", f"{' and '.join(chosen)} can't be added up", param="lora", hint=hint
            )
        return chosen[0] if chosen else ""

    def answering(self, adapter: str = "") -> Answering:
        """Return who answers a request; one for each."""
        name = f"{self.name}:{adapter}" if adapter else self.name
        return Answering(model=name, id=uuid4().hex, created=int(time()), info=self.info)

    def left(self, streams: Collection[Running]) -> None:
        """Take note that nobody waits for some replies any more."""
        self.under_way.difference_update(streams)
        self._rest()

    def stop(self) -> None:
        """End all replies, and begin no others."""
        self._is_stopping = True
        for stream in self.under_way:
            stream.cancel()

    def close(self) -> None:
        """Wait until the model is loaded, if it is being loaded, and free it."""
        if self._loading is not None and not self._loading.exception():
            self._loading.result().close()

    def _rest(self) -> None:
        """Free the model after a while, unless it is used before."""
        if self._resting:
            self._resting.cancel()
        if self._idle_unload is not None and not self._n_users and not self.under_way:
            self._resting = asyncio.get_running_loop().call_later(self._idle_unload, self._free)

    def _free(self) -> None:
        if self._n_users or self.under_way or not self.is_loaded or self._loading is None:
            return
        lam, self._loading = self._loading.result(), None
        threading.Thread(target=lam.close, name="edge-lam-free", daemon=True).start()
