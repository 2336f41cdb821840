"""What a model is to read, as tokens: conversations with their replies, and pieces of a text.

In come examples or text, out come passages that fit one context each. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.errors import EdgeLamError, InvalidRequest

if TYPE_CHECKING:
    from edge_lam.formats import ChatFormat
    from edge_lam.formats.examples import Example
    from edge_lam.llama import Model

TEXT_TOKENS = 512  # of a piece of text, as llama.cpp's own tools cut it


@dataclass(frozen=True)
class Passage:
    """Tokens that are read from an empty context on.

    Attributes:
        name: what to call it in errors.
        tokens: all of them.
        start: the first that a model is judged by: how well it foresees the tokens from here on. At least 1; where
            nothing is to be foreseen, the number of tokens.
    """

    name: str
    tokens: list[int]
    start: int


def call_passages(model: Model, chat_format: ChatFormat, examples: Iterable[Example]) -> list[Passage]:
    """Return prompts with the replies that they should get, which are what a model is judged by.

    Raises:
        InvalidRequest: messages or tools that the format can't render; names the example.
    """
    return [_call_passage(model, chat_format, example) for example in examples]


def _call_passage(model: Model, chat_format: ChatFormat, example: Example) -> Passage:
    try:
        prompt = model.tokenize_parts(chat_format.render_segments(example.messages, example.tools))
        unknown = not example.calls and example.text is None and chat_format.syntax.plain_text
        reply = [] if unknown else model.tokenize_parts(chat_format.reply_segments(example.calls, example.text or ""))
    except EdgeLamError as error:
        raise InvalidRequest(f"{example.id}: {error.message}", hint=error.hint, param="calls") from error
    return Passage(example.id, prompt + reply, len(prompt))


def text_passages(model: Model, text: str, name: str) -> list[Passage]:
    """Cut a text into passages of `TEXT_TOKENS`, the second half of which a model is judged by.

    That is how llama.cpp's llama-imatrix and llama-perplexity cut it, so that figures can be compared: what is left
    over at the end is dropped, and a model that wants a first token gets it in the place of each passage's first.

    Raises:
        InvalidRequest: there is too little text.
    """
    tokens = model.tokenize(text, add_special=True, parse_special=False)
    size = min(TEXT_TOKENS, model.n_ctx_train)
    if len(tokens) < size:
        raise InvalidRequest(f"{name} has {len(tokens)} tokens, fewer than {size}", hint="give more text", param="text")
    passages = []
    for start in range(0, len(tokens) - size + 1, size):
        part = tokens[start : start + size]
        if model.first_token is not None:
            part[0] = model.first_token
        passages.append(Passage(f"{name}, tokens {start} to {start + size - 1}", part, size // 2 + 1))
    return passages


def longest(passages: Sequence[Passage], model: Model) -> int:
    """Return how many tokens the longest passage has.

    Raises:
        InvalidRequest: more than the model was trained for; names the passage.
    """
    passage = max(passages, key=lambda passage: len(passage.tokens))
    if len(passage.tokens) > model.n_ctx_train:
        raise InvalidRequest(
            f"{passage.name} has {len(passage.tokens)} tokens, more than the {model.n_ctx_train} of {model.name}",
            hint="use fewer tools or a shorter history",
            param="calls",
        )
    return len(passage.tokens)
