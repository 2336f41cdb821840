"""One line of advice per problem, and none where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_lam.doctor import Diagnosis, Facts, advise
from edge_lam.doctor.backend import Backend
from edge_lam.doctor.facts import SystemMemory
from edge_lam.llama.library import Device
from edge_lam.llama.self_test import Verdict

GPU = Device("CUDA0", "A GPU", "gpu", "CUDA", 2**33, 2**33)


def with_backend(facts: Facts, **changes: object) -> Facts:
    return replace(facts, backend=replace(facts.backend, **changes))


def with_processor(facts: Facts, **changes: object) -> Facts:
    return replace(facts, processor=replace(facts.processor, **changes))


def only(facts: Facts) -> str:
    """The one advice, as one line."""
    (advice,) = advise(facts)
    assert not advice.fatal
    assert "\n" not in advice.problem + advice.action
    return f"{advice.problem}: {advice.action}"


def test_nothing_wrong_no_advice(healthy: Facts):
    assert advise(healthy) == []
    assert Diagnosis(healthy, ()).works


def test_a_missing_package_is_fatal(healthy: Facts):
    (advice,) = advise(replace(healthy, versions=healthy.versions | {"jinja2": "", "numpy": ""}))
    assert advice.fatal
    assert advice.problem == "not installed: jinja2, numpy"
    assert advice.action == "pip install jinja2 numpy"


def test_run_from_source_works(healthy: Facts):
    assert "pip install --editable" in only(replace(healthy, versions=healthy.versions | {"edge-lam": ""}))


def test_a_library_that_dies_is_fatal_and_comes_first(healthy: Facts):
    broken = replace(
        healthy, backend=Backend("llama.cpp dies with SIGILL when it is loaded", None, None), embedded=None
    )
    first, second = advise(broken)
    assert first.fatal
    assert "SIGILL" in first.problem
    assert "make backend" in first.action
    assert "embedded model" in second.problem
    assert not Diagnosis(broken, (first, second)).works


def test_a_build_of_plain_pip_is_named_with_what_it_leaves_unused(healthy: Facts):
    assert "not built with edge-lam's settings: build" in only(with_backend(healthy, stamp=None))
    slow = with_processor(with_backend(healthy, stamp=None), compiled=("AVX",))
    assert "does not use this processor's AVX2, FMA, F16C" in only(slow)


def test_a_build_for_another_processor_is_named(healthy: Facts):
    compiled = (*healthy.processor.compiled, "AVX512")
    (advice,) = advise(with_processor(healthy, compiled=compiled))
    assert "uses AVX512, which this processor does not have" in advice.problem
    assert advice.fatal  # its first pass would end the process


def test_a_slow_build_on_a_fast_processor_is_named(healthy: Facts):
    """As one for every ARM from 2012 on, on a phone with dot products."""
    arm = with_processor(healthy, features=("NEON", "DOTPROD", "MATMUL_INT8", "SME"), compiled=("NEON",))
    assert "does not use this processor's DOTPROD, MATMUL_INT8, which is slower" in only(arm)


def test_no_claim_where_the_system_does_not_name_features(healthy: Facts):
    assert advise(with_processor(healthy, features=())) == []


def test_leaving_amx_out_is_no_problem(healthy: Facts):
    assert advise(with_processor(healthy, features=(*healthy.processor.features, "AMX_INT8"))) == []


def test_a_failed_self_test_is_shown_and_models_still_run(healthy: Facts):
    verdict = Verdict(True, False, "the self-test died with SIGSEGV (AMX)", "key")
    assert "SIGSEGV (AMX); models are loaded without it" in only(replace(healthy, self_test=verdict))


def test_a_self_test_that_no_model_survives_is_fatal(healthy: Facts):
    verdict = Verdict(True, False, "the self-test died with SIGILL (atomics of ARMv8.1)", "key", fatal=True)
    (advice,) = advise(replace(healthy, self_test=verdict))
    assert advice.fatal
    assert advice.problem == "the self-test died with SIGILL (atomics of ARMv8.1); no model can run"


@pytest.mark.parametrize("backend", ["cuda", "metal", "vulkan"])
def test_a_gpu_build_without_a_gpu(healthy: Facts, backend: str):
    assert f"built for {backend}, but sees no GPU" in only(
        with_backend(healthy, stamp=replace(healthy.backend.stamp, backend=backend))
    )


@pytest.mark.parametrize(("gpu", "backend"), [("nvidia", "cuda"), ("apple", "metal")])
def test_a_gpu_that_is_not_used(healthy: Facts, gpu: str, backend: str):
    assert f"BACKEND={backend}" in only(replace(healthy, gpu=gpu))
    used = replace(healthy.backend.build, devices=(GPU, *healthy.backend.build.devices))
    assert advise(with_backend(replace(healthy, gpu=gpu), build=used)) == []


def test_emulation(healthy: Facts):
    assert "emulated by QEMU" in only(with_processor(healthy, emulation="QEMU"))


def test_little_memory_says_whether_it_is_the_container(healthy: Facts):
    assert "512 MB of memory (what is free)" in only(replace(healthy, memory=SystemMemory(2**34, 512_000_000, None)))
    limited = SystemMemory(2**34, 2**33, 400_000_000)
    assert "400 MB of memory (the container's limit)" in only(replace(healthy, memory=limited))


def test_a_wrong_environment_variable(healthy: Facts):
    (advice,) = advise(replace(healthy, settings=("EDGE_LAM_THREADS must be a number",)))
    assert "EDGE_LAM_THREADS" in advice.problem
    assert advice.fatal, "every load is refused until it is corrected"


def test_a_folder_that_cannot_be_written(healthy: Facts, tmp_path: Path):
    (tmp_path / "file").touch()
    folder = f"{tmp_path}/file/edge-lam"
    advised = only(replace(healthy, state=folder, log=f"{folder}/calls.jsonl"))
    assert folder in advised
    assert "EDGE_LAM_HOME" in advised


def test_a_missing_compiler_matters_only_for_a_rebuild(healthy: Facts):
    bare = replace(healthy, compiler="")
    assert advise(bare) == []
    problems = [advice.problem for advice in advise(with_backend(bare, stamp=None))]
    assert len(problems) == 2
    assert "compiler" in problems[1]
