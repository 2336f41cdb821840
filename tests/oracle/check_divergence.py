"""What `verify` measures over a text, against llama-perplexity."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oracle import ROOT, Oracle, Result

from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam_converters.quality import compare

TITLE = "Divergence against llama-perplexity"
ABOUT = (
    "The embedded model against itself requantized by llama-quantize, over the same text in the same pieces of 512 "
    "tokens. llama-perplexity keeps the reference's probabilities in 16 bits, and its kernels may be built for another "
    "CPU: the figures must be within 2 % of each other, those of the 99th percentile within 5 %."
)


def run(oracle: Oracle) -> Iterator[Result]:
    """Compare each figure that both tell."""
    text, base = oracle.work / "text.txt", oracle.work / "base.dat"
    pages = ("CONTRIBUTING.md", "README.md", "LICENSE", "docs/convert.md", "docs/formats.md", "docs/tools.md")
    text.write_text("".join((ROOT / page).read_text(encoding="utf-8") for page in pages), encoding="utf-8")
    common = ("-c", 512, "-t", 1)
    first = oracle.call("llama-perplexity", "-m", EMBEDDED_MODEL, "-f", text, "--kl-divergence-base", base, *common)
    for quant in ("Q4_0", "Q2_K"):
        model = oracle.work / f"requantized-{quant}.gguf"
        oracle.call("llama-quantize", "--allow-requantize", EMBEDDED_MODEL, model, quant)
        told = oracle.call("llama-perplexity", "-m", model, "--kl-divergence-base", base, "--kl-divergence", *common)
        found = compare(model, EMBEDDED_MODEL, text=text, device="cpu", n_threads=1).text
        if found is None:
            yield Result(quant, "edge-lam found nothing", passed=False)
            continue
        figures = {
            "mean KL divergence": (found.kl_mean, _figure(told, r"Mean +KLD: +(\S+)"), 0.02),
            "99th percentile of it": (found.kl_p99, _figure(told, r"99\.0% +KLD: +(\S+)"), 0.05),
            "same likeliest token": (100 * found.agreement, _figure(told, r"Same top p: +(\S+)"), 0.02),
            "perplexity": (found.perplexity, _figure(told, r"Mean PPL\(Q\) +: +(\S+)"), 0.02),
            "perplexity of the reference": (
                found.reference_perplexity,
                _figure(first, r"Final estimate: PPL = (\S+)"),
                0.02,
            ),
        }
        for name, (ours, theirs, tolerance) in figures.items():
            yield Result(f"{quant}: {name}", f"{ours:.4f}, theirs {theirs:.4f}", abs(ours / theirs - 1) < tolerance)


def _figure(text: str, pattern: str) -> float:
    match = re.search(pattern, text)
    return float(match[1]) if match else float("nan")
