"""Rows of tokens that are learnt in one pass each: what conversations begin with in common is read once.

In come prompts with their replies as tokens, out come rows: a shared beginning, behind it what follows in each
conversation, and which tokens are learnt: those of replies. Knows no model and no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from edge_lam.cache import common_length
from edge_lam_converters.quality.passages import Passage

MIN_SHARED = 64  # tokens: a shorter beginning costs less to read again than to attend to apart


@dataclass(frozen=True)
class Lesson:
    """One conversation.

    Attributes:
        tokens: all of them.
        spans: where its replies are, each from the first of its tokens to the one behind its last.
    """

    tokens: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class TrainingRow:
    """What is read in one pass.

    Attributes:
        tokens: the shared beginning, then what follows in each conversation.
        positions: of each token in its own conversation.
        branches: 0 for a token of the beginning, else the number of its conversation; a token sees those of the
            beginning and of its own conversation.
        learnt: pairs of a token of a reply, and the index of the token whose logits are to foresee it.
        n_replies: how many replies are learnt.
    """

    tokens: list[int]
    positions: list[int]
    branches: list[int]
    learnt: list[tuple[int, int]]
    n_replies: int


def lessons_of(passages: Iterable[Passage]) -> list[Lesson]:
    """Return conversations; rounds of one that follow each other, each with all before it, become one."""
    lessons: list[Lesson] = []
    for passage in passages:
        span = passage.start, len(passage.tokens)
        last = lessons[-1] if lessons else None
        if last and len(last.tokens) <= passage.start and passage.tokens[: len(last.tokens)] == last.tokens:
            lessons[-1] = Lesson(passage.tokens, [*last.spans, span])
        else:
            lessons.append(Lesson(passage.tokens, [span]))
    return lessons


def rows_of(lessons: Sequence[Lesson], *, room: int, seed: int) -> list[TrainingRow]:
    """Return the rows of all conversations, each at most `room` tokens long unless one alone is longer."""
    chance, rows = Random(seed), list[TrainingRow]()
    for cluster in _clusters(lessons):
        chance.shuffle(cluster)
        shared = min(lesson.spans[0][0] for lesson in cluster)
        for other in cluster[1:]:
            shared = min(shared, common_length(cluster[0].tokens, other.tokens))
        held: list[Lesson] = []
        length = shared
        for lesson in cluster:
            if held and length + len(lesson.tokens) - shared > room:
                rows.append(_row(held, shared))
                held, length = [], shared
            held.append(lesson)
            length += len(lesson.tokens) - shared
        rows.append(_row(held, shared))
    return rows


def _clusters(lessons: Sequence[Lesson]) -> Iterator[list[Lesson]]:
    """Yield conversations that share most of what comes before their first replies, such as the same tools."""
    cluster: list[Lesson] = []
    for lesson in sorted(lessons, key=lambda lesson: lesson.tokens):
        if cluster:
            shared = common_length(cluster[0].tokens, lesson.tokens)
            if shared < max(MIN_SHARED, min(cluster[0].spans[0][0], lesson.spans[0][0]) // 2):
                yield cluster
                cluster = []
        cluster.append(lesson)
    if cluster:
        yield cluster


def _row(lessons: Sequence[Lesson], shared: int) -> TrainingRow:
    if len(lessons) == 1:
        shared = 0
    tokens = lessons[0].tokens[:shared]
    positions, branches = list(range(shared)), [0] * shared
    learnt: list[tuple[int, int]] = []
    for number, lesson in enumerate(lessons, 1):
        offset = len(tokens) - shared
        tokens = tokens + lesson.tokens[shared:]
        positions += range(shared, len(lesson.tokens))
        branches += [number] * (len(lesson.tokens) - shared)
        for start, end in lesson.spans:
            for index in range(start, end):
                before = index - 1
                learnt.append((lesson.tokens[index], before if before < shared else before + offset))
    return TrainingRow(tokens, positions, branches, learnt, sum(len(lesson.spans) for lesson in lessons))
