"""What a constraint costs: compiling the grammar of a set of tools, and a mask per token, beside llama.cpp's GBNF.

In comes a GGUF with a large vocabulary, which need not hold weights; out comes a table. Times are CPU seconds of this
thread, which other work on the machine disturbs less than the clock on the wall; both engines run in turn on the same
tools, tokens and vocabulary. Both compute the whole mask, as sampling needs it; both ask about one token, which is
what a greedy reply nearly always needs.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import thread_time
from typing import Any

import llama_cpp
import numpy as np

from edge_lam.decoding import GrammarConstraint, Sampler, Vocabulary
from edge_lam.formats import XLam2Qwen
from edge_lam.llama.library import library
from edge_lam.schema.closing import closed
from edge_lam.tools import Tool

COUNTS = (1, 2, 4, 8, 12, 20, 28, 37)
NOUNS = ("city", "title", "start_date", "amount", "unit", "recipient", "priority", "tags", "address", "note")
VALUES: tuple[tuple[dict[str, Any], Any], ...] = (
    ({"type": "string"}, "Zürich, on the lake: the small red house"),
    ({"type": "integer"}, 1250),
    ({"type": "number"}, -3.75),
    ({"type": "boolean"}, True),
    ({"type": "string", "enum": ["low", "medium", "high"]}, "medium"),
    ({"type": "integer", "minimum": 1, "maximum": 500}, 42),
    ({"type": "string", "format": "date"}, "2025-03-14"),
    ({"type": "array", "items": {"type": "string"}}, ["blue", "green"]),
    (
        {
            "type": "object",
            "properties": {"street": {"type": "string"}, "number": {"type": "integer"}},
            "required": ["street", "number"],
        },
        {"street": "Main Street", "number": 7},
    ),
    ({"type": ["string", "null"]}, None),
)


@dataclass
class OnlyVocabulary:
    """What `Vocabulary` needs of a `Model`, of a file that may hold no weights."""

    path: str
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        library()  # whose log is silent
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(os.fsencode(self.path), params)
        if not self.model:
            raise SystemExit(f"llama.cpp can't read the vocabulary of {self.path}")
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.eos_token = llama_cpp.llama_vocab_eos(self.vocab)
        self.end_tokens = frozenset({self.eos_token})

    def tokenize(self, text: str) -> list[int]:
        """Turn text into tokens."""
        raw = text.encode()
        tokens = (llama_cpp.llama_token * (len(raw) + 1))()
        count = llama_cpp.llama_tokenize(self.vocab, raw, len(raw), tokens, len(tokens), False, False)
        return list(tokens[:count])


@dataclass(frozen=True)
class MaskTask:
    """A set of tools, and a reply that calls one of them."""

    tools: list[Tool]
    reply: str


def make_task(choices: random.Random, count: int) -> MaskTask:
    """Return `count` tools with one to six parameters each, no two alike, and a reply with two calls."""
    tools, calls = [], []
    for index in range(count):
        names = choices.sample(NOUNS, choices.randint(1, 6))
        picked = {name: choices.choice(VALUES) for name in names}
        verb, noun = choices.choice(("get", "set", "find", "send")), choices.choice(NOUNS)
        name = f"{verb}_{noun}_{choices.getrandbits(24)}_{index}"
        schema = {
            "type": "object",
            "properties": {name: schema for name, (schema, _) in picked.items()},
            "required": names[: choices.randint(1, len(names))],
        }
        tools.append(Tool(name, "", schema))
        calls.append({"name": name, "arguments": {name: value for name, (_, value) in picked.items()}})
    return MaskTask(tools, json.dumps(choices.sample(calls, min(2, count)), ensure_ascii=False))


class Stopwatch:
    """CPU seconds of each run of a block."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def time(self, action: Callable[[], Any]) -> Any:
        """Run something and note how long it took."""
        start = thread_time()
        result = action()
        self.seconds.append(thread_time() - start)
        return result

    def median(self, unit: float) -> float:
        """Return the median in a unit, such as 1e-3 for milliseconds."""
        return statistics.median(self.seconds) / unit

    def mean(self, unit: float) -> float:
        """Return the mean in a unit."""
        return statistics.fmean(self.seconds) / unit


@dataclass
class Costs:
    """What one engine took.

    Attributes:
        compile: to compile the grammar of a set of tools.
        mask: for the mask of the whole vocabulary, for each token.
        token: to ask about one token.
        choose: to mask, choose and accept, for each token of the reply.
    """

    compile: Stopwatch = field(default_factory=Stopwatch)
    mask: Stopwatch = field(default_factory=Stopwatch)
    token: Stopwatch = field(default_factory=Stopwatch)
    choose: Stopwatch = field(default_factory=Stopwatch)


def run_edge_lam(
    vocabulary: Vocabulary, chat_format: XLam2Qwen, task: MaskTask, tokens: list[int], costs: Costs
) -> None:
    """Hold a reply to the tools as edge-lam does; tokens that the grammar forces need no mask."""

    def compile_grammar() -> Any:
        return vocabulary.matcher(chat_format.grammar(task.tools, "required"))

    matcher = costs.compile.time(compile_grammar)
    position = 0
    while position < len(tokens):
        if forced := matcher.forced():
            if tokens[position : position + len(forced)] != forced:
                raise SystemExit("the grammar forces other tokens than the tokenizer")
            matcher.accept(forced)
            position += len(forced)
            continue
        allowed = costs.mask.time(matcher.allowed)
        token = tokens[position]
        if token not in allowed or not costs.token.time(partial(matcher.allows, token)):
            raise SystemExit("the grammar refuses the reply")
        matcher.accept([token])
        position += 1


def choose_edge_lam(
    vocabulary: Vocabulary, chat_format: XLam2Qwen, task: MaskTask, tokens: list[int], costs: Costs, *, likely: bool
) -> None:
    """Write a reply as the decode loop does: forced tokens need no logits, the others are chosen from some.

    With `likely`, the model wants the token that the reply has; else it wants one that the grammar forbids, so that the
    whole mask is needed.
    """
    constraint = GrammarConstraint(vocabulary, chat_format.grammar(task.tools, "required"), kind="calls")
    sampler = Sampler()
    logits = np.random.default_rng(0).standard_normal(vocabulary.model.n_vocab, dtype=np.float32)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        logits[token] += 20 if likely else 0
        start = thread_time()
        if forced := constraint.forced():
            constraint.accept(forced)
        else:
            sampler.choose(logits, constraint)
            constraint.accept([token])
        seconds, length = thread_time() - start, len(forced) or 1
        costs.choose.seconds += [seconds / length] * length
        logits[token] -= 20 if likely else 0
        position += length


def gbnf(tools: list[Tool]) -> str:
    """Return llama.cpp's grammar of the same replies, as llama-cpp-python makes it of a JSON Schema."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": closed(tool.parameters)},
            "required": ["name", "arguments"],
        }
        for tool in tools
    ]
    schema = {"type": "array", "items": {"anyOf": calls}, "minItems": 1}
    text: str = llama_cpp.llama_grammar.json_schema_to_gbnf(json.dumps(schema))
    return text


def run_gbnf(model: OnlyVocabulary, task: MaskTask, tokens: list[int], costs: Costs) -> None:
    """Hold a reply to the tools as llama.cpp does."""

    def compile_grammar() -> Any:
        return llama_cpp.llama_sampler_init_grammar(model.vocab, gbnf(task.tools).encode(), b"root")

    sampler = costs.compile.time(compile_grammar)
    whole = np.zeros(model.n_vocab, dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
    whole["id"] = np.arange(model.n_vocab)
    for token in tokens:
        whole["logit"] = 0
        costs.mask.time(lambda: _apply(sampler, whole))
        one = whole[token : token + 1].copy()
        one["logit"] = 0
        costs.token.time(partial(_apply, sampler, one))
        if np.isneginf(whole["logit"][token]) or np.isneginf(one["logit"][0]):
            raise SystemExit("llama.cpp's grammar refuses the reply")
        whole["logit"] = 0

        def choose(token: int = token) -> None:
            _apply(sampler, whole)
            whole["logit"].argmax()
            llama_cpp.llama_sampler_accept(sampler, token)

        costs.choose.time(choose)
    llama_cpp.llama_sampler_free(sampler)


def _apply(sampler: Any, candidates: np.ndarray[Any, Any]) -> None:
    data = candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
    array = llama_cpp.llama_token_data_array(data, len(candidates), -1, False)
    llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))


def rows(path: str, repeats: int) -> Iterator[tuple[str, Costs, Costs]]:
    """Yield what both engines took, for each number of tools."""
    model = OnlyVocabulary(path)
    vocabulary: Any = Vocabulary(model)  # type: ignore[arg-type]  # all of a model that it reads
    bridge = Stopwatch()
    bridge.time(lambda: vocabulary.matcher('start: "a"'))
    print(f"{model.n_vocab} tokens; bridge built once in {bridge.median(1):.2f} s; load {os.getloadavg()[0]:.1f}")
    choices = random.Random(0)
    chat_format = XLam2Qwen()
    for count in COUNTS:
        ours, theirs = Costs(), Costs()
        for _ in range(repeats):
            task = make_task(choices, count)
            tokens = model.tokenize(task.reply)
            run_edge_lam(vocabulary, chat_format, task, tokens, ours)
            run_gbnf(model, task, tokens, theirs)
        yield str(count), ours, theirs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="a GGUF; its vocabulary is all that is read")
    parser.add_argument("--repeats", type=int, default=3, help="sets of tools for each number of them")
    arguments = parser.parse_args()
    print("tools | compile ms: edge-lam, GBNF | mask us: edge-lam, GBNF, ratio | one token us: edge-lam, GBNF")
    every = Costs(), Costs()
    for name, ours, theirs in rows(arguments.model, arguments.repeats):
        for total, costs in zip(every, (ours, theirs), strict=True):
            for part in ("compile", "mask", "token"):
                getattr(total, part).seconds.extend(getattr(costs, part).seconds)
        print_row(name, ours, theirs)
    print_row("all", *every)


def print_row(name: str, ours: Costs, theirs: Costs) -> None:
    """Print medians of compiling and means of masks."""
    print(
        f"{name:>5} | {ours.compile.median(1e-3):8.2f} {theirs.compile.median(1e-3):8.2f} | "
        f"{ours.mask.mean(1e-6):8.1f} {theirs.mask.mean(1e-6):10.1f} {theirs.mask.mean(1) / ours.mask.mean(1):7.0f}x | "
        f"{ours.token.mean(1e-6):6.1f} {theirs.token.mean(1e-6):6.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
