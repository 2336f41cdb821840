"""What smol-lam is taught: tiny-lam's episodes and rows, with more of what a base model has to learn.

A base that knows English understands new tools at once. What it has to be taught is when not to call, when to ask, and
when to call twice: these are half of the conversations, and the tokens at which a reply turns that way weigh more.
"""

from __future__ import annotations

import ast
import contextlib
import json
import sysconfig
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from smol_lam.catalog import APPS, TOOLS
from tiny_lam import catalog, slots
from tiny_lam.episodes import Mix
from tiny_lam.prompt import END
from tiny_lam.rows import Batch, Piece, Row, RowMaker, pack

CONVERSATIONS = 24  # of a row: its tool block is read once for all of them
INVENTED = 0.1  # share of values that are made-up words
FIRST_WEIGHT = 8.0  # call or text; ask or decline
TURN_WEIGHT = 3.0  # one more argument, one more call, or the end
TEXT_CHARACTERS = 600  # a docstring is plain text from this length on
# Others' packages, tests, and what perplexity is measured on.
SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "pydoc_data"}
TEXT_TOKENS = 256  # of plain text, at which the base's predictions are to stay what they are

MIX = Mix(
    n_tools=(1, 8),
    tools=(*catalog.DEMO, *catalog.TRAINED, *TOOLS),
    apps=APPS,
    procedural=0.12,
    renamed=0.25,
    scrambled=0.02,
    more=True,
    results=0.4,
    near=0.4,
    weights=(
        ("call", 0.38), ("parallel", 0.24), ("irrelevant", 0.12), ("missing", 0.18), ("result", 0.05), ("chat", 0.03),
    ),
)  # fmt: skip


class SmolRowMaker(RowMaker):
    """Rows in which only replies are learnt."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        super().__init__(tokenizer, seed)
        pieces = (tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size()))
        words = [piece.strip() for piece in pieces if len(piece) > 3 and piece.startswith(" ")]
        slots.use_vocabulary(words, invented=INVENTED)

    @cached_property
    def texts(self) -> list[str]:
        """What plain text is drawn from."""
        return plain_texts(Path(sysconfig.get_path("stdlib")))

    def draw_batch(self, rows: int = 1) -> Batch:
        """Draw rows of task data behind one preamble."""
        self.other_share = 0.0
        return pack([self.task_row(MIX, CONVERSATIONS) for _ in range(rows)], self.preamble)

    def draw_text(self) -> Batch:
        """Draw plain text, which reads no preamble."""
        text = self.rng.choice(self.texts)
        ids: list[int] = self.tokenizer.encode(text).ids
        start = self.rng.randrange(max(1, len(ids) - TEXT_TOKENS))
        ids = ids[start : start + TEXT_TOKENS]
        return pack([Row(Piece(ids, [1.0] * len(ids)), branches=[], shared=False)], self.preamble)

    def _supervised(self, text: str) -> Piece:
        text = text.replace("tiny-lam", "smol-lam")
        piece = super()._supervised(text)
        piece.weights[0] = FIRST_WEIGHT
        if text.startswith("[{"):
            turns = turning_points(json.loads(text.removesuffix(END)))
            offsets = self.tokenizer.encode(text).offsets
            for i, (start, end) in enumerate(offsets):
                if any(start <= turn < end for turn in turns):
                    piece.weights[i] = TURN_WEIGHT
        return piece


def plain_texts(library: Path) -> list[str]:
    """Plain English that is on every machine: the longer docstrings of Python's own library."""
    texts = []
    for file in sorted(library.glob("**/*.py")):
        if SKIPPED_FOLDERS & {*file.relative_to(library).parts}:
            continue
        with contextlib.suppress(SyntaxError, ValueError):  # a file that shows a fault
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    text = ast.get_docstring(node)
                    if text and len(text) > TEXT_CHARACTERS:
                        texts.append(text)
    return texts


def turning_points(calls: list[dict[str, object]]) -> set[int]:
    """Places in the text of `calls` right behind a value and behind a call, where more may follow or not."""
    text, places = "[", set()
    for call in calls:
        arguments = call["arguments"]
        assert isinstance(arguments, dict)
        text += ", " * (text != "[") + '{"name": ' + json.dumps(call["name"], ensure_ascii=False) + ', "arguments": {'
        for i, (name, value) in enumerate(arguments.items()):
            text += ", " * (i > 0) + json.dumps({name: value}, ensure_ascii=False)[1:-1]
            places.add(len(text))
        text += "}}"
        places.add(len(text))
    return places
