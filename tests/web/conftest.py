"""What the tests of the web share: both ways in which a socket can be read."""

import pytest

import tests.client


@pytest.fixture(params=["own", "stock"])
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test twice: with sockets taken over after the handshake, and with sockets left to Tornado."""
    kind: str = request.param
    monkeypatch.setattr(tests.client, "STOCK_WIRE", kind == "stock")
    return kind
