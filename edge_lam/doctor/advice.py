"""Judges the facts: one line of advice per problem, the worst first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_lam.doctor.facts import Facts

_REBUILD = "build llama.cpp with edge-lam's settings: `make backend` in edge-lam's source folder"
_NO_GPU = {
    "cuda": "check the driver (nvidia-smi); a container needs the GPU passed in (docker run --gpus all)",
    "vulkan": "install its Vulkan driver (apt install mesa-vulkan-drivers); `vulkaninfo` shows what that sees",
    "metal": "virtual machines and containers on a Mac have none; use a Python of the Mac itself",
}
# Left out of our builds (AMX), not used by llama.cpp wherever a processor has it (SME), or for a few operations only.
_RARELY_USED = frozenset({"AMX_INT8", "SME", "AVX512_VBMI", "SSE3", "SSSE3"})
_LOW_MEMORY = 2**30


@dataclass(frozen=True, slots=True)
class Advice:
    """A problem, what to do about it, and whether no model can run before that is done."""

    problem: str
    action: str
    fatal: bool = False


def advise(facts: Facts) -> list[Advice]:
    """Return what is wrong, the worst first; an empty list if nothing is."""
    found = [
        *_packages(facts),
        *_loading(facts),
        *_self_test(facts),
        *_build(facts),
        *_machine(facts),
        *_files(facts),
    ]
    if any(advice.action == _REBUILD for advice in found) and not facts.compiler:
        found.append(Advice("no C++ compiler is installed, which that build needs", "apt install build-essential"))
    return sorted(found, key=lambda advice: not advice.fatal)


def _packages(facts: Facts) -> Iterator[Advice]:
    if not facts.versions["edge-lam"]:
        yield Advice("edge-lam is not installed, it runs from its source folder", "run `pip install --editable .`")
    if not facts.versions.get("llguidance", "-"):
        problem = (
            "llguidance is not installed: llama.cpp's own grammars hold replies, slower and with more left to check"
        )
        yield Advice(problem, "pip install llguidance; where there is no wheel, docs/devices.md")
    needed = facts.versions.keys() - {"edge-lam", "llguidance"}
    missing = [name for name, version in facts.versions.items() if not version and name in needed]
    if missing:
        yield Advice(f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}", fatal=True)


def _loading(facts: Facts) -> Iterator[Advice]:
    if facts.backend.error:
        yield Advice(facts.backend.error, _REBUILD, fatal=True)


def _self_test(facts: Facts) -> Iterator[Advice]:
    for setting in facts.settings:
        yield Advice(setting, "correct or unset the environment variable", fatal=True)
    verdict = facts.self_test
    if verdict and not verdict.ok:
        effect = "no model can run" if verdict.fatal else "models are loaded without it, which is slower"
        yield Advice(f"{verdict.detail}; {effect}", _REBUILD, fatal=verdict.fatal)


def _build(facts: Facts) -> Iterator[Advice]:
    stamp, build = facts.backend.stamp, facts.backend.build
    if build is None:
        return
    unused = [name for name in facts.processor.features if name not in (*facts.processor.compiled, *_RARELY_USED)]
    if stamp is None:
        loss = f", and does not use this processor's {', '.join(unused)}" if unused else ""
        yield Advice(f"llama.cpp was not built with edge-lam's settings{loss}", _REBUILD)
    elif unused and facts.processor.compiled:
        yield Advice(f"llama.cpp does not use this processor's {', '.join(unused)}, which is slower", _REBUILD)
    lacking = [name for name in facts.processor.compiled if name not in (*facts.processor.features, "AMX_INT8")]
    if lacking and facts.processor.features:
        problem = f"llama.cpp uses {', '.join(lacking)}, which this processor does not have: no model can run"
        yield Advice(problem, _REBUILD, fatal=True)
    built_for = stamp.backend if stamp else build.backend
    on_gpu = any(device.kind == "gpu" for device in build.devices)
    if built_for in _NO_GPU and not on_gpu:
        yield Advice(f"llama.cpp was built for {built_for}, but sees no GPU", _NO_GPU[built_for])
    elif facts.gpu and not on_gpu:
        backend = {"nvidia": "cuda", "apple": "metal"}[facts.gpu]
        yield Advice(
            f"a GPU is here ({facts.gpu}) that llama.cpp was not built for",
            f"`make backend BACKEND={backend}` in edge-lam's source folder",
        )


def _machine(facts: Facts) -> Iterator[Advice]:
    if facts.processor.emulation:
        yield Advice(
            f"this Python is emulated by {facts.processor.emulation}, which is several times slower",
            "use a Python (or container image) for the machine's own processor",
        )
    if facts.memory.usable < _LOW_MEMORY:
        cause = "the container's limit" if facts.memory.usable == facts.memory.limit else "what is free"
        yield Advice(
            f"a model can use {facts.memory.usable / 1e6:.0f} MB of memory ({cause}); one of 1 B parameters needs more",
            "free memory, raise the limit, or use the embedded model",
        )


def _files(facts: Facts) -> Iterator[Advice]:
    if facts.embedded is None:
        yield Advice("the embedded model is missing from the package", "install edge-lam again, or name a model")
    for folder in sorted({Path(facts.state), *([Path(facts.log).parent] if facts.log else [])}):
        if not _writable(folder):
            yield Advice(f"{folder} can't be written: no log, no notes", "set EDGE_LAM_HOME to a folder that can")


def _writable(folder: Path) -> bool:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)
