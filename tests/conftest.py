"""What all tests share: the embedded model, and a home of their own for logs and state."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples everywhere and every time: what fails for one fails for all. `--hypothesis-seed` draws others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# A shell starts what it puts into the background deaf to Ctrl-C, and children inherit that; the tests send Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
# Rooms without a model. A test there that needs one asks for it by a fixture, or is marked so.
FAST = ("formats", "schema", "tools", "hub", "trajectories", "engine/test_scheduler.py")
MODEL_FIXTURES = {"tiny_lam_path", "lam", "model"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` runs."""
    rooms = tuple(str(ROOT / "tests" / room) for room in FAST)
    for item in items:
        needs_model = item.get_closest_marker("model") or MODEL_FIXTURES & set(getattr(item, "fixturenames", ()))
        if str(item.path).startswith(rooms) and not needs_model:
            item.add_marker("fast")


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
