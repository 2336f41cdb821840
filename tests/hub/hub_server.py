"""A hub on 127.0.0.1: the two endpoints that edge-lam uses, over real sockets.

Serves repositories of small files as a hub does: the model's listing, and files with commit and ETag headers, from
any position. Missing, private and gated repositories answer with the hub's status and error codes. A test can make it
break off, stall, fail, redirect and send damaged content.
"""

from __future__ import annotations

import contextlib
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
    license: str = ""
    sizes: dict[str, int] = field(default_factory=dict)  # what the listing claims instead of the truth


@dataclass
class Hub:
    """The running server: where it listens, what it serves, what it was asked.

    Attributes:
        sent: of each file that was asked for: where it started, and how many bytes were sent.
        broken: answer 500 to everything.
        n_failures: answer 503 to so many requests for content first.
        break_at: break each file off at this position, and be broken from then on.
        hiccup_at: break the next file off at this position, once.
        hang_at: send nothing after this position until it is None.
        stall: seconds before content is sent.
        damaged: send other content than the checksum is of.
        cdn: redirect to another address for content.
        whole_only: send files from their beginning, whatever part is asked for.
    """

    url: str
    repos: dict[str, Repo]
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)
    broken: bool = False
    n_failures: int = 0
    break_at: int | None = None
    hiccup_at: int | None = None
    hang_at: int | None = None
    stall: float = 0.0
    damaged: bool = False
    cdn: bool = False
    whole_only: bool = False

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

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client that was killed, or waited long enough
            super().handle()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""

    def _answer(self) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        hub.requests.append(f"{self.command} {self.path}")
        hub.tokens.append(self.headers.get("Authorization", ""))
        match = LISTING.match(self.path) or FILE.match(self.path.removeprefix("/cdn"))
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
            self._send(200, json.dumps(_listing(match["repo"], repo)).encode(), {"Content-Type": "application/json"})
        elif repo.gated and repo.gated != token:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif match["file"] not in repo.files:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            self._send_file(hub, repo.files[match["file"]])

    def _send_file(self, hub: Hub, content: bytes) -> None:
        etag = hashlib.sha256(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
        if hub.cdn and not self.path.startswith("/cdn"):
            linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
            # Another name of the same machine: a client must treat it as another host.
            host = hub.url.replace("127.0.0.1", "localhost")
            self._send(302, b"", {"X-Repo-Commit": COMMIT, **linked, "Location": f"{host}/cdn{self.path}"})
        elif self.command == "HEAD":
            self._send(200, content, headers)
        elif hub.n_failures:
            hub.n_failures -= 1
            self._send(503, b"{}")
        else:
            threading.Event().wait(hub.stall)
            asked = "" if hub.whole_only else self.headers.get("Range")
            first = int(re.sub(r"bytes=(\d+)-", r"\1", asked or "bytes=0-"))
            self._send_from(hub, first, bytes(reversed(content)) if hub.damaged else content, headers)

    def _send_from(self, hub: Hub, first: int, content: bytes, headers: dict[str, str]) -> None:
        end = len(content)
        hub.broken = hub.break_at is not None
        end = min(point for point in (end, hub.break_at, hub.hiccup_at) if point is not None)
        hub.hiccup_at = None
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._head(206 if first else 200, len(content) - first, headers)
        if hub.hang_at is not None:
            self.wfile.write(content[first : hub.hang_at])
            while hub.hang_at is not None:
                threading.Event().wait(0.02)
            self.close_connection = True
            return
        self.wfile.write(content[first:end])
        self.close_connection = end < len(content)
        hub.sent.append((first, max(0, end - first)))

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(body), headers)
        if self.command == "GET":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str] | None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _listing(name: str, repo: Repo) -> dict[str, object]:
    siblings = []
    for file, content in repo.files.items():
        lfs = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 100}
        siblings.append({"rfilename": file, "size": repo.sizes.get(file, len(content)), "blobId": "", "lfs": lfs})
    return {
        "id": name,
        "sha": COMMIT,
        "siblings": siblings,
        "tags": [f"license:{repo.license}"] if repo.license else [],
    }
