"""Tokenizes texts with the `sentencepiece` library: prints one JSON list of token ids for each.

python tests/oracle/run_sentencepiece.py TOKENIZER.MODEL TEXTS.JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sentencepiece import SentencePieceProcessor


def main() -> None:
    """Tokenize."""
    model, texts = sys.argv[1:]
    processor = SentencePieceProcessor(model_file=model)
    print(json.dumps(processor.encode(json.loads(Path(texts).read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
