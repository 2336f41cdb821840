"""Clients that leave, a server that is busy, and one that stops: each reply ends, and nobody is left without a word."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import edge_lam
from edge_lam.cli.main import run
from edge_lam.serve import ServeOptions
from edge_lam.serve.gate import MAX_HEADERS
from tests.serve.served import CHAT, command, events_of, long_reply, serving, user

Narrow = tuple[edge_lam.LAM, Callable[[], dict[str, Any]]]
SECONDS = 120.0  # what nothing here takes


def post(url: str, body: dict[str, Any], **more: Any) -> Any:
    return httpx2.Client(base_url=url, timeout=SECONDS).stream("POST", CHAT, json=body, **more)


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        yield connection


@contextlib.contextmanager
def begun(url: str, path: str, body: dict[str, Any]) -> Iterator[socket.socket]:
    """A request that was sent, whose answer is not read."""
    data = json.dumps(body).encode()
    with connected(url) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
        )
        yield connection


def test_a_client_that_leaves_a_stream_ends_its_reply(narrow: Narrow) -> None:
    lam, next_line = narrow
    with serving(lam) as url:
        with post(url, long_reply(stream=True)) as answer:
            lines = answer.iter_lines()
            while '"content":"' not in next(lines):
                pass
        line = next_line()
        assert line["error"] == "cancelled"
        assert 0 < line["tokens"]["sampled"] < 3000


def test_a_client_that_leaves_amid_its_prompt_ends_its_reply(narrow: Narrow) -> None:
    lam, next_line = narrow
    with serving(lam) as url:
        with post(url, {"messages": user("word " * 1950), "stream": True}) as answer:
            assert '"role":"assistant"' in next(answer.iter_lines())
        line = next_line()
        assert line["error"] == "cancelled"
        assert line["tokens"]["sampled"] == 0


def test_a_client_that_leaves_before_the_whole_answer_ends_its_reply(narrow: Narrow) -> None:
    lam, next_line = narrow
    log: list[dict[str, Any]] = []
    with serving(lam, access_log=lambda line: log.append(json.loads(line))) as url:
        with begun(url, CHAT, long_reply()):
            time.sleep(0.3)  # let it begin; if it has not, the reply ends all the same
        assert next_line()["error"] == "cancelled"
        deadline = time.monotonic() + SECONDS
        while not log and time.monotonic() < deadline:
            time.sleep(0.01)
    assert (log[0]["status"], log[0]["error"]) == (499, "client_gone")


def test_a_half_sent_request_is_given_up(narrow: Narrow) -> None:
    lam, _ = narrow
    with serving(lam, ServeOptions(body_timeout=0.2)) as url, connected(url) as connection:
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{{".encode())
        assert b" 408 " in connection.recv(4096).splitlines()[0]


@pytest.mark.parametrize("path", ["/health", "/nothing"])
def test_head_and_body_of_an_answer_are_sent_at_once(url: str, path: str) -> None:
    with connected(url) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_headers_that_are_too_large_are_refused(url: str, end: bytes) -> None:
    with connected(url) as connection:
        begin = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nx: "
        connection.sendall(begin + b"x" * (MAX_HEADERS + 1000) + end)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert json.loads(body)["error"]["code"] == "headers_too_large"


def test_headers_as_large_as_they_may_be_are_read(url: str) -> None:
    assert httpx2.get(url + "/health", headers={"x": "x" * (MAX_HEADERS - 1000)}).status_code == 200


def test_what_is_no_http_is_told_so(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.splitlines()[0] == b"HTTP/1.1 400 Bad Request"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"


def test_headers_that_do_not_end_are_given_up(narrow: Narrow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_lam.serve.protocol.HEADER_SECONDS", 0.2)
    lam, _ = narrow
    with serving(lam) as url, connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(4096)
        connection.sendall(b"GET /health HTTP/1.1\r\nhos")
        assert connection.recv(4096) == b""


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(narrow: Narrow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_lam.serve.protocol.SLOW_SECONDS", 0.2)
    lam, next_line = narrow
    log: list[dict[str, Any]] = []
    body = json.dumps(long_reply(stream=True, logprobs=True, top_logprobs=20)).encode()
    served = serving(lam, access_log=lambda line: log.append(json.loads(line)), send_buffer=2048)
    with served as url, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        host, port = url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        connection.sendall(
            f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        )
        assert next_line()["error"] in ("", "cancelled")  # it may be whole before
        deadline = time.monotonic() + SECONDS
        while not log and time.monotonic() < deadline:
            time.sleep(0.01)
    assert (log[0]["status"], log[0]["error"]) == (499, "client_too_slow")


def test_one_more_than_the_queue_takes_is_told_to_come_again(narrow: Narrow) -> None:
    lam, next_line = narrow
    with serving(lam) as url:
        with post(url, long_reply(stream=True)) as answer:
            lines = answer.iter_lines()  # a generator that is gone would close the connection
            next(lines)
            for stream in (False, True):
                with post(url, {"messages": user("hello"), "stream": stream}) as refused:
                    assert refused.status_code == 429
                    assert int(refused.headers["retry-after"]) >= 1
                    assert json.loads(refused.read())["error"]["code"] == "busy"
        for _ in range(3):
            next_line()
        with post(url, {"messages": user("hello")}) as answer:
            assert answer.status_code == 200


def test_a_silent_stream_shows_that_the_server_is_there(narrow: Narrow) -> None:
    lam, _ = narrow
    with (
        serving(lam, ServeOptions(ping=0.02)) as url,
        post(url, {"messages": user("word " * 600), "stream": True, "max_tokens": 4}) as answer,
    ):
        body = answer.read().decode()
    assert ": ping\n\n" in body
    *_, end = events_of(body)
    assert end == "[DONE]"


def test_a_server_that_is_told_to_stop_ends_what_is_under_way() -> None:
    with (
        command("--port", "0") as (child, url),
        post(url, long_reply(stream=True) | {"max_tokens": 100}) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        child.send_signal(signal.SIGTERM)
        *_, end = [line for line in lines if line]
        assert end == "data: [DONE]"
        assert child.wait(SECONDS) == 0
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url + "/health")
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["status"] == 200


def test_a_server_waits_no_longer_than_it_may() -> None:
    with command("--port", "0", "--grace", "0.3") as (child, url), begun(url, CHAT, long_reply()) as connection:
        with post(url, long_reply(stream=True)) as answer:
            lines = answer.iter_lines()
            next(lines)
            child.send_signal(signal.SIGTERM)
            *_, end = [line for line in lines if line]
        assert json.loads(end.removeprefix("data: "))["error"]["code"] == "closed"
        told = connection.makefile("rb").read()
        assert b" 503 " in told.splitlines()[0]
        assert b'"code":"closed"' in told
        assert child.wait(SECONDS) == 0


def test_a_unix_socket_is_of_this_user_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with command("--unix", str(path)) as (child, where):
        assert where == str(path)
        assert path.stat().st_mode & 0o777 == 0o600
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as client:
            assert client.get("http://any/health").status_code == 200
        with command("--unix", str(path), stderr=r"error: (.*)") as (second, reason):
            assert "can't listen" in reason
            assert second.wait(SECONDS) == 1
        child.send_signal(signal.SIGINT)
        assert child.wait(SECONDS) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--host", "0.0.0.0"), "without a key"),  # noqa: S104
        (("no-such-model.gguf", "--port", "0"), "no-such-model.gguf"),
        (("a.gguf", "--model", "b.gguf"), "named twice"),
        (("--host", "no-such-host.invalid", "--api-key", "k"), "can't listen"),
        (("--api-key-file", "/no/such/file"), "can't be read"),
        (("--api-key", ""), "empty"),
    ],
)
def test_what_the_command_refuses(args: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", *args]) in (1, 2)
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
