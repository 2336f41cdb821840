"""Renders chat templates with transformers.

    python tests/oracle/run_templates.py IN.json OUT.json

Run in the oracle's environment. IN holds a list of cases, each with "template", "messages", "tools" and "variables";
OUT gets their prompts, in order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast


def main() -> None:
    """Render and save."""
    source, target = map(Path, sys.argv[1:])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1}, "</s>")))
    tokenizer.bos_token, tokenizer.eos_token = "<s>", "</s>"
    prompts = [
        tokenizer.apply_chat_template(
            case["messages"],
            tools=case["tools"] or None,
            chat_template=case["template"],
            add_generation_prompt=True,
            tokenize=False,
            **case["variables"],
        )
        for case in json.loads(source.read_text(encoding="utf-8"))
    ]
    target.write_text(json.dumps(prompts), encoding="utf-8")


if __name__ == "__main__":
    main()
