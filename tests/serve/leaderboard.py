"""The leaderboard's `bfcl generate --skip-server-setup` against `edge-lam serve`, beside `LAM.chat` on its entries.

    python tests/serve/leaderboard.py [--categories simple_python ...] [--limit 20] [--num-threads N] [--out FILE.md]

By hand: it installs bfcl-eval, and what its `generate` needs of its dependencies, in an environment of its own. Both
ways are judged by the leaderboard's checker. Exit status 1 if a request failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from processes import CACHE, ROOT, edge_lam_serve, environment, running

import edge_lam
from edge_lam.errors import InvalidRequest
from edge_lam.tools import as_tools
from edge_lam_benchmarks.quality.judged import leaderboard_calls
from edge_lam_benchmarks.quality.official import Official

CATEGORIES = ("simple_python", "multiple", "parallel", "irrelevance", "live_simple", "live_relevance")
PACKAGES = (
    *("openai", "overrides", "transformers", "tqdm", "requests", "filelock", "tenacity", "python-dotenv", "tabulate"),
    *("pandas", "numpy", "tree-sitter==0.21.3", "tree-sitter-java==0.21.0", "tree-sitter-javascript==0.21.4"),
)
TOKENIZER = ROOT / "models" / "tiny-lam" / "checkpoint"
MAX_TOKENS = 512
CLIENT_SECONDS = "72000"  # what its client waits for a reply; the time in which others are answered counts
TEMPERATURE = 0.001  # the leaderboard's


def main() -> int:
    """Ask both ways, judge, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--categories", nargs="+", default=CATEGORIES, metavar="CATEGORY")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="the first entries of each")
    parser.add_argument("--num-threads", type=int, help="requests at once  [default: the leaderboard's, 100]")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    python = environment(CACHE / "leaderboard", ("--no-deps", "bfcl-eval==2026.3.23"), PACKAGES)
    with Official() as official, edge_lam.load(log="off", prefix_cache=False) as lam:
        entries = {category: official.entries(category)[: asked.limit] for category in asked.categories}
        with running(edge_lam_serve("--timeout", CLIENT_SECONDS)) as url:
            served = generate(python, url, {name: [one["id"] for one in of] for name, of in entries.items()}, asked)
        lines, n_failed, n_same = [], 0, 0
        for category, of in entries.items():
            found = [served.get(one["id"], {"text": "Error: no answer", "calls": []}) for one in of]
            n_failed += sum(str(one["text"]).startswith("Error") for one in found)
            n_same += sum(one["text"] == again(lam, one) for one in found)
            right = [
                official.check(category, one["id"], said["calls"]).valid for one, said in zip(of, found, strict=True)
            ]
            ours = [official.check(category, one["id"], chat(lam, one)).valid for one in of]
            pairs = list(zip(right, ours, strict=True))
            differ = f"{pairs.count((True, False))} / {pairs.count((False, True))}"
            lines.append(f"| {category} | {len(of)} | {sum(right)} | {sum(ours)} | {differ} |")
    text = page(lines, n_failed, n_same, asked)
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return int(n_failed > 0)


def generate(python: str, url: str, ids: dict[str, list[str]], asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Run the leaderboard's generation; returns text and calls by the entry's id."""
    with tempfile.TemporaryDirectory(prefix="edge-lam-leaderboard-") as work:
        (Path(work) / "test_case_ids_to_generate.json").write_text(json.dumps(ids))
        variables = {
            **os.environ,
            "BFCL_PROJECT_ROOT": work,
            "REMOTE_OPENAI_BASE_URL": f"{url}/v1",
            "REMOTE_OPENAI_TOKENIZER_PATH": str(TOKENIZER),
            "PYTHONPATH": "",
        }
        threads: Sequence[str] = ("--num-threads", str(asked.num_threads)) if asked.num_threads else ()
        command = [python, Path(__file__).with_name("leaderboard_generate.py"), Path(work) / "answers", *threads]
        done = subprocess.run(command, env=variables, cwd=work, stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    return {answer["id"]: answer for answer in answers}


def again(lam: edge_lam.LAM, answer: dict[str, Any]) -> str | None:
    """Return what the model writes in this process of the prompt that was sent."""
    prompt = answer.get("prompt")
    return lam.generate(prompt, temperature=TEMPERATURE).result().text if prompt else None


def chat(lam: edge_lam.LAM, entry: dict[str, Any]) -> list[Any]:
    """Return the calls with which the model answers in this process, as `edge-lam bench` asks it."""
    try:
        reply = lam.chat(entry["question"][0], tools=as_tools(entry["function"]), max_tokens=MAX_TOKENS)
    except InvalidRequest:
        return []
    return leaderboard_calls(reply.tool_calls)


def page(lines: Sequence[str], n_failed: int, n_same: int, asked: argparse.Namespace) -> str:
    """Return the result page."""
    return "\n".join(
        [
            f"# The leaderboard over HTTP, {time.strftime('%Y-%m-%d')}",
            "",
            f"- command: `python tests/serve/leaderboard.py --limit {asked.limit}`",
            f"- bfcl-eval 2026.3.23, its handler for xLAM-2, {asked.num_threads or 100} requests at once",
            f"- requests that failed: {n_failed}",
            f"- texts that `LAM.generate` writes of the same prompts in this process too: {n_same}",
            "",
            "| category | entries | right over HTTP | right in `edge-lam bench` | only HTTP / only bench |",
            "| :-- | --: | --: | --: | --: |",
            *lines,
            "",
            "Over HTTP the leaderboard renders its own prompt and sends it to `/v1/completions`: the model is free in",
            "what it writes. `edge-lam bench` sends messages and tools: calls are held to their schemas, which are",
            'repaired first (the leaderboard writes "dict" for "object"), so the two prompts are not the same text.',
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
