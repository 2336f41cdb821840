"""The backend files, read by a real CMake in a project laid out as llama-cpp-python is, which forces its options."""

from __future__ import annotations

import ctypes
import json
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CMAKE = Path(__file__).parents[2] / "cmake"

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which("c++") is None, reason="needs cmake and a C++ compiler"
)

PYTHON_PACKAGE = """
cmake_minimum_required(VERSION 3.21)
project(llama_cpp)
set(LLAMA_BUILD_COMMON ON CACHE BOOL "" FORCE)
set(GGML_METAL ON CACHE BOOL "" FORCE)
add_subdirectory(vendor)
install(TARGETS llama LIBRARY DESTINATION ${SKBUILD_PLATLIB_DIR}/llama_cpp/lib)
"""

LLAMA_CPP = """
cmake_minimum_required(VERSION 3.14...3.28)
project("llama.cpp" C CXX)
option(LLAMA_BUILD_COMMON "" ON)
option(GGML_METAL "" OFF)
option(GGML_NATIVE "" OFF)
if(LLAMA_BUILD_COMMON)
    message(FATAL_ERROR "the common library is built")
endif()
add_library(llama SHARED llama.cpp)
set_target_properties(llama PROPERTIES VERSION 0.5.0 SOVERSION 0)
target_compile_options(llama PRIVATE ${TEST_MARCH})
foreach(name GGML_METAL GGML_NATIVE LLAVA_BUILD EDGE_LAM_BACKEND)
    message(STATUS "${name}=<${${name}}>")
endforeach()
install(TARGETS llama LIBRARY)
"""

# The quantizer and the kernels, of which each rounds a * b + c twice as it is written, or once by a fused instruction.
ROUNDING = """
add_library(ggml-base SHARED ggml-quants.c ggml-cpu.c)
target_compile_options(ggml-base PRIVATE -O2 -march=native)
install(TARGETS ggml-base LIBRARY)
"""
ROUNDS = "double NAME(double a, double b, double c) { return a * b + c; }"

SOURCE = """
#ifdef __AMX_INT8__
extern "C" int amx() { return 1; }
#else
extern "C" int amx() { return 0; }
#endif
"""


def lay_out(folder: Path) -> Path:
    source = folder / "source"
    (source / "vendor").mkdir(parents=True)
    (source / "CMakeLists.txt").write_text(PYTHON_PACKAGE)
    (source / "vendor" / "CMakeLists.txt").write_text(LLAMA_CPP)
    (source / "vendor" / "llama.cpp").write_text(SOURCE)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


def cmake(*arguments: object) -> str:
    result = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def configure(project: Path, backend: str, *more: str) -> str:
    wheel = project / "wheel"
    return cmake(
        *("-C", CMAKE / f"{backend}.cmake", "-S", project / "source", "-B", project / "build"),
        *(f"-DSKBUILD_PLATLIB_DIR={wheel}", f"-DCMAKE_INSTALL_PREFIX={wheel}", "-DCMAKE_BUILD_TYPE=Release"),
        *more,
    )


def build(project: Path) -> Path:
    """Build and install; return the folder of the libraries."""
    cmake("--build", project / "build")
    cmake("--install", project / "build")
    return project / "wheel" / "llama_cpp" / "lib"


@dataclass(frozen=True)
class Built:
    """What a configured and built project printed, and the folder of its libraries."""

    printed: str
    folder: Path

    @property
    def stamp(self) -> dict[str, object]:
        stamp: dict[str, object] = json.loads((self.folder / "edge_lam_build.json").read_text())
        return stamp

    def library(self, name: str) -> ctypes.CDLL:
        return ctypes.CDLL(str(next(self.folder.glob(f"{name}.*"))))


SAPPHIRE_RAPIDS = "-DTEST_MARCH=-march=sapphirerapids" if platform.machine() == "x86_64" else "-DTEST_MARCH="


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The backend for processors as it comes."""
    project = lay_out(tmp_path_factory.mktemp("cpu"))
    vendor = project / "source" / "vendor"
    (vendor / "ggml-quants.c").write_text(ROUNDS.replace("NAME", "quantizer"))
    (vendor / "ggml-cpu.c").write_text(ROUNDS.replace("NAME", "kernel"))
    with (vendor / "CMakeLists.txt").open("a") as file:
        file.write(ROUNDING)
    return Built(configure(project, "cpu", "-DEDGE_LAM_BUILD_KEY=cpu-123", SAPPHIRE_RAPIDS), build(project))


@pytest.fixture(scope="module")
def other_choices(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The backend for processors with arguments after the file."""
    project = lay_out(tmp_path_factory.mktemp("other"))
    return Built(configure(project, "cpu", "-DGGML_NATIVE=OFF", "-DEDGE_LAM_AMX=ON", SAPPHIRE_RAPIDS), build(project))


@pytest.fixture(scope="module")
def android(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The backend for Android, as on a phone but for this machine's processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ANDROID_NDK_HOME", raising=False)
        patch.setenv("ANDROID_ROOT", "/system")
        project = lay_out(tmp_path_factory.mktemp("android"))
        return Built(configure(project, "android-arm64", "-DGGML_CPU_ARM_ARCH="), build(project))


def answers(printed: str, backend: str, *, metal: str, native: str) -> bool:
    """Tell whether the options were answered so."""
    expected = {"EDGE_LAM_BACKEND": backend, "GGML_METAL": metal, "GGML_NATIVE": native, "LLAVA_BUILD": "OFF"}
    return all(f"{name}=<{value}>" in printed for name, value in expected.items())


@pytest.mark.parametrize(("backend", "metal"), [("cuda", "OFF"), ("vulkan", "OFF"), ("metal", "ON")])
def test_each_gpus_backend_answers_the_options(project: Path, backend: str, metal: str):
    printed = configure(project, backend)
    assert answers(printed, backend, metal=metal, native="ON"), printed


def test_the_processors_backends_answer_the_options(cpu: Built, android: Built):
    assert answers(cpu.printed, "cpu", metal="OFF", native="ON"), cpu.printed
    assert answers(android.printed, "android-arm64", metal="OFF", native="OFF"), android.printed


def test_an_argument_after_the_file_wins(other_choices: Built):
    assert "GGML_NATIVE=<OFF>" in other_choices.printed


def test_the_wheel_holds_each_library_once_and_the_stamp(cpu: Built):
    suffix = ".dylib" if platform.system() == "Darwin" else ".so"
    libraries = {f"libllama{suffix}", f"libggml-base{suffix}"}
    assert {path.name for path in cpu.folder.iterdir()} == {"edge_lam_build.json", *libraries}
    assert [path.name for path in cpu.folder.parents[1].iterdir()] == ["llama_cpp"]
    assert cpu.stamp["backend"] == "cpu"
    assert cpu.stamp["key"] == "cpu-123"
    assert cpu.stamp["amx"] is False
    assert cpu.stamp["native"] == "ON"
    assert cpu.stamp["compiler"]
    assert str(cpu.stamp["system"]).startswith(platform.system())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AMX is a matter of x86-64")
def test_amx_is_left_out_unless_asked_for(cpu: Built, other_choices: Built):
    for built, amx in ((cpu, 0), (other_choices, 1)):
        assert built.stamp["amx"] is bool(amx)
        assert built.library("libllama").amx() == amx


def test_android_without_the_ndk_is_an_error_and_no_build_for_this_machine(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("ANDROID_NDK_HOME", raising=False)
    monkeypatch.delenv("ANDROID_ROOT", raising=False)
    with pytest.raises(AssertionError, match="set ANDROID_NDK_HOME"):
        configure(project, "android-arm64")


@pytest.mark.skipif(platform.system() != "Linux", reason="segments of ELF")
def test_libraries_for_android_load_with_pages_of_16_kb(android: Built):
    data = next(android.folder.glob("libllama.*")).read_bytes()
    start, size, count = (int.from_bytes(data[at : at + n], "little") for at, n in ((32, 8), (54, 2), (56, 2)))
    headers = [data[start + index * size : start + (index + 1) * size] for index in range(count)]
    alignments = {int.from_bytes(each[48:56], "little") for each in headers if each[:4] == b"\x01\0\0\0"}  # PT_LOAD
    assert alignments
    assert all(alignment % 16384 == 0 for alignment in alignments)


def test_the_quantizer_never_contracts_and_the_rest_may(cpu: Built):
    library = cpu.library("libggml-base")
    a = 1 + 2**-30
    found = {}
    for function in (library.quantizer, library.kernel):
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 3
        found[function.__name__] = function(a, a, -(a * a))
    if found["kernel"] == 0:
        pytest.skip("this compiler has no fused instruction for this processor")
    assert found["quantizer"] == 0


def test_the_stamp_names_what_was_built(project: Path):
    """Two sources of the same version are told apart."""
    revisions = []
    source = project / "source" / "vendor" / "llama.cpp"
    source.unlink()
    (source / "src").mkdir(parents=True)
    lists = source.parent / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("SHARED llama.cpp)", "SHARED llama.cpp/src/llama.cpp)"))
    for comment in ("// one", "// two", "// one"):
        (source / "src" / "llama.cpp").write_text(SOURCE + comment)
        configure(project, "cpu")
        revisions.append(json.loads((project / "build" / "edge_lam_build.json").read_text())["revision"])
    assert revisions[0] == revisions[2] != revisions[1]
