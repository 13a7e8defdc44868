"""What all crash tests share: their servers are not measured."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def unmeasured() -> Iterator[None]:
    """Start servers without coverage: it takes half of the processor, and what is killed writes nothing down."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield
