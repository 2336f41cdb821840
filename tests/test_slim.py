"""What a phone or Windows lacks is not needed: packages of the command line, child processes, modules of POSIX."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CLI_PACKAGES = (
    "psutil pynvml jsonschema referencing pydantic pydantic_core huggingface_hub filelock yaml rich click tomlkit"
)
BOOTSTRAP = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None  # now `import name` fails
def no_children(event, args):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system"):
        raise RuntimeError(f"a child process: {event}")
sys.addaudithook(no_children)
import edge_lam
from edge_lam.errors import EdgeLamError
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Get the current local time in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
        },
    },
}
def told(function, *args, **options):
    try:
        function(*args, **options)
    except EdgeLamError as error:
        print(f"{error.code}: {error} [{error.param}]")
    else:
        print("nothing was refused")
"""
CALL = """
with edge_lam.load(log=log) as lam:
    for event in lam.stream("what time is it in Tokyo?", tools=[TIME]):
        if type(event).__name__ == "CallFinished":
            print(json.dumps([event.call.name, event.call.arguments, event.call.problems]))
    memory = event.reply.report.memory
    print(0 < memory.resident <= memory.peak, event.reply.report.machine.others_percent)
"""


def run(script: str, blocked: str, home, **environment: str) -> list[str]:
    environment = {**os.environ, "EDGE_LAM_SELF_TEST": "skip", "EDGE_LAM_HOME": str(home), **environment}
    command = [sys.executable, "-c", BOOTSTRAP + script, *blocked.split()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.model
def test_a_streamed_call_from_a_definition_needs_four_packages_and_no_child_process(tmp_path):
    log = tmp_path / "log.jsonl"
    script = f"import json\nlog = {str(log)!r}\n{CALL}"
    call, figures = run(script, f"{CLI_PACKAGES} subprocess edge_lam.schema.gbnf", tmp_path)
    assert json.loads(call) == ["get_time", {"city": "Tokyo"}, []]
    assert figures == ("True None" if sys.platform == "linux" else figures)
    assert log.stat().st_size > 0


STAY = """
import json
night = {"type": "string", "format": "date"}
guests = {"type": "integer", "minimum": 1, "maximum": 9}
properties = {"city": {"type": "string", "pattern": "^[A-Z][a-z]+$"}, "guests": guests, "first_night": night}
STAY = {"name": "book_stay", "parameters": {"properties": properties, "required": ["city", "guests"]}}
EVEN = {"name": "even", "parameters": {"properties": {"n": {"type": "integer", "multipleOf": 2}}}}
LOOK = {"name": "look", "parameters": {"properties": {"n": {"type": "string", "pattern": "(?<=a)b"}}}}
with edge_lam.load(log=False) as lam:
    print(lam.info.constraint)
    reply = lam.chat("book a stay for 3 in Oslo", tools=[STAY], tool_choice="required", max_tokens=100)
    call = reply.tool_calls[0]
    print(call.name, 1 <= call.arguments["guests"] <= 9, call.arguments["city"].isalpha(), call.problems)
    told(lam.chat, "an even number", tools=[EVEN])
    told(lam.chat, "look", tools=[LOOK])
"""


@pytest.mark.model
def test_without_llguidance_the_grammars_of_llama_cpp_hold_calls_and_nothing_else_is_missing(tmp_path):
    call, _, *said = run(f"import json\nlog = False\n{CALL}{STAY}", f"{CLI_PACKAGES} subprocess llguidance", tmp_path)
    assert json.loads(call) == ["get_time", {"city": "Tokyo"}, []]
    assert said[:2] == ["gbnf", "book_stay True True ()"]
    assert said[2].startswith("missing_package: calls of 'even', for 'multipleOf' at /properties/n, need jsonschema")
    assert "'pattern' at /properties/n can't be enforced: look-around" in said[3]


@pytest.mark.model
def test_what_only_a_package_can_do_is_refused_by_its_name_before_anything_is_decoded(tmp_path):
    script = """
def typed(city: str): ...
tags = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
with edge_lam.load(log=False) as lam:
    ask = lambda *tools, **options: told(lam.chat, "what time is it in Tokyo?", tools=tools, **options)
    ask({"name": "tag", "parameters": {"type": "object", "properties": {"tags": tags}}})
    day = {"type": "string", "format": "date"}  # whose leap years the grammar does not know
    ask({"name": "plan", "parameters": {"properties": {"days": {"type": "array", "items": day}}}})
    ask({"name": "bad", "parameters": {"type": "object", "properties": {"a": {"maxLenght": 3}}}})
    ask(TIME, constrain=False)
    ask(typed)
    told(edge_lam.Agent, lam, [])
told(edge_lam.load, "owner/repo:Q4_K_M")
"""
    hint = "which is not installed (pip install 'edge-lam[cli]')"
    assert run(script, CLI_PACKAGES, tmp_path) == [
        f"missing_package: calls of 'tag', for 'uniqueItems' at /properties/tags, need jsonschema, {hint} [tools]",
        f"missing_package: calls of 'plan', for 'format' at /properties/days/items, need jsonschema, {hint} [tools]",
        "invalid_schema: tool 'bad': 'maxLenght' at /properties/a can't be enforced: did you mean maxLength? [tools]",
        f"missing_package: calls that are not constrained need jsonschema, {hint} [constrain]",
        f"missing_package: tools made of functions need pydantic, {hint} [tools]",
        f"missing_package: agents need pydantic, {hint} [None]",
        f"missing_package: models of the hub need huggingface_hub, {hint} [model]",
    ]


def test_without_jsonschema_only_what_the_grammar_allows_is_without_problems(tmp_path):
    """Calls in prose were held to no grammar."""
    script = """
from edge_lam import Tool
place = {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}, "n": {"enum": [1, 10**30]}}}
tool = Tool("t", "", {"properties": {"at": place, "to": {"type": "string", "pattern": "^[a-z]+$"}}, "required": ["at"]})
for arguments in (
    {"at": {"x": 1e-7, "n": 10**30}, "to": "a"}, {"at": {"x": 1e30}}, {"at": {}},  # right
    {"at": {"x": -1}}, {"at": {"n": 10**30 + 1}}, {"at": {}, "to": "\\ud800"}, {"at": {"x": float("nan")}}, {}, 5,
    {"at": {}, "more": 1},
):
    print(len(tool.validate(arguments)))
at = {"type": ["string", "null"], "format": "date-time"}
dated = Tool("t", "", {"properties": {"a/b": {"type": "object", "properties": {"properties": at}}}})
for day in ("2024-02-29", "2023-02-29"):
    print(*dated.validate({"a/b": {"properties": f"{day}T10:00:00Z"}}), *dated.validate({"a/b": {}}))
print(Tool("t", "", {"properties": {"a": {"type": "array", "uniqueItems": True}}}).validate({"a": []})[0])
"""
    *counts, leap, other, unknown = run(script, CLI_PACKAGES, tmp_path)
    assert counts == ["0"] * 3 + ["1"] * 7
    assert [leap, other] == ["", "/a~1b/properties: '2023-02-29T10:00:00Z' is not a 'date-time'"]
    assert unknown == "the grammar does not allow all of it, and it can't be checked without jsonschema"


def test_the_command_says_what_it_lacks(tmp_path):
    script = (
        "import runpy\ntry: runpy.run_module('edge_lam', run_name='__main__')\nexcept SystemExit as end: print(end)"
    )
    assert run(script, CLI_PACKAGES, tmp_path) == [
        "error: commands need click, which is not installed (pip install 'edge-lam[cli]')"
    ]


@pytest.mark.model
def test_windows_modules_are_enough(tmp_path):
    """All modules are imported, and a call is made, without `resource` and `fcntl`."""
    script = f"""
import json, pkgutil
from importlib import import_module
for module in pkgutil.walk_packages(edge_lam.__path__, "edge_lam."):
    if not module.name.endswith("__main__"):
        try:
            import_module(module.name)
        except edge_lam.errors.MissingPackage as error:  # of an extra that is not installed
            assert "pip install" in str(error.hint or error), error
log = {str(tmp_path / "log.jsonl")!r}
{CALL}
"""
    call, figures = run(script, "resource fcntl termios pwd grp psutil", tmp_path)  # psutil for Linux imports resource
    assert json.loads(call) == ["get_time", {"city": "Tokyo"}, []]
    assert figures.startswith("True")
