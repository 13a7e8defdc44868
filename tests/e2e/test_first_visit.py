"""Two tabs on the very first visit: one browser is one voter, even before it has a cookie."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.pages import VoterPage, eventually
from tests.e2e.rooms import HAS_VOTED, Room, create_room
from tests.e2e.visitors import SERVER_IS_DOWN, Visitors
from tests.process import process

pytestmark = pytest.mark.browser


def open_two_tabs(context: BrowserContext, address: str) -> tuple[VoterPage, VoterPage]:
    """Ask for the page in two tabs at once; the tab that has it, and the one that still waits for it."""
    tabs: tuple[Page, Page] = (context.new_page(), context.new_page())
    # Chromium asks for one address only once at a time: the second tab has it as somebody typed it.
    for tab, written in zip(tabs, (address, f"{address}?again"), strict=True):
        tab.evaluate("address => { setTimeout(() => location.assign(address)) }", written)
    eventually(tabs[0], lambda: sum(tab.url == address for tab in tabs), 1)
    here, waiting = tabs if tabs[0].url == address else tabs[::-1]
    first, second = VoterPage(here), VoterPage(waiting)
    first.expect_connected()
    return first, second


def vote_in_both(context: BrowserContext, room: Room, data: Path) -> tuple[VoterPage, VoterPage]:
    """Vote in the first tab, and then in the second if that lets itself be used."""
    first, second = open_two_tabs(context, room.join)
    first.vote("Yes")
    (data / HAS_VOTED).touch()
    second.page.wait_for_url(room.join)
    second.expect_connected()
    # Also where the button says that it takes no tap: what counts is what the server does with it.
    second.option("No").click(force=True)
    return first, second


def test_two_tabs_on_a_first_visit_are_one_voter(tmp_path: Path, visitors: Visitors) -> None:
    # The server ends before the pages do.
    visitors.expect_complaints(SERVER_IS_DOWN)
    with process(tmp_path, module="tests.e2e.first_visit") as server:
        room = create_room(server.base, tmp_path, "Town hall")
        room.ask("Well?", "Yes", "No", changeable=False)
        context = visitors.enter()
        first, second = vote_in_both(context, room, tmp_path)
        second.expect_counted("Yes")
        assert len(context.cookies()) == 2, "both answers set one"
        first.page.reload()
        for tab in (first, second):
            tab.expect_counted("Yes")
        assert [row["answer_text"] for row in room.ballots()] == ["Yes"]


def test_with_one_name_for_all_cookies_two_tabs_would_be_two_voters(tmp_path: Path, visitors: Visitors) -> None:
    # The server ends before the pages do.
    visitors.expect_complaints(SERVER_IS_DOWN)
    with process(tmp_path, module="tests.e2e.last_cookie_wins") as server:
        room = create_room(server.base, tmp_path, "Town hall")
        room.ask("Well?", "Yes", "No", changeable=False)
        _, second = vote_in_both(visitors.enter(), room, tmp_path)
        second.expect_counted("No")
        assert [row["answer_text"] for row in room.ballots()] == ["Yes", "No"]
