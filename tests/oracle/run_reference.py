"""Runs llama.cpp's own converter on checkpoints, told which pre-tokenizer each has.

    python tests/oracle/run_reference.py LLAMA_CPP CHECKPOINT OUT.gguf bf16 qwen2 [CHECKPOINT OUT.gguf ...]

The reference recognises tokenizers by a hash of token ids, so that it knows no vocabulary trained here; that one
function is answered for it, and nothing else is changed. Each checkpoint comes with the file to write, its type and
the pre-tokenizer's name; they share a process, for the imports take longer than the work.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Convert checkpoints with the reference."""
    llama_cpp, *words = sys.argv[1:]
    sys.path[:0] = [llama_cpp, str(Path(llama_cpp) / "gguf-py")]

    import convert_hf_to_gguf
    from conversion.base import TextModel

    for checkpoint, out, outtype, pre in zip(*[iter(words)] * 4, strict=True):
        TextModel.get_vocab_base_pre = lambda self, tokenizer, pre=pre: pre
        sys.argv = ["convert_hf_to_gguf.py", checkpoint, "--outfile", out, "--outtype", outtype]
        convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()
