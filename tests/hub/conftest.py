"""How the tests of the hub see one: a local server, an empty cache, no token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from edge_lam.hub import failures
from tests.hub.hub_server import Hub, Repo, run_hub


@pytest.fixture
def point_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Do what HF_ENDPOINT does, which huggingface_hub reads only when it is imported."""

    def point(url: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    return point


@pytest.fixture
def serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point_to: Callable[[str], None]
) -> Callable[[dict[str, Repo]], AbstractContextManager[Hub]]:
    """Run a hub that this process asks, with a cache of its own and without long pauses."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "tokens"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(failures, "RETRY_DELAYS", (0.01, 0.01))
    monkeypatch.setenv("EDGE_LAM_MODELS", str(tmp_path / "models"))
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)

    @contextmanager
    def serving(repos: dict[str, Repo]) -> Iterator[Hub]:
        with run_hub(repos) as running:
            point_to(running.url)
            yield running

    return serving
