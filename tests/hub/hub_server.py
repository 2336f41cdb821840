"""A hub on 127.0.0.1: the two endpoints that edge-lam uses, over real sockets.

Serves repositories of small files as huggingface.co does: the model's listing, and files with commit and ETag headers.
Missing, private and gated repositories answer with the hub's status and error codes.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LISTING = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+?)(?:/revision/(?P<revision>[^/?]+))?(?:\?.*)?$")
FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)$")


@dataclass
class Repo:
    """One repository: its files; `token` is needed to see it at all, `gated` to download from it."""

    files: dict[str, bytes]
    token: str = ""
    gated: str = ""


@dataclass
class Hub:
    """The running server: where it listens, what it serves, what it was asked."""

    url: str
    repos: dict[str, Repo]
    requests: list[str] = field(default_factory=list)
    broken: bool = False

    def downloads(self) -> list[str]:
        """Paths of the files whose content was sent."""
        return [request.removeprefix("GET ") for request in self.requests if re.match(r"GET .*/resolve/", request)]


@contextmanager
def run_hub(repos: dict[str, Repo]) -> Iterator[Hub]:
    """Serve `repos` on a free port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}", repos)
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""

    def _answer(self) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        hub.requests.append(f"{self.command} {self.path}")
        match = LISTING.match(self.path) or FILE.match(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        repo = hub.repos.get(match["repo"]) if match else None
        if hub.broken:
            self._send(500, b"{}")
        elif token == "invalid":
            self._send(401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif match is None or repo is None or (repo.token and repo.token != token):
            self._send(404 if token else 401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif match["revision"] not in (None, "main", "v1", COMMIT):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif match.re is LISTING:
            listing = {"id": match["repo"], "sha": COMMIT, "siblings": [{"rfilename": name} for name in repo.files]}
            self._send(200, json.dumps(listing).encode(), {"Content-Type": "application/json"})
        elif repo.gated and repo.gated != token:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif match["file"] not in repo.files:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            content = repo.files[match["file"]]
            etag = hashlib.sha256(content).hexdigest()
            self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
