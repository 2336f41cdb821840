"""Runs llama.cpp's own converter on a checkpoint, told which pre-tokenizer it has.

    python tests/oracle/run_reference.py LLAMA_CPP CHECKPOINT OUT.gguf [--outtype bf16] [--pre qwen2]

The reference recognises tokenizers by a hash of token ids, so that it knows no vocabulary trained here; that one
function is answered for it, and nothing else is changed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> None:
    """Convert one checkpoint with the reference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama_cpp", type=Path, help="llama.cpp's source folder")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--outtype", default="bf16", choices=("bf16", "f16", "f32", "q8_0"))
    parser.add_argument("--pre", default="qwen2")
    options = parser.parse_args()
    sys.path[:0] = [str(options.llama_cpp), str(options.llama_cpp / "gguf-py")]

    import convert_hf_to_gguf
    from conversion.base import TextModel

    TextModel.get_vocab_base_pre = lambda self, tokenizer: options.pre
    sys.argv = ["convert_hf_to_gguf.py", str(options.checkpoint), "--outfile", str(options.out)]
    sys.argv += ["--outtype", options.outtype]
    convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()
