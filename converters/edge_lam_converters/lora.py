"""A LoRA adapter as PEFT saves it: adapter_config.json and adapter_model.safetensors, read and checked.

A folder goes in; for each adapted tensor its two factors and their scale come out, still on disk. What PEFT can do and
this can't is refused by name.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters import config as values
from edge_lam_converters.json_file import read_json
from edge_lam_converters.origin import Origin
from edge_lam_converters.safetensors_file import read_header
from edge_lam_converters.source_files import SourceFiles
from edge_lam_converters.source_tensor import SourceTensor

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

_PREFIX = "base_model.model."
_FACTOR = re.compile(r"(.+)\.(lora_[AB])\.weight|(.+)\.(lora_embedding_[AB])")
_TEXT_FILES = (CONFIG, "README.md")
_MAX_RANK = 2**16

# Options that change what an adapter computes, and the values under which they don't.
_PLAIN: dict[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "use_dora": (None, False),
    "use_qalora": (None, False),
    "lora_bias": (None, False),
    "alora_invocation_tokens": (None,),
    "megatron_config": (None,),
    "trainable_token_indices": (None,),
    "target_parameters": (None, []),
}
# These change the base model's weights before training: the adapter fits a base that is nowhere on disk.
_CHANGES_BASE = re.compile(r"pissa|olora|loftq|corda|lora_ga")

# A repeated group, or more than three repetitions: a hostile pattern of this kind would match for hours.
_SLOW = re.compile(r"\)[*+{]|([*+{].*){4}")


@dataclass(frozen=True)
class Factors:
    """The low-rank change of one tensor: `scale` x B A is added to it.

    Attributes:
        target: the name of the changed tensor in the base checkpoint.
        a: (rank, columns of the tensor); for an embedding (rank, tokens).
        b: (rows of the tensor, rank); for an embedding (width, rank), so that its change is the transposed product.
        scale: of the product, as PEFT computes it.
        of_embedding: whether the factors are those of an embedding.
    """

    target: str
    a: SourceTensor
    b: SourceTensor
    scale: float
    of_embedding: bool

    @property
    def rank(self) -> int:
        """Rows of A."""
        return self.a.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the tensor that is changed, (rows, columns)."""
        shape = self.b.shape[0], self.a.shape[1]
        return shape[::-1] if self.of_embedding else shape


@dataclass(frozen=True)
class LoraAdapter:
    """A LoRA adapter, opened and checked.

    Attributes:
        path: the folder.
        config: adapter_config.json.
        factors: the changes, by the name of the changed tensor in the base checkpoint.
        replaced: tensors that take the place of the base's (modules_to_save, trained biases), by its name.
        copies: tensors of the base that PEFT saves beside the factors of an embedding, by their name there.
        files: every file that was read.
    """

    path: Path
    config: dict[str, Any]
    factors: dict[str, Factors]
    replaced: dict[str, SourceTensor]
    copies: dict[str, SourceTensor]
    files: SourceFiles

    @classmethod
    def open(cls, path: str | Path) -> LoraAdapter:
        """Open an adapter's folder.

        Raises:
            CheckpointError: no adapter, one that can't be read, or a kind that can't be merged; names what is wrong.
        """
        path = Path(path)
        if not path.is_dir():
            raise CheckpointError(
                f"{path} is a file; an adapter is a folder" if path.exists() else f"no such folder: {path}",
                hint=f"give the folder that holds {CONFIG} and {WEIGHTS}",
            )
        for name in (CONFIG, WEIGHTS):
            if not (path / name).is_file():
                raise CheckpointError(f"{path} is no LoRA adapter: there is no {name}", hint=_hint(path))
        files = SourceFiles.of(path / name for name in (*_TEXT_FILES, WEIGHTS) if (path / name).is_file())
        config = read_json(path / CONFIG)
        _check_kind(config)
        return cls(path, config, *_sorted(config, read_header(path / WEIGHTS)), files)

    @property
    def name(self) -> str:
        """That of the repository, else of the folder."""
        return Origin.of(self.path).name

    @property
    def base(self) -> str:
        """The base model as adapter_config.json names it, or ""."""
        name = self.config.get("base_model_name_or_path")
        return name if isinstance(name, str) else ""


def _hint(path: Path) -> str:
    if (path / "adapter_model.bin").is_file():
        return "save the adapter with safe_serialization=True"
    if (path / "config.json").is_file():
        return "this is a whole checkpoint: convert it without an adapter"
    return f"an adapter's folder holds {CONFIG} and {WEIGHTS}, as PEFT's save_pretrained writes them"


def _check_kind(config: dict[str, Any]) -> None:
    for key, plain in _PLAIN.items():
        if config.get(key) not in plain:
            raise CheckpointError(f"{CONFIG}: {key} {str(config.get(key))[:60]!r} is not supported, only plain LoRA")
    start = config.get("init_lora_weights")
    if isinstance(start, str) and _CHANGES_BASE.match(start.lower()):
        raise CheckpointError(
            f"{CONFIG}: the adapter was started with {start[:60]!r}, which changes the base model's weights",
            hint="convert it to a plain LoRA when saving (PEFT's path_initial_model_for_weight_conversion)",
        )


def _sorted(
    config: dict[str, Any], tensors: dict[str, SourceTensor]
) -> tuple[dict[str, Factors], dict[str, SourceTensor], dict[str, SourceTensor]]:
    """Tell factors, replaced tensors and copies of the base apart, and pair the factors."""
    pairs: dict[str, dict[str, SourceTensor]] = {}
    replaced: dict[str, SourceTensor] = {}
    copies: dict[str, SourceTensor] = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix(_PREFIX)
        if match := _FACTOR.fullmatch(plain):
            pairs.setdefault(match[1] or match[3], {})[match[2] or match[4]] = tensor
        elif "lora_" in plain or plain == name:
            raise CheckpointError(f"{WEIGHTS}: tensor {name[:150]} is nothing that a LoRA adapter of a model holds")
        elif plain.endswith(".base_layer.weight"):
            copies[plain.replace(".base_layer.", ".")] = tensor
        else:
            replaced[plain.replace(".modules_to_save.", ".").replace(".base_layer.", ".")] = tensor
    if not pairs and not replaced:
        raise CheckpointError(f"{WEIGHTS} holds no tensors")
    factors = {f"{module}.weight": _paired(config, module, pair) for module, pair in pairs.items()}
    return factors, replaced, copies


def _paired(config: dict[str, Any], module: str, pair: dict[str, SourceTensor]) -> Factors:
    for kind in ("lora_", "lora_embedding_"):
        if pair.keys() == {f"{kind}A", f"{kind}B"}:
            a, b = pair[f"{kind}A"], pair[f"{kind}B"]
            break
    else:
        raise CheckpointError(f"{WEIGHTS}: {module[:150]} has {' and '.join(sorted(pair))}, not one A and one B")
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1]:
        raise CheckpointError(
            f"{WEIGHTS}: {a.name} is {shown(a.shape)} and {b.name} {shown(b.shape)}, which is no pair"
        )
    rank = _of_module(config, "rank_pattern", module) or values.count(config, "r", most=_MAX_RANK, file=CONFIG)
    if rank != a.shape[0]:
        raise CheckpointError(f"{WEIGHTS}: {a.name} has rank {a.shape[0]}, but {CONFIG} says {rank}")
    alpha = _of_module(config, "alpha_pattern", module) or values.number(config, "lora_alpha", file=CONFIG)
    scale = alpha / (math.sqrt(rank) if values.flag(config, "use_rslora", file=CONFIG) else rank)
    return Factors(f"{module}.weight", a, b, scale, kind == "lora_embedding_")


def _of_module(config: dict[str, Any], key: str, module: str) -> float | None:
    """Return the value of the first pattern that fits a module's name, as PEFT looks it up, or None."""
    patterns = config.get(key) or {}
    if not isinstance(patterns, dict):
        raise CheckpointError(f"{CONFIG}: {key} is no object")
    for pattern in patterns:
        if _SLOW.search(pattern):
            raise CheckpointError(f"{CONFIG}: {key} has the pattern {pattern[:60]!r}, which is too involved")
        try:
            fits = re.match(rf"(.*\.)?({pattern})$", module)
        except re.error as error:
            raise CheckpointError(f"{CONFIG}: {key} has {pattern[:60]!r}, which is no pattern: {error}") from error
        if fits:
            return values.number(patterns, pattern, file=CONFIG)
    return None


def shown(shape: tuple[int, ...]) -> str:
    """Return a shape for an error: "64x128"."""
    return "x".join(str(size) for size in shape) or "a single value"
