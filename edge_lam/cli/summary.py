"""The reports of some requests as tables: where the time went, and the memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import count, one_line, plain_table, print_table, size

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam.metrics.report import CallReport, Memory
    from edge_lam.model_info import ModelInfo

NARROW = 80


@dataclass(frozen=True)
class Summary:
    """One request: all its calls of the model together. Times in seconds; `calls` is 0 where nothing was called."""

    request: str
    reports: Sequence[CallReport]

    @property
    def calls(self) -> float:
        """Time until the first round's calls were complete."""
        first = self.reports[0]
        return first.times.total if first.n_calls else 0.0

    @property
    def total(self) -> float:
        """Time of everything, tools included."""
        return sum(report.times.total + report.times.tool for report in self.reports)

    @property
    def prefill_rate(self) -> float:
        """Prompt tokens read per second; 0 when all were cached."""
        seconds = sum(report.times.prefill for report in self.reports)
        read = sum(report.tokens.prompt - report.tokens.cached for report in self.reports)
        return read / seconds if seconds else 0.0

    @property
    def decode_rate(self) -> float:
        """Reply tokens per second of decoding, masks and sampling."""
        seconds = sum(report.times.decode + report.times.mask + report.times.sample for report in self.reports)
        return sum(report.tokens.generated for report in self.reports) / seconds if seconds else 0.0

    def figures(self) -> list[str]:
        """Return the cells of one row, in the order of `TIMES` and `COUNTS`."""
        tokens = [report.tokens for report in self.reports]
        counts = [
            sum(kind.prompt for kind in tokens),
            sum(kind.cached for kind in tokens),
            sum(kind.forced for kind in tokens),
            sum(kind.sampled for kind in tokens),
            sum(report.passes.prefill + report.passes.decode for report in self.reports),
            round(self.prefill_rate),
            round(self.decode_rate),
        ]
        times = [self.reports[0].times.first_token, self.calls, self.total]
        return [f"{1000 * time:.0f}" if time else "-" for time in times] + [str(number) for number in counts]


BUSY_PERCENT = 50  # of a core, by other programs: from there on times say more of them than of the model
NOTICED = 1.0  # seconds: who waits longer for an answer may wonder why
TIMES = ("TTFT\nms", "calls\nms", "total\nms")
COUNTS = ("prompt\ntokens", "\ncached", "\nforced", "\nsampled", "\npasses", "in\ntok/s", "out\ntok/s")


def show_reports(out: Console, requests: Mapping[str, Sequence[CallReport]], info: ModelInfo) -> None:
    """Print where time and memory went.

    Args:
        out: where to.
        requests: the reports of each request, which has at least one.
        info: the model that answered.
    """
    summaries = [Summary(request, reports) for request, reports in requests.items()]
    out.print()
    _show_latency(out, summaries)
    out.print()
    _show_memory(out, summaries[-1].reports[-1].memory)
    if outcome := summaries[0].reports[0].cache:
        out.print(f"  prefix   {outcome}")
    _show_model(out, info)
    out.print(f"  {machine([report for summary in summaries for report in summary.reports])}")


def _show_latency(out: Console, summaries: Sequence[Summary]) -> None:
    """Print one row per request; a narrow terminal gets the times only."""
    figures = TIMES if out.width < NARROW else TIMES + COUNTS
    gap = 2 if out.width >= 100 else 1
    rows = [summary.figures()[: len(figures)] for summary in summaries]
    table = plain_table("Latency", "\nrequest", *figures)
    table.padding = (0, gap, 0, 0)
    # The figures are shown whole; the request gets what room they leave.
    taken = sum(gap + max(map(len, (*title.split("\n"), *cells))) for title, *cells in zip(figures, *rows, strict=True))
    table.columns[0].max_width = max(7, out.width - taken)
    for summary, cells in zip(summaries, rows, strict=True):
        table.add_row(one_line(summary.request), *cells)
    print_table(out, table)


def _show_memory(out: Console, memory: Memory) -> None:
    """Print what the process and the parts of the model hold."""
    out.print("Memory", style="bold")
    process = f"{size(memory.resident)} resident, {size(memory.peak)} at its peak"
    out.print(f"  process  {process}")
    out.print(f"  model    {size(memory.weights)} weights, {size(memory.kv)} KV cache, {size(memory.compute)} compute")
    if (gpu := memory.gpu if memory.gpu is not None else memory.gpu_used) is not None:
        out.print(f"  GPU      {size(gpu)}{'' if memory.gpu is not None else ', with other programs'}")


def _show_model(out: Console, info: ModelInfo) -> None:
    """Print which model ran, and on what."""
    out.print("Model", style="bold")
    bits = f"{info.quantization}, {info.bits_per_weight:.2f} bits per weight"
    licence = f", {info.license}" if info.license else ""
    out.print(f"  {one_line(info.name)}  {count(info.n_parameters)} parameters, {bits}{one_line(licence)}")
    threads = f"{info.n_threads} thread{'s' if info.n_threads > 1 else ''}"
    engine = "" if info.constraint == "llguidance" else f", grammars by llama.cpp ({info.constraint})"
    out.print(f"  {info.device}, {threads}, context of {info.n_ctx:,} tokens, format {info.format}{engine}")


def others_percent(reports: Sequence[CallReport]) -> float:
    """Return what other programs took of the processor during some calls, in percent of a core; 0 where unknown."""
    seconds = sum(report.times.total for report in reports)
    others = sum((report.machine.others_percent or 0.0) * report.times.total for report in reports)
    return others / seconds if seconds else 0.0


def why_slow(reports: Sequence[CallReport]) -> str | None:
    """Say that other programs slowed an answer down; None where it was quick, or the machine was its own."""
    others = others_percent(reports)
    if others < BUSY_PERCENT or sum(report.times.total for report in reports) < NOTICED:
        return None
    return f"slow: the machine was busy, other programs took {others:.0f} % of a core"


def machine(reports: Sequence[CallReport]) -> str:
    """Say what the machine did during some calls, in one line; what it does not tell is left out."""
    machines = [report.machine for report in reports]
    seconds = sum(report.times.total for report in reports)
    busy = sum((report.machine.cpu_percent or 0.0) * report.times.total for report in reports)
    others = others_percent(reports)
    joules = [energy for one in machines for energy in (one.joules, one.gpu_joules) if energy is not None]
    celsius = [one.celsius for one in machines if one.celsius is not None]
    hertz = [one.hertz for one in machines if one.hertz is not None]
    throttled = max((one.throttled for one in machines if one.throttled), default=0.0)
    drained = [one.battery_percent for one in machines if one.on_battery and one.battery_percent is not None]
    parts = [
        f"{busy / seconds:.0f} % of a core" if seconds else "",
        f"busy: other programs took {others:.0f} %" if others >= BUSY_PERCENT else "",
        f"{sum(joules):.2f} J" if joules else "",
        f"{max(celsius):.0f} °C" if celsius else "",
        f"{sum(hertz) / len(hertz) / 1e9:.2f} GHz" if hertz else "",
        f"slowed down by heat ({throttled:.0%})" if throttled else "",
        f"battery at {drained[-1]:.0f} %" if drained else "",
    ]
    return ", ".join(filter(None, parts))
