"""What all tests share: an event loop for pytest-tornasync, the browser, and a run in which nothing may be skipped."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import Phase, settings
from tornado.ioloop import IOLoop

from livevote.log import reading
from tests.evidence import size

settings.register_profile("default", deadline=None, print_blob=True, max_examples=size(50, 100, 1000))
# Whether a mutant is killed must not depend on the day, and nobody reads its smallest example.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("default")

_CHECKOUT = Path(__file__).parent.parent
_UNMEASURED = ("crash", "browser")
_LONGEST = (*_UNMEASURED, "long")


@pytest.fixture(autouse=True)
def io_loop() -> Iterator[IOLoop]:
    """A fresh loop for each test, also for those that do not ask for it.

    The plugin's own fixture and what it does without one use calls that Python has deprecated.
    """
    loop = IOLoop(make_current=False)
    asyncio.set_event_loop(loop.asyncio_loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure neither rigs nor browsers for coverage, nor the servers that they start: it would take much of the
    processor, and what is killed writes nothing down. Whatever they cover, a test of its own covers as well."""
    measuring = Coverage.current() if any(item.get_closest_marker(mark) for mark in _UNMEASURED) else None
    if measuring is None:
        return (yield)
    measuring.stop()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
            return (yield)
    finally:
        # A thread that began meanwhile would not be measured later, either, and these outlive a test.
        reading._readers.shutdown()
        reading._readers = reading._new_readers()
        measuring.start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: then all workers of ``make test``, which take whole files, end together."""
    items.sort(key=lambda item: next((n for n, mark in enumerate(_LONGEST) if item.get_closest_marker(mark)), 99))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With LIVEVOTE_NO_SKIP a test that skips fails the run: there, everything that tests need is present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or exitstatus or not os.environ.get("LIVEVOTE_NO_SKIP"):
        return
    if skipped := reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped where none may be", red=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser that ``make test`` found."""
    noted = _CHECKOUT / ".venv" / ".browser"
    found = os.environ.get("LIVEVOTE_CHROMIUM") or (noted.read_text().strip() if noted.exists() else "")
    if not found:
        pytest.skip("no browser: 'make test' finds or installs one")
    return found
