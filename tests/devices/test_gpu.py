"""What a GPU must do as the processor does, be it a real one or one in software (`make test-vulkan`).

Calls of eight kinds, the memory budget, and prefixes, which hold for one kind of device.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import edge_lam
from edge_lam import LAM, Agent, Reply
from edge_lam.demo_tools import DEMO_TOOLS, convert_units, get_time
from edge_lam.errors import InsufficientMemory, InvalidRequest
from edge_lam.llama import Context, Model, ModelFile
from edge_lam.llama.library import devices
from edge_lam.llama.plan import plan_memory

pytestmark = pytest.mark.skipif(
    not any(device.kind == "gpu" for device in devices()), reason="llama.cpp sees no GPU on this machine"
)

QUESTION = "what time is it in Tokyo and in Oslo?"
ANSWER = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}, "required": ["city"]}


def told(reply: Reply) -> object:
    return reply.text, [(call.name, call.arguments) for call in reply.tool_calls], reply.finish_reason


def single(lam: LAM) -> object:
    return told(lam.chat("convert 10 miles to kilometers", tools=[convert_units]))


def several(lam: LAM) -> object:
    return told(lam.chat(QUESTION, tools=DEMO_TOOLS))


def streamed(lam: LAM) -> object:
    with lam.stream("what is 12 * 7?", tools=DEMO_TOOLS) as stream:
        kinds = [type(event).__name__ for event in stream]
    return set(kinds), told(stream.result())


def required(lam: LAM) -> object:
    return told(lam.chat("hello", tools=[get_time], tool_choice="required", parallel_tool_calls=False, max_tokens=60))


def answered(lam: LAM) -> object:
    messages = [{"role": "user", "content": "convert 10 miles to kilometers"}]
    call = {"name": "convert_units", "arguments": {"value": 10, "from_unit": "mi", "to_unit": "km"}}
    messages.append({"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": call}]})
    messages.append({"role": "tool", "tool_call_id": "1", "content": '{"value": 16.09, "unit": "km"}'})
    return told(lam.chat(messages, tools=[convert_units], max_tokens=40))


def by_agent(lam: LAM) -> object:
    result = Agent(lam, [convert_units], max_rounds=3).run("convert 10 miles to kilometers")
    return result.text


def in_json(lam: LAM) -> object:
    format_ = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ANSWER}}
    return told(lam.chat("Which city?", response_format=format_, max_tokens=40))


def without_tools(lam: LAM) -> object:
    return told(lam.chat("tell me a joke", max_tokens=24))


KINDS = (single, several, streamed, required, answered, by_agent, in_json, without_tools)


def load(device: str, **options: object) -> LAM:
    return edge_lam.load(device=device, log=False, prefix_cache=False, **options)


@pytest.fixture(scope="module")
def lams() -> Iterator[tuple[LAM, LAM]]:
    with load("cpu") as cpu, load("gpu") as gpu:
        assert (cpu.info.device, gpu.info.device == "cpu") == ("cpu", False)
        yield cpu, gpu


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_as_on_the_processor(lams: tuple[LAM, LAM], kind: Callable[[LAM], object]) -> None:
    cpu, gpu = lams
    assert kind(gpu) == kind(cpu)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
@pytest.mark.parametrize("n_parallel", [1, 4])
@pytest.mark.parametrize("n_ctx", [256, 1024, 4096])
def test_what_is_taken_is_never_over_the_plan(tiny_lam_path: Path, n_ctx: int, n_parallel: int, kv_type: str) -> None:
    file = ModelFile.read(tiny_lam_path)
    with Model(file, device="gpu", no_alloc=True) as layout:
        plan = plan_memory(file, n_ctx=n_ctx, n_parallel=n_parallel, kv_type=kv_type, layout=layout)
    options = {"n_ctx": n_ctx, "n_sequences": n_parallel, "kv_type": kv_type}
    with Model(file, device="gpu") as model, Context(model, **options) as context:
        assert plan.kv == context.kv_bytes
        assert context.compute_bytes <= plan.compute


def test_a_budget_is_held_by_all_buffers_together(caplog: pytest.LogCaptureFixture) -> None:
    """Of the device and of the host, as llama.cpp's own log tells them."""
    with pytest.raises(InsufficientMemory) as refused:
        load("gpu", memory_budget="16MB")
    assert refused.value.n_ctx is None or refused.value.n_ctx < 4096
    budget = 24_000_000
    with load("gpu", memory_budget=budget, fit_context=True) as lam:
        assert 256 <= lam.info.n_ctx < 4096
    with caplog.at_level("DEBUG", "edge_lam.llama.cpp"):
        load("gpu", n_ctx=lam.info.n_ctx).close()
    assert 0.5 * budget < buffer_bytes(caplog.messages) <= budget


def buffer_bytes(lines: list[str]) -> int:
    """Sum the buffers of one loaded model."""
    found = (re.search(r"(\S+) +(\w+) buffer size = +([\d.]+) MiB", line) for line in lines)
    return int(sum(float(match[3]) for match in found if match) * 2**20)


def test_a_prefix_holds_for_its_kind_of_device(lams: tuple[LAM, LAM], tmp_path: Path) -> None:
    cpu, gpu = lams
    for lam, name in ((cpu, "cpu"), (gpu, "gpu")):
        lam.bake(tmp_path / name, DEMO_TOOLS)
    with load("gpu", prefix=tmp_path / "gpu") as lam:
        reply = lam.chat(QUESTION, tools=DEMO_TOOLS)
    assert reply.report.tokens.restored > 1000
    assert told(reply) == told(gpu.chat(QUESTION, tools=DEMO_TOOLS))
    with pytest.raises(InvalidRequest, match="device"):
        load("gpu", prefix=tmp_path / "cpu")
