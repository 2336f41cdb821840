"""What the microbenchmarks share: the embedded model, real tools, and a reply that calls one of them.

pytest benchmarks/micro --benchmark-autosave
pytest benchmarks/micro --benchmark-compare --benchmark-compare-fail=median:20%
"""

from __future__ import annotations

import pytest

from edge_lam.decoding import Vocabulary
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam.loading.load import load
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam.request import Request
from edge_lam.tools import ToolCall
from edge_lam_benchmarks import material


@pytest.fixture(scope="session")
def model():
    with Model(EMBEDDED_MODEL) as model:
        yield model


@pytest.fixture(scope="session")
def chat_format(model):
    return detect(model.metadata)


@pytest.fixture(scope="session")
def vocabulary(model, chat_format):
    return Vocabulary(model, chat_format.end_of_turn)


@pytest.fixture
def context(model):
    context = Context(model)
    yield context
    context.close()


@pytest.fixture(scope="session")
def lam():
    with load(log="off", prefix_cache=False) as lam:
        yield lam


@pytest.fixture(scope="session", params=[1, 5, 20], ids=lambda count: f"{count}-tools")
def tools(request):
    return material.tools(request.param)


@pytest.fixture(scope="session")
def request_of(tools):
    return Request.of(material.REQUESTS[0], {"tools": tools, "tool_choice": "required"})


@pytest.fixture(scope="session")
def reply(chat_format):
    """A reply of some kilobytes, with calls of the tool that all sets hold."""
    calls = [ToolCall("", "get_time", {"city": f"Springfield, district {number}"}) for number in range(40)]
    return chat_format.reply_segments(calls)[0].text


@pytest.fixture
def note(benchmark):
    """Notes the median by the unit of work; nothing where nothing is timed (`--benchmark-disable`)."""

    def note(name, per_second, units):
        if benchmark.stats:
            benchmark.extra_info[name] = per_second * benchmark.stats.stats.median / units

    return note
