from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam import LAM, load
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam_benchmarks import material
from edge_lam_benchmarks.environment import environment, environment_key
from edge_lam_benchmarks.fresh import run_fresh
from edge_lam_benchmarks.items import Sample, WorkItem, run_item
from edge_lam_benchmarks.known_answers import KnownAnswers
from edge_lam_benchmarks.measure import loaded
from edge_lam_benchmarks.models import describe, find_models


def run(suite: str, scenario: str, model: Path, **options: object) -> list[Sample]:
    return run_item(WorkItem(suite, str(model), scenario, options={"n_threads": 1, **options}))


@pytest.fixture(scope="module", autouse=True)
def _close() -> object:
    yield
    loaded.close()


def test_fewer_tools_are_the_beginning_of_more() -> None:
    names = [tool.name for tool in material.tools(20)]
    assert len(set(names)) == 20
    assert [tool.name for tool in material.tools(5)] == names[:5]


def test_conversation_is_one_that_a_model_may_have(tiny_lam_path: Path) -> None:
    messages = [message for news in material.conversation() for message in news]
    with load(tiny_lam_path, n_threads=1, log="off", prefix_cache=False) as lam:
        reply = lam.chat(messages, tools=material.tools(1), max_tokens=1)
    assert reply.report.tokens.prompt > 400


def test_warm_calls_find_their_tools_read(tiny_lam_path: Path) -> None:
    samples = run("latency", "warm", tiny_lam_path, tools=1)
    assert len(samples) == 4
    for sample in samples:
        values = sample.values
        assert sample.labels["n_calls"] == 1
        assert values["tokens.cached"] > 0.9 * values["tokens.prompt"]
        assert 0 < values["time.name"] <= values["time.call"] <= values["time.total"]
        assert 0 < values["time.first_event"] <= values["time.total"]
        assert values["memory.peak"] >= values["memory.resident"] > values["memory.weights"]


def test_each_turn_goes_on_where_the_last_one_ended(tiny_lam_path: Path) -> None:
    samples = run("latency", "multi-turn", tiny_lam_path, tools=1)
    assert [sample.part for sample in samples] == [f"turn {n}" for n in (1, 2, 3, 4)]
    assert [bool(sample.labels["n_calls"]) for sample in samples] == [True, False, True, False]
    prompts, cached = ([sample.values[f"tokens.{kind}"] for sample in samples] for kind in ("prompt", "cached"))
    assert prompts == sorted(prompts)
    assert all(seen > 0.9 * whole for seen, whole in zip(cached, prompts, strict=True))


def test_several_callers_are_served_and_counted_together(tiny_lam_path: Path) -> None:
    *each, together = run("latency", "callers", tiny_lam_path, tools=1, callers=2)
    assert len(each) == 4
    assert all("cpu.percent" not in sample.values for sample in each)
    assert together.part == "all"
    assert together.values["rate.calls"] == pytest.approx(4 / together.values["time.total"])


def test_text_and_streams_are_what_they_say(tiny_lam_path: Path) -> None:
    assert all(sample.labels["n_calls"] == 0 for sample in run("latency", "text", tiny_lam_path, tools=1))
    calls, text = run("latency", "streaming", tiny_lam_path, tools=1)
    assert calls.labels["n_calls"] >= 1
    assert text.labels["n_calls"] == 0
    assert calls.values["events"] > 2


def test_a_restored_process_reads_its_tools_from_disk(tiny_lam_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[dict[str, Any]] = []

    def kept(function: str, arguments: dict[str, Any]) -> Any:
        measured.append(run_fresh(function, arguments))
        return measured[-1]

    monkeypatch.setattr("edge_lam_benchmarks.scenarios.run_fresh", kept)
    (restored,) = run("latency", "restored", tiny_lam_path, tools=1)
    cold = Sample.from_dict(measured[0])  # of the process that wrote the file, as it starts in the scenario "cold"
    assert len(measured) == 2
    assert cold.values["tokens.cached"] == 0
    assert restored.values["tokens.restored"] > 0.9 * restored.values["tokens.prompt"]
    for sample in (cold, restored):
        assert 0 < sample.values["time.start"] < sample.values["time.process"]
        assert sample.values["time.process"] > sample.values["time.total"] + sample.values["time.load"]


def test_memory_is_told_stage_by_stage(tiny_lam_path: Path) -> None:
    samples = {sample.part: sample for sample in run("memory", "stages", tiny_lam_path)}
    resident = {part: sample.values.get("memory.resident", 0.0) for part, sample in samples.items()}
    assert list(resident) == ["imported", "loaded", "1 tool", "5 tools", "20 tools", "closed", "all"]
    assert resident["imported"] < resident["loaded"] < resident["20 tools"]
    assert resident["closed"] < resident["20 tools"]
    series = samples["all"].series["memory.resident"]
    times = [time for time, _ in series]
    assert times == sorted(times)
    # Linux keeps these counters per processor, and adds them up now and then.
    assert max(size for _, size in series) < 1.05 * samples["closed"].values["memory.peak"]
    assert [stage for _, stage in samples["all"].labels["marks"]] == list(resident)[:5]


def test_a_new_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(EdgeLamError, match="there is no file"):
        run("latency", "cold", tmp_path / "none.gguf", tools=1)
    with pytest.raises(EdgeLamError, match="has no attribute 'nothing'"):
        run_fresh("edge_lam_benchmarks.memory:nothing", {})


def test_model_is_loaded_once_for_the_same_options(tiny_lam_path: Path) -> None:
    item = WorkItem("latency", str(tiny_lam_path), "warm", options={"n_threads": 1})
    first: LAM = loaded.lam(item)
    assert loaded.lam(item) is first
    assert loaded.lam(item, n_ctx=1024) is not first


def test_random_weights_say_what_is_known(tiny_lam_path: Path) -> None:
    with load(tiny_lam_path, n_threads=1, log="off", prefix_cache=False) as lam:
        known = KnownAnswers(lam)
        options = {"tools": material.tools(1), "tool_choice": "required"}
        for request, cities in material.CITIES.items():
            calls = lam.chat(request, **options, sampler=known.sampler(request, options)).tool_calls
            assert [(call.name, call.arguments) for call in calls] == [("get_time", {"city": city}) for city in cities]
        options = {"tools": material.tools(1), "tool_choice": "none", "max_tokens": 40}
        text = lam.chat(material.TEXT_REQUEST, **options, sampler=known.sampler(material.TEXT_REQUEST, options))
        assert material.LONG_TEXT.startswith(text.text)
        assert text.report.tokens.generated == 40


def test_facts_of_a_model_are_read_from_its_file(tiny_lam_path: Path) -> None:
    facts = describe(str(tiny_lam_path))
    assert facts["size"] == tiny_lam_path.stat().st_size
    assert 8 < facts["bits_per_weight"] < 9
    assert all(len(facts[f"{name}_sha256"]) == 64 for name in ("format", "template", "grammar"))


def test_quantizations_are_made_once(tiny_lam_path: Path, tmp_path: Path) -> None:
    checkpoint = Path(__file__).parents[2] / "models" / "tiny-lam" / "checkpoint"
    made = find_models([str(checkpoint)], ["q4_0"], tmp_path)
    assert [model.quant for model in made] == ["Q4_0"]
    before = Path(made[0].path).stat().st_mtime_ns
    assert find_models([str(checkpoint)], ["Q4_0"], tmp_path) == made
    assert Path(made[0].path).stat().st_mtime_ns == before
    with pytest.raises(InvalidRequest, match="is Q4_0 already"):
        find_models([made[0].path], ["Q8_0"], tmp_path)
    with pytest.raises(InvalidRequest, match="is a checkpoint"):
        find_models([str(checkpoint)], [])
    with pytest.raises(InvalidRequest, match="not of the embedded model"):
        find_models([], ["Q8_0"])


def test_environment_is_json_and_names_nobody() -> None:
    facts = environment()
    text = json.dumps(facts)
    assert facts["processor"]["usable"] >= 1
    assert facts["build"]["llama_cpp"]
    assert environment_key(json.loads(text)) == environment_key(facts)
    assert environment_key(facts) == hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    assert str(Path.home()) not in text
