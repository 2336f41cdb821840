"""Runs llama-server's own tests against `edge-lam serve`: each passes, or stands below with the reason why it can't.

    python tests/serve/llama_suite.py                  # fetches the tests, with what they need, and runs them
    python tests/serve/llama_suite.py -k logprobs -x   # further arguments go to pytest
    python tests/serve/llama_suite.py --all            # those that can't pass too

The tests come in the source archive of llama-cpp-python (MIT); nothing of them is kept here. The exit status is 1 if a
test fails that should pass. This file also stands in for llama-server's binary: it takes its flags for ours.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ARCHIVE = "llama-cpp-python==0.3.36"
IN_ARCHIVE = "vendor/llama.cpp/tools/server/tests"
NEEDS = ("pytest", "requests", "openai", "filelock", "wget", "aiohttp", "scikit-build-core")
HOME = Path.home() / ".cache" / "edge-lam" / "llama-suite"
ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *("basic", "security", "chat_completion", "completion", "tokenize", "metrics"),
    *("compat_anthropic", "compat_oai_responses", "tool_call"),
)

MODEL = "its numbers or texts are those of llama.cpp's test model"
TEMPLATE = "its template is one of llama.cpp's own, by name, or a file that the archive does not have"
NATIVE = "it asks llama-server's own /completion, beside OpenAI's API; `/v1/completions` is served"
OBJECT = "a reply in JSON is an object, as in OpenAI's API"
# A test, all of a file by its name, or one case of a test by how its parameters begin.
EXCEPTIONS = {
    "test_basic::test_load_split_model": MODEL,
    "test_basic::test_server_props": "a seed belongs to a request here, not to the server",
    "test_basic::test_server_slots": "there is no /slots; /metrics counts what runs and waits",
    "test_basic::test_server_model_aliases_and_tags": "a model has one alias, and no tags",
    "test_chat_completion::test_chat_completion": MODEL,
    "test_chat_completion::test_chat_completion_cached_tokens": MODEL,
    "test_chat_completion::test_chat_completion_stream": MODEL,
    "test_chat_completion::test_chat_completion_with_openai_library": MODEL,
    "test_chat_completion::test_chat_template": TEMPLATE,
    "test_chat_completion::test_chat_template_assistant_prefill": TEMPLATE,
    "test_chat_completion::test_chat_template_continue_final_message_vllm_compat": TEMPLATE,
    "test_chat_completion::test_apply_chat_template": TEMPLATE,
    "test_chat_completion::test_completion_with_response_format[response_format0": OBJECT,
    "test_chat_completion::test_completion_with_response_format[response_format2": OBJECT,
    "test_chat_completion::test_completion_with_json_schema": OBJECT,
    "test_chat_completion::test_completion_with_grammar": "grammars in GBNF are refused by name",
    "test_chat_completion::test_invalid_chat_completion_req[messages7": "such messages are read",
    "test_chat_completion::test_logprobs_stream": "log probabilities come in one piece, before the last chunk",
    "test_chat_completion::test_return_progress": "how often it is told is a matter of time here, not of batches",
    "test_chat_completion::test_verbose_debug": "prompts are told by /apply-template, not in answers",
    "test_tokenize::test_tokenize_with_bos": "the embedded model has no bos",
    "test_compat_oai_responses": MODEL,
    "test_compat_anthropic::test_anthropic_thinking_history_in_count_tokens": TEMPLATE,
    "test_compat_anthropic::test_anthropic_thinking_history_in_template": TEMPLATE,
    "test_compat_anthropic::test_anthropic_vision_format_accepted": "images are refused with 400, not 500",
    "test_compat_anthropic::test_anthropic_vision_base64_with_multimodal_model": "the model reads text",
    "test_compat_anthropic::test_anthropic_tool_result_with_image": "images are refused with 400, not 500",
    "test_compat_anthropic::test_anthropic_empty_messages": "a request without messages is refused",
    "test_completion": NATIVE,
    "test_metrics": NATIVE,
    "test_security::test_correct_api_key": NATIVE,
    "test_security::test_correct_api_key_anthropic_header": NATIVE,
    "test_security::test_access_static_assets_without_api_key": "the page is one file",
    "test_security::test_cors_options": "CORS is off unless asked for",
    "test_security::test_cors_origins_localhost_reflects": "origins are named as they are",
    "test_security::test_cors_origins_localhost_rejects": "a preflight that is refused is told 400",
    "test_security::test_cors_origins_defaults_to_localhost_with_tools_enabled": "origins are named as they are",
    "test_security::test_cors_proxy_only_forwards_explicit_proxy_headers": "there is no proxy",
    "test_security::test_local_media_file": "the model reads text",
    "test_tool_call": TEMPLATE,
}

_VALUES = {  # llama-server's flag: ours
    "--host": "--host",
    "--port": "--port",
    "--api-key": "--api-key",
    "--n-predict": "--max-tokens",
    "--cors-origins": "--cors",
}
_SWITCHES = re.compile(
    r"--(no-)?(slots|jinja|ui|mmproj|metrics|offline|verbose|cont-batching|embedding|reranking|kv-unified|swa-full"
    r"|context-shift|models-autoload|cache-idle-slots|ui-mcp-proxy|ui)$"
)


def serve_as_llama_server(arguments: list[str]) -> None:
    """Become `edge-lam serve` with flags that mean what llama-server's do."""
    wanted, given, words = ["--log", "off"], dict[str, str](), iter(arguments)
    for word in words:
        if not _SWITCHES.match(word):
            given[word] = next(words)
    for flag, value in given.items():
        if flag in _VALUES:
            wanted += [_VALUES[flag], value]
    parallel = int(given.get("--parallel", 1))
    n_ctx = min(int(given.get("--ctx-size", 4096)) // parallel, 4096)  # what the embedded model was trained for
    wanted += ["--parallel", str(parallel), "--n-ctx", str(n_ctx)]
    wanted += ["--no-page"] if "--no-ui" in arguments else []
    if "--alias" in given:
        wanted += ["--alias", min(given["--alias"].split(","))]
    os.execv(sys.executable, [sys.executable, "-m", "edge_lam.cli.main", "serve", *wanted])  # noqa: S606


def main(arguments: list[str]) -> int:
    """Run the tests."""
    python = _environment()
    wants_all = "--all" in arguments
    with tempfile.TemporaryDirectory(prefix="edge-lam-llama-suite-") as work:
        folder = _unpack(python, Path(work))
        binary = folder / "llama-server"
        binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" --serve "$@"\n')
        binary.chmod(0o755)
        # Its own would start every model it has once, to download them.
        (folder / "conftest.py").write_text(_CONFTEST)
        (folder / "exceptions.json").write_text(json.dumps([] if wants_all else list(EXCEPTIONS)))
        named = [argument for argument in arguments if argument in FILES]
        files = [f"unit/test_{name}.py" for name in named or FILES]
        more = [argument for argument in arguments if argument != "--all" and argument not in FILES]
        line = [python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--tb=line"]
        environment = {**os.environ, "LLAMA_SERVER_BIN_PATH": str(binary), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*line, *more, *files], cwd=folder, env=environment, check=False)
    if not wants_all:
        print(f"\n{len(EXCEPTIONS)} entries can't pass:")
        for name, reason in EXCEPTIONS.items():
            print(f"  {name}: {reason}")
    return done.returncode


_CONFTEST = """
import json
from pathlib import Path

import pytest
from utils import server_instances

EXCEPTIONS = json.loads((Path(__file__).parent / "exceptions.json").read_text())


def is_excepted(item):
    file, _, test = item.nodeid.removeprefix("unit/").partition(".py::")
    name, named = f"{file}::{test}", (file, f"{file}::{test.partition('[')[0]}")
    return any(entry in named or ("[" in entry and name.startswith(entry)) for entry in EXCEPTIONS)


def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[item for item in items if is_excepted(item)])
    items[:] = [item for item in items if not is_excepted(item)]


@pytest.fixture(autouse=True)
def stop_servers():
    yield
    for server in set(server_instances):
        server.stop()
"""


def _environment() -> str:
    """Return a Python with what the tests need."""
    python = HOME / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS], check=True)
    return str(python)


def _unpack(python: str, work: Path) -> Path:
    """Download the archive, once, and return the folder with its tests."""
    if not (archives := list(HOME.glob("*.tar.gz"))):
        line = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*line, "--no-build-isolation", "--dest", HOME, ARCHIVE], check=True)
        archives = list(HOME.glob("*.tar.gz"))
    with tarfile.open(archives[0]) as archive:
        wanted = [member for member in archive if f"/{IN_ARCHIVE}/" in member.name]
        archive.extractall(work, wanted, filter="data")
    return work / archives[0].name.removesuffix(".tar.gz") / IN_ARCHIVE


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_as_llama_server(sys.argv[2:])
    sys.exit(main(sys.argv[1:]))
