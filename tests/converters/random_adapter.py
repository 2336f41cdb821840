"""Writes LoRA adapters with random weights, laid out as PEFT's save_pretrained does: numpy only, no PEFT.

`python tests/converters/random_adapter.py FOLDER CHECKPOINT [--modules q_proj v_proj]` writes one by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.converters.random_checkpoint import Tensors, stored, write_json, write_safetensors

CONFIG: dict[str, Any] = {
    "base_model_name_or_path": "someone/tiny-random",
    "bias": "none",
    "fan_in_fan_out": False,
    "init_lora_weights": True,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "modules_to_save": None,
    "peft_type": "LORA",
    "r": 4,
    "target_modules": ["q_proj", "v_proj"],
    "task_type": "CAUSAL_LM",
    "use_dora": False,
    "use_rslora": False,
}
EMBEDDING = "model.embed_tokens"


def adapted(base: dict[str, tuple[int, ...]], modules: Sequence[str]) -> list[str]:
    """Return the modules of a checkpoint that end in one of `modules`, by the shapes of its tensors."""
    names = [name.removesuffix(".weight") for name, shape in base.items() if len(shape) == 2]
    return [name for name in names if name.rpartition(".")[2] in modules]


def write_adapter(
    folder: Path,
    base: dict[str, tuple[int, ...]],
    *,
    modules: Sequence[str] = ("q_proj", "v_proj"),
    whole: Tensors | None = None,
    ranks: dict[str, int] | None = None,
    dtype: str = "F32",
    seed: int = 1,
    **config: object,
) -> Tensors:
    """Write an adapter and return its tensors in float32, by the names in its file.

    Args:
        folder: where; created.
        base: shapes of the checkpoint's tensors by name.
        modules: last parts of the names of the modules that are adapted.
        whole: tensors that take the place of the base's, by their name there.
        ranks: ranks that differ from the configuration's, by the end of a module's name.
        dtype: of every tensor.
        seed: of the weights.
        config: values to put into adapter_config.json in place of `CONFIG`'s.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = CONFIG | {"target_modules": list(modules)} | config
    random = np.random.default_rng(seed)

    def factor(rows: int, columns: int) -> np.ndarray:
        return 0.2 * random.standard_normal((rows, columns), dtype=np.float32)

    tensors: Tensors = {}
    for module in adapted(base, modules):
        rows, columns = base[f"{module}.weight"]
        rank = next((r for end, r in (ranks or {}).items() if module.endswith(end)), values["r"])
        prefix = f"base_model.model.{module}"
        if module == EMBEDDING:
            tensors[f"{prefix}.lora_embedding_A"] = factor(rank, rows)
            tensors[f"{prefix}.lora_embedding_B"] = factor(columns, rank)
        else:
            tensors[f"{prefix}.lora_A.weight"] = factor(rank, columns)
            tensors[f"{prefix}.lora_B.weight"] = factor(rows, rank)
    tensors |= {f"base_model.model.{name}": tensor for name, tensor in (whole or {}).items()}
    write_json(folder / "adapter_config.json", values)
    write_safetensors(folder / "adapter_model.safetensors", {n: stored(t, dtype) for n, t in tensors.items()}, dtype)
    return tensors


def shapes_of(checkpoint: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of the tensors in a checkpoint's one safetensors file."""
    with (checkpoint / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


def main() -> None:
    """Write an adapter by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--modules", nargs="+", default=CONFIG["target_modules"])
    options = parser.parse_args()
    write_adapter(options.folder, shapes_of(options.checkpoint), modules=options.modules)


if __name__ == "__main__":
    main()
