"""`LAM`, `load` and the package itself, on the embedded model."""

from __future__ import annotations

import inspect
import json
import pydoc
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import edge_lam
from edge_lam import LAM, errors, load
from edge_lam.demo_tools import DEMO_TOOLS, convert_units, get_status
from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
from edge_lam.loading.options import LoadOptions, PlanOptions
from edge_lam.request import ChatOptions


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path) -> Iterator[LAM]:
    with load(tiny_lam_path, n_ctx=1024, log="off") as lam:
        yield lam


def test_none_is_the_default_of_every_option_of_load(tiny_lam_path):
    options = dict.fromkeys(inspect.signature(load).parameters) | {"model": tiny_lam_path, "n_ctx": 512, "log": "off"}
    with load(**options) as lam, load(tiny_lam_path, n_ctx=512, log="off") as plain:
        assert lam.info.to_dict() | {"load_seconds": 0} == plain.info.to_dict() | {"load_seconds": 0}
    assert edge_lam.plan(tiny_lam_path, n_parallel=None, kv_type=None) == edge_lam.plan(tiny_lam_path)


def test_help_tells_of_every_option_of_load_and_of_plan():
    for function, kind in ((load, LoadOptions), (edge_lam.plan, PlanOptions)):
        text = " ".join(pydoc.plain(pydoc.render_doc(function)).split())
        for option in fields(kind):
            assert f" {option.name}: {option.metadata['about']}" in text
        assert list(inspect.signature(function).parameters) == [option.name for option in fields(kind)]


def test_an_option_that_there_is_none_of_is_refused_even_if_it_is_none():
    for function, wrong in ((load, "n_cxt"), (edge_lam.plan, "n_threads")):
        with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument '{wrong}'$"):
            function(**{wrong: None})


def test_a_required_call_fits_its_tool(lam):
    reply = lam.chat(
        "How full is the disk?", tools=[get_status], tool_choice="required", parallel_tool_calls=False, max_tokens=60
    )
    (call,) = reply.tool_calls
    assert (call.name, list(call.arguments)) == ("get_status", ["resource"])
    assert call.arguments["resource"] in ("memory", "disk", "battery")
    assert reply.finish_reason == "tool_calls"
    assert reply.report.tokens.forced > reply.report.tokens.sampled


def test_a_reply_is_a_message_to_go_on_from(lam):
    question = {"role": "user", "content": "How full is the disk?"}
    reply = lam.chat([question], tools=[get_status], tool_choice="required", parallel_tool_calls=False, max_tokens=60)
    message = json.loads(json.dumps(reply.message))
    call = message["tool_calls"][0]
    assert (message["role"], message["content"], call["type"]) == ("assistant", None, "function")
    assert json.loads(call["function"]["arguments"]) == reply.tool_calls[0].arguments
    result = {"role": "tool", "tool_call_id": call["id"], "content": "5 GB free"}
    second = lam.chat([question, message, result], tools=[get_status], max_tokens=8)
    held = reply.report.tokens.prompt + reply.report.tokens.generated
    assert second.report.tokens.cached >= held - 8


def test_text_alone_is_a_message_too(lam):
    reply = lam.chat("Hello", max_tokens=8, temperature=10.0, seed=1)
    assert reply.message == {"role": "assistant", "content": reply.text}
    assert reply.report.seed == 1


def test_greedy_replies_repeat(lam):
    replies = [lam.chat("Convert 5 miles", tools=[convert_units], max_tokens=30) for _ in range(2)]
    assert replies[0].text == replies[1].text
    assert [call.arguments for call in replies[0].tool_calls] == [call.arguments for call in replies[1].tool_calls]


def test_stream_and_chat_agree(lam):
    options = {"temperature": 20.0, "seed": 3, "max_tokens": 30, "tools": [get_status]}
    lam.chat("Hello", tools=[get_status], max_tokens=1)  # from here on the prompt is cached, so that logits repeat
    events = list(lam.stream("Hello", **options))
    reply = lam.chat("Hello", **options)
    assert events[-1].reply.text == reply.text
    assert "".join(event.text for event in events if isinstance(event, edge_lam.TextDelta)) == reply.text


def test_mistakes_are_refused_when_stream_is_called(lam):
    with pytest.raises(errors.InvalidRequest, match="max_new_tokens"):
        lam.stream("Hello", max_new_tokens=5)
    with pytest.raises(errors.InvalidRequest, match="messages"):
        lam.stream([])
    with pytest.raises(ValueError, match="temperature"):
        lam.chat("Hello", temperature=-1)


def test_a_schema_that_cannot_be_enforced_names_tool_and_path(lam):
    schema = {"type": "object", "properties": {"when": {"type": "string", "minLength": 5, "maxLength": 2}}}
    with pytest.raises(errors.InvalidSchema) as caught:
        lam.chat("Hello", tools=[{"name": "book", "parameters": schema}])
    assert caught.value.tool == "book"
    assert caught.value.path.startswith("/properties/when")


def test_without_constraint_the_model_writes_what_it_wants(lam):
    free = lam.chat("Hello", tools=[get_status], tool_choice="required", constrain=False, max_tokens=12)
    assert free.report.tokens.forced == 0


def test_info(lam, tiny_lam_path):
    info = lam.info
    assert info.path == str(tiny_lam_path)
    assert (info.architecture, info.format, info.n_ctx) == ("qwen2", "xlam-2-qwen", 1024)
    assert info.n_parameters > 1e6
    assert 2 < info.bits_per_weight < 33
    assert json.loads(json.dumps(info.to_dict()))["n_threads"] >= 1
    assert "n_ctx=1024" in repr(lam)


def test_close_frees_and_refuses(tiny_lam_path):
    with load(str(tiny_lam_path), n_ctx=256, log="off") as lam:
        pass
    lam.close()
    with pytest.raises(errors.Closed):
        lam.chat("Hello")


def test_find_model(tmp_path, monkeypatch):
    assert find_model() == EMBEDDED_MODEL
    assert find_model(tmp_path / "none.gguf") == tmp_path / "none.gguf"
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner/model").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert find_model("owner/model") == Path("owner/model")
    with pytest.raises(errors.ModelNotFound, match="no-such"):
        find_model("./no-such.gguf")
    with pytest.raises(errors.InvalidRequest):
        find_model(5)


@pytest.mark.parametrize(("content", "error"), [(None, errors.ModelNotFound), (b"no model", errors.InvalidModelFile)])
def test_bad_files_are_refused(tmp_path, content, error):
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error):
        load(path)


def test_a_truncated_model_is_refused(tiny_lam_path, tmp_path):
    data = tiny_lam_path.read_bytes()
    path = tmp_path / "short.gguf"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(errors.InvalidModelFile):
        load(path)


def test_bad_numbers_leave_nothing_loaded(tiny_lam_path):
    for options, param in (({"n_ctx": 10**9}, "n_ctx"), ({"n_threads": 0}, "n_threads"), ({"device": "tpu"}, "device")):
        with pytest.raises(errors.InvalidRequest) as caught:
            load(tiny_lam_path, **options)
        assert caught.value.param == param


def test_all_names_are_there():
    for name in edge_lam.__all__:
        assert getattr(edge_lam, name) is not None
    assert set(edge_lam.__all__) <= set(dir(edge_lam))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edge_lam.nothing


def test_import_brings_in_nothing_heavy():
    program = "import sys, edge_lam; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "llama_cpp", "llguidance", "jinja2", "pydantic", "huggingface_hub", "rich", "click", "psutil"}
    assert not heavy & set(loaded)
    assert [name for name in loaded if name.startswith("edge_lam.")] == []


def test_demo_tools_load_into_one_prompt(lam):
    with pytest.raises(errors.PromptTooLong, match="tools"):
        lam.chat("Hello", tools=DEMO_TOOLS)


def test_help_shows_the_options():
    text = pydoc.render_doc(LAM.chat, renderer=pydoc.plaintext)
    for name in ChatOptions.__annotations__:
        assert f"{name}: " in text.partition("\n\n")[2]
    assert "tool_choice: 'str | Mapping[str, Any] | None' = None" in text
    assert "longest reply in tokens" in text
