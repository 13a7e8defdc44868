"""A small phone: nothing runs off its side, and everything to tap is as big as a finger."""

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import join
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room
from tests.e2e.visitors import Visitors

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("scheme", ["light", "dark"])]

SMALL = {"width": 320, "height": 640}
FINGER_PX = 44
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
QUESTION = f"Which of these shall we take up at our next meeting: the {LONG}, or something shorter?"
OPTIONS = (LONG, "Short", "An answer of many short words that runs over more than one line of a small phone", "None")

Scheme = Literal["light", "dark"]


def expect_fits(page: Page, *, where: str) -> None:
    """Nothing scrolls sideways, neither the page nor the dialog in it."""
    wide = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("dialog[open]")]
          .filter(part => part.scrollWidth > (part.tagName === "HTML" ? innerWidth : part.clientWidth))
          .map(part => `${part.tagName} is ${part.scrollWidth} px wide`)"""
    )
    assert wide == [], where


def expect_fingers_hit(page: Page, *, where: str) -> None:
    """Every control that is seen is high enough for a finger."""
    # Boxes and buttons of a choice are hit by their labels.
    low = page.evaluate(
        """least => [...document.querySelectorAll(
            "button, a.button, input:not([type=checkbox], [type=radio]), textarea, select, label:has(> input)")]
          .filter(part => part.offsetHeight && part.offsetHeight < least)
          .map(part => `${part.id || part.textContent} is ${part.offsetHeight} px high`)""",
        FINGER_PX,
    )
    assert low == [], where


def expect_scheme(page: Page, scheme: Scheme) -> None:
    colours = page.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert (sum(colours) < 3 * 128) == (scheme == "dark")


def check(page: Page, scheme: Scheme, *, where: str) -> None:
    expect_fits(page, where=where)
    expect_fingers_hit(page, where=where)
    expect_scheme(page, scheme)


def test_voters_pages_fit_a_small_phone(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 404|status of 503 .*/proof")
    phone = visitors.enter(viewport=SMALL, color_scheme=scheme)
    page = VoterPage(phone.new_page())
    page.page.goto(room.base)
    check(page.page, scheme, where="the code field")
    page.page.goto(f"{room.base}/XXXXXX")
    check(page.page, scheme, where="an unknown code")
    page.open(room.join)
    check(page.page, scheme, where="the waiting room")

    room.ask(QUESTION, *OPTIONS)
    expect(page.options.get_by_role("button")).to_have_count(len(OPTIONS))
    check(page.page, scheme, where="a question")
    page.vote(LONG)
    page.expect_receipt()
    check(page.page, scheme, where="a vote that counted")
    page.open_panel()
    page.expect_ballots(("✓ In the log, and it counts", LONG))
    check(page.page, scheme, where="the panel of receipts")
    page.page.keyboard.press("Escape")
    room.command("reveal")
    page.expect_results([1, 0, 0, 0], voters=1)
    check(page.page, scheme, where="live results")
    room.command("close")
    expect(page.status).to_contain_text("Voting is closed.")
    page.expect_own_answer(LONG)
    check(page.page, scheme, where="results")

    rules = {"min": 1, "max": 2}
    question = room.ask(QUESTION, *OPTIONS, kind="multiple", rules=rules, changeable=False)
    expect(page.send).to_be_visible()
    page.option(LONG).click()
    check(page.page, scheme, where="a choice of several")
    page.send.click()
    page.expect_counted(LONG)
    room.command("close", question)
    expect(page.status).to_contain_text("Voting is closed.")
    check(page.page, scheme, where="waiting for results")

    page.page.route("**/proof?*", lambda route: route.fulfill(json={"index": 1, "included": False}))
    page.open_panel()
    expect(page.panel.locator('[data-look="bad"]')).to_have_count(2)
    check(page.page, scheme, where="a warning in the panel")
    page.page.keyboard.press("Escape")
    expect(page.status).to_contain_text("Your ballot is not in the log.")
    check(page.page, scheme, where="a warning")


def test_hosts_pages_fit_a_small_phone(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    phone = visitors.enter(viewport=SMALL, color_scheme=scheme)
    host = HostPage(phone.new_page())
    host.page.goto(f"{room.base}/host")
    check(host.page, scheme, where="a new room")
    host.open(room.host)
    check(host.page, scheme, where="an empty room")
    rules = {"min": 1, "max": 2}
    for _ in range(3):
        room.add(QUESTION, *OPTIONS, kind="multiple", rules=rules)
    expect(host.questions).to_have_count(3)
    host.page.locator("#add-kind").select_option("multiple")
    check(host.page, scheme, where="questions")
    host.step("Open voting")
    host.expect_step("Close voting")
    page = join(visitors.enter(), room.join)
    page.vote(LONG, "None")
    expect(host.counts).to_have_text(["1", "0", "0", "1"])
    check(host.page, scheme, where="an open question")
    host.toggle_results.click()
    expect(host.tags).to_contain_text("Revealed")
    host.step("Close voting")
    host.expect_step("Next question")
    check(host.page, scheme, where="results")
    for opener, dialog in ((host.page.locator("#qr"), "#qr-dialog"), (host.page.locator("#show-keys"), "#keys")):
        opener.click()
        expect(host.page.locator(dialog)).to_be_visible()
        check(host.page, scheme, where=dialog)
        host.page.keyboard.press("Escape")


def test_a_tap_moves_no_option_away_from_the_finger(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    # One of these fills its line so nearly that the least bit more makes it two.
    options = [f"A{'n ' * number}answer" for number in range(1, 9)]
    room.ask("Which?", *options)
    page = join(visitors.enter(viewport=SMALL, color_scheme=scheme), room.join)
    buttons = page.options.get_by_role("button")
    expect(buttons).to_have_count(len(options))
    before = [button.bounding_box() for button in buttons.all()]
    for option in options:
        page.option(option).click()
        page.page.evaluate("() => window.scrollTo(0, 0)")
        assert [button.bounding_box() for button in buttons.all()] == before
    page.expect_counted(options[-1])


def test_nothing_jumps_while_the_page_loads(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    room.ask("Which?", "One", "Two", "Three")
    room.command("reveal")
    page = VoterPage(visitors.enter(viewport=SMALL, color_scheme=scheme).new_page())
    page.page.add_init_script(
        """window.jumped = 0;
        new PerformanceObserver(list => { for (const entry of list.getEntries()) window.jumped += entry.value; })
          .observe({type: "layout-shift", buffered: true});"""
    )
    page.open(room.join)
    expect(page.options.get_by_role("button")).to_have_count(3)
    expect(page.page.locator("footer")).to_be_visible()
    expect(page.page.locator("#result .r-plot")).to_be_visible()
    # Above 0.1 people are said to notice it (web.dev, Cumulative Layout Shift).
    assert page.page.evaluate("jumped") < 0.05
