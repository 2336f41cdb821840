"""What the server tells of itself: whether it is ready, which model it has, and how that is run."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_lam.serve.errors import RequestError
from edge_lam.serve.metrics import CONTENT_TYPE
from edge_lam.serve.wire import JSON

if TYPE_CHECKING:
    from edge_lam.serve.metrics import Metrics
    from edge_lam.serve.model import ServedModel

PAGE = Path(__file__).parent / "page.html"
# The page is one file that talks to this server alone; what a model writes can't change that.
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def about_routes(model: ServedModel, metrics: Metrics, *, has_page: bool) -> list[Route]:
    """Return the routes that tell of a model and what was done with it."""

    async def health(request: Request) -> JSON:
        model.info  # noqa: B018  (refuses while the model is loaded)
        return JSON({"status": "ok", "loaded": model.is_loaded})

    async def models(request: Request) -> JSON:
        return JSON({"object": "list", "data": [described(model, name) for name in model.names]})

    async def one_model(request: Request) -> JSON:
        name = request.path_params["name"]
        if name not in (*model.names, model.info.name):
            raise RequestError(404, "model_not_found", f"the model {name!r} is not served", param="model")
        return JSON(described(model, name if name in model.names else model.name))

    async def lora_adapters(request: Request) -> JSON:
        names = enumerate(model.info.adapters)
        return JSON([{"id": number, "path": name, "scale": 0.0} for number, name in names])

    async def props(request: Request) -> JSON:
        return JSON(properties(model))

    async def slots(request: Request) -> JSON:
        info, n_busy = model.info, len(model.under_way)
        return JSON([{"id": n, "n_ctx": info.n_ctx, "is_processing": n < n_busy} for n in range(info.n_parallel)])

    async def counted(request: Request) -> Response:
        started = {"process-start-time-unix": str(int(metrics.started))}
        return Response(metrics.text(), headers=started, media_type=CONTENT_TYPE)

    async def page(request: Request) -> Response:
        return Response(PAGE.read_bytes(), headers=_PAGE_HEADERS, media_type="text/html")

    return [
        *([Route("/", page)] if has_page else []),
        *(Route(path, health) for path in ("/health", "/v1/health")),
        *(Route(path, models) for path in ("/v1/models", "/models")),
        Route("/v1/models/{name:path}", one_model),
        Route("/props", props),
        Route("/slots", slots),
        Route("/lora-adapters", lora_adapters),
        Route("/metrics", counted),
        *_ollama_routes(model),
    ]


def _ollama_routes(model: ServedModel) -> list[Route]:
    """Return the routes where Ollama's clients look for models."""

    async def version(request: Request) -> JSON:
        from edge_lam import __version__

        return JSON({"version": __version__})

    async def tags(request: Request) -> JSON:
        return JSON({"models": [_ollama_model(model, name) for name in model.names]})

    async def show(request: Request) -> JSON:
        return JSON(_ollama_details(model))

    return [
        Route("/api/version", version),
        Route("/api/tags", tags),
        Route("/api/ps", tags),
        Route("/api/show", show, methods=["POST"]),
    ]


def described(model: ServedModel, name: str) -> dict[str, Any]:
    """Return a model as OpenAI lists it by one of its names, with what llama-server and we tell of it besides."""
    info = model.info
    return {
        "id": name,
        "object": "model",
        "created": model.created,
        "owned_by": "edge-lam",
        "aliases": [info.name] if name == model.name != info.name else [],
        "meta": {
            "n_ctx": info.n_ctx,
            "n_ctx_train": info.n_ctx_train,
            "n_params": info.n_parameters,
            "size": info.size,
            "architecture": info.architecture,
            "quantization": info.quantization,
            "bits_per_weight": round(info.bits_per_weight, 3),
            "license": info.license,
            "format": info.format,
        },
    }


def properties(model: ServedModel) -> dict[str, Any]:
    """Return how a model is run, in llama-server's words; of paths only the last part."""
    from edge_lam import __version__

    info = model.info
    return {
        "default_generation_settings": {"n_ctx": info.n_ctx, "params": {"temperature": 0.0, "n_predict": -1}},
        "total_slots": info.n_parallel,
        "model_alias": model.name,
        "model_path": Path(info.path).name,
        "modalities": {"vision": False, "audio": False},
        "format": info.format,
        "device": info.device,
        "n_threads": info.n_threads,
        "kv_type": info.kv_type,
        "build_info": f"edge-lam {__version__}",
    }


def _ollama_model(model: ServedModel, name: str) -> dict[str, Any]:
    info = model.info
    return {
        "name": name,
        "model": name,
        "modified_at": datetime.fromtimestamp(model.created, timezone.utc).isoformat(),
        "size": info.size,
        "digest": info.format_sha256,
        "details": _ollama_family(model),
    }


def _ollama_details(model: ServedModel) -> dict[str, Any]:
    info = model.info
    return {
        "license": info.license,
        "details": _ollama_family(model),
        "model_info": {
            "general.architecture": info.architecture,
            "general.parameter_count": info.n_parameters,
            f"{info.architecture}.context_length": info.n_ctx,
        },
        "capabilities": ["completion", "tools"] if info.renders_tools else ["completion"],
    }


def _ollama_family(model: ServedModel) -> dict[str, Any]:
    info = model.info
    return {
        "format": "gguf",
        "family": info.architecture,
        "families": [info.architecture],
        "parameter_size": f"{info.n_parameters / 1e6:.1f}M",
        "quantization_level": info.quantization,
    }
