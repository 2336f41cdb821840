"""`ModelInfo`: what is loaded, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lam.engine import Engine


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded, and how; sizes in bytes.

    `constraint` is what holds replies to their grammars. `bits_per_weight` is measured, whatever the name of the
    quantization says; `renders_tools` is whether the chat template has a place for tools, without which requests with
    some are refused; `adapters` are the names that requests may choose among.
    """

    name: str
    path: str
    architecture: str
    quantization: str
    bits_per_weight: float
    n_parameters: int
    size: int
    license: str
    sampling: dict[str, float]
    format: str
    format_sha256: str
    template_sha256: str
    renders_tools: bool
    device: str
    n_ctx: int
    n_ctx_train: int
    n_threads: int
    n_parallel: int
    kv_type: str
    constraint: str
    kv_bytes: int
    compute_bytes: int
    load_seconds: float
    adapters: tuple[str, ...] = ()

    @classmethod
    def of(cls, engine: Engine) -> ModelInfo:
        """Return what an engine has loaded."""
        from edge_lam.hub import license_of

        model, context, header = engine.model, engine.context, engine.model.header
        return cls(
            name=model.name,
            path=str(model.path),
            architecture=model.architecture,
            quantization=header.file_type,
            bits_per_weight=header.bits_per_weight,
            n_parameters=model.n_parameters,
            size=model.size,
            license=header.license or license_of(header.names),
            sampling=header.sampling,
            format=engine.format.name,
            format_sha256=engine.format.sha256,
            template_sha256=engine.format.template_sha256,
            renders_tools=engine.format.renders_tools,
            device=model.device,
            n_ctx=context.n_ctx,
            n_ctx_train=model.n_ctx_train,
            n_threads=context.n_threads,
            n_parallel=context.n_sequences,
            kv_type=context.kv_type.name,
            constraint=engine.vocabulary.engine,
            kv_bytes=context.kv_bytes,
            compute_bytes=context.compute_bytes,
            load_seconds=engine.recorder.load_seconds,
            adapters=tuple(filter(None, context.adapters)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)
