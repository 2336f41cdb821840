"""The tags around a model's thinking, by which it is told from the reply: in a reply, and at the end of a prompt."""

from __future__ import annotations

import re

# What opens thinking, and what closes it; from the templates of the models that write them.
TAGS = {
    "<think>": "</think>",  # DeepSeek-R1, Qwen, GLM, MiniMax-M2, Nemotron and most others
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<mm:think>": "</mm:think>",  # MiniMax-M3
    "<think:opensource>": "</think:opensource>",  # Hunyuan 3
    "[THINK]": "[/THINK]",  # Magistral, Ministral
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>thought": "<channel|>",  # Gemma 4
    "◁think▷": "◁/think▷",  # Kimi-VL
}
# What opens thinking where a prompt ends in it; in a reply it would be only words, or control tokens that frame more.
IN_PROMPTS = {
    "Here are my reasoning steps:": "[BEGIN FINAL RESPONSE]",  # Apriel
    "<|open|>think<|sep|>": "<|close|>think<|sep|>",  # Kimi-K3
    "<|channel|>analysis<|message|>": "<|end|>",  # gpt-oss
}
_TOKEN = re.compile(r"<[^<>]+>|\[[^\[\]]+\]|◁[^◁▷]+▷")


def tokens_in(*tags: str) -> frozenset[str]:
    """Return what in tags may be a control token, alone or beside words."""
    return frozenset(token for tag in tags for token in _TOKEN.findall(tag))


def thinking_end(prompt: str) -> str:
    """Return what will close the thinking that a prompt ends inside of; "" if the reply begins with no thinking."""
    end = prompt[-100:].rstrip()
    return next((closing for opening, closing in (TAGS | IN_PROMPTS).items() if end.endswith(opening)), "")
