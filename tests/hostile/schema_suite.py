"""The JSON Schema Test Suite, token by token: what a grammar lets through is right, and what is right gets through.

    python tests/hostile/schema_suite.py [--suite FOLDER]

The suite is in the source package of jsonschema, at a pinned version; without --suite, pip fetches it. Each instance is
written as the argument of a call, its tokens are given to the grammar of that tool, and what the grammar takes is
checked as a finished call is. What is let through and is wrong counts as a false accept, what is right and is not let
through as a false reject; a schema that can't be enforced is refused by name, which is neither.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_lam.decoding import Vocabulary
from edge_lam.errors import EdgeLamError
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Model
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam.tools import Tool

PACKAGE = "jsonschema==4.25.1"
MOST_FALSE_REJECTS = 60  # of the whole suite; docs/reliability.md says why they are
DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
}


def fetch(folder: Path) -> Path:
    """Fetch the suite and return its folder of tests."""
    download = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), PACKAGE]
    subprocess.run([sys.executable, "-m", *download], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/json/tests"))


def instances(suite: Path, draft: str) -> Iterator[tuple[str, Any, Any, bool]]:
    """Yield the name, schema and data of each test, and whether the data is valid."""
    for file in sorted((suite / draft).glob("*.json")):
        for group in json.loads(file.read_text(encoding="utf-8")):
            for test in group["tests"]:
                name = f"{draft}/{file.stem}: {group['description']}: {test['description']}"
                yield name, group["schema"], test["data"], test["valid"]


class Judge:
    """Tells what becomes of an instance."""

    def __init__(self, model: Model) -> None:
        self._model, self._format = model, XLam2Qwen()
        self._vocabulary = Vocabulary(model, self._format.end_of_turn)
        self._key, self._grammar, self._tool = "", "", Tool("f")

    def verdict(self, schema: Any, data: Any) -> str:
        """Return "accepted", "rejected" or "refused"."""
        try:
            key = json.dumps(schema)
            if key != self._key:
                parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
                self._tool = Tool("f", parameters=parameters)
                self._grammar, self._key = self._format.grammar([self._tool], "required"), key
            matcher = self._vocabulary.matcher(self._grammar)
        except EdgeLamError:
            self._key = ""
            return "refused"
        call = [{"name": "f", "arguments": {"x": data}}]
        tokens = self._model.tokenize(json.dumps(call, ensure_ascii=False), parse_special=False)
        taken = all(map(matcher.try_accept, tokens))
        if not taken or not (matcher.is_finished or matcher.allows(min(self._vocabulary.end_tokens))):
            return "rejected"
        return "rejected" if self._tool.validate({"x": data}) else "accepted"


def main() -> int:
    """Judge the whole suite; the exit code is 1 if what is wrong is let through, or less of what is right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, help="the folder json/tests of the package")
    options = parser.parse_args()
    wrong: dict[str, list[str]] = {"false accept": [], "false reject": []}
    with tempfile.TemporaryDirectory() as folder, Model(EMBEDDED_MODEL, device="cpu") as model:
        judge, suite = Judge(model), options.suite or fetch(Path(folder))
        for draft in DRAFTS:
            counts = Counter[str]()
            for name, schema, data, valid in instances(suite, draft):
                verdict = judge.verdict(_of_draft(schema, draft), data)
                counts[verdict] += 1
                if verdict == "accepted" and not valid:
                    wrong["false accept"].append(name)
                elif verdict == "rejected" and valid:
                    wrong["false reject"].append(name)
            print(draft, dict(counts), flush=True)
    for kind, names in wrong.items():
        print(f"{kind}s: {len(names)}")
        for name in names:
            print(f"  {name}")
    return 1 if wrong["false accept"] or len(wrong["false reject"]) > MOST_FALSE_REJECTS else 0


def _of_draft(schema: Any, draft: str) -> Any:
    """Return a schema that says its draft."""
    return {"$schema": DRAFTS[draft], **schema} if isinstance(schema, dict) else schema


if __name__ == "__main__":
    sys.exit(main())
