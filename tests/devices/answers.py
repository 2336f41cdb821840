"""What must be the same on every device: the demo's replies, token by token, and the bytes of quantized models.

    python tests/devices/answers.py --bake app.prefix           # the prefix, and the answers that it gives here
    python tests/devices/answers.py --prefix app.prefix         # on another processor

Prints one JSON object, to be compared with another machine's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import edge_lam
from edge_lam.cli.demo import REQUESTS
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam_converters import convert_all

CHECKPOINT = Path(__file__).resolve().parents[2] / "models/tiny-lam/checkpoint"
QUANTS = ("Q8_0", "Q4_0", "Q4_K_M", "Q5_K_M")
N_REQUESTS = 6  # the last of the demo has no call


def replies(prefix: Path) -> dict[str, object]:
    """Return the tokens and calls of each request, read on from a baked prefix."""
    told: dict[str, object] = {}
    with edge_lam.load(prefix=prefix, prefix_cache=False, log=False) as lam:
        for number, request in enumerate(REQUESTS[:N_REQUESTS]):
            reply = lam.chat(request, tools=DEMO_TOOLS, logprobs=True)
            if number == 0 and not reply.report.tokens.restored:
                raise SystemExit(f"the prefix was not used: {reply.report.cache}")
            calls = [[call.name, call.arguments] for call in reply.tool_calls]
            told[request] = {"tokens": [token.id for token in reply.logprobs or ()], "calls": calls}
    return told


def hashes() -> dict[str, str]:
    """Return the SHA-256 of the embedded model in each quantization, from its checkpoint."""
    with tempfile.TemporaryDirectory(prefix="edge-lam-quants-") as folder:
        reports = convert_all(CHECKPOINT, f"{folder}/", quants=QUANTS)
        return {report.quant: hashlib.sha256(Path(report.path).read_bytes()).hexdigest() for report in reports}


def main() -> None:
    """Bake where asked, and print the answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    prefix = parser.add_mutually_exclusive_group(required=True)
    prefix.add_argument("--bake", type=Path, metavar="FILE", help="write the prefix before it is used")
    prefix.add_argument("--prefix", type=Path, metavar="FILE", help="one that was baked elsewhere")
    options = parser.parse_args()
    if options.bake:
        with edge_lam.load(prefix_cache=False, log=False) as lam:
            lam.bake(options.bake, DEMO_TOOLS)
    print(json.dumps({"replies": replies(options.bake or options.prefix), "quantizations": hashes()}))


if __name__ == "__main__":
    main()
