"""`ServedModel`: the model behind the server, which may still be loading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import time
from typing import TYPE_CHECKING
from uuid import uuid4

from edge_lam.serve.dialects.base import Answering
from edge_lam.serve.errors import RequestError

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.serve.replies import Running


class ServedModel:
    """One model, loaded in the background.

    Attributes:
        alias: what clients see it called; None for the name in its file.
        created: when it was first served, in seconds since 1970.
        under_way: the replies that somebody waits for; of the event loop alone.

    Args:
        load: returns the model; called once, in a thread of its own.
        alias: as above.
    """

    def __init__(self, load: Callable[[], LAM], alias: str | None = None) -> None:
        self.alias = alias
        self.created = int(time())
        self._load = load
        self.under_way: set[Running] = set()
        self._loading: Future[LAM] = Future()
        self._is_stopping = False

    @classmethod
    def of(cls, lam: LAM, alias: str | None = None) -> ServedModel:
        """Return one that is loaded already."""
        served = cls(lambda: lam, alias)
        served._loading.set_result(lam)
        return served

    def start(self, ready: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        """Begin to load the model, in a thread that calls one of them at the end."""

        def run() -> None:
            try:
                lam = self._load()
            except BaseException as error:
                self._loading.set_exception(error)
                failed(error)
            else:
                self._loading.set_result(lam)
                ready()

        threading.Thread(target=run, name="edge-lam-load", daemon=True).start()

    @property
    def lam(self) -> LAM:
        """The model.

        Raises:
            RequestError: 503 while it is loaded, if it can't be, and once the server stops.
        """
        if self._is_stopping:
            raise RequestError(503, "closed", "the server is stopping", hint="ask again in a moment")
        if not self._loading.done():
            raise RequestError(503, "loading", "the model is being loaded", hint="try again in a moment")
        if self._loading.exception():
            raise RequestError(503, "not_loaded", "the model could not be loaded")
        return self._loading.result()

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.alias or self.lam.info.name

    def answering(self) -> Answering:
        """Return who answers a request; one for each."""
        return Answering(model=self.name, id=uuid4().hex, created=int(time()), info=self.lam.info)

    def stop(self) -> None:
        """End all replies, and begin no others."""
        self._is_stopping = True
        for stream in self.under_way:
            stream.cancel()

    def close(self) -> None:
        """Wait until the model is loaded, and free it."""
        if not self._loading.exception():
            self._loading.result().close()
