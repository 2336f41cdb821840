"""Conversations as rows: nothing is lost, nothing is learnt but replies, and what is shared is read once."""

from __future__ import annotations

import json
from random import Random

import pytest

from edge_lam.cli.main import run
from edge_lam.errors import InvalidRequest
from edge_lam_converters.quality.passages import Passage
from edge_lam_converters.tuning import data
from edge_lam_converters.tuning.data import kept_back, read_lessons
from edge_lam_converters.tuning.rows import Lesson, lessons_of, rows_of

LAMP = {"name": "lamp", "parameters": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}}


def unrolled(rows):
    """Return the conversations that rows hold, by what each token sees: its tokens and the learnt among them."""
    found = []
    for row in rows:
        for branch in sorted(set(row.branches) - {0}):
            seen = [index for index, owner in enumerate(row.branches) if owner in (0, branch)]
            assert [row.positions[index] for index in seen] == list(range(len(seen)))
            place = {index: number for number, index in enumerate(seen)}
            own = [(place[at] + 1, token) for token, at in row.learnt if row.branches[at] in (branch,)]
            found.append(([row.tokens[index] for index in seen], sorted(own)))
    return sorted(found)


@pytest.mark.parametrize("seed", range(20))
def test_rows_hold_every_conversation_once(seed):
    chance, lessons = Random(seed), []
    for tools in range(3):
        opening = [tools] * chance.randint(1, 300)
        for _ in range(chance.randint(1, 12)):
            prompt = [*opening, *(chance.randint(10, 12) for _ in range(chance.randint(2, 30)))]
            reply = [chance.randint(20, 99) for _ in range(chance.randint(1, 20))]
            lessons.append(Lesson([*prompt, *reply], [(len(prompt), len(prompt) + len(reply))]))
    rows = rows_of(lessons, room=400, seed=seed)
    expected = sorted(
        (lesson.tokens, [(index, lesson.tokens[index]) for start, end in lesson.spans for index in range(start, end)])
        for lesson in lessons
    )
    assert unrolled(rows) == expected
    assert all(len(row.tokens) <= 400 or len(set(row.branches)) == 1 for row in rows)
    assert sum(row.n_replies for row in rows) == len(lessons)
    assert rows == rows_of(lessons, room=400, seed=seed)


def test_the_same_tools_are_read_once_for_many_requests():
    opening = list(range(1000))
    lessons = [Lesson([*opening, 2000 + n, 1, 3000 + n], [(1002, 1003)]) for n in range(20)]
    (row,) = rows_of(lessons, room=2048, seed=0)
    assert len(row.tokens) == 1000 + 20 * 3


def test_rounds_of_a_conversation_are_one_lesson():
    passages = [Passage("a", [1, 2, 3, 4], 2), Passage("a", [1, 2, 3, 4, 5, 6, 7], 6), Passage("b", [1, 2, 9], 2)]
    assert lessons_of(passages) == [Lesson([1, 2, 3, 4, 5, 6, 7], [(2, 4), (6, 7)]), Lesson([1, 2, 9], [(2, 3)])]


def row(request: str, on: object = True) -> dict:
    calls = [{"name": "lamp", "arguments": {"on": on}}]
    return {"messages": [{"role": "user", "content": request}], "tools": [LAMP], "calls": calls}


def test_rows_that_can_not_be_used_are_told_and_left_out(tmp_path):
    path = tmp_path / "calls.jsonl"
    xlam = {"query": "light", "tools": json.dumps([LAMP]), "answers": '[{"name": "lamp", "arguments": {"on": true}}]'}
    bad = [row("a", on="maybe"), {**row("b"), "tools": []}, {"messages": []}, 7]
    path.write_text("\n".join(map(json.dumps, [row("on"), *bad, xlam])) + "\n{", encoding="utf-8")
    found = read_lessons(path)
    assert [example.messages[-1]["content"] for example in found.examples] == ["on", "light"]
    assert len(found.wrong) == 5
    assert "line 2: calls[0]: /on" in str(found.wrong[0])
    path.write_text(json.dumps(bad[0]), encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"holds no conversation that can be learnt: .*line 1"):
        read_lessons(path)


def test_a_file_of_nothing_but_wrong_rows_ends_before_memory_does(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MOST_WRONG", 100)
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps([row("on"), *[None] * 100]), encoding="utf-8")
    assert len(read_lessons(path).wrong) == 100
    path.write_text(json.dumps([row("on"), *[None] * 101]), encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"more than 100 rows that can't be learnt: .*item 1"):
        read_lessons(path)


def test_every_reply_of_a_conversation_is_learnt(tmp_path):
    call = {"id": "c", "type": "function", "function": {"name": "lamp", "arguments": {"on": True}}}
    conversation = [
        {"role": "user", "content": "light"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "name": "lamp", "content": "ok"},
        {"role": "assistant", "content": "It is on."},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"conversation": conversation, "tools": [LAMP]}), encoding="utf-8")
    assert [example.text for example in read_lessons(path).examples] == [None, "It is on."]


def test_what_is_kept_back_is_not_learnt(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(json.dumps(row(f"light {n % 30}")) for n in range(60)), encoding="utf-8")
    learnt, back = kept_back(read_lessons(path), seed=0)
    said = [{example.messages[-1]["content"] for example in part} for part in (learnt, back)]
    assert len(learnt) + len(back) == 60
    assert len(back) == 6
    assert not said[0] & said[1]
    path.write_text(json.dumps(row("one")), encoding="utf-8")
    with pytest.raises(InvalidRequest, match="only one conversation"):
        kept_back(read_lessons(path), seed=0)


def test_without_what_trains_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["tune", str(tmp_path), "--calls", "calls.jsonl", "-o", str(tmp_path / "lora")]) == 1
    said = "edge-lam: error: tuning needs torch, which is not installed\nhint: pip install 'edge-lam[tune]'\n"
    assert capsys.readouterr().err == said
    assert not (tmp_path / "lora").exists()
