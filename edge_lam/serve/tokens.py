"""Prompts, tokens and tools without a reply: what they take of the context, and how calls would be held."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route

from edge_lam.errors import InvalidRequest
from edge_lam.serve.body import read_json
from edge_lam.serve.dialects import anthropic_messages, openai_chat, openai_responses
from edge_lam.serve.dialects.fields import boolean
from edge_lam.serve.wire import JSON

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.serve.dialects.base import Ask, Dialect
    from edge_lam.serve.model import ServedModel
    from edge_lam.serve.options import ServeOptions


_COUNTED = {"object": "response.input_tokens"}
# Where the prompts of requests are counted: in which dialect they are, and what is stated besides.
_COUNTERS: dict[str, tuple[type[Dialect], dict[str, Any]]] = {
    f"{openai_chat.PATH}/input_tokens": (openai_chat.ChatCompletion, _COUNTED),
    "/chat/completions/input_tokens": (openai_chat.ChatCompletion, _COUNTED),
    f"{openai_responses.PATH}/input_tokens": (openai_responses.ModelResponse, _COUNTED),
    f"{anthropic_messages.PATH}/count_tokens": (anthropic_messages.AnthropicMessage, {}),
}


def token_routes(model: ServedModel, options: ServeOptions) -> list[Route]:
    """Return the routes that ask nothing of the model but its vocabulary and template."""

    async def tokenize(request: Request) -> JSON:
        body = await read_json(request, options)
        async with model.use() as lam:
            return JSON(await asyncio.to_thread(_tokenized, lam, body))

    async def detokenize(request: Request) -> JSON:
        body = await read_json(request, options)
        async with model.use() as lam:
            return JSON(await asyncio.to_thread(_detokenized, lam, body))

    async def apply_template(request: Request) -> JSON:
        body = await read_json(request, options)
        async with model.use() as lam:
            return JSON({"prompt": await asyncio.to_thread(_prompt, lam, body)})

    async def lint(request: Request) -> JSON:
        body = await read_json(request, options)
        tools = body.get("tools")
        if not isinstance(tools, list) or len(tools) > options.max_tools:
            raise InvalidRequest(f"tools must be a list of at most {options.max_tools} tools", param="tools")
        async with model.use() as lam:
            return JSON(await asyncio.to_thread(_linted, lam, tools))

    def counter(kind: type[Dialect], fixed: dict[str, Any]) -> Callable[[Request], Awaitable[JSON]]:
        async def count_tokens(request: Request) -> JSON:
            dialect = kind(await read_json(request, options), model.answering())
            async with model.use() as lam:
                return JSON({**fixed, "input_tokens": await asyncio.to_thread(_count, lam, dialect.ask)})

        return count_tokens

    routes = {
        "/tokenize": tokenize,
        "/detokenize": detokenize,
        "/apply-template": apply_template,
        "/edge_lam/lint": lint,
        **{path: counter(kind, fixed) for path, (kind, fixed) in _COUNTERS.items()},
    }
    return [Route(path, endpoint, methods=["POST"]) for path, endpoint in routes.items()]


def _tokenized(lam: LAM, body: dict[str, Any]) -> dict[str, Any]:
    content = body.get("content", "")
    if not isinstance(content, str):
        raise InvalidRequest("content must be text", param="content")
    tokens = lam.tokenize(
        content, add_special=boolean(body, "add_special"), parse_special=boolean(body, "parse_special", True)
    )
    if not boolean(body, "with_pieces"):
        return {"tokens": tokens}
    return {"tokens": [{"id": token, "piece": _piece(lam.detokenize([token]))} for token in tokens]}


def _piece(data: bytes) -> str | list[int]:
    """Return what a token stands for: a text, or bytes that are no whole character."""
    try:
        return data.decode()
    except UnicodeDecodeError:  # a token may be half a character
        return list(data)


def _detokenized(lam: LAM, body: dict[str, Any]) -> dict[str, Any]:
    tokens = body.get("tokens", [])
    if not isinstance(tokens, list) or not all(type(token) is int for token in tokens):
        raise InvalidRequest("tokens must be a list of token ids", param="tokens")
    return {"content": lam.detokenize(tokens).decode(errors="replace")}


def _prompt(lam: LAM, body: dict[str, Any]) -> str:
    return lam.render(openai_chat.read_messages(body.get("messages")), body.get("tools"))


def _linted(lam: LAM, tools: list[Any]) -> dict[str, Any]:
    """Return what `edge-lam lint --json` says of tools."""
    from edge_lam.tool_lint import ToolLint

    engine = lam.engine
    with engine.use():
        found = ToolLint(engine.model, engine.format, engine.vocabulary).look_at(tools)
    tokens = sum(tool.tokens or 0 for tool in found)
    return {"tokens": tokens, "context": lam.info.n_ctx, "tools": [tool.to_dict() for tool in found]}


def _count(lam: LAM, ask: Ask) -> int:
    return lam.count_tokens(ask.messages, ask.options.get("tools"))
