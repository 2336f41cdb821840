"""Runs the leaderboard's own `generate` against a server, and prints what its handler reads in each answer.

    python leaderboard_generate.py RESULTS_FOLDER [--num-threads N] [--functions FILE] [--read FILE]

In an environment that has bfcl-eval without its dependencies; BFCL_PROJECT_ROOT names the folder with the ids. Its list
of models imports the client of every vendor: another module stands in for it, with the one handler that is used.
"""

from __future__ import annotations

import argparse
import json
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MODEL = "Salesforce/xLAM-2-1b-fc-r"
TEMPERATURE = 0.0


def main() -> None:
    """Generate, then print a line of JSON for each answer: its id, prompt, text, and the calls that it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-threads", type=int)
    parser.add_argument("--functions", type=Path, help="by the entry's id, in place of the leaderboard's")
    parser.add_argument("--read", type=Path, help="a list of texts, whose calls are printed; nothing is generated")
    asked = parser.parse_args()
    handler = _handler(asked.functions)
    if asked.read:
        texts = json.loads(asked.read.read_text())
        print("ANSWER " + json.dumps([_calls(handler, text) for text in texts]))
        return
    from bfcl_eval._llm_response_generation import main as generate

    generate(_arguments(asked))
    for path in sorted(asked.folder.rglob("*_result.json")):
        for line in path.read_text().splitlines():
            answer = json.loads(line)
            told = {"id": answer["id"], "prompt": _prompt(answer.get("inference_log")), "text": answer["result"]}
            print("ANSWER " + json.dumps({**told, "calls": _calls(handler, answer["result"])}))


def _handler(functions: Path | None) -> Any:
    """Make the handler known under the model's name; returns one."""
    models = types.ModuleType("bfcl_eval.constants.model_config")
    sys.modules[models.__name__] = models
    from bfcl_eval.model_handler.local_inference.salesforce_qwen import SalesforceQwenHandler

    if functions:
        known = json.loads(functions.read_text())
        read = "_pre_query_processing_prompting"
        setattr(SalesforceQwenHandler, read, lambda _, entry: {"message": [], "function": known[entry["id"]]})
    listed = SimpleNamespace(model_handler=SalesforceQwenHandler, model_name=MODEL, is_fc_model=True)
    models.MODEL_CONFIG_MAPPING = {MODEL: listed}  # type: ignore[attr-defined]
    from bfcl_eval._llm_response_generation import build_handler

    return build_handler(MODEL, TEMPERATURE)


def _arguments(asked: argparse.Namespace) -> SimpleNamespace:
    """Return what its command line would give."""
    return SimpleNamespace(
        model=[MODEL],
        test_category=["all"],
        run_ids=True,
        temperature=TEMPERATURE,
        include_input_log=True,
        exclude_state_log=True,
        num_threads=asked.num_threads,
        num_gpus=1,
        backend="vllm",
        gpu_memory_utilization=0.9,
        result_dir=asked.folder,
        allow_overwrite=True,
        skip_server_setup=True,
        local_model_path=None,
        lora_modules=None,
        enable_lora=False,
        max_lora_rank=None,
    )


def _calls(handler: Any, text: str) -> list[Any]:
    try:
        return list(handler.decode_ast(text, None, False))
    except Exception:  # as its evaluation: what can't be read is no call
        return []


def _prompt(log: Any) -> str | None:
    """Return the prompt that was sent, wherever it stands in what was logged."""
    items = log.values() if isinstance(log, dict) else log if isinstance(log, list) else ()
    if isinstance(log, dict) and "formatted_prompt" in log:
        return str(log["formatted_prompt"])
    return next((found for item in items if (found := _prompt(item))), None)


if __name__ == "__main__":
    main()
