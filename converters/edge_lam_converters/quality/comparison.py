"""`compare`: what one model does differently from another with the same vocabulary, such as a quantized one.

In go two models and what to read, out comes a `ModelComparison`. Both read the same tokens side by side, a few at a
time, so that memory does not grow with the text or the vocabulary; then each makes its own calls, one model after the
other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edge_lam
from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, read_examples
from edge_lam.llama.gguf_types import GGUFArray
from edge_lam.llama.model import Model
from edge_lam.loading.load import load
from edge_lam.tools import ToolCall, as_tools
from edge_lam_converters.quality.agreement import CallAgreement, call_agreement, make_calls
from edge_lam_converters.quality.corpus import Corpus, ReadOptions, chat_format_of, no_progress
from edge_lam_converters.quality.divergence import Divergence
from edge_lam_converters.quality.passages import Passage, call_passages, longest, text_passages
from edge_lam_converters.quality.reading import SideBySide

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edge_lam.formats import ChatFormat

BUILT_IN = Path(edge_lam.__file__).parent / "assets" / "demo-calls.jsonl"
MAX_TOKENS = 256


class CompareOptions(ReadOptions, total=False):
    """How to compare; `format`, `template` and `verbatim` hold for both models.

    Attributes:
        max_tokens: longest reply when the models make calls.
    """

    max_tokens: int


@dataclass(frozen=True)
class Limits:
    """What a model has to keep to.

    Attributes:
        max_kl: highest mean KL divergence, of replies and of text; None for any.
        min_agreement: lowest share of positions with the same likeliest token, of replies and of text, and of requests
            with the same calls; None for any.
    """

    max_kl: float | None = None
    min_agreement: float | None = None


@dataclass(frozen=True)
class ModelComparison:
    """A model against another, the reference.

    Attributes:
        model, against: the files.
        replies: over the expected replies, each behind its prompt; None without any.
        text: over the text; None without one.
        calls: what both did with the requests that have tools; None without any.
    """

    model: str
    against: str
    replies: Divergence | None
    text: Divergence | None
    calls: CallAgreement | None

    def faults(self, limits: Limits) -> list[str]:
        """Return in which way the model does not keep to limits, a line each."""
        faults = []
        found = {"replies": self.replies, "text": self.text}
        for name, divergence in found.items():
            if divergence is None:
                continue
            if limits.max_kl is not None and not divergence.kl_mean <= limits.max_kl:
                faults.append(f"{name}: mean KL divergence {divergence.kl_mean:.4g}, above {limits.max_kl:g}")
            if limits.min_agreement is not None and divergence.agreement < limits.min_agreement:
                faults.append(f"{name}: top-1 agreement {divergence.agreement:.4f}, below {limits.min_agreement:g}")
        if self.calls and limits.min_agreement is not None and self.calls.same < limits.min_agreement:
            faults.append(f"calls: {self.calls.same:.4f} the same, below {limits.min_agreement:g}")
        return faults

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def compare(
    model: str | os.PathLike[str], against: str | os.PathLike[str], **options: Unpack[CompareOptions]
) -> ModelComparison:
    """Compare a model with a reference, such as a quantized model with what it was made from.

    Args:
        model: a GGUF.
        against: the reference, a GGUF with the same vocabulary.
        **options: see `CompareOptions`; with neither calls nor text, requests for the tools of the demo. `on_progress`
            hears "read" and tokens, then "model" and "against" and replies.

    Raises:
        InvalidRequest: the models have different vocabularies or formats, or something to read can't be used.
        ModelError: a model can't be had, read or run.
        BackendError: llama.cpp failed.
    """
    corpus = _corpus(options)
    device = options.get("device", "auto")
    with Model(model, device=device) as ours, Model(against, device=device) as theirs:
        check_vocabularies(ours, theirs)
        groups: dict[str, list[Passage]] = {"replies": [], "text": []}
        if corpus.examples:
            groups["replies"] = call_passages(theirs, _chat_format(ours, theirs, options), corpus.examples)
        if corpus.text_name:
            groups["text"] = text_passages(theirs, corpus.text, corpus.text_name)
        found = _divergences(ours, theirs, groups, options)
    asked = [example for example in corpus.examples if example.tools]
    calls = None
    if asked:
        made = [_make_calls(path, stage, asked, options) for stage, path in (("model", model), ("against", against))]
        calls = call_agreement(asked, *made)
    return ModelComparison(os.fspath(model), os.fspath(against), found["replies"], found["text"], calls)


def check_vocabularies(model: Model, against: Model) -> None:
    """Refuse models whose tokens differ: their predictions can't be compared.

    Raises:
        InvalidRequest: says where they begin to differ.
    """
    ours, theirs = _tokens(model), _tokens(against)
    names = f"{model.path} and {against.path}"
    hint = "compare a model with what it was made from"
    if len(ours) != len(theirs):
        raise InvalidRequest(f"{names} have {len(ours)} and {len(theirs)} tokens in their vocabularies", hint=hint)
    for token, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            raise InvalidRequest(f"{names} differ in their vocabularies, first in token {token}", hint=hint)


def _tokens(model: Model) -> list[bytes]:
    tokens = model.metadata["tokenizer.ggml.tokens"]
    return tokens.strings() if isinstance(tokens, GGUFArray) else []


def _corpus(options: CompareOptions) -> Corpus:
    if options.get("calls") is not None or options.get("text") is not None:
        return Corpus.read(options)
    from edge_lam.demo_tools import DEMO_TOOLS

    return Corpus(read_examples(BUILT_IN, options.get("tools") or as_tools(DEMO_TOOLS)))


def _chat_format(model: Model, against: Model, options: CompareOptions) -> ChatFormat:
    ours, theirs = (chat_format_of(one, options) for one in (model, against))
    if ours.sha256 != theirs.sha256:
        raise InvalidRequest(
            f"{model.path} speaks {ours.name}, {against.path} speaks {theirs.name} or with another template",
            hint="name one with --format or --template",
            param="format",
        )
    return theirs


def _divergences(
    model: Model, against: Model, groups: Mapping[str, Sequence[Passage]], options: CompareOptions
) -> dict[str, Divergence | None]:
    passages = [passage for group in groups.values() for passage in group]
    n_ctx = max(longest(passages, one) for one in (model, against))
    pair = SideBySide(model, against, n_ctx=n_ctx, n_threads=options.get("n_threads"))
    on_progress, done = options.get("on_progress", no_progress), 0
    total = sum(len(passage.tokens) for passage in passages)

    def advance(passage: Passage) -> None:
        nonlocal done
        done += len(passage.tokens)
        on_progress("read", done, total)

    return {name: pair.read(group, advance) for name, group in groups.items()}


def _make_calls(
    path: str | os.PathLike[str], stage: str, examples: Sequence[Example], options: CompareOptions
) -> list[tuple[ToolCall, ...]]:
    on_progress, done = options.get("on_progress", no_progress), 0

    def advance() -> None:
        nonlocal done
        done += 1
        on_progress(stage, done, len(examples))

    with load(
        path,
        n_threads=options.get("n_threads"),
        device=options.get("device", "auto"),
        format=options.get("format"),
        template=options.get("template"),
        verbatim=options.get("verbatim", False),
        log="off",
        prefix_cache=False,
    ) as lam:
        return make_calls(lam, examples, max_tokens=options.get("max_tokens", MAX_TOKENS), on_reply=advance)
