"""Whole evenings without a mouse."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import MakeVoter
from tests.e2e.pages import HostPage, VoterPage, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.visitors import Visitors
from tests.process import run_cli

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_voter_joins_and_votes_with_the_keyboard(key: str, room: Room, visitors: Visitors) -> None:
    room.ask("Which colour?", "Red", "Green", "Blue", reveal=True)
    page = VoterPage(visitors.enter().new_page())
    keyboard = page.page.keyboard
    page.page.goto(room.base)
    keyboard.type(room.code)
    keyboard.press("Enter")
    page.expect_connected()
    tab_to(page.page, page.option("Green"))
    keyboard.press(key)
    page.expect_counted("Green")
    # The focus stays where it was: the next option is one key away.
    assert has_focus(page.option("Green"))
    keyboard.press("Tab")
    keyboard.press(key)
    page.expect_counted("Blue")
    page.expect_results([0, 0, 1], voters=1)


def test_a_voter_chooses_several_with_the_keyboard(room: Room, voter: MakeVoter) -> None:
    room.ask("Which topics?", "Budget", "Roof", "Party", kind="multiple", rules={"min": 1, "max": 2}, reveal=True)
    page = voter()
    for text in ("Budget", "Party"):
        tab_to(page.page, page.option(text))
        page.page.keyboard.press("Space")
    tab_to(page.page, page.send)
    page.page.keyboard.press("Enter")
    page.expect_counted("Budget", "Party")
    page.expect_results([1, 0, 1], voters=1)


@pytest.mark.usefixtures("server")
def test_a_host_runs_an_event_with_the_keys_of_the_console(data: Path, visitors: Visitors) -> None:
    host = HostPage(visitors.enter().new_page())
    keyboard = host.page.keyboard
    host.page.goto(run_cli("host-link", "--data", str(data)).stdout.strip())
    expect(host.page.get_by_label("Title of the room")).to_be_focused()
    keyboard.type("Without a mouse")
    keyboard.press("Enter")
    host.expect_console()

    host.press("Space", "Add a question")
    for number, text in enumerate(("Tea or coffee?", "Now or later?"), start=1):
        expect(host.page.locator("#add-text")).to_be_focused()
        keyboard.type(text)
        tab_to(host.page, host.page.locator("#add-options"))
        keyboard.type("This")
        keyboard.press("Enter")
        keyboard.type("That")
        keyboard.press("Control+Enter")
        expect(host.questions).to_have_count(number)
    host.page.reload()
    host.expect_console()

    host.press("Space", "Open voting")
    host.press("Space", "Close voting")
    host.press("Space", "Reveal results")
    expect(host.message).to_have_text("Press Enter to reveal the results.")
    host.press("Enter", "Reveal results")
    expect(host.tags).to_contain_text("Revealed")
    host.press("Space", "Next question")
    expect(host.question).to_have_text("Now or later?")
    host.expect_step("Close voting")
    keyboard.press("ArrowUp")
    expect(host.question).to_have_text("Tea or coffee?")
    keyboard.press("ArrowDown")
    expect(host.question).to_have_text("Now or later?")
    for key, dialog in (("q", "#qr-dialog"), ("?", "#keys")):
        keyboard.press(key)
        expect(host.page.locator(dialog)).to_be_visible()
        host.leave_dialog()
    host.press("Space", "Close voting")
    host.expect_step("Reveal results")


def test_a_host_reaches_every_step_with_tab_and_enter(host: HostPage, room: Room) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    for step in ("Open voting", "Close voting", "Reveal results"):
        host.expect_step(step)
        if not has_focus(host.primary):
            tab_to(host.page, host.primary)
        host.press("Enter", step)
    host.expect_step("Add a question")
    tab_to(host.page, host.ask_again)
    host.page.keyboard.press("Space")
    host.expect_step("Close voting")
    expect(host.tags).to_contain_text("Round 2")


def test_keys_that_are_typed_or_held_down_start_nothing(host: HostPage, room: Room) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    host.expect_step("Open voting")
    host.page.locator("#add-text").focus()
    host.page.keyboard.type("q ? or ")
    expect(host.page.locator("#add-text")).to_have_value("q ? or ")
    host.expect_step("Open voting")
    host.page.locator("#add-text").blur()
    host.page.keyboard.down("Space")
    host.expect_step("Close voting")
    for _ in range(3):
        host.page.keyboard.down("Space")
    host.page.keyboard.up("Space")
    host.expect_step("Close voting")
    host.page.keyboard.press("?")
    host.page.get_by_label("Use these keys").uncheck()
    host.leave_dialog()
    host.page.keyboard.press("Space")
    host.page.keyboard.press("q")
    expect(host.page.locator("#qr-dialog")).to_be_hidden()
    host.expect_step("Close voting")
