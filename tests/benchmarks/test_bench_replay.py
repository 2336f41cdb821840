"""Answers and their replay: known tokens, real passes."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from edge_lam import load
from edge_lam.cache import Slots
from edge_lam.decoding import PassCosts, ReplaySampler, Speculator, Vocabulary
from edge_lam.engine import Decoder, EngineCore, Sequence
from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam_benchmarks.answers import answers, grouped, leaderboard_answers, own_answers
from edge_lam_benchmarks.replay import Replays, Writing, choices
from edge_lam_benchmarks.targets.loops import measure_loops


@pytest.fixture(scope="module")
def model(tiny_lam_path):
    with Model(tiny_lam_path) as model:
        yield model


@pytest.fixture(scope="module")
def replays(model):
    chat_format = detect(model.metadata)
    return Replays(Vocabulary(model, chat_format.end_of_turn), chat_format)


@pytest.fixture(scope="module")
def some(replays):
    """A few of our own answers, of one call and of two."""
    picked = [answer for answer in own_answers() if answer.id in ("own_0", "own_7", "own_20")]
    return list(replays.of(picked))


@pytest.fixture(scope="module")
def core(model):
    context = Context(model, n_threads=1)
    core = EngineCore(context, Slots(context), PassCosts(), queue_limit=0, release=context.close)
    yield core
    core.close()


@pytest.fixture
def write(core, replays):
    """Write an answer, and return the finished sequence."""

    def write(replay, *, plain=False, speculator=None):
        constraint = replays.unforced(replay.grammar) if plain else replays.constraint(replay.request, replay.grammar)
        sampler, sequence = ReplaySampler(replay.tokens if plain else replay.chosen), Sequence(300, replay.prompt)
        ends = replays.vocabulary.end_tokens
        return Writing(core, sequence, Decoder(sequence, constraint, sampler, speculator, end_tokens=ends)).wait()

    return write


def test_all_of_our_answers_fit_their_tools(replays):
    found = list(own_answers())
    assert len(list(replays.of(found))) == len(found) > 40
    assert not replays.refused


def test_a_replay_writes_the_answer_whatever_the_way(model, write, some):
    speculator = Speculator(PassCosts())
    for replay in some[:2]:  # of one call, and of two
        expected = model.detokenize(replay.tokens).decode()
        assert [call["name"] for call in json.loads(expected)] == [name for name, _ in replay.answer.calls]
        plain, forced, drafts = (
            write(replay, plain=True),
            write(replay),
            write(replay, speculator=speculator),
        )
        assert plain.tokens == forced.tokens == drafts.tokens == replay.tokens
        assert plain.counts.sampled == len(replay.tokens)
        assert forced.counts.sampled == len(replay.chosen)
        assert forced.counts.forced == len(replay.tokens) - len(replay.chosen)


def test_a_whole_call_is_replayed_and_the_model_decides_again_afterwards(tiny_lam_path, some):
    replay = some[0]
    options = {"tools": replay.answer.tools, "tool_choice": "required", "max_tokens": 100}
    with load(tiny_lam_path, log="off", prefix_cache=False, n_threads=1) as lam:
        reply = lam.chat(replay.answer.messages, **options, sampler=ReplaySampler(replay.chosen))
        own = lam.chat(replay.answer.messages, **options)
    assert [(call.name, call.arguments) for call in reply.tool_calls] == list(replay.answer.calls)
    assert reply.report.passes.decode > 0
    assert own.message["tool_calls"] != reply.message["tool_calls"]


def test_loops_are_measured_for_each_answer(tiny_lam_path, some):
    samples = measure_loops(str(tiny_lam_path), [replay.answer for replay in some[:1]], n_ctx=2048, n_threads=1)
    assert [sample.labels["answer"] for sample in samples] == ["own_0"]
    values = samples[0].values
    assert values["passes.plain"] >= values["tokens"] == len(some[0].tokens)
    assert values["passes.drafts"] <= values["passes.forced"] < values["passes.plain"]
    assert all(values[f"time.{way}"] > 0 for way in ("plain", "forced", "drafts"))


def test_an_answer_that_does_not_fit_is_left_out_with_its_reason(replays, some):
    answer = some[0].answer
    name, arguments = answer.calls[0]
    wrong = [replace(answer, calls=((name, arguments | {"duration_minutes": "long"}),))]
    wrong.append(replace(answer, id="unknown", calls=(("no_such_tool", {}),)))
    assert list(replays.of(wrong)) == []
    assert "of the answer" in replays.refused.pop(answer.id)
    assert "refuses the answer" in replays.refused.pop("unknown")


def test_a_reply_that_stops_too_early_is_no_answer(replays, some):
    replay = some[0]
    with pytest.raises(InvalidRequest, match="no whole reply"):
        choices(replay.tokens[:-1], replays.constraint(replay.request, replay.grammar))


def test_a_replay_that_runs_out_says_so(write, some):
    with pytest.raises(InvalidRequest, match="ended before the reply"):
        write(replace(some[0], chosen=some[0].chosen[:2]))


def leaderboard(folder, category, rows):
    (folder / "possible_answer").mkdir()
    requests = [
        {"id": row["id"], "question": [[{"role": "user", "content": "?"}]], "function": [row["tool"]]} for row in rows
    ]
    given = [{"id": row["id"], "ground_truth": [{row["tool"]["name"]: row["accepted"]}]} for row in rows]
    for name, lines in ((f"BFCL_v4_{category}.json", requests), (f"possible_answer/BFCL_v4_{category}.json", given)):
        (folder / name).write_text("\n".join(map(json.dumps, lines)))


def test_accepted_values_become_one_call_in_the_order_of_the_schema(tmp_path):
    size = {"type": "dict", "properties": {"unit": {"type": "string"}, "value": {"type": "integer"}}}
    properties = {"size": size, "name": {"type": "string"}, "note": {"type": "string"}, "tags": {"type": "array"}}
    tool = {"name": "paint", "parameters": {"type": "dict", "properties": properties, "required": ["name"]}}
    accepted = {
        "tags": [["a", "b"], ["b"]],
        "name": ["Zoë", "Zoe"],
        "note": ["", "none"],
        "size": [{"value": [3.0], "unit": ["m", "metre"]}],
    }
    leaderboard(tmp_path, "simple_python", [{"id": "one", "tool": tool, "accepted": accepted}])
    [answer] = leaderboard_answers(tmp_path, ["simple_python"])
    [(name, arguments)] = answer.calls
    assert name == "paint"
    assert list(arguments.items()) == [("size", {"unit": "m", "value": 3}), ("name", "Zoë"), ("tags", ["a", "b"])]


def test_unknown_categories_and_broken_lines_are_named(tmp_path):
    with pytest.raises(InvalidRequest, match="unknown category 'poems'"):
        list(leaderboard_answers(tmp_path, ["poems"]))
    leaderboard(tmp_path, "multiple", [])
    (tmp_path / "possible_answer" / "BFCL_v4_multiple.json").write_text('{"id": ')
    with pytest.raises(InvalidRequest, match=r"BFCL_v4_multiple\.json can't be read"):
        list(leaderboard_answers(tmp_path, ["multiple"]))


def test_draws_repeat_and_groups_share_their_tools():
    found = list(own_answers())
    random.Random(1).shuffle(found)
    drawn = grouped(found, 12, seed=3)
    assert drawn == grouped(found, 12, seed=3) != grouped(found, 12, seed=4)
    for start in range(0, 12, 4):
        assert len({json.dumps(answer.tools) for answer in drawn[start : start + 4]}) == 1
    one, other = (answers(5, categories=["simple_java"], seed=2)[1] for _ in range(2))
    assert len(one) == 5
    assert one == other
