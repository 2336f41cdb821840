"""smol-lam: SmolLM2-135M-Instruct taught to call functions by a LoRA adapter, on tiny-lam's data."""
