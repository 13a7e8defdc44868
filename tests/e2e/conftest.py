"""One browser and one server for all tests of this folder; every test has rooms and visitors of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room, create_room
from tests.e2e.visitors import CHROMIUM_ARGS, PATIENCE_MS, Visitors
from tests.process import Process, process

# An ordinary run leaves the pictures in docs/ as they are.
collect_ignore = [] if os.environ.get("LIVEVOTE_PICTURES") else ["test_pictures.py"]

PHONE = {"width": 390, "height": 844}

MakeVoter = Callable[[], VoterPage]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With LIVEVOTE_VARIANTS=ends, of the variants of a test with a browser only one: the first and the last, in turn.

    So themes, sizes and languages all come up, each with some of the tests. ``make browser`` runs them all.
    """
    if os.environ.get("LIVEVOTE_VARIANTS") != "ends":
        return
    variants: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("browser"):
            variants.setdefault(item.nodeid.partition("[")[0], []).append(item)
    several = [each for each in variants.values() if len(each) > 1]
    others = {item for turn, each in enumerate(several) for item in each if item is not each[-(turn % 2)]}
    config.hook.pytest_deselected(items=list(others))
    items[:] = [item for item in items if item not in others]


# Of the package, not of the session: while Playwright runs, no event loop of an asynchronous test can run.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        expect.set_options(timeout=PATIENCE_MS)
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
    yield launched
    launched.close()


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the shared server."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="package")
def server(data: Path) -> Iterator[Process]:
    """The shared server. Tests that stop a server start their own."""
    with process(data) as started:
        yield started


@pytest.fixture
def room(server: Process, data: Path) -> Room:
    """A new, empty room."""
    return create_room(server.base, data, "Town hall")


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Visitors]:
    """Who comes in this test. Fails it when their pages complained about anything that was not expected."""
    coming = Visitors(browser)
    yield coming
    assert coming.leave() == []


@pytest.fixture
def voter(visitors: Visitors, room: Room) -> MakeVoter:
    """Makes voters with phones, each in a browser of their own, who joined the room."""
    return lambda: join(visitors.enter(viewport=PHONE), room.join)


@pytest.fixture
def host(visitors: Visitors, room: Room) -> HostPage:
    """The host of the room at the console."""
    page = HostPage(visitors.enter().new_page())
    page.open(room.host)
    return page


def join(context: BrowserContext, address: str) -> VoterPage:
    """Open the join address in a new tab."""
    page = VoterPage(context.new_page())
    page.open(address)
    return page
