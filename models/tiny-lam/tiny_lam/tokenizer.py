"""Train tiny-lam's tokenizer: byte-level BPE with the qwen2 pre-tokenizer and ChatML specials.

Merges never join a space or an underscore to letters, so that a word is the same tokens after a space, after a quote
and inside an identifier: copying a value from the request is then copying tokens. The pre-tokenizer of the result is
plain qwen2; only the training splits finer.

    python -m tiny_lam.tokenizer checkpoint/
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tiny_lam.episodes import Mix, draw_episode
from tiny_lam.prompt import calls_text, preamble, tool_block, turn

VOCABULARY = 4096
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# The pattern that llama.cpp knows as "qwen2".
QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def texts(seed: int, episodes: int) -> Iterator[str]:
    """Yield the text of training episodes."""
    rng = random.Random(seed)
    yield preamble()
    for _ in range(episodes):
        episode = draw_episode(rng, Mix(n_tools=(1, 4)), 10)
        yield tool_block([tool.definition() for tool in episode.tools])
        for conversation in episode.conversations:
            for step in conversation:
                reply = step.reply if isinstance(step.reply, str) else calls_text(step.reply)
                yield turn(step.role, *step.contents) + reply


def train_tokenizer(seed: int = 0, episodes: int = 4000) -> Tokenizer:
    """Train on generated text; ids 0 to 255 are the bytes, the specials come last."""
    tokenizer = Tokenizer(models.BPE())
    qwen2 = pre_tokenizers.Split(Regex(QWEN2_PATTERN), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole_words = pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}](?=\p{L})"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([qwen2, whole_words, byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    corpus = (text.replace(special, "\n") for text in texts(seed, episodes) for special in ("<|im_end|>",))
    tokenizer.train_from_iterator((text.replace("<|im_start|>", "\n") for text in corpus), trainer)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([qwen2, byte_level])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIALS])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json as transformers reads them (Qwen2Tokenizer)."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    added = {
        str(tokenizer.token_to_id(text)): {
            "content": text, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True,
        }
        for text in SPECIALS
    }  # fmt: skip
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 4096,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Train and write the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="checkpoint folder to write into")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tokenizer = train_tokenizer(arguments.seed)
    save(tokenizer, arguments.folder)
    print(f"{tokenizer.get_vocab_size()} tokens -> {arguments.folder / 'tokenizer.json'}")


if __name__ == "__main__":
    main()
