"""lm-eval's `local-completions` against `edge-lam serve`: its own numbers, beside those of the model in this process.

    python tests/serve/lm_eval_suite.py [--limit 8] [--out FILE.md]

By hand: it installs lm-eval, with what its client needs of its dependencies, in an environment of its own. Its tasks
are made here, so that no hub is asked: which of three answers a request with tools gets (log likelihoods, by echo and
logprobs), how likely a text is (rolling log likelihoods), and what is written of a prompt. Exit status 1 if one of its
numbers is not what `LAM.generate` says of the same tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from processes import CACHE, MODEL, ROOT, edge_lam_serve, environment, running

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam_benchmarks.quality import BUILT_IN

VERSION = "0.4.13"
PACKAGES = (
    *("datasets", "dill", "jinja2", "more_itertools", "numpy", "pytablewriter", "sacrebleu", "sqlitedict", "tqdm"),
    *("typing_extensions", "requests", "aiohttp", "tenacity", "transformers"),
)
TOKENIZER = ROOT / "models" / "tiny-lam" / "checkpoint"
CHOICES, TEXT, WRITTEN = "edge_lam_choices", "edge_lam_text", "edge_lam_written"
LONGEST = 48  # tokens of what is written
CLOSE = 0.02  # of a token's logarithm: other kernels compute it where another number of tokens share a pass
REFUSAL = "None of the available tools can do that."


def main() -> int:
    """Run its tasks, compute the same here, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--limit", type=int, default=8, metavar="N", help="so many requests")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    python = environment(CACHE / "lm-eval", ("--no-deps", f"lm-eval=={VERSION}"), PACKAGES)
    with edge_lam.load(log="off", prefix_cache=False) as lam, tempfile.TemporaryDirectory() as folder:
        write_tasks(Path(folder), documents(lam, asked.limit))
        with running(edge_lam_serve()) as url:
            results, samples = evaluated(python, Path(folder), url)
        rows = [compared(task, samples[task], lam) for task in (CHOICES, TEXT, WRITTEN)]
    text = page(rows, results, asked.limit)
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    n_same, n = (sum(row[name] for row in rows) for name in ("same", "n"))
    print(f"outcome: {n_same} of {n} numbers and texts are those of `LAM.generate`; accuracy {accuracy(results):.2f}")
    return int(n_same < n)


def documents(lam: edge_lam.LAM, limit: int) -> list[dict[str, Any]]:
    """Return requests with tools, each with three answers, of which the first is right."""
    lines = [json.loads(line) for line in BUILT_IN.read_text().splitlines() if line.strip()]
    asked = [(one["messages"], json.dumps(one["calls"])) for one in lines if len(one.get("calls", ())) == 1]
    asked = [one for one in asked if isinstance(one[0], str)][:limit]
    return [
        {
            "question": question,
            "prompt": lam.render(question, DEMO_TOOLS),
            "answers": [right, asked[(index + 1) % len(asked)][1], REFUSAL],
            "right": 0,
        }
        for index, (question, right) in enumerate(asked)
    ]


def write_tasks(folder: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """Write tasks and their data as lm-eval reads them."""
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in found))
    given = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test"}
    shared = {**given, "target_delimiter": ""}
    tasks: dict[str, dict[str, Any]] = {
        CHOICES: {
            "output_type": "multiple_choice",
            "doc_to_text": "{{prompt}}",
            "doc_to_choice": "{{answers}}",
            "doc_to_target": "right",
            "metric_list": [{"metric": "acc"}],
        },
        TEXT: {
            "output_type": "loglikelihood_rolling",
            "doc_to_text": "",
            "doc_to_target": "{{prompt}}",
            "metric_list": [{"metric": "byte_perplexity"}],
        },
        WRITTEN: {
            "output_type": "generate_until",
            "doc_to_text": "{{prompt}}",
            "doc_to_target": "{{answers[0]}}",
            "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": LONGEST, "do_sample": False, "temperature": 0.0},
            "metric_list": [{"metric": "exact_match"}],
        },
    }
    for name, task in tasks.items():
        (folder / f"{name}.yaml").write_text(json.dumps({"task": name, **shared, **task}))  # JSON is YAML too


def evaluated(python: str, folder: Path, url: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Run lm-eval; returns its results by task, and its samples."""
    model = {"model": MODEL, "base_url": f"{url}/v1/completions", "tokenizer": TOKENIZER, "max_length": 4096}
    options = {
        "--model": "local-completions",
        "--model_args": ",".join(f"{name}={value}" for name, value in model.items()) + ",num_concurrent=4",
        "--tasks": ",".join((CHOICES, TEXT, WRITTEN)),
        "--include_path": str(folder),
        "--output_path": str(folder / "out"),
    }
    line = [python, "-m", "lm_eval", "run", *(word for option in options.items() for word in option), "--log_samples"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "PYTHONPATH": ""}
    subprocess.run(line, env={**os.environ, **offline}, cwd=folder, check=True)
    (results,) = (folder / "out").rglob("results_*.json")
    samples = {}
    for task in (CHOICES, TEXT, WRITTEN):
        (path,) = (folder / "out").rglob(f"samples_{task}_*.jsonl")
        samples[task] = [json.loads(line) for line in path.read_text().splitlines()]
    return json.loads(results.read_text())["results"], samples


def compared(task: str, samples: Sequence[Mapping[str, Any]], lam: edge_lam.LAM) -> dict[str, Any]:
    """Return how many of a task's numbers and texts are the same here, and the largest difference of a number."""
    row = {"task": task, "n": 0, "same": 0, "tokens": 0, "apart": 0.0}
    for sample in samples:
        for arguments, found in _asked(sample):
            row["n"] += 1
            if task == WRITTEN:
                stop = ["\n\n", _end_of_text("eos_token")]
                row["same"] += found == lam.generate(arguments[0], max_tokens=LONGEST, stop=stop).result().text
                continue
            known, n_tokens = likelihood(lam, *arguments)
            value = float(found[0] if isinstance(found, list) else found)
            row["same"] += abs(value - known) < CLOSE * n_tokens
            row["tokens"] += n_tokens
            row["apart"] = max(row["apart"], abs(value - known) / n_tokens)
    return row


def _asked(sample: Mapping[str, Any]) -> Iterator[tuple[list[Any], Any]]:
    """Yield the arguments of each request that a sample made, and what it was answered."""
    for arguments, answers in zip(sample["arguments"].values(), sample["resps"], strict=True):
        yield list(arguments.values()), answers[0]


def likelihood(lam: edge_lam.LAM, *texts: str) -> tuple[float, int]:
    """Return the log probability of a text, or of one behind another, and how many tokens that is.

    White space between the two counts as part of the second, and a text alone follows the end of another, as lm-eval
    has it.
    """
    if len(texts) == 1:
        begin = _end_of_text("bos_token") or _end_of_text("eos_token")
        before, tokens = lam.tokenize(begin), [*lam.tokenize(begin), *lam.tokenize(texts[0])]
    else:
        before, tokens = lam.tokenize(texts[0].rstrip()), lam.tokenize(texts[0] + texts[1])
    options: Any = {"logprobs": True, "top_logprobs": 1, "prompt_logprobs": True, "max_tokens": 0}
    known = lam.generate(tokens, **options).result().prompt_logprobs or ()
    counted = [token.logprob for token in known[-(len(tokens) - len(before)) :]]
    return sum(value for value in counted if value is not None), len(counted)


def _end_of_text(name: str) -> str:
    token = json.loads((TOKENIZER / "tokenizer_config.json").read_text()).get(name)
    return str(token["content"] if isinstance(token, dict) else token or "")


def accuracy(results: Mapping[str, Any]) -> float:
    """Return for how many requests the right answer was the likeliest, as a share."""
    return float(results[CHOICES]["acc,none"])


def page(rows: Sequence[Mapping[str, Any]], results: Mapping[str, Any], limit: int) -> str:
    """Return the result page."""
    kinds = {
        CHOICES: "log likelihoods of three answers to a request with tools",
        TEXT: "rolling log likelihoods of whole prompts",
        WRITTEN: "texts that are written of prompts",
    }
    lines = [
        f"# lm-eval over HTTP, {time.strftime('%Y-%m-%d')}",
        "",
        f"- command: `python tests/serve/lm_eval_suite.py --limit {limit}`",
        f"- lm-eval {VERSION}, `local-completions` with the checkpoint's tokenizer; `/v1/completions` (echo, logprobs)",
        f"- tiny-lam; the right one of three answers is the likeliest in {accuracy(results):.0%}, bytes have a",
        f"  perplexity of {results[TEXT]['byte_perplexity,none']:.3f}",
        "",
        "| what | answers | the same here | tokens | largest difference a token |",
        "| :-- | --: | --: | --: | --: |",
    ]
    for row in rows:
        apart = f"{row['apart']:.4f}" if row["tokens"] else "-"
        lines.append(f"| {kinds[row['task']]} | {row['n']} | {row['same']} | {row['tokens'] or '-'} | {apart} |")
    same = f"The same: less than {CLOSE} from `LAM.generate`'s prompt logprobs for each token, in natural logarithms."
    return "\n".join([*lines, "", same, ""])


if __name__ == "__main__":
    sys.exit(main())
