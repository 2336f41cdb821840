"""Runs every oracle: `make oracle`, or with oracles that are here already, as below.

    make oracle LLAMA_CPP=path/to/llama.cpp ORACLE_PYTHON=path/to/python

Each `check_*.py` beside this file is one check: a `TITLE`, what it is `ABOUT`, and `run(oracle)`, which yields results.
What they found is printed and written to docs/oracle.md; the exit status is 1 if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import tempfile
from pathlib import Path
from types import ModuleType

from oracle import HERE, ROOT, Oracle, Result

from edge_lam import __version__
from edge_lam.llama.library import build_info

DOCUMENT = ROOT / "docs" / "oracle.md"
HOME = Path.home() / ".cache" / "edge-lam" / "oracle"


def main() -> int:
    """Run the checks and write the document."""
    options = _options()
    modules = [importlib.import_module(name) for name in options.only or _checks()]
    with tempfile.TemporaryDirectory(prefix="edge-lam-oracle-") as work:
        oracle = Oracle.find(options.llama_cpp, options.python, options.programs, options.home, Path(work))
        found = [(module, _run(module, oracle)) for module in modules]
        versions = oracle.versions()
    failed = [result for _, results in found for result in results if not result.passed]
    n_results = sum(len(results) for _, results in found)
    print(f"\n{n_results - len(failed)} of {n_results} as they must be")
    if not options.only:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(_document(found, versions), encoding="utf-8")
        print(f"written to {DOCUMENT}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", type=Path, help="llama.cpp's source folder; else it is downloaded")
    parser.add_argument("--python", type=Path, help="a Python with torch and transformers; else one is made")
    parser.add_argument("--programs", type=Path, help="a folder with llama.cpp's own programs; else they are built")
    parser.add_argument("--home", type=Path, default=HOME, help=f"where to download to ({HOME})")
    parser.add_argument("--only", nargs="*", choices=_checks(), help="run only these, and write no document")
    return parser.parse_args()


def _checks() -> list[str]:
    return sorted(file.stem for file in HERE.glob("check_*.py"))


def _run(module: ModuleType, oracle: Oracle) -> list[Result]:
    print(f"\n{module.TITLE}", flush=True)
    results = []
    for result in module.run(oracle):
        print(f"  {'ok  ' if result.passed else 'FAIL'}  {result.subject}: {result.outcome}", flush=True)
        if not result.passed:
            print(*(f"        {line}" for line in result.details), sep="\n")
        results.append(result)
    return results


def _document(found: list[tuple[ModuleType, list[Result]]], versions: str) -> str:
    lines = [
        "# The converter against its oracles",
        "",
        "Written by `make oracle`; do not edit. The oracles are large: what the reference converter made of two "
        "checkpoints is kept for `make test` (tests/converters/reference.json), the rest runs here alone.",
        "",
        f"edge-lam {__version__} ({build_info().version} of llama-cpp-python) on "
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, against {versions}.",
    ]
    for module, results in found:
        lines += ["", f"## {module.TITLE}", "", module.ABOUT, "", "| subject | found | |", "|---|---|---|"]
        lines += [f"| {r.subject} | {r.outcome} | {'ok' if r.passed else '**not ok**'} |" for r in results]
        if details := sorted({detail for r in results for detail in r.details}):
            lines += ["", "The differences, each once:", "", *(f"- `{_escaped(detail)}`" for detail in details)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ")


if __name__ == "__main__":
    raise SystemExit(main())
