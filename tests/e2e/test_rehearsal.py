"""A rehearsal with real pages: begun on the console, as on the evening, and its end leads a phone to the real vote."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room
from tests.e2e.test_rooms import open_dialog
from tests.e2e.visitors import Visitors

pytestmark = pytest.mark.browser


def test_a_phone_votes_in_a_rehearsal_and_is_sent_to_the_real_room(room: Room, visitors: Visitors) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    trial = room.rehearse(voters=15)
    host, phone = HostPage(visitors.enter().new_page()), VoterPage(visitors.enter().new_page())
    host.open(trial.host)
    phone.open(trial.join)
    trial.command("open")
    phone.vote("Coffee")
    phone.expect_counted("Coffee")
    trial.command("reveal")
    expect(phone.results).to_contain_text(re.compile(r"(?<!\d)(1[0-6]|[5-9]) voted"))
    room.end_rehearsal()
    expect(phone.code).to_be_visible()
    expect(phone.page.locator("body")).to_contain_text("The rehearsal is over.")
    expect(host.banner).to_contain_text("The rehearsal is over")
    phone.code.fill(room.code)
    phone.code.press("Enter")
    expect(phone.page).to_have_url(room.join)
    phone.expect_connected()
    assert room.ballots() == []


def test_a_rehearsal_is_begun_run_and_ended_on_the_console(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    room.add("Tea or coffee?", "Tea", "Coffee")
    dialog = open_dialog(host, "rehearsal-dialog")
    # Nobody has to hear in the browser's console that none runs.
    expect(dialog.get_by_role("button", name=re.compile("^Rehearse with"))).to_be_visible()
    dialog.get_by_label("Simulated voters").fill("12")
    dialog.get_by_role("button", name="Rehearse with 12 simulated voters").click()
    expect(dialog).to_contain_text("Runs with 12 simulated voters")
    code = dialog.locator("#rehearsal-code").inner_text()
    assert code != room.code
    expect(dialog.get_by_role("link", name="Open the wall")).to_have_attribute("href", f"/wall/{code}")
    expect(dialog.get_by_role("img")).to_have_attribute("alt", re.compile(code))

    with host.page.expect_popup() as coming:
        dialog.get_by_role("link", name="Open its console").click()
    trial = HostPage(coming.value)
    trial.expect_console()
    trial.step("Open voting")
    trial.expect_step("Close voting")
    expect(trial.voted).to_have_text(re.compile(r"^([1-9]|1[0-2]) of 12$"))
    # Without the link as well: this browser has its cookie. And there is nothing to keep of it.
    trial.page.goto(trial.page.url)
    trial.expect_console()
    trial.page.locator("#show-room").click()
    for name in ("Files and templates", "One-time codes", "Duplicate the room", "Delete the room's data"):
        expect(trial.page.locator("#room-dialog").get_by_role("button", name=name)).to_be_hidden()
    trial.page.keyboard.press("Escape")
    for place in ("#show-exports", "#replay", "#replay-public"):
        expect(trial.page.locator(place)).to_be_hidden()
        expect(host.page.locator(place)).not_to_have_attribute("hidden", "")

    # On another device the host of the room finds what runs, and only one runs.
    other = HostPage(visitors.enter(viewport=PHONE).new_page())
    other.open(room.host)
    found = open_dialog(other, "rehearsal-dialog")
    expect(found.locator("#rehearsal-code")).to_have_text(code)
    expect(found.get_by_role("button", name=re.compile("^Rehearse with"))).to_be_hidden()
    asked = host.page.get_by_role("dialog", name="End the rehearsal?")
    for stays in ("by key", "by button"):
        dialog.get_by_role("button", name="End the rehearsal").click()
        expect(asked).to_contain_text("Its votes and results are thrown away")
        expect(asked.get_by_role("button", name="Go on rehearsing")).to_be_focused()
        if stays == "by key":
            host.page.keyboard.press("Escape")
        else:
            asked.get_by_role("button", name="Go on rehearsing").click()
        expect(asked).to_be_hidden()
        expect(dialog).to_contain_text("Runs with 12 simulated voters")
        assert trial.page.evaluate("() => room.current") is not None
    dialog.get_by_role("button", name="End the rehearsal").click()
    asked.get_by_role("button", name="End the rehearsal").click()
    expect(dialog).to_contain_text("The rehearsal is over. Nothing of it is left.")
    expect(dialog.get_by_role("button", name=re.compile("^Rehearse with"))).to_be_visible()
    # Who looks on sees it too.
    expect(found).to_contain_text("The rehearsal is over.")
    expect(trial.banner).to_contain_text("The rehearsal is over")
    assert [question["phase"] for question in room.state()["questions"]] == ["draft"]


def test_a_wall_of_a_rehearsal_says_that_it_is_over(room: Room, visitors: Visitors) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    trial = room.rehearse(voters=3)
    wall = visitors.enter().new_page()
    wall.goto(f"{trial.base}/wall/{trial.code}")
    trial.command("open")
    expect(wall.locator("#text")).to_have_text("Tea or coffee?")
    room.end_rehearsal()
    expect(wall.locator("#gone")).to_contain_text("The rehearsal is over")
    expect(wall.locator("#text")).to_be_hidden()


def test_the_band_of_a_rehearsal_ends_it_after_a_question_where_something_was_asked(
    room: Room, visitors: Visitors
) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    trial = HostPage(visitors.enter(viewport=PHONE).new_page())
    trial.open(room.rehearse(voters=3).host)
    trial.step("Open voting")
    trial.expect_step("Close voting")
    end = trial.page.locator("#end-rehearsal")
    end.click()
    asked = trial.page.get_by_role("dialog", name="End the rehearsal?")
    asked.get_by_role("button", name="Go on rehearsing").click()
    expect(end).to_be_focused()
    # Also a key that means something on the page ends nothing.
    end.click()
    trial.page.keyboard.press("q")
    expect(asked).to_be_hidden()
    trial.page.keyboard.press("Escape")
    trial.expect_step("Close voting")
    end.click()
    asked.get_by_role("button", name="End the rehearsal").click()
    expect(trial.banner).to_contain_text("The rehearsal is over")
    # Where nothing was asked there is nothing to lose.
    trial.open(room.rehearse(voters=3).host)
    end.click()
    expect(trial.banner).to_contain_text("The rehearsal is over")


def test_a_rehearsal_ends_from_its_own_console(room: Room, visitors: Visitors) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    trial = HostPage(visitors.enter().new_page())
    trial.open(room.rehearse(voters=3).host)
    dialog = open_dialog(trial, "rehearsal-dialog")
    expect(dialog.get_by_role("link", name="Open its console")).to_be_hidden()
    dialog.get_by_role("button", name="End the rehearsal").click()
    expect(trial.banner).to_contain_text("The rehearsal is over")
    expect(trial.page.locator("dialog[open]")).to_have_count(0)
