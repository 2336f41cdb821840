"""What all tests share: the embedded model, and a home of their own for logs and state."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.amount import IS_THOROUGH, many

# The same examples everywhere and every time: what fails for one fails for all. `make test-thorough` draws others, and
# many more. No limit of time: what a busy machine takes longer for is not wrong.
settings.register_profile(
    "edge-lam",
    derandomize=not IS_THOROUGH,
    max_examples=many(50),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("edge-lam")

# A shell starts what it puts into the background deaf to Ctrl-C, and children inherit that; the tests send Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.pop("COLUMNS", None)  # xdist sets it for its workers: what is written to a pipe would be cut to it
# The tests start hundreds of Python processes. What one of them has compiled, the others need not compile again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Half a million objects are made while tests are collected, and all of them stay until the end: the garbage collector
# need not look through them, neither now nor at each test. What tests collect themselves is collected as ever.
gc.disable()
# Workers share the cores: with as many threads each as there are cores, they would wait for one another at each layer.
N_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if N_WORKERS > 1:
    os.environ.setdefault("EDGE_LAM_THREADS", str(max(1, (os.cpu_count() or 1) // N_WORKERS)))

ROOT = Path(__file__).resolve().parents[1]
# Rooms without a model. A test there that needs one asks for it by a fixture, or is marked so.
FAST = tuple(
    ROOT / "tests" / room
    for room in ("formats", "schema", "tools", "hub", "request", "stream", "engine/test_scheduler.py")
)
MODEL_FIXTURES = {"tiny_lam_path", "lam", "model"}


@cache
def _is_fast(path: Path) -> bool:
    return any(path.is_relative_to(room) for room in FAST)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what can't even be imported without llama.cpp."""
    no_llama = "tests.no_llama" in sys.modules
    return True if no_llama and collection_path.is_file() and not _is_fast(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` runs."""
    for item in filter(lambda item: _is_fast(item.path), items):
        is_marked = item.get_closest_marker("model") or item.get_closest_marker("slow")
        needs_model = MODEL_FIXTURES & set(getattr(item, "fixturenames", ()))
        if not (is_marked or needs_model):
            item.add_marker("fast")


def pytest_collection_finish() -> None:
    """Let the garbage collector begin: with what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def tiny_lam_path() -> Path:
    """The embedded model, or the file that EDGE_LAM_TEST_MODEL names."""
    path = Path(os.environ.get("EDGE_LAM_TEST_MODEL") or ROOT / "edge_lam/assets/tiny-lam-Q8_0.gguf")
    if not path.is_file():
        pytest.fail(f"the tests need a model at {path}")
    return path


@pytest.fixture(scope="session", autouse=True)
def edge_lam_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing is read from or written to the home of who runs the tests."""
    home = tmp_path_factory.mktemp("edge-lam-home")
    before = os.environ.get("EDGE_LAM_HOME")
    os.environ["EDGE_LAM_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["EDGE_LAM_HOME"]
    else:
        os.environ["EDGE_LAM_HOME"] = before
