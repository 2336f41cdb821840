"""Prints what a constraint costs beside llama.cpp's GBNF; see `edge_lam_benchmarks.constraint`.

python benchmarks/constraint.py qwen2-vocab.gguf
"""

from __future__ import annotations

from edge_lam_benchmarks.constraint import main

if __name__ == "__main__":
    main()
