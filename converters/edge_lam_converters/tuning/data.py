"""Which conversations are learnt, which are kept back to measure, and which can't be used.

In come files of our rows, trajectories, xlam-function-calling-60k or APIGen-MT; out come `Example`s, one for each
reply, and what is wrong with the rows that were left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, examples_of
from edge_lam.formats.rows import read_rows
from edge_lam.tools import Tool

MAX_KEPT_BACK = 64  # examples: enough to see a change of a tenth, and read in minutes
MOST_WRONG = 100_000  # rows whose faults are kept to be told: 150 MB of them


@dataclass
class Lessons:
    """What a file holds.

    Attributes:
        examples: of each usable row, one for each reply of the assistant.
        rows: how many of them belong to each row, in the order of the rows.
        wrong: why each other row was left out.
    """

    examples: list[Example] = field(default_factory=list)
    rows: list[list[Example]] = field(default_factory=list)
    wrong: list[InvalidRequest] = field(default_factory=list)


def read_lessons(path: str | os.PathLike[str], tools: Sequence[Tool] = ()) -> Lessons:
    """Read a file; a row of which one call does not fit its tool is left out whole.

    Args:
        path: JSON, one object a line or a list of objects.
        tools: for the rows that bring none.

    Raises:
        InvalidRequest: the file can't be read, or no row can be used, or too many can't; says why of the first.
    """
    found, known = Lessons(), dict[str, tuple[Tool, ...]]()

    def read(place: str, value: Any) -> None:
        try:
            examples = examples_of(value, place, tools, known, every_reply=True)
        except InvalidRequest as error:
            if len(found.wrong) == MOST_WRONG:
                hint = "these seem to be no rows of conversations with calls"
                wrong = f"{path} has more than {MOST_WRONG:,} rows that can't be learnt: {found.wrong[0].message}"
                raise InvalidRequest(wrong, hint=hint, param="calls") from error
            found.wrong.append(error)
        else:
            found.rows.append(examples)
            found.examples += examples

    for place, value in read_rows(path, param="calls", own_keys_once=True):
        read(place, value)
    if not found.examples:
        why = f": {found.wrong[0].message}" if found.wrong else ""
        raise InvalidRequest(f"{path} holds no conversation that can be learnt{why}", param="calls")
    return found


def kept_back(lessons: Lessons, seed: int) -> tuple[list[Example], list[Example]]:
    """Return what is learnt, and a tenth that is kept back: whole rows, and none whose requests are learnt too.

    Raises:
        InvalidRequest: there are too few different conversations.
    """
    by_request: dict[str, list[Example]] = {}
    for row in lessons.rows:
        by_request.setdefault(_request(row[0]), []).extend(row)
    names = sorted(by_request)
    if len(names) < 2:
        raise InvalidRequest("there is only one conversation: nothing can be kept back to measure", param="calls")
    Random(seed).shuffle(names)
    back: list[Example] = []
    while names and (not back or len(back) < min(MAX_KEPT_BACK, len(lessons.examples) // 10)):
        back += by_request.pop(names.pop())
    return [example for name in names for example in by_request[name]], back


def _request(example: Example) -> str:
    questions = [message["content"] for message in example.messages if message["role"] == "user"]
    return json.dumps(questions[:1], ensure_ascii=False)
