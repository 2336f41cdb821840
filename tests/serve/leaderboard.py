"""The leaderboard's `bfcl generate --skip-server-setup` against `edge-lam serve`, beside this process and `bench`.

    python tests/serve/leaderboard.py [--categories simple_python ...] [--limit 20] [--num-threads N] [--out FILE.md]

By hand: it installs bfcl-eval, and what its `generate` needs of its dependencies, in an environment of its own. Prompts
are equal byte for byte, tokens the most likely ones, and all is judged by the leaderboard's checker. Exit status 1 if a
request failed, or an answer differs that hangs on no close choice between tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import CACHE, ROOT, edge_lam_serve, environment, running

import edge_lam
from edge_lam.errors import EdgeLamError
from edge_lam.tools import as_tools
from edge_lam_benchmarks.quality.bfcl import MAX_TOKENS, ask_entry, official

CATEGORIES = ("simple_python", "multiple", "parallel", "irrelevance", "live_simple", "live_relevance")
PACKAGES = (
    *("openai", "overrides", "transformers", "tqdm", "requests", "filelock", "tenacity", "python-dotenv", "tabulate"),
    *("pandas", "numpy", "tree-sitter==0.21.3", "tree-sitter-java==0.21.0", "tree-sitter-javascript==0.21.4"),
)
TOKENIZER = ROOT / "models" / "tiny-lam" / "checkpoint"
CLIENT_SECONDS = "72000"  # what its client waits for a reply; the time in which others are answered counts
CLOSE = 0.3  # between logarithms: requests that share a pass change the last digits
Entry = Mapping[str, Any]


@dataclass
class Counts:
    """What came of the entries of a category, over HTTP and in this process.

    Attributes:
        n: entries whose prompts are the same text.
        http, here: right answers.
        same: answers that are the same.
        held: right answers of `edge-lam bench` as it is, which holds calls to their schemas.
        read_otherwise: texts that are the same, in which bench and the leaderboard find other calls.
        close: answers that differ where the model was undecided between two tokens.
        faults: what differs elsewhere, or failed.
    """

    n: int = 0
    http: int = 0
    here: int = 0
    same: int = 0
    held: int = 0
    read_otherwise: int = 0
    close: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, *, http: bool, here: bool, is_same: bool) -> None:
        """Count an entry."""
        self.n += 1
        self.http += http
        self.here += here
        self.same += is_same


class Comparison:
    """The entries of some categories, asked in each way.

    Args:
        lam: the model that is served too.
        python: has bfcl-eval.
        asked: the command line.
    """

    def __init__(self, lam: edge_lam.LAM, python: str, asked: argparse.Namespace) -> None:
        self._lam, self._python, self._asked = lam, python, asked
        self.entries = {category: official.entries(category)[: asked.limit] for category in asked.categories}

    def own_prompts(self, url: str) -> dict[str, Counts]:
        """Compare texts that are written of the leaderboard's own prompts."""
        answers = self._generate(url)
        found = {category: Counts() for category in self.entries}
        texts = {
            (category, answer["id"]): self._continued(answer)
            for category, entries in self.entries.items()
            for answer in self._answered(entries, answers, found[category])
        }
        for ((category, identity), text), calls in zip(texts.items(), self._read(list(texts.values())), strict=True):
            counts, answer = found[category], answers[identity]
            right = official.check(category, identity, answer["calls"]).valid
            here = official.check(category, identity, calls).valid
            counts.add(http=right, here=here, is_same=text == answer["text"])
            if text != answer["text"]:
                self._explain(counts, answer, text)
        return found

    def bench_prompts(self, url: str) -> dict[str, Counts]:
        """Compare answers to the prompts of `edge-lam bench`: the leaderboard renders the tools that it renders."""
        rendered, functions = {}, {}
        for entry in [one for entries in self.entries.values() for one in entries]:
            tools = as_tools(entry["function"])
            rendered[entry["id"]] = self._lam.render(entry["question"][0], tools)
            functions[entry["id"]] = [tool.definition() for tool in tools]
        found = {}
        answers = self._generate(url, functions)
        for category, entries in self.entries.items():
            counts = found[category] = Counts()
            of = {entry["id"]: entry for entry in entries}
            for answer in self._answered(entries, answers, counts):
                identity = answer["id"]
                if answer["prompt"] != rendered[identity]:  # one spells letters beyond ASCII as escapes
                    continue
                free = ask_entry(self._lam, of[identity], category, constrain=False).labels["correct"]
                counts.held += ask_entry(self._lam, of[identity], category).labels["correct"]
                right = official.check(category, identity, answer["calls"]).valid
                counts.add(http=right, here=free, is_same=right == free)
                if right != free and (text := self._continued(answer)) != answer["text"]:
                    self._explain(counts, answer, text)
                elif right != free:
                    counts.read_otherwise += 1
        return found

    def _explain(self, counts: Counts, answer: Entry, text: str) -> None:
        """Note an answer that differs from what this process writes: a close choice, or a fault."""
        if self._is_close(answer["prompt"], answer["text"]):
            counts.close += 1
        else:
            counts.faults.append(f"{answer['id']}: {answer['text'][:200]!r} over HTTP, {text[:200]!r} here")

    def _answered(self, entries: Sequence[Entry], answers: Mapping[str, Entry], counts: Counts) -> Iterator[Entry]:
        """Yield the answers to entries; what failed is noted."""
        for entry in entries:
            answer = answers.get(entry["id"], {"text": "Error: no answer"})
            if answer["text"].startswith("Error"):
                counts.faults.append(f"{entry['id']}: {answer['text'][:300]}")
            else:
                yield answer

    def _continued(self, answer: Entry) -> str:
        """Return what the model writes in this process of the prompt that was sent."""
        try:
            return self._lam.generate(answer["prompt"], max_tokens=MAX_TOKENS).result().text
        except EdgeLamError as error:
            return f"Error: {error}"

    def _is_close(self, prompt: str, other: str) -> bool:
        """Return whether the model is undecided where another text parts from the one that it writes here."""
        reply = self._lam.generate(prompt, max_tokens=MAX_TOKENS, logprobs=True, top_logprobs=2).result()
        written = ""
        ends = (reply.end_logprob,) if reply.end_logprob else ()
        for token in (*(reply.logprobs or ()), *ends):
            written += token.token
            if not other.startswith(written) or token in ends:
                first, second = token.top[0].logprob, token.top[1].logprob
                return abs(first - second) < CLOSE
        return False

    def _generate(self, url: str, functions: Mapping[str, Any] | None = None) -> dict[str, Entry]:
        """Run the leaderboard's generation; returns prompt, text and calls by the entry's id."""
        ids = {category: [one["id"] for one in entries] for category, entries in self.entries.items()}
        with tempfile.TemporaryDirectory(prefix="edge-lam-leaderboard-") as folder:
            work = Path(folder)
            (work / "test_case_ids_to_generate.json").write_text(json.dumps(ids))
            more = ["--num-threads", str(self._asked.num_threads)] if self._asked.num_threads else []
            if functions:
                (work / "functions.json").write_text(json.dumps(functions))
                more += ["--functions", str(work / "functions.json")]
            return {answer["id"]: answer for answer in self._run(work, url, more)}

    def _read(self, texts: Sequence[str]) -> list[Any]:
        """Return the calls in texts, as the leaderboard's handler reads them."""
        with tempfile.TemporaryDirectory(prefix="edge-lam-leaderboard-") as folder:
            (Path(folder) / "texts.json").write_text(json.dumps(texts))
            (calls,) = self._run(Path(folder), "", ["--read", str(Path(folder) / "texts.json")])
            return list(calls)

    def _run(self, work: Path, url: str, more: Sequence[str]) -> list[Any]:
        variables = {
            **os.environ,
            "BFCL_PROJECT_ROOT": str(work),
            "REMOTE_OPENAI_BASE_URL": f"{url}/v1",
            "REMOTE_OPENAI_TOKENIZER_PATH": str(TOKENIZER),
            "PYTHONPATH": "",
        }
        command = [self._python, Path(__file__).with_name("leaderboard_generate.py"), work / "answers", *more]
        done = subprocess.run(command, env=variables, cwd=work, stdout=subprocess.PIPE, text=True, check=True)
        return [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]


def main() -> int:
    """Ask in each way, judge, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--categories", nargs="+", default=CATEGORIES, metavar="CATEGORY")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="the first entries of each")
    parser.add_argument("--num-threads", type=int, help="requests at once  [default: the leaderboard's, 100]")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    python = environment(CACHE / "leaderboard", ("--no-deps", "bfcl-eval==2026.3.23"), PACKAGES)
    server = edge_lam_serve("--timeout", CLIENT_SECONDS, "--max-tokens", str(MAX_TOKENS))
    with edge_lam.load(log="off", prefix_cache=False) as lam, running(server) as url:
        comparison = Comparison(lam, python, asked)
        own, bench = comparison.own_prompts(url), comparison.bench_prompts(url)
    text = page(own, bench, asked)
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    faults = [fault for counts in (*own.values(), *bench.values()) for fault in counts.faults]
    print("\n".join(faults))
    for way, found in (("its own prompts", own), ("prompts of edge-lam bench", bench)):
        n, http, here = (_sum(found.values(), name) for name in ("n", "http", "here"))
        apart = f"; {n_read} texts read otherwise" if (n_read := _sum(found.values(), "read_otherwise")) else ""
        print(f"outcome: {way}: {http} of {n} right over HTTP, {here} in this process{apart}")
    return int(bool(faults))


def page(own: Mapping[str, Counts], bench: Mapping[str, Counts], asked: argparse.Namespace) -> str:
    """Return the result page."""
    every = (*own.values(), *bench.values())
    command = f"python tests/serve/leaderboard.py --limit {asked.limit}"
    command += f" --categories {' '.join(asked.categories)}" if tuple(asked.categories) != CATEGORIES else ""
    lines = [
        f"# The leaderboard over HTTP, {time.strftime('%Y-%m-%d')}",
        "",
        f"- command: `{command}`",
        "- bfcl-eval 2026.3.23, its handler for xLAM-2 on `/v1/completions`, "
        f"{asked.num_threads or 100} requests at once",
        f"- tiny-lam, temperature 0, replies of at most {MAX_TOKENS} tokens; judged by the leaderboard's checker",
        f"- of {_sum(every, 'n')} answers over HTTP {_sum(every, 'same')} are as in this process,",
        f"  {_sum(every, 'close')} differ where two tokens were less than {CLOSE} apart in their logarithms,",
        f"  {_sum(every, 'read_otherwise')} are the same text, read otherwise; "
        f"{sum(len(counts.faults) for counts in every)} faults",
        "",
        "## The leaderboard's own prompts",
        "",
        "The same text goes to the server, and to `LAM.generate` in this process. Calls are not held to anything.",
        "",
        "| category | entries | right over HTTP | right here | same text |",
        "| :-- | --: | --: | --: | --: |",
        *(f"| {name} | {one.n} | {one.http} | {one.here} | {one.same} |" for name, one in own.items()),
        _total(own, "n", "http", "here", "same"),
        "",
        "## The prompts of `edge-lam bench`",
        "",
        "Bench repairs the schemas first. Of the 3,641 single-turn entries 3,561 prompts differ in the names of types",
        'alone ("dict" for "object", "float" for "number"); the others also in letters beyond ASCII, which the',
        "leaderboard writes as escapes, or in types that JSON Schema does not have. Here the leaderboard renders the",
        "repaired functions, and only entries whose prompts are equal byte for byte are counted.",
        "",
        "| category | equal prompts | right over HTTP | right in bench, calls free | same verdict | right in bench |",
        "| :-- | --: | --: | --: | --: | --: |",
        *(f"| {name} | {one.n} | {one.http} | {one.here} | {one.same} | {one.held} |" for name, one in bench.items()),
        _total(bench, "n", "http", "here", "same", "held"),
        "",
        "The last column is `edge-lam bench` as it is: calls are held to their schemas. Where they are free and a text",
        "is no JSON as a whole, the leaderboard finds no call in it, and bench those that can be read.",
        "",
    ]
    return "\n".join(lines)


def _sum(counts: Iterable[Counts], name: str) -> int:
    return sum(getattr(one, name) for one in counts)


def _total(found: Mapping[str, Counts], *names: str) -> str:
    return f"| all | {' | '.join(str(_sum(found.values(), name)) for name in names)} |"


if __name__ == "__main__":
    sys.exit(main())
