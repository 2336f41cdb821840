"""Who is answered: keys, hosts, origins, limits; and what errors and the access log say."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.errors import InvalidRequest
from edge_lam.serve import ServeOptions, app
from edge_lam.serve.auth import read_key_file
from tests.serve.served import CHAT, user

HELLO = {"messages": user("hello"), "max_tokens": 2}


def client_of(lam: edge_lam.LAM, log: list[dict[str, Any]] | None = None, **options: Any) -> TestClient:
    def write(line: str) -> None:
        if log is not None:
            log.append(json.loads(line))

    return TestClient(app(lam, ServeOptions(**options), access_log=write), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer one"}, 200),
        ({"Authorization": "bearer two"}, 200),
        ({"X-Api-Key": "two"}, 200),
        ({}, 401),
        ({"Authorization": "Bearer on"}, 401),
        ({"Authorization": "Bearer one2"}, 401),
        ({"Authorization": "one"}, 401),
        ({"Authorization": "Basic one"}, 401),
        ({"X-Api-Key": ""}, 401),
    ],
)
def test_keys(lam: edge_lam.LAM, headers: dict[str, str], status: int) -> None:
    client = client_of(lam, api_keys=("one", "two"))
    answer = client.post(CHAT, json=HELLO, headers=headers)
    assert answer.status_code == status
    if status == 401:
        error = answer.json()["error"]
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
    assert client.get("/v1/models", headers=headers).status_code == status
    assert client.get("/no-such-path", headers=headers).status_code == (404 if status == 200 else 401)
    assert client.get("/health").status_code == client.get("/v1/health").status_code == 200


def test_a_key_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# of the app\none\n\n  two  \n")
    assert read_key_file(str(file)) == ("one", "two")
    with pytest.raises(InvalidRequest, match="/dev/zero can't be read: it has more than 1 MiB"):
        read_key_file("/dev/zero")
    file.write_text("# none\n")
    with pytest.raises(InvalidRequest, match="holds no API key"):
        read_key_file(str(file))
    with pytest.raises(InvalidRequest, match="can't be read"):
        read_key_file(str(tmp_path / "no such file"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "LocalHost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200),
        ({"Host": "localhost:8080", "Origin": "http://good.example"}, 200),
        ({"Host": "localhost:8080", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost:8080", "Origin": "null"}, 403),
    ],
)
def test_pages_from_elsewhere(lam: edge_lam.LAM, headers: dict[str, str], status: int) -> None:
    client = client_of(lam, hosts=("localhost", "127.0.0.1", "::1"), cors=("http://good.example",))
    answer = client.post(CHAT, json=HELLO, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["type"] == "permission_error"


def test_cors_is_off_unless_asked_for(lam: edge_lam.LAM) -> None:
    headers = {"Origin": "http://good.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client_of(lam).post(CHAT, json=HELLO, headers=headers).headers
    client = client_of(lam, cors=("http://good.example",), api_keys=("one",))
    asked = client.options(CHAT, headers={**headers, "Access-Control-Request-Headers": "Authorization"})
    assert asked.status_code == 200  # a preflight has no key
    assert asked.headers["access-control-allow-origin"] == "http://good.example"
    other = client.options(CHAT, headers={**headers, "Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b'"text"', 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"a": NaN}', 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b'{"a": ' + b"1" * 10_000 + b"}", 400, "invalid_json"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "invalid_request"),
        (b'{"messages": [{"role": "user", "content": "a"}], "tool_choice": "\\ud800"}', 400, "invalid_request"),
        (b" " * 3000, 413, "body_too_large"),
    ],
)
def test_bodies_that_are_no_request(lam: edge_lam.LAM, body: bytes, status: int, code: str) -> None:
    answer = client_of(lam, max_body=2000 if status == 413 else 2**20).post(CHAT, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_a_body_without_a_length_is_held_to_the_limit_too(lam: edge_lam.LAM) -> None:
    answer = client_of(lam, max_body=2000).post(CHAT, content=iter([b" " * 1500] * 2))
    assert answer.status_code == 413


def test_what_is_not_there(client: TestClient) -> None:
    answer = client.get("/no-such-path")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    answer = client.get(CHAT)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_limits_of_the_server(lam: edge_lam.LAM) -> None:
    client = client_of(lam, max_tokens=3)
    for most in (None, 50):
        answer = client.post(CHAT, json={"messages": user("hello"), "max_tokens": most}).json()
        assert answer["usage"]["completion_tokens"] == 3
        assert answer["choices"][0]["finish_reason"] == "length"
    for path, asked in ((CHAT, HELLO), ("/v1/completions", {"prompt": "a"})):
        answer = client.post(path, json={**asked, "max_tokens": "3"})  # the limit makes no number of it
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "max_tokens")


def test_a_request_whose_time_passes_before_its_reply_begins_is_told_so(lam: edge_lam.LAM) -> None:
    client = client_of(lam, timeout=1e-6)  # less than anything takes
    answer = client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")
    assert answer.headers["retry-after"] == "1"
    streamed = client.post(CHAT, json={**HELLO, "stream": True})
    assert '"code":"timeout"' in streamed.text
    assert 'finish_reason":"length' not in streamed.text


def test_a_fault_of_ours_is_told_without_its_text(
    lam: edge_lam.LAM, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[dict[str, Any]] = []

    def fail(*_: object) -> None:
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr("edge_lam.serve.asgi.limited_options", fail)
    with caplog.at_level(logging.CRITICAL):
        answer = client_of(lam, log).post(CHAT, json=HELLO)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert "secret" not in answer.text
    assert log[0]["status"] == 500


def test_the_access_log_has_a_line_for_each_request_without_its_texts(lam: edge_lam.LAM) -> None:
    log: list[dict[str, Any]] = []
    client = client_of(lam, log, api_keys=("the-key",))
    headers = {"X-Api-Key": "the-key", "X-Request-Id": "mine-1"}
    answer = client.post(CHAT, json={**HELLO, "stream": True}, headers=headers)
    assert answer.headers["x-request-id"] == "mine-1"
    client.post(CHAT, json={"messages": "hello"}, headers={"X-Api-Key": "the-key"})
    client.post(CHAT, json=HELLO)
    told, refused, unknown = log
    assert told["id"] == "mine-1"
    assert (told["method"], told["path"], told["status"]) == ("POST", CHAT, 200)
    assert told["reply_tokens"] == 2
    assert told["finish_reason"] == "length"
    assert (refused["status"], refused["error"]) == (400, "invalid_request")
    assert (unknown["status"], unknown["error"]) == (401, "invalid_api_key")
    assert len({line["id"] for line in log}) == 3
    assert "hello" not in json.dumps(log)
    assert "the-key" not in json.dumps(log)


def test_a_request_id_is_no_way_into_the_log(lam: edge_lam.LAM) -> None:
    log: list[dict[str, Any]] = []
    client_of(lam, log).get("/health", headers={"X-Request-Id": "x" * 1000})
    assert len(log[0]["id"]) < 100
