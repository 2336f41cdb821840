"""Runs the leaderboard's own `generate` against a server, and prints what its handler reads in each answer.

    python leaderboard_generate.py RESULTS_FOLDER [--num-threads N]    (BFCL_PROJECT_ROOT names the folder with the ids)

In an environment that has bfcl-eval without its dependencies. Its list of models imports the client of every vendor:
another module stands in for it, with the one handler that is used.
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


def main() -> None:
    """Generate, then print a line of JSON for each answer: its id, text, and the calls that it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-threads", type=int)
    asked = parser.parse_args()
    models = types.ModuleType("bfcl_eval.constants.model_config")
    sys.modules[models.__name__] = models
    from bfcl_eval.model_handler.local_inference.salesforce_qwen import SalesforceQwenHandler

    known = SimpleNamespace(model_handler=SalesforceQwenHandler, model_name=MODEL, is_fc_model=True)
    models.MODEL_CONFIG_MAPPING = {MODEL: known}  # type: ignore[attr-defined]
    from bfcl_eval._llm_response_generation import build_handler
    from bfcl_eval._llm_response_generation import main as generate

    generate(
        SimpleNamespace(
            model=[MODEL],
            test_category=["all"],
            run_ids=True,
            temperature=0.001,
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
    )
    handler = build_handler(MODEL, 0.001)
    for path in sorted(asked.folder.rglob("*_result.json")):
        for line in path.read_text().splitlines():
            answer = json.loads(line)
            try:
                calls = handler.decode_ast(answer["result"], None, False)
            except Exception:  # as its evaluation: what can't be read is no call
                calls = []
            prompt = _prompt(answer.get("inference_log"))
            told = {"id": answer["id"], "prompt": prompt, "text": answer["result"], "calls": calls}
            print("ANSWER " + json.dumps(told))


def _prompt(log: Any) -> str | None:
    """Return the prompt that was sent, wherever it stands in what was logged."""
    items = log.values() if isinstance(log, dict) else log if isinstance(log, list) else ()
    if isinstance(log, dict) and "formatted_prompt" in log:
        return str(log["formatted_prompt"])
    return next((found for item in items if (found := _prompt(item))), None)


if __name__ == "__main__":
    main()
