"""Prefixes over whole calls: across processes (another LAM), ahead of the first request, and in a file of their own."""

from __future__ import annotations

import json

import pytest

import edge_lam
from edge_lam.cache import prefix_files, read_header, write_prefix
from edge_lam.cache.prefix_file import read_prefix
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import InvalidRequest, InvalidTool, PromptTooLong
from edge_lam.llama import build_info

QUESTION = "what time is it in Tokyo?"
TOOLS = DEMO_TOOLS[:3]  # reading all of them takes half a second each time


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "prefixes"


def load(folder, **options):
    return edge_lam.load(log=False, prefix_cache=folder, **options)


def outcome(reply):
    return reply.text, [(call.name, call.arguments) for call in reply.tool_calls]


def test_another_process_reads_the_same_tools_from_disk(folder):
    with load(folder) as lam:
        first = lam.chat(QUESTION, tools=TOOLS)
    with load(folder) as lam:
        second = lam.chat(QUESTION, tools=TOOLS)
        third = lam.chat("read my notes", tools=TOOLS)
    assert first.text == second.text
    assert [call.arguments for call in first.tool_calls] == [call.arguments for call in second.tool_calls]
    assert first.report.tokens.restored == 0
    assert [reply.report.cache for reply in (first, second, third)] == ["miss: nothing stored", "hit", "hit"]
    assert second.report.tokens.restored == second.report.tokens.cached > 0.9 * second.report.tokens.prompt
    assert second.report.passes.prefill == 1
    assert (third.report.tokens.restored, third.report.tokens.cached) == (0, second.report.tokens.cached)
    assert first.report.times.save > 0


def test_tools_that_come_back_are_restored_from_memory(folder):
    with load(False) as lam:
        lam.chat(QUESTION, tools=TOOLS, max_tokens=1)
        lam.chat(QUESTION, tools=TOOLS[:1], max_tokens=1)
        again = lam.chat(QUESTION, tools=TOOLS, max_tokens=1)
    assert again.report.tokens.restored > 200
    assert not folder.exists()


def test_the_system_message_is_part_of_the_prefix(folder):
    with load(folder) as lam:
        for _ in range(2):
            for system in ("You are a car.", "You are a boat."):
                messages = [{"role": "system", "content": system}, {"role": "user", "content": QUESTION}]
                reply = lam.chat(messages, tools=TOOLS, max_tokens=1)
    assert reply.report.tokens.restored > 200
    assert len(prefix_files(folder)) == 2


def test_prewarming_leaves_only_the_message_to_read(folder):
    with load(folder) as lam:
        report = lam.prewarm(TOOLS).result()
        reply = lam.chat(QUESTION, tools=TOOLS)
    assert report.tokens.cached == 0
    assert report.passes.prefill > 1
    assert reply.report.passes.prefill == 1
    assert reply.report.tokens.prompt - reply.report.tokens.cached < 40
    with load(folder) as lam:
        assert lam.prewarm(TOOLS).result().tokens.restored > 200


def test_prewarming_says_what_is_wrong(folder):
    with load(folder) as lam, pytest.raises(InvalidTool):
        lam.prewarm([3])
    with load(folder, n_ctx=256) as lam, pytest.raises(PromptTooLong):
        lam.prewarm(TOOLS).result()


def test_a_baked_prefix_makes_the_first_call_ever_warm(tmp_path):
    baked = tmp_path / "app.prefix"
    with load(False) as lam:
        n_tokens = lam.bake(baked, TOOLS, system="You are a car.")
    messages = [{"role": "system", "content": "You are a car."}, {"role": "user", "content": QUESTION}]
    with load(False) as lam:
        cold = lam.chat(messages, tools=TOOLS)
    with load(False, prefix=baked) as lam:
        warm = lam.chat(messages, tools=TOOLS)
    assert warm.report.tokens.restored == warm.report.tokens.cached == n_tokens
    assert cold.report.tokens.restored == 0
    with load(False, prefix=baked) as lam:
        other = lam.chat(QUESTION, tools=TOOLS[:2], max_tokens=1)
        few = lam.chat(QUESTION, max_tokens=1)
    told = [reply.report.to_dict()["cache"] for reply in (cold, warm, other, few)]
    assert told == ["miss: nothing stored", "hit", "miss: other tools", ""]
    assert cold.text == warm.text
    assert [call.arguments for call in cold.tool_calls] == [call.arguments for call in warm.tool_calls]


def test_a_baked_prefix_holds_for_other_threads_contexts_and_orders_of_weights(tmp_path):
    """And so on other processors: a key holds the source's revision of llama.cpp and the kind of device, no more."""
    baked = tmp_path / "app.prefix"
    with load(False, n_threads=1) as lam:
        lam.bake(baked, TOOLS)
    key = read_header(baked).key
    assert set(key) == {"model", "llama_cpp", "bindings", "device", "adapters", "kv_type", "kv_layout", "rope"}
    build = build_info()
    assert (key["llama_cpp"], key["device"]) == (build.revision or build.llama_cpp, "cpu")
    for options in ({"n_threads": 2, "n_ctx": 3000}, {"repack": False}, {"constraint": "gbnf"}):
        with load(False, prefix=baked, **options) as lam:
            assert lam.chat(QUESTION, tools=TOOLS).report.cache == "hit"


@pytest.mark.parametrize(("part", "value"), [("device", "vulkan"), ("llama_cpp", "0.4.0")])
def test_a_prefix_of_another_kind_of_device_or_build_is_refused_by_name(tmp_path, part, value):
    baked = tmp_path / "app.prefix"
    with load(False) as lam:
        lam.bake(baked, TOOLS[:1])
    key = read_header(baked).key
    prefix = read_prefix(baked, key)
    write_prefix(baked, key | {part: value}, prefix.tokens, prefix.state)
    with pytest.raises(InvalidRequest, match=f"was baked for {part} {value}, not"):
        load(False, prefix=baked)


def test_a_prefix_of_another_model_is_refused(tmp_path, tiny_lam_path):
    baked, other = tmp_path / "app.prefix", tmp_path / "other.gguf"
    with load(False) as lam:
        lam.bake(baked, TOOLS[:1])
    data = bytearray(tiny_lam_path.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    with pytest.raises(InvalidRequest, match="was baked for model") as refused:
        edge_lam.load(other, log=False, prefix=baked)
    assert refused.value.param == "prefix"
    data = bytearray(baked.read_bytes())
    data[len(data) // 2] ^= 1
    for damaged in (data, data[:-1]):
        baked.write_bytes(damaged)
        with pytest.raises(InvalidRequest, match="damaged"):
            load(False, prefix=baked)
    with pytest.raises(InvalidRequest, match="no such prefix file"):
        load(False, prefix=tmp_path / "none.prefix")


def test_a_folder_that_is_not_there_can_not_be_baked_into(tmp_path):
    with load(False) as lam, pytest.raises(InvalidRequest, match="can't be written"):
        lam.bake(tmp_path / "none" / "app.prefix", TOOLS[:1])


def test_the_log_tells_where_tokens_came_from(folder, tmp_path):
    log = tmp_path / "calls.jsonl"
    for _ in range(2):
        with edge_lam.load(log=log, prefix_cache=folder) as lam:
            lam.chat(QUESTION, tools=TOOLS, max_tokens=1)
    cold, warm = [json.loads(line) for line in log.read_text().splitlines()]
    assert (cold["tokens"]["restored"], warm["tokens"]["restored"] > 200) == (0, True)
    assert warm["times"]["restore"] > 0


def test_q8_0_restores_what_it_read_and_nothing_of_f16(folder):
    with load(folder) as lam:
        lam.chat(QUESTION, tools=TOOLS, max_tokens=1)
    with load(folder, kv_type="q8_0") as lam:
        first = lam.chat(QUESTION, tools=TOOLS)
    with load(folder, kv_type="q8_0") as lam:
        second = lam.chat(QUESTION, tools=TOOLS)
    assert (first.report.tokens.restored, first.report.cache) == (0, "miss: other kv_type")
    assert second.report.tokens.restored > 200
    assert outcome(first) == outcome(second)
    small, large = sorted(path.stat().st_size for path in prefix_files(folder))
    assert 0.5 < small / large < 0.56


def test_a_prefix_baked_in_q8_0_fits_q8_0_only(tmp_path):
    baked = tmp_path / "app.prefix"
    with load(False, kv_type="q8_0") as lam:
        n_tokens = lam.bake(baked, TOOLS)
        fresh = lam.chat(QUESTION, tools=TOOLS)
    with load(False, prefix=baked, kv_type="q8_0") as lam:
        warm = lam.chat(QUESTION, tools=TOOLS)
    assert warm.report.tokens.restored == n_tokens
    assert outcome(warm) == outcome(fresh)
    with pytest.raises(InvalidRequest, match=r"app\.prefix was baked for kv_type q8_0, not f16 \(bake"):
        load(False, prefix=baked)
