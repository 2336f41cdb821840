"""tiny-lam: the data generator, tokenizer, training script and evaluation of edge-lam's embedded model."""
