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
TEMPLATES = "vendor/llama.cpp/models/templates"
NEEDS = ("pytest", "requests", "openai", "filelock", "wget", "aiohttp", "scikit-build-core")
HOME = Path.home() / ".cache" / "edge-lam" / "llama-suite"
ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *("basic", "security", "chat_completion", "completion", "tokenize", "metrics"),
    *("compat_anthropic", "compat_oai_responses", "tool_call"),
)

MODEL = "its numbers are those of llama.cpp's test model: tokens of a prompt, and that a reply goes on"
TEMPLATE = "its template is one of those compiled into llama.cpp, by name"
PREFILL = "an assistant's last message is no beginning that the reply goes on from"
TEXT = "the model reads text"
CORS = "CORS is off unless asked for"
ORIGINS = "origins are named as they are"
SAMPLED = "chances after sampling are not computed, nor is anything sampled on a device"
# A test, all of a file by its name, or one case of a test by how its parameters begin.
EXCEPTIONS = {
    "test_basic::test_server_props": "a seed belongs to a request here, not to the server",
    "test_basic::test_server_slots": "/slots can't be turned off: behind the key it tells no secrets",
    "test_basic::test_server_model_aliases_and_tags": "a model has one alias, and no tags",
    "test_chat_completion::test_chat_completion": MODEL,
    "test_chat_completion::test_chat_completion_cached_tokens": MODEL,
    "test_chat_completion::test_chat_completion_stream[You are a coding assistant": MODEL,
    "test_chat_completion::test_chat_template": TEMPLATE,
    "test_chat_completion::test_chat_template_assistant_prefill": PREFILL,
    "test_chat_completion::test_chat_template_continue_final_message_vllm_compat": PREFILL,
    "test_chat_completion::test_apply_chat_template": TEMPLATE,
    "test_chat_completion::test_completion_with_grammar": "grammars in GBNF are refused by name",
    "test_chat_completion::test_invalid_chat_completion_req[messages7": "two answers in a row are read",
    "test_chat_completion::test_return_progress[64-4": "how often it is told is a matter of time here, not of batches",
    "test_chat_completion::test_verbose_debug": "prompts are told by /apply-template, not in answers",
    "test_completion::test_completion": MODEL,
    "test_completion::test_completion_stream": MODEL,
    "test_completion::test_completion_parallel_slots": MODEL,
    "test_completion::test_completion_unified": "each reply has a context of its own, not a share of one",
    "test_completion::test_completion_response_fields[I believe the meaning of life is-32": "the model has no bos",
    "test_completion::test_n_probs": "the model's token 0 is text",
    "test_completion::test_n_probs_stream": "a chunk may hold several tokens; the model's token 0 is text",
    "test_completion::test_n_probs_post_sampling": SAMPLED,
    "test_completion::test_n_probs_post_backend_sampling": SAMPLED,
    "test_completion::test_logit_bias[False": "a text in logit_bias must be one token",
    "test_completion::test_completion_prompt_cache": MODEL,
    "test_tokenize::test_tokenize_with_bos": "the model has no bos",
    "test_metrics::test_metrics_disabled": "/metrics can't be turned off",
    "test_metrics::test_metrics_prometheus_format": "n_tokens_max is a gauge: what is most does not add up",
    "test_metrics::test_metrics_embedding_prompt_is_counted": "the model makes no embeddings",
    "test_compat_oai_responses::test_responses_stream_with_llama_telemetry": "Responses tell no progress or timings",
    "test_compat_anthropic::test_anthropic_vision_format_accepted": "images are refused with 400, not 500",
    "test_compat_anthropic::test_anthropic_vision_base64_with_multimodal_model": TEXT,
    "test_compat_anthropic::test_anthropic_tool_result_with_image": "images are refused with 400, not 500",
    "test_compat_anthropic::test_anthropic_empty_messages": "a request without messages is refused",
    "test_security::test_access_static_assets_without_api_key": "the page is one file",
    "test_security::test_cors_options": CORS,
    "test_security::test_cors_origins_localhost_reflects": ORIGINS,
    "test_security::test_cors_origins_localhost_rejects": "a preflight that is refused is told 400",
    "test_security::test_cors_origins_defaults_to_localhost_with_tools_enabled": ORIGINS,
    "test_security::test_cors_proxy_only_forwards_explicit_proxy_headers": "there is no proxy",
    "test_security::test_local_media_file[../../../tools-file://mtmd/test": TEXT,
    "test_security::test_local_media_file[../../../tools-file:////": TEXT,
}

_VALUES = {  # llama-server's flag: ours
    "--host": "--host",
    "--port": "--port",
    "--api-key": "--api-key",
    "--n-predict": "--max-tokens",
    "--cors-origins": "--cors",
    "--chat-template-file": "--template",
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
        if flag in _VALUES and value != "-1":  # no limit
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
        with subprocess.Popen(
            [*line, *more, *files], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as tests:
            told = []
            for text in tests.stdout or ():
                print(text, end="", flush=True)
                told += [text.strip(" =\n")] if text.strip() else []
    if not wants_all:
        print(f"\n{len(EXCEPTIONS)} entries can't pass:")
        for name, reason in EXCEPTIONS.items():
            print(f"  {name}: {reason}")
    print(f"outcome: {', '.join(told[-2:])}")  # pytest's summary, and how many were left out
    return tests.returncode


_CONFTEST = """
import json
from pathlib import Path

import pytest
import requests
import utils
from utils import server_instances

# What a text says depends on the model; all else about it does not.
utils.match_regex = lambda pattern, text: isinstance(text, str)
# Names of headers have no case; the tests put them into a dict that has.
make_request = utils.ServerProcess.make_request


def request_without_case(*args, **options):
    answer = make_request(*args, **options)
    answer.headers = requests.structures.CaseInsensitiveDict(answer.headers)
    return answer


utils.ServerProcess.make_request = request_without_case
EXCEPTIONS = json.loads((Path(__file__).parent / "exceptions.json").read_text())


def is_excepted(item):
    file, _, test = item.nodeid.removeprefix("unit/").partition(".py::")
    name, named = f"{file}::{test}", (file, f"{file}::{test.partition('[')[0]}")
    return any(entry in named or ("[" in entry and name.startswith(entry)) for entry in EXCEPTIONS)


@pytest.hookimpl(trylast=True)  # slow tests are out already
def pytest_collection_modifyitems(config, items):
    config.n_excepted = sum(map(is_excepted, items))
    items[:] = [item for item in items if not is_excepted(item)]


def pytest_unconfigure(config):
    print(f"{config.n_excepted} excepted")


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
        folders = (f"/{IN_ARCHIVE}/", f"/{TEMPLATES}/")
        wanted = [member for member in archive if any(folder in member.name for folder in folders)]
        archive.extractall(work, wanted, filter="data")
    return work / archives[0].name.removesuffix(".tar.gz") / IN_ARCHIVE


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve_as_llama_server(sys.argv[2:])
    sys.exit(main(sys.argv[1:]))
