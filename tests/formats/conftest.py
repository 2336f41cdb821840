"""A vocabulary of single bytes, so that grammars are tested without a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

END_OF_TURN = 256


class Bytes:
    """One token for each byte, and one that ends the turn."""

    eos_token_id = END_OF_TURN
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<|im_end|>"]
    special_token_ids = [END_OF_TURN]  # noqa: RUF012

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@pytest.fixture(scope="session")
def vocabulary() -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(Bytes()), slices=[])


@pytest.fixture(scope="session")
def matcher(vocabulary: LLTokenizer) -> Callable[[str], LLMatcher]:
    """Compile a grammar."""

    def compile_grammar(grammar: str) -> LLMatcher:
        compiled = LLMatcher(vocabulary, grammar, log_level=0)
        assert not compiled.is_error(), compiled.get_error()
        return compiled

    return compile_grammar


@pytest.fixture(scope="session")
def refused_at(matcher: Callable[[str], LLMatcher]) -> Callable[[str, str], str | None]:
    """Return the text from the first byte on that a grammar refuses; "" if the text is only a beginning; else None."""

    def check(grammar: str, text: str) -> str | None:
        compiled = matcher(grammar)
        tokens = list(text.encode())
        n = compiled.validate_tokens(tokens)
        if n < len(tokens):
            return bytes(tokens[n:]).decode(errors="replace")
        assert compiled.consume_tokens(tokens)
        return None if compiled.is_accepting() else ""

    return check
