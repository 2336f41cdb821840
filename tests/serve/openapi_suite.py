"""Asks the server what OpenAI's own OpenAPI allows, and what it forbids: no 500, and no answer off its schema.

    pip install schemathesis
    python -m tests.serve.openapi_suite                       # fetches the specification
    python -m tests.serve.openapi_suite --spec openapi.json --examples 300 --seed 1

The specification is cut to the paths that are served here; nothing of it is kept. schemathesis makes the requests. Each
is sent as it comes, and again without each field that is refused by name, until it is answered; plain words take the
place of a conversation that can't be read. Checked are whole
answers, each piece of a stream, and errors.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import jsonschema
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import ServeOptions, app
from tests.serve.served import events_of, user

SOURCE = "https://raw.githubusercontent.com/openai/openai-openapi/HEAD/openapi.json"
# Each path with the schema of the pieces of its streams.
PATHS = {
    "/chat/completions": ("post", "CreateChatCompletionStreamResponse"),
    "/completions": ("post", "CreateCompletionResponse"),
    "/responses": ("post", "ResponseStreamEvent"),
    "/models": ("get", ""),
    "/models/{model}": ("get", ""),
}
PLAIN = {"messages": user("hello"), "prompt": "hello", "input": "hello"}
_SAID = ("description", "summary", "example", "examples", "title")


def cut(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification of `PATHS` alone, with the schemas that they need and without texts."""
    paths = {}
    for path, (method, _) in PATHS.items():
        operation = whole["paths"][path][method]
        kept = {key: operation[key] for key in ("operationId", "parameters", "requestBody") if key in operation}
        paths[path] = {method: {**kept, "responses": {"200": operation["responses"]["200"]}}}
    found: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [paths, *({"$ref": f"#/components/schemas/{name}"} for _, name in PATHS.values() if name)]
    waiting.append({"$ref": "#/components/schemas/ErrorResponse"})
    while waiting:
        for reference in _references(waiting.pop()):
            _, _, kind, name = reference.split("/")
            if name not in found.setdefault(kind, {}):
                found[kind][name] = whole["components"][kind][name]
                waiting.append(found[kind][name])
    head = {"openapi": "3.1.0", "info": {"title": "cut", "version": "1"}, "servers": [{"url": "/v1"}]}
    return dict(_bare({**head, "paths": paths, "components": found}))


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            yield reference
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _bare(part: Any, *, is_named: bool = False) -> Any:
    """Return a part of a specification without texts; what is named so by a request stays."""
    if isinstance(part, list):
        return [_bare(value) for value in part]
    if not isinstance(part, dict):
        return part
    named = ("properties", "schemas")
    return {
        key: _bare(value, is_named=key in named)
        for key, value in part.items()
        if is_named or not (key in _SAID or key.startswith("x-"))
    }


class Suite:
    """Requests to one server, and what was wrong with its answers.

    Args:
        specification: cut.
        client: asks the server.
    """

    def __init__(self, specification: dict[str, Any], client: TestClient) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._specification, self._client = specification, client
        self._validators: dict[str, jsonschema.Draft202012Validator] = {}

    def ask(self, path: str, method: str, case: schemathesis.Case[Any]) -> None:
        """Send a request, and again without what is refused."""
        url = "/v1" + case.formatted_path.removeprefix("/v1")
        body: Any = case.body if method == "post" else None
        while answer := self._send(path, method, url, body):
            refused: Any = answer.json()["error"]["param"] if answer.status_code == 400 else None
            if not isinstance(body, dict) or body.get(refused) == (plain := PLAIN.get(refused)):
                return
            kept = {name: value for name, value in body.items() if name != refused}
            body = kept if plain is None else {**kept, refused: plain}

    def _send(self, path: str, method: str, url: str, body: Any) -> httpx2.Response | None:
        """Send a request, and judge its answer; None if nothing was sent."""
        try:
            content = None if body is None else json.dumps(body).encode()
            answer = self._client.request(method, url, content=content)
        except (TypeError, ValueError):  # nothing that JSON or a URL can say
            return None
        self.counts[f"{method.upper()} {path} {answer.status_code}"] += 1
        for fault in self._faults(path, method, answer):
            self.faults[f"{method.upper()} {path}: {fault}"] += 1
            if self.faults.total() <= 20:
                print(f"{method.upper()} {url} {json.dumps(body)[:600]}\n  -> {fault}")
        return answer

    def _faults(self, path: str, method: str, answer: Any) -> list[str]:
        if answer.status_code >= 500:
            return [f"status {answer.status_code}: {answer.text[:200]}"]
        if answer.status_code != 200:
            return self._off("ErrorResponse", answer.json())
        if answer.headers["content-type"].startswith("text/event-stream"):
            pieces = [piece for piece in events_of(answer.text) if piece != "[DONE]"]
            for choice in [one for piece in pieces for one in piece.get("choices", ())]:
                _without_nulls(choice)
            return [fault for piece in pieces for fault in self._off(self._form(path, piece), piece)]
        schema = self._specification["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        told = answer.json()
        for choice in told.get("choices", ()) if path == "/completions" else ():
            _without_nulls(choice)
        return self._off(schema["$ref"].rpartition("/")[2], told)

    def _form(self, path: str, piece: Mapping[str, Any]) -> str:
        """Return the name of the schema of a piece of a stream: of several, the one of its type."""
        name, schemas = PATHS[path][1], self._specification["components"]["schemas"]
        for one in schemas[name].get("anyOf", ()):
            kind = one["$ref"].rpartition("/")[2]
            if piece.get("type") in schemas[kind]["properties"]["type"].get("enum", ()):
                return str(kind)
        return name

    def _off(self, name: str, value: Any) -> list[str]:
        """Return where a value is off a schema."""
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}", "components": self._specification["components"]}
            self._validators[name] = jsonschema.Draft202012Validator(schema)
        errors = map(_innermost, self._validators[name].iter_errors(value))
        return [f"{name}: {error.json_path}: {error.message[:150]}" for error in errors]


def _without_nulls(choice: dict[str, Any]) -> None:
    """Put something in the place of each null that OpenAI's own answers have although its schema has none."""
    choice["finish_reason"] = choice["finish_reason"] or "stop"
    if choice.get("logprobs") is None:
        if "text" not in choice:
            choice.pop("logprobs", None)
    elif "token_logprobs" in choice["logprobs"]:  # the first token of a prompt was not expected by anybody
        told = choice["logprobs"]
        told["token_logprobs"] = [0.0 if value is None else value for value in told["token_logprobs"]]
        told["top_logprobs"] = [value or {} for value in told["top_logprobs"]]


def _innermost(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Return what of one of several forms was closest, for an error that tells of none of them."""
    best = jsonschema.exceptions.best_match([error])
    return best or error


def run(specification: dict[str, Any], lam: edge_lam.LAM, examples: int, seed: int) -> Suite:
    """Ask a model behind a server whatever there is to ask."""
    options = ServeOptions(max_tokens=4, max_choices=2, timeout=20.0)
    suite = Suite(specification, TestClient(app(lam, options), raise_server_exceptions=False))
    schema = schemathesis.openapi.from_dict(specification)
    for path, (method, _) in PATHS.items():
        for mode in schemathesis.GenerationMode:
            cases = schema[path][method.upper()].as_strategy(generation_mode=mode)
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # there is nothing wrong to ask
                _each(cases, partial(suite.ask, path, method), examples, seed)
    return suite


def _each(cases: SearchStrategy[Any], ask: Callable[[Any], None], examples: int, seed: int) -> None:
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.seed(seed)
    @hypothesis.given(case=cases)
    def each(case: schemathesis.Case[Any]) -> None:
        ask(case)

    each()


def main() -> None:
    """Run, and print what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, help="OpenAI's openapi.json; fetched unless given")
    parser.add_argument("--examples", type=int, default=100, help="of each path, right and wrong ones")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.spec:
        text = arguments.spec.read_bytes()
    else:
        with urllib.request.urlopen(SOURCE, timeout=60) as answer:
            text = answer.read()
    with edge_lam.load(n_parallel=2, log="off", prefix_cache=False) as lam:
        suite = run(cut(json.loads(text)), lam, arguments.examples, arguments.seed)
    for what, count in sorted(suite.counts.items()):
        print(f"{count:6} {what}")
    for fault, count in suite.faults.most_common():
        print(f"{count:6} FAULT {fault}")
    print(f"outcome: {sum(suite.counts.values())} requests, {sum(suite.faults.values())} faults")
    sys.exit(bool(suite.faults))


if __name__ == "__main__":
    main()
