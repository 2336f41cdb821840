"""`app`: every route of the server, and what each request passes before it gets there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from edge_lam.errors import EdgeLamError
from edge_lam.serve.about import about_routes
from edge_lam.serve.access_log import AccessLog, note_failure
from edge_lam.serve.answer import AnswerResponse
from edge_lam.serve.body import read_json
from edge_lam.serve.dialects import (
    anthropic_messages,
    llama_completion,
    ollama_chat,
    openai_agent,
    openai_chat,
    openai_completions,
    openai_responses,
)
from edge_lam.serve.dialects.base import Answering, Dialect
from edge_lam.serve.errors import CLIENT_GONE, TYPES, Failure, failure_of
from edge_lam.serve.gate import Gate
from edge_lam.serve.limits import limited_options
from edge_lam.serve.metrics import Metrics
from edge_lam.serve.model import ServedModel
from edge_lam.serve.options import ServeOptions
from edge_lam.serve.replies import begin_all
from edge_lam.serve.server_tools import ServerTools, tool_routes
from edge_lam.serve.tokens import token_routes
from edge_lam.serve.wire import JSON, failure_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from edge_lam.lam import LAM
    from edge_lam.serve.access_log import Write


def chat_completion(body: Mapping[str, Any], answering: Answering) -> Dialect:
    """Read a chat completion, for which the server may be to run the tools."""
    ours = body.get("edge_lam")
    runs_tools = isinstance(ours, Mapping) and ours.get("run_tools") is True
    return (openai_agent.AgentChatCompletion if runs_tools else openai_chat.ChatCompletion)(body, answering)


DIALECTS: dict[str, Callable[[Mapping[str, Any], Answering], Dialect]] = {
    openai_chat.PATH: chat_completion,
    openai_completions.PATH: openai_completions.Completion,
    openai_responses.PATH: openai_responses.ModelResponse,
    anthropic_messages.PATH: anthropic_messages.AnthropicMessage,
    ollama_chat.PATH: ollama_chat.OllamaChat,
    llama_completion.PATH: llama_completion.LlamaCompletion,
    # As llama-server's clients find them too.
    "/completions": llama_completion.LlamaCompletion,
    "/chat/completions": chat_completion,
    "/responses": openai_responses.ModelResponse,
}


def app(
    lam: LAM | ServedModel,
    options: ServeOptions | None = None,
    *,
    tools: ServerTools | None = None,
    access_log: Write | None = None,
) -> ASGIApp:
    """Return an ASGI app that serves a model.

    Args:
        lam: the model; it stays open when the server ends.
        options: how the server behaves.
        tools: those that the server runs for requests that ask for it; none unless given.
        access_log: takes a line of JSON for each request.
    """
    options = options or ServeOptions()
    model = lam if isinstance(lam, ServedModel) else ServedModel.of(lam, options.alias)
    metrics = Metrics(model)
    middleware = [Middleware(AccessLog, metrics=metrics, write=access_log)]
    if options.cors:
        middleware.append(
            Middleware(CORSMiddleware, allow_origins=options.cors, allow_methods=("GET", "POST"), allow_headers=("*",))
        )
    middleware.append(Middleware(Gate, options=options))
    answered = {path: _endpoint(kind, model, metrics, options, tools) for path, kind in DIALECTS.items()}
    routes = [
        # First: routes are tried one after the other.
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in answered.items()),
        *about_routes(model, metrics, has_page=options.page),
        *token_routes(model, options),
        *tool_routes(tools, options),
    ]
    return Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            EdgeLamError: _on_error,
            HTTPException: _on_http_error,
            ClientDisconnect: _on_disconnect,
            Exception: _on_error,
        },
    )


def _endpoint(
    kind: Callable[[Mapping[str, Any], Answering], Dialect],
    model: ServedModel,
    metrics: Metrics,
    options: ServeOptions,
    tools: ServerTools | None,
) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers requests in a dialect: read, limit, begin, write."""

    async def endpoint(request: Request) -> Response:
        body = await read_json(request, options)
        adapter = model.adapter(body.get("model"), body.pop("lora", None))
        dialect = kind(body, model.answering(adapter))
        with dialect.naming():
            async with model.use() as lam:
                telemetry = lam.engine.recorder.telemetry
                with telemetry.within(request.headers) if telemetry else nullcontext():
                    streams = await begin_all(lam, dialect.ask, limited_options(dialect.ask, options, adapter), tools)
                model.under_way.update(streams)
        return cast("Response", AnswerResponse(dialect, streams, model, metrics, options.ping))

    return endpoint


async def _on_error(request: Request, error: Exception) -> Response:
    return _failed(request, failure_of(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Tell what the router found: no such path, or not with this method."""
    found = cast("HTTPException", error)
    status, path = found.status_code, request.url.path
    messages = {404: f"there is no {path} here", 405: f"{path} is not asked with {request.method}"}
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "error")
    failure = Failure(status, code, messages.get(status, found.detail), None, TYPES.get(status, "server_error"))
    response = _failed(request, failure)
    response.headers.update(found.headers or {})
    return response


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return _failed(request, Failure(CLIENT_GONE, "client_gone", "the client went away", None, "server_error"))


def _failed(request: Request, failure: Failure) -> JSON:
    note_failure(request.scope, failure.status, failure.code)
    return failure_response(failure, request.url.path)
