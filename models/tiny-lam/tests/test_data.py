"""The data that tiny-lam is trained on: sound calls, and nothing of the evaluation in it.

Run by `make test-models`, and by `make test` where a file of the model has changed.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from itertools import chain

import pytest

from edge_lam.demo_tools.arithmetic import calculate
from tiny_lam import arithmetic, brackets, catalog, phrasings, pools, slots, texts
from tiny_lam.absent import near_tool
from tiny_lam.episodes import Mix, Turn, ask, draw_episode, draw_tools
from tiny_lam.evaluate import REQUESTS, SETS, episodes, is_right
from tiny_lam.procedural import same_work
from tiny_lam.replies import IRRELEVANT_HELD_OUT
from tiny_lam.sections import read_sections
from tiny_lam.small_talk import BEYOND_THE_DEMO, SMALL_TALK
from tiny_lam.spec import ToolSpec, slots_of
from tiny_lam.synonyms import reword

ALL_TOOLS = [*catalog.DEMO, *catalog.TRAINED, *catalog.HELD_OUT]


def draw_turns(mix: Mix, episodes_drawn: int, seed: int = 5) -> list[tuple[list[ToolSpec], Turn]]:
    rng = random.Random(seed)
    drawn = (draw_episode(rng, mix, 6) for _ in range(episodes_drawn))
    return [(e.tools, step) for e in drawn for conversation in e.conversations for step in conversation]


def test_calls_hold_what_the_schema_asks_for_in_its_order():
    for tools, step in draw_turns(Mix(), 150):
        if isinstance(step.reply, str):
            continue
        by_name = {tool.name: tool for tool in tools}
        for call in step.reply:
            tool = by_name[call["name"]]
            names = list(call["arguments"])
            assert names == [name for name in tool.params if name in names]
            assert set(tool.required) <= set(names)


def test_string_values_can_be_copied_from_the_request():
    rng = random.Random(1)
    for tool in ALL_TOOLS:
        for _ in range(10):
            text, calls, said = ask(rng, tool, Mix(more=True))
            for name, surface in said.items():
                assert surface in text
                param = tool.params[name]
                if param.schema["type"] == "string" and not param.surfaces and param.kind not in slots.PAIRED:
                    assert calls[0]["arguments"][name] == surface


def test_held_out_templates_are_not_trained_on():
    assert [spec.name for spec in ALL_TOOLS if set(spec.held) & set(spec.says)] == []


def test_phrasings_are_sound_requests_and_no_held_out_ones():
    for spec in ALL_TOOLS:
        rng = random.Random(6)
        held = {phrasings.plain(text) for text in spec.held}
        for _ in range(60):
            text = phrasings.draw_template(spec, rng)
            assert set(spec.required) <= slots_of(text) <= set(spec.params), (spec.name, text)
            assert phrasings.plain(text) not in held, spec.name


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+|\{\w+\}", text.lower()))


def test_written_phrasings_have_other_words_than_the_held_out_ones():
    """Who wrote them saw no held-out phrasing; a line that shares four fifths of its words with one was left out."""
    for spec in [*catalog.DEMO, *catalog.TRAINED]:
        rng = random.Random(4)
        written = [text for table in catalog.PHRASINGS for text in table.get(spec.name, ())]
        drawn = [words(brackets.resolve(text, rng)) for text in written for _ in range(2)]
        for held in map(words, spec.held):
            for chosen in drawn:
                assert len(held & chosen) < 0.8 * len(held | chosen), spec.name


def test_other_words_leave_placeholders_alone_and_begin_as_the_words_did():
    found = {
        reword("Find a song of {song}, don't delete {find}{action=delete}", random.Random(i), 1.0) for i in range(40)
    }
    assert len(found) > 10
    assert all(text[0].isupper() and text.endswith(" {find}{action=delete}") and "{song}" in text for text in found)
    assert reword("a finding", random.Random(1), 1.0) == "a finding"
    assert reword("find it", random.Random(1), 0.0) == "find it"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("the time in [{city}|there]", "must hold"),
        ("[the [exact|] time|time] in {city}", "brackets inside brackets"),
        ("the time in {city} [{day}|]", "nothing unknown"),
    ],
)
def test_a_faulty_pattern_is_named(pattern: str, reason: str):
    get_time = next(tool for tool in catalog.DEMO if tool.name == "get_time")
    with pytest.raises(ValueError, match=reason):
        phrasings.check(get_time, (pattern,))


def test_patterns_of_small_talk_are_whole_and_none_is_held_out(monkeypatch):
    held = {phrasings.plain(text) for text in IRRELEVANT_HELD_OUT}
    for pattern in [*SMALL_TALK, *BEYOND_THE_DEMO]:
        monkeypatch.setattr(phrasings, "SMALL_TALK", (pattern,))
        rng = random.Random(9)
        for _ in range(20):
            text = phrasings.small_talk(rng)
            assert text, pattern
            assert not set("[]<>|") & set(text), pattern
            assert phrasings.plain(text) not in held, pattern


def test_sums_in_words_are_sums_that_the_demo_calculates():
    rng = random.Random(7)
    for _ in range(300):
        said, expression = arithmetic.more_expression(rng)
        assert re.search(r"\d", expression), said
        if "**" not in expression:  # 900 to the power of 800 is refused
            assert calculate(expression)["result"] is not None


def test_patterns_change_nothing_that_the_evaluation_draws(monkeypatch):
    def drawn() -> list[object]:
        return [e.conversations for chosen in SETS for e in episodes(chosen, 20, 8)]

    with_patterns = drawn()
    for name in ("DEMO", "TRAINED"):
        monkeypatch.setattr(catalog, name, [replace(tool, more=()) for tool in getattr(catalog, name)])
    assert drawn() == with_patterns


def test_a_near_tool_is_none_of_those_given_and_does_other_work():
    rng = random.Random(9)
    found = 0
    for _ in range(300):
        tools = draw_tools(rng, Mix(renamed=0.0))
        near = near_tool(rng, tools)
        if near:
            found += 1
            assert near.name not in {tool.name for tool in tools}
            if near not in catalog.DEMO:
                verb, noun = near.name.split("_")
                rivals = {tool.name.removesuffix(f"_{noun}") for tool in tools if tool.name.endswith(f"_{noun}")}
                assert verb not in rivals
                assert not same_work(verb, rivals)
    assert found > 100


def test_evaluation_tools_are_not_trained_on():
    assert not {tool.name for tool in catalog.HELD_OUT} & {tool.name for tool in [*catalog.TRAINED, *catalog.DEMO]}


def test_training_never_draws_a_held_out_value():
    rng = random.Random(2)
    for kind, pool in slots.KINDS.items():
        held = {value for value in pool if slots.is_held_out(value)}
        assert held != set(pool)
        assert not {slots.draw(kind, rng) for _ in range(200)} & held


def test_no_word_of_a_closed_class_is_held_out():
    rng = random.Random(2)
    for kind in ("weekday", "month", "unit"):
        assert {slots.draw(kind, rng) for _ in range(2000)} == set(slots.KINDS[kind])
    assert "Friday" in {slots.draw("date", rng) for _ in range(2000)}


def test_a_value_is_held_out_for_its_own_kinds_alone(monkeypatch):
    words = ["pink", "Chinese", "music"]
    assert all(map(slots.is_held_out, words))
    monkeypatch.setattr(slots, "VOCABULARY", words)
    rng = random.Random(3)
    elsewhere: set[str] = set()
    for kind, pool in slots.KINDS.items():
        drawn = {slots.draw_any(rng, kind) for _ in range(500)}
        assert not {value for value in pool if slots.is_held_out(value)} & drawn
        elsewhere |= drawn
    assert set(words) <= elsewhere


def test_lists_of_any_values_hold_none_that_reads_as_two():
    rng = random.Random(4)
    lists = [slots.draw_any_list(rng, "weekday") for _ in range(500)]
    assert {len(values) for values in lists} == {1, 2, 3}
    for values in lists:
        assert len(set(values)) == len(values)
        assert not any("," in value or " and " in value for value in values)


@pytest.mark.parametrize("kind", pools.MORE_KINDS)
def test_further_values_are_new_ones_and_none_that_is_held_out_is_drawn(kind):
    further = pools.MORE_KINDS[kind]
    known = {value.lower() for value in pools.KINDS[kind]}
    assert not known & {value.lower() for value in further}
    assert len(set(further)) == len(further) >= 50
    rng = random.Random(8)
    drawn = {slots.draw(kind, rng, more=True) for _ in range(3000)} & set(further)
    assert len(drawn) > len(further) / 2
    assert not any(map(slots.is_held_out, drawn))


@pytest.mark.parametrize("kind", slots.KINDS)
def test_held_out_values_are_drawn_from_the_larger_pools_and_composed_too(kind):
    rng = random.Random(8)
    drawn = {slots.draw(kind, rng, held_out=True, more=True) for _ in range(500)}
    beyond = {value for value in drawn if slots.is_held_out(value)} - set(pools.KINDS[kind])
    if kind in slots.COMPOSED or any(map(slots.is_held_out, pools.MORE_KINDS.get(kind, ()))):
        assert beyond
    elif kind not in pools.OPEN_KINDS:
        assert drawn <= set(pools.KINDS[kind])


def test_a_line_before_the_first_section_is_named(tmp_path):
    file = tmp_path / "values.txt"
    file.write_text("\n# city\nParis|Rome\n\nOslo\n# room\n")
    assert read_sections(file) == {"city": ["Paris|Rome", "Oslo"], "room": []}
    file.write_text("Paris\n# city\n")
    with pytest.raises(ValueError, match=r"'Paris' stands before the first section"):
        read_sections(file)


def test_every_section_of_phrasings_is_for_a_tool():
    names = {tool.name for tool in [*catalog.DEMO, *catalog.TRAINED]}
    assert {name for table in catalog.PHRASINGS for name in table} == names


@pytest.mark.parametrize("kind", texts.PATTERNS)
def test_composed_texts_are_whole_and_many_and_none_is_held_out(kind):
    rng = random.Random(6)
    drawn = [slots.draw(kind, rng, more=True) for _ in range(2000)]
    assert len(set(drawn)) > 200
    assert not {value for value in slots.KINDS[kind] if slots.is_held_out(value)} & set(drawn)
    for text in drawn:
        assert re.fullmatch(r"[^\[\]<>|{}]+", text), text
        assert text == " ".join(text.split())


@pytest.mark.parametrize("units", pools.LIKE_UNITS, ids=lambda units: units[0][0])
def test_units_are_converted_into_other_units_of_their_measure(units):
    rng = random.Random(3)
    names = {name for aliases in units for name in aliases}
    for aliases in units:
        for unit in aliases:
            drawn = {slots.draw_like_unit(unit, rng) for _ in range(60)}
            assert drawn <= names - set(aliases)


def test_training_never_draws_a_held_out_pair_of_units():
    rng = random.Random(4)
    lengths = [name for aliases in pools.LIKE_UNITS[0] for name in aliases]
    trained = {(unit, slots.draw_like_unit(unit, rng)) for unit in lengths for _ in range(100)}
    evaluated = {(unit, slots.draw_like_unit(unit, rng, held_out=True)) for unit in lengths for _ in range(100)}
    assert trained
    assert evaluated
    assert not trained & evaluated


def test_an_episode_whose_tools_allow_nothing_draws_others():
    mix = Mix(n_tools=(1, 1), demo=0.0, procedural=0.0, renamed=0.0, weights=(("parallel", 1.0),))
    rng = random.Random(5)
    for _ in range(200):
        assert len(draw_episode(rng, mix, 2).conversations) == 2


def test_hand_written_requests_are_no_filled_templates():
    requests = [json.loads(line)["request"].lower() for line in REQUESTS.read_text(encoding="utf-8").splitlines()]
    assert len(requests) == 30
    trained = {step.content.lower() for _tools, step in draw_turns(Mix(demo=1.0, more=True), 1500)}
    shared = [request for request in requests if request in trained]
    assert len(shared) <= 3, shared


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: chosen.name)
def test_every_evaluation_set_draws_its_kind_and_accepts_its_own_replies(chosen):
    drawn = list(chain.from_iterable(chain.from_iterable(e.conversations for e in episodes(chosen, 60, 9))))
    wanted = [step for step in drawn if step.kind == chosen.kind]
    assert len(wanted) >= 60
    for step in wanted:
        text, calls = (step.reply, []) if isinstance(step.reply, str) else ("", step.reply)
        assert is_right(step, text, calls)
        assert not is_right(step, "", [{"name": "no_such_tool", "arguments": {}}])


def test_answers_to_several_results_count_only_whole():
    asked = Turn("tool", '{"time": "23:58"}', "It is 07:59. It is 23:58.", "result", ('{"time": "07:59"}',))
    assert is_right(asked, "It is 07:59. It is 23:58.", [])
    assert not is_right(asked, "It is 07:59. It is 23:58. It is 23:58.", [])
    assert not is_right(asked, "It is 07:59.", [])


def test_drawing_is_reproducible():
    first, second = (draw_episode(random.Random(11), Mix(), 5) for _ in range(2))
    assert first == second
