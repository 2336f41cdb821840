"""Asks llama.cpp's own converter which pre-tokenizer each checkpoint has: prints one JSON list of names.

    python tests/oracle/run_pre_tokenizers.py LLAMA_CPP CHECKPOINT [CHECKPOINT ...]

Run in the oracle's environment. The reference goes by a hash of the ids that a vocabulary gives to its own probe text,
so that only the real vocabularies are known to it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Ask."""
    llama_cpp, *checkpoints = sys.argv[1:]
    sys.path[:0] = [llama_cpp, str(Path(llama_cpp) / "gguf-py")]

    from conversion.base import TextModel
    from transformers import AutoTokenizer

    tokenizers = (AutoTokenizer.from_pretrained(checkpoint) for checkpoint in checkpoints)
    # It is a method, but asks nothing of its object.
    print(json.dumps([TextModel.get_vocab_base_pre(None, tokenizer) for tokenizer in tokenizers]))


if __name__ == "__main__":
    main()
