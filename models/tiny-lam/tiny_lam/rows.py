"""Training rows: an episode as tokens, cut where its conversations share what was read.

A batch is one preamble, then per row a tool block and several branches. A branch sees the preamble, its row's tool
block and itself; positions restart after the tool block. So a supervised reply costs about 90 tokens instead of 900.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from tiny_lam import slots
from tiny_lam.episodes import Episode, Mix, draw_episode
from tiny_lam.prompt import END, calls_text, preamble, tool_block, turn, without_tools

OTHER_WEIGHT = 0.3
# A reply is right or wrong by its first token (text or call) and by the functions' names, which are few among many.
FIRST_WEIGHT = 3.0
NAME_WEIGHT = 2.0
_NAME = re.compile(r'"name": "([^"]*")')


@dataclass
class Piece:
    """Token ids with the loss weight of *predicting* each of them."""

    ids: list[int]
    weights: list[float]


@dataclass
class Row:
    """A tool block and the branches that read it; `shared` says whether the batch's preamble comes before it."""

    trunk: Piece
    branches: list[Piece]
    shared: bool = True

    @property
    def size(self) -> int:
        """Tokens of the row."""
        return len(self.trunk.ids) + sum(len(branch.ids) for branch in self.branches)


class RowMaker:
    """Turns episodes into rows with one tokenizer.

    Attributes:
        other_share: share of the tokens outside replies that are learnt too. They teach words early on; later they are
            noise, since nobody can foresee them.

    """

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.tokenizer = tokenizer
        self.other_share = 0.15
        self.rng = random.Random(seed)
        slots.use_vocabulary([tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())])
        self.preamble: list[int] = tokenizer.encode(preamble()).ids

    def task_row(self, mix: Mix, n_conversations: int) -> Row:
        """A row of task data."""
        return self.episode_row(draw_episode(self.rng, mix, n_conversations))

    def episode_row(self, episode: Episode) -> Row:
        """Encode one episode."""
        text = tool_block([tool.definition() for tool in episode.tools])
        shared = bool(episode.tools) and preamble() == preamble(episode.system)
        if not episode.tools:
            text = without_tools(episode.system)
        elif not shared:
            text = preamble(episode.system) + text
        trunk = self._unsupervised(text)
        branches = []
        for conversation in episode.conversations:
            branch = Piece([], [])
            for step in conversation:
                asked = self._unsupervised(turn(step.role, *step.contents))
                reply = step.reply if isinstance(step.reply, str) else calls_text(step.reply)
                answer = self._supervised(reply + END)
                branch.ids += asked.ids + answer.ids
                branch.weights += asked.weights + answer.weights
            branches.append(branch)
        return Row(trunk, branches, shared)

    def copy_row(self) -> Row:
        """A row predicted by copying alone: key-value pairs, and some of them asked back as JSON."""
        trunk = self._unsupervised("<|im_start|>system\n" + slots.made_up_word(self.rng) + END)
        trunk.weights = [0.0] * len(trunk.ids)
        branches = []
        for _ in range(5):
            kinds = self.rng.sample(sorted(slots.KINDS), self.rng.randint(2, 5))
            pairs = {kind: slots.draw_any(self.rng, kind) for kind in kinds}
            wanted = self.rng.sample(kinds, self.rng.randint(1, len(kinds)))
            text = ", ".join(f"{key} {value}" for key, value in pairs.items()) + ": " + ", ".join(wanted)
            asked = self.tokenizer.encode(turn("user", text)).ids
            reply = calls_text([{"name": "copy", "arguments": {key: pairs[key] for key in wanted}}])
            ids = self.tokenizer.encode(reply + END).ids
            branches.append(Piece(asked + ids, [0.0] * len(asked) + [1.0] * len(ids)))
        return Row(trunk, branches, shared=False)

    def _supervised(self, text: str) -> Piece:
        encoding = self.tokenizer.encode(text)
        names = [match.span(1) for match in _NAME.finditer(text)] if text.startswith("[") else []
        weights = [
            NAME_WEIGHT if any(start < last and first < end for first, last in names) else 1.0
            for start, end in encoding.offsets
        ]
        return Piece(encoding.ids, [FIRST_WEIGHT, *weights[1:]])

    def _unsupervised(self, text: str) -> Piece:
        ids = self.tokenizer.encode(text).ids
        return Piece(ids, [OTHER_WEIGHT if self.rng.random() < self.other_share else 0.0 for _ in ids])


@dataclass
class Layout:
    """Where one row lies in the flat batch.

    Attributes:
        trunk: tokens of the tool block, which come first.
        branches: tokens of all branches, which follow.
        shared: whether it reads the preamble.
        place: (branches, longest branch) places of the tokens among the row's branch tokens, padded with 0.
        valid: the same shape, False for padding.

    """

    trunk: int
    branches: int
    shared: bool
    place: np.ndarray | None
    valid: np.ndarray | None


@dataclass
class Batch:
    """A flat batch: ids, positions, targets and weights of shape (tokens,), and the layout of its rows."""

    ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    preamble: int
    rows: list[Layout]


def pack(rows: list[Row], preamble_ids: list[int]) -> Batch:
    """Lay rows one after the other behind one preamble.

    ``targets[i]`` is the token that follows token i where its weight is positive. The first token of a branch follows
    the last of the tool block and is never a target.
    """
    ids = list(preamble_ids)
    positions = list(range(len(ids)))
    targets = [0] * len(ids)
    weights = [0.0] * len(ids)
    layouts = []

    def put(piece: Piece, first_position: int) -> None:
        ids.extend(piece.ids)
        positions.extend(range(first_position, first_position + len(piece.ids)))
        targets.extend([*piece.ids[1:], 0])
        weights.extend([*piece.weights[1:], 0.0])

    for row in rows:
        offset = len(preamble_ids) if row.shared else 0
        put(row.trunk, offset)
        offset += len(row.trunk.ids)
        place = valid = None
        if row.branches:
            longest = max(len(piece.ids) for piece in row.branches)
            first = len(ids)
            place = np.zeros((len(row.branches), longest), dtype=np.int64)
            valid = np.zeros(place.shape, dtype=bool)
            for i, piece in enumerate(row.branches):
                place[i, : len(piece.ids)] = np.arange(len(ids) - first, len(ids) - first + len(piece.ids))
                valid[i, : len(piece.ids)] = True
                put(piece, offset)
        layouts.append(Layout(len(row.trunk.ids), row.size - len(row.trunk.ids), row.shared, place, valid))
    return Batch(
        np.array(ids, dtype=np.int64),
        np.array(positions, dtype=np.int64),
        np.array(targets, dtype=np.int64),
        np.array(weights, dtype=np.float32),
        len(preamble_ids),
        layouts,
    )
