"""`edge-lam doctor`: shows what this installation is made of, and what to do about problems. It collects nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, print_json, size

if TYPE_CHECKING:
    from edge_lam.doctor import Diagnosis, Facts
    from edge_lam.doctor.backend import Backend


@click.command("doctor", epilog=examples("edge-lam doctor", "edge-lam doctor --json"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Check this machine, the build and the model; advise where something is wrong.

    Exits with 0 if models can run, advice or not, and with 1 if they can't.
    """
    from edge_lam.doctor import diagnose

    diagnosis = diagnose()
    if as_json:
        print_json(diagnosis.to_dict())
    else:
        _show(diagnosis)
    if not diagnosis.works:
        raise click.exceptions.Exit(1)


def _show(diagnosis: Diagnosis) -> None:
    out = console()
    shown = sections(diagnosis.facts)
    width = max(len(label) for rows in shown.values() for label in rows)
    for title, rows in shown.items():
        out.print(title, style="bold")
        for label, value in rows.items():
            out.print(f"  {label:<{width}}  {one_line(value)}", soft_wrap=True)
    out.print("Advice", style="bold")
    for advice in diagnosis.advice:
        out.print(f"  {one_line(advice.problem)}", style="red" if advice.fatal else "yellow", soft_wrap=True)
        out.print(f"    {one_line(advice.action)}", soft_wrap=True)
    if not diagnosis.advice:
        out.print("  none: everything works")


def sections(facts: Facts) -> dict[str, dict[str, str]]:
    """Return the facts as they are shown: label and value by section."""
    return {
        "Versions": {name: version or "not installed" for name, version in facts.versions.items()},
        "Backend": _backend(facts.backend) | {"grammars": _grammars(facts)},
        "Processor": _processor(facts),
        "Memory": {
            "total": size(facts.memory.total),
            "available": size(facts.memory.available),
            "limit": size(facts.memory.limit) if facts.memory.limit else "none",
        },
        "Models": {
            "embedded": f"{facts.embedded.path} ({size(facts.embedded.size)})" if facts.embedded else "missing",
            "downloaded": _downloaded(facts),
        },
        "Files": {"log": facts.log or "off", "state": facts.state, "config": _config()},
        "Extras": {
            extra: f"not installed: {', '.join(missing)}" if missing else "installed"
            for extra, missing in facts.extras.items()
        },
    }


def _grammars(facts: Facts) -> str:
    version = facts.versions.get("llguidance")
    return f"llguidance {version}" if version else "llama.cpp's own (gbnf): llguidance is not installed"


def _config() -> str:
    from edge_lam.cli.defaults import config_path

    return str(config_path()) if config_path().exists() else f"{config_path()} (not there)"


def _backend(backend: Backend) -> dict[str, str]:
    stamp, build = backend.stamp, backend.build
    rows = {"built with": "unknown settings, not by edge-lam"}
    if stamp:
        amx = "with AMX" if stamp.amx else "without AMX"
        rows["built with"] = f"cmake/{stamp.backend}.cmake, {stamp.compiler}, {amx} ({stamp.key or 'by plain pip'})"
    if build is None:
        return {"loads": f"no: {backend.error}", **rows}
    rows |= {"llama.cpp": build.llama_cpp, "runs on": build.backend, "library": build.library}
    for device in build.devices:
        memory = f", {size(device.memory_free)} of {size(device.memory_total)} free" if device.memory_total else ""
        rows[device.name] = f"{device.description} ({device.kind}{memory})"
    return rows


def _processor(facts: Facts) -> dict[str, str]:
    processor, verdict = facts.processor, facts.self_test
    rows = {
        "model": f"{processor.model} ({processor.architecture})",
        "has": " ".join(processor.features) or "unknown",
        "compiled for": " ".join(processor.compiled) or "unknown",
        "threads": f"{processor.threads.n}: {processor.threads.reason}" if processor.threads else "unknown",
        "CPU quota": f"{processor.quota:g}" if processor.quota else "none",
        "self-test": "not run",
        "sensors": _sensors(facts.sensors),
    }
    if verdict:
        outcome = ("passed" if verdict.ok else "FAILED") if verdict.needed else "not needed"
        remembered = f", remembered from {verdict.tested}" if verdict.remembered else ""
        rows["self-test"] = f"{outcome}: {verdict.detail}{remembered}"
    return rows


def _sensors(sensors: dict[str, str]) -> str:
    told = ", ".join(f"{figure} ({source})" for figure, source in sensors.items() if source) or "none"
    untold = ", ".join(figure for figure, source in sensors.items() if not source)
    return f"{told}; not told: {untold}" if untold else told


def _downloaded(facts: Facts) -> str:
    total = size(sum(model.size for model in facts.downloaded))
    return (
        f"{len(facts.downloaded)} in {facts.hub_cache} ({total})" if facts.downloaded else f"none in {facts.hub_cache}"
    )
