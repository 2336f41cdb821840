"""transformers on the processor: `generate` with the checkpoint that the GGUF was made from, in its own type."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def load(setup: dict[str, Any]) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    """Load the checkpoint; return facts, and what answers a task."""
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")
    torch.set_num_threads(setup["n_threads"])
    checkpoint, options = Path(setup["paths"]["checkpoint"]), {}
    if checkpoint.is_file():  # a GGUF, which is dequantized
        checkpoint, options = checkpoint.parent, {"gguf_file": checkpoint.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype="auto", **options).eval()
    tokenizer = None if setup["replayed"] else transformers.AutoTokenizer.from_pretrained(checkpoint, **options)

    def answer(task: dict[str, Any]) -> dict[str, Any]:
        prompt = torch.tensor([task["prompt_tokens"]])
        limits = {"max_new_tokens": task["n_tokens"], "min_new_tokens": task["n_tokens"]}
        if not setup["replayed"]:
            limits = {"max_new_tokens": task["max_tokens"], "eos_token_id": task["end_tokens"]}
        with torch.inference_mode():
            mask = torch.ones_like(prompt)
            tokens = model.generate(prompt, attention_mask=mask, do_sample=False, pad_token_id=0, **limits)[0]
        written = tokens[prompt.shape[1] :].tolist()
        text = tokenizer.decode(written, skip_special_tokens=True) if tokenizer else ""
        return {"n_prompt": prompt.shape[1], "n_cached": 0, "n_generated": len(written), "text": text}

    facts = {"version": transformers.__version__, "torch": torch.__version__, "dtype": str(model.dtype)}
    return facts, answer
