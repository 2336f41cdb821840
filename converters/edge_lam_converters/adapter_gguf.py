"""A LoRA adapter as a GGUF of its own, which llama.cpp adds to the model at run time.

A `LoraAdapter` and the config.json of its base go in; the file that `edge_lam.load(adapters=...)` takes comes out. Each
factor keeps its values; rows follow those of the weight where llama.cpp orders them otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_lam.errors import CheckpointError
from edge_lam_converters.architectures import Architecture, TensorPlan, architecture_of
from edge_lam_converters.dtypes import Array, all_finite
from edge_lam_converters.gguf_writer import OutputTensor, partial_file, write_gguf
from edge_lam_converters.json_file import read_json
from edge_lam_converters.lora import WEIGHTS, Factors, LoraAdapter, shown
from edge_lam_converters.merging import read_f32
from edge_lam_converters.metadata import license_of, read_card, write_adapter
from edge_lam_converters.sources import find
from edge_lam_converters.targets import Target, check_space, check_targets, not_written
from edge_lam_converters.weights import interleaved

if TYPE_CHECKING:
    from gguf import GGUFWriter

_OUTPUT = "lm_head.weight"
_HINT = "merge it into the weights instead: edge-lam convert CHECKPOINT --adapter LORA"


@dataclass(frozen=True)
class AdapterReport:
    """What was written.

    Attributes:
        path: the GGUF.
        base: the model that it is for, as the adapter names it.
        rank: the largest of its factors.
        n_tensors: how many tensors it changes.
        size: bytes of the file.
        license: as the adapter's card states it, "" when it does not.
    """

    path: str
    base: str
    rank: int
    n_tensors: int
    size: int
    license: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def export_adapter(source: str | Path, adapter: str | Path, out: str | Path, *, force: bool = False) -> AdapterReport:
    """Write a LoRA adapter as a GGUF.

    Args:
        source: the base checkpoint; only its config.json is read.
        adapter: the adapter's folder, or owner/repo on the hub.
        out: the GGUF to write.
        force: whether an existing `out` may be replaced.

    Raises:
        CheckpointError: the adapter can't be read, is for another base, or changes what a GGUF adapter can't.
        InvalidRequest: `out` can't be written.
    """
    lora, base = LoraAdapter.open(find(adapter)), find(source)
    if not (base / "config.json").is_file():
        raise CheckpointError(f"{base} is no checkpoint: there is no config.json")
    architecture = architecture_of(read_json(base / "config.json"))
    alpha, tensors = adapter_tensors(lora, architecture)
    target = Path(out)
    check_targets([Target("F32", target)], [lora.files], force=force)
    needed = sum(tensor.n_bytes for tensor in tensors)
    check_space(target.parent, needed)
    card = read_card(lora.path, lora.name, -1)
    try:
        with partial_file(target) as partial:
            write_gguf(partial, _metadata(lora, architecture, alpha, card), tensors)
            lora.files.check_unchanged()
    except OSError as error:
        raise not_written(target, needed, error) from error
    rank = max(factors.rank for factors in lora.factors.values())
    base_name = lora.base or architecture.gguf_name
    return AdapterReport(str(target), base_name, rank, len(tensors) // 2, target.stat().st_size, license_of(card))


def adapter_tensors(adapter: LoraAdapter, architecture: Architecture) -> tuple[float, list[OutputTensor]]:
    """Return the alpha that holds for all tensors, and the pairs of factors as a GGUF holds them.

    llama.cpp scales each product by alpha / rank. Where PEFT's scale is another (rsLoRA, patterns), the alpha is chosen
    for the first tensor, and B takes what is left in the others.

    Raises:
        CheckpointError: the adapter is for another base, or changes what a GGUF adapter can't.
    """
    if adapter.replaced:
        name = min(adapter.replaced)
        raise CheckpointError(f"{WEIGHTS} replaces {name[:150]} as a whole, which a GGUF adapter can't", hint=_HINT)
    plans = {source: plan for plan in architecture.tensors() for source in plan.sources}
    if architecture.tied and _OUTPUT in adapter.factors:
        raise CheckpointError(f"{WEIGHTS} changes {_OUTPUT}, which in this model is the embedding too", hint=_HINT)
    if unknown := sorted(adapter.factors.keys() - plans.keys()):
        raise CheckpointError(
            f"{WEIGHTS} changes {unknown[0][:150]}, which the model does not have",
            hint="the adapter belongs to another base model" + (f": {adapter.base[:100]}" if adapter.base else ""),
        )
    first = next(iter(adapter.factors.values()))
    alpha = first.scale * first.rank
    tensors: list[OutputTensor] = []
    for plan in dict.fromkeys(plans[name] for name in adapter.factors):
        parts = [_checked(adapter, plan, source, tied=architecture.tied) for source in plan.sources]
        tensors += _pair(plan, parts, alpha)
    return alpha, tensors


def _checked(adapter: LoraAdapter, plan: TensorPlan, source: str, *, tied: bool) -> Factors:
    factors = adapter.factors.get(source)
    if factors is None:
        raise CheckpointError(
            f"{WEIGHTS} changes some experts of {plan.name} but not {source[:150]}; a GGUF adapter takes all or none",
            hint=_HINT,
        )
    if factors.shape != plan.source_shape:
        raise CheckpointError(
            f"{WEIGHTS}: {factors.b.name} makes {source} {shown(factors.shape)}, but in the model it is "
            f"{shown(plan.source_shape)}",
            hint="the adapter belongs to another base model" + (f": {adapter.base[:100]}" if adapter.base else ""),
        )
    if factors.of_embedding and tied:
        raise CheckpointError(
            f"{WEIGHTS} changes {source}, which is the output matrix too; llama.cpp can't change one without the other",
            hint=_HINT,
        )
    return factors


def _pair(plan: TensorPlan, parts: Sequence[Factors], alpha: float) -> list[OutputTensor]:
    """Return A and B of one tensor of the GGUF, of a stack of experts stacked too."""
    if len({part.rank for part in parts}) > 1:
        raise CheckpointError(f"{WEIGHTS}: the experts of {plan.name} have different ranks", hint=_HINT)
    a = [read_f32(part.a).T if part.of_embedding else read_f32(part.a) for part in parts]
    b = [_b(plan, part, alpha) for part in parts]
    for part, values in zip(parts, a, strict=True):
        _check_finite(part.a.name, values)
    for part, values in zip(parts, b, strict=True):
        _check_finite(part.b.name, values)
    return [_output(f"{plan.name}.lora_a", a), _output(f"{plan.name}.lora_b", b)]


def _b(plan: TensorPlan, part: Factors, alpha: float) -> Array:
    b = read_f32(part.b)
    factor = part.scale * part.rank / alpha
    if factor != 1:
        b = b * np.float32(factor)
    return interleaved(b, plan.head_dim, part.rank).reshape(b.shape) if plan.head_dim else b


def _check_finite(name: str, values: Array) -> None:
    if not all_finite(values, "F32"):
        raise CheckpointError(f"{WEIGHTS}: tensor {name} holds NaN or infinite values")


def _output(name: str, parts: list[Array]) -> OutputTensor:
    values = np.stack(parts) if len(parts) > 1 else parts[0]
    return OutputTensor(name, values.shape, "F32", [np.ascontiguousarray(values).reshape(-1)])


def _metadata(adapter: LoraAdapter, architecture: Architecture, alpha: float, card: Any) -> GGUFWriter:
    import gguf

    writer = gguf.GGUFWriter(None, architecture.gguf_name)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    card.set_gguf_meta_model(writer)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    write_adapter(writer, adapter, adapter.files.sha256())
    return writer
