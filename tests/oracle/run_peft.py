"""Makes LoRA adapters with PEFT, merges them with PEFT, and computes what base and adapter say together.

    python tests/oracle/run_peft.py 5,99,301 JOBS.json

Run in the oracle's environment. Each job of the file has a `base` folder, a `config` for PEFT's `LoraConfig`, and a
`work` folder in which `adapter/`, `merged/` (float32) and `logits.npy` of shape (tokens, vocabulary) are written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def make(base: Path, config: dict[str, Any], work: Path, tokens: list[int]) -> None:
    """Write adapter, merged checkpoint and logits."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager")
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **config)).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:  # PEFT begins with a change of zero, which would prove nothing
                parameter.normal_(std=0.05)
    adapted.save_pretrained(work / "adapter")
    with torch.inference_mode():
        np.save(work / "logits.npy", adapted(torch.tensor([tokens])).logits[0].numpy())
    adapted.merge_and_unload().save_pretrained(work / "merged")


def main() -> None:
    """Do every job."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokens = [int(token) for token in sys.argv[1].split(",")]
    for job in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        make(Path(job["base"]), job["config"], Path(job["work"]), tokens)


if __name__ == "__main__":
    main()
