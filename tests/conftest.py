"""What every test gets: no sockets outside integration and e2e, and reproducible property tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
ROOMS_WITH_SOCKETS = ("tests/integration/", "tests/e2e/")

# CI replays the same examples, so that a red run is red again; a developer's run explores.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(ROOT).as_posix().startswith(ROOMS_WITH_SOCKETS):
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def repository_root() -> Path:
    """Return the top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def vectors_dir() -> Path:
    """Return the folder of the frozen vectors, shared with forge."""
    return ROOT / "tests" / "vectors"


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio only, as the node does."""
    return "asyncio"
