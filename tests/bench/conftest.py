"""What the tests of the bench share."""

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not measure the processes of the bench for coverage: servers are slow then, and nothing is covered there
    alone."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
