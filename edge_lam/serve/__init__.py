"""The HTTP door: `app(lam)` is an ASGI app that speaks the APIs clients already know. `edge-lam serve` runs it."""

from __future__ import annotations

from edge_lam.serve.asgi import app
from edge_lam.serve.options import ServeOptions
from edge_lam.serve.server_tools import ServerTools

__all__ = ["ServeOptions", "ServerTools", "app"]
