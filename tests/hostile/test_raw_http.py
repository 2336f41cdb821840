"""What is no HTTP, or too much of it, on the server's socket: it is refused or cut off, and others are served."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

import edge_lam
from edge_lam.metrics.memory import process_memory
from tests.serve.served import CHAT, serving

PATIENCE = 30.0  # seconds
MAX_MEMORY = 64 << 20  # bytes that one client may make the server take
POST = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = json.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}).encode()
REFUSED = {
    "a header without end": POST + b"X: " + b"a" * (8 << 20),
    "headers without end": POST + b"X: a\r\n" * 1_000_000,
    "a path without end": b"GET /" + b"a" * (8 << 20),
    "no HTTP": bytes(range(256)) * 16 + b"\r\n\r\n",
    "HTTP of another age": b"GET /health\r\n\r\n",
    "a zero byte in a header": POST + b"X: \0\r\n\r\n",
    "a header of two lines": POST + b"X: a\r\n b\r\n: c\r\n\r\n",
    "a length below zero": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: 1e3\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length of twenty digits": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "a chunk that is no number": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk of all there is": CHUNKED + b"ffffffffffffffffffff\r\n{}",
    "chunks without end": CHUNKED + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 24,
    "a chunk longer than it says": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk's size in a megabyte": CHUNKED + b"0" * 2**20,
    "a chunk's note of a megabyte": CHUNKED + b"2;" + b"a" * 2**20,
    "trailers without end": CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 2**17,
    "an encoding that is no name": POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a blank before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "TLS": bytes.fromhex("160301020001") + bytes(512),
    "a body in bytes that are no text": POST + b"Content-Length: 3\r\n\r\n\xff\xfe\x00",
}
UNFINISHED = {REFUSED["a chunk of all there is"], REFUSED["HTTP of another age"]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with edge_lam.load(log=False, prefix_cache=False, n_ctx=512) as lam, serving(lam) as address:
        yield address


def ask_to_the_end(url: str, sent: bytes) -> bytes:
    """Send something, and return all that comes until the server ends the connection."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def ask(url: str, sent: bytes) -> bytes:
    """Send something, and return what comes until the server refuses or ends it."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=PATIENCE) as connection:
        received = b""
        try:
            connection.sendall(sent)
            if sent in UNFINISHED:
                connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(1 << 16):
                received += data
                if received.startswith(b"HTTP/1.1 4") and b"\r\n\r\n" in received:
                    break  # refused; what it does with the connection is for it to decide
        except ConnectionError:  # cut off: that is an answer too
            return received
    return received


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_the_next_client_is_served(url: str, sent: bytes) -> None:
    before = process_memory().resident
    answer = ask(url, sent)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert process_memory().resident - before < MAX_MEMORY
    assert httpx.get(f"{url}/health", timeout=PATIENCE, trust_env=False).status_code == 200


def test_requests_one_behind_the_other_are_answered_in_order(url: str) -> None:
    whole = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    answer = ask(url, whole + b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    first, second = answer.index(b'"choices"'), answer.rindex(b"HTTP/1.1 200")
    assert first < second


def test_what_follows_a_body_of_two_lengths_is_no_request(url: str) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % (len(body) + len(smuggled))
    answer = ask_to_the_end(url, both + body + smuggled)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_body_in_chunks_of_a_byte_is_read(url: str) -> None:
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in BODY)
    assert b'"choices"' in ask(
        url, CHUNKED.replace(b"Host", b"Connection: close\r\nHost") + chunks + b"0\r\nX: a trailer\r\n\r\n"
    )
