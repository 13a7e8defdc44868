"""One-time codes on a phone: typed, pasted or scanned, refused in plain words, and never left in the address bar."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import MakeVoter, join
from tests.e2e.pages import VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room, create_room
from tests.e2e.visitors import OFFLINE, Visitors

pytestmark = pytest.mark.browser

COLOURS = ("Red", "Green", "Blue")
REFUSED = r"status of (400|401|409|429)"


def ask(room: Room) -> list[str]:
    """Open a question that takes codes; some codes for it."""
    codes = room.make_codes(3)
    room.ask("Which colour?", *COLOURS, level="code")
    return codes


def enter(page: VoterPage, code: str) -> None:
    page.page.get_by_label("Your one-time code").fill(code)
    page.page.locator("#enter button").click()


def expect_entered(page: VoterPage) -> None:
    expect(page.page.locator("#level")).to_contain_text("Code entered ✓")
    expect(page.page.locator("#enter")).to_be_hidden()


def expect_field(page: VoterPage) -> None:
    """The field stands in place of the answers."""
    expect(page.page.get_by_label("Your one-time code")).to_be_visible()
    expect(page.options).to_be_hidden()
    expect(page.page.locator("#per-code")).to_have_text("One ballot per code")


def news(page: VoterPage) -> str:
    return page.page.locator("#entry-news").inner_text()


def test_without_a_code_there_is_a_field_for_it_and_with_it_the_answers(room: Room, voter: MakeVoter) -> None:
    code, *_ = ask(room)
    page = voter()
    expect_field(page)
    expect(page.status).to_contain_text("Enter your one-time code to vote.")
    # As people type it.
    enter(page, f" {code.lower().replace('-', ' ')} ")
    expect_entered(page)
    assert has_focus(page.question)
    page.vote("Green")
    page.page.reload()
    page.expect_counted("Green")
    expect_entered(page)
    assert [row["answer_text"] for row in room.ballots()] == ["Green"]


def test_a_scanned_code_is_entered_and_gone_from_the_address_bar_at_once(room: Room, visitors: Visitors) -> None:
    first, second, _ = room.make_codes(3)
    page = VoterPage(visitors.enter().new_page())
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open(f"{room.join}#k={first.replace('-', '')}")
    assert page.page.url == room.join
    expect_entered(page)
    assert page.page.evaluate("history.length") <= 2
    assert not any(first.replace("-", "") in url for url in asked), "no request names it in its address"
    room.ask("Which colour?", *COLOURS, level="code")
    page.vote("Red")
    # The next one is scanned while the page is open.
    page.page.evaluate("code => { location.hash = `k=${code}`; }", second)
    page.expect_no_vote()
    expect(page.page).to_have_url(room.join)
    page.vote("Blue")
    assert sorted(row["answer_text"] for row in room.ballots()) == ["Blue", "Red"]


def test_a_pasted_link_is_as_good_as_a_code(room: Room, voter: MakeVoter) -> None:
    code, *_ = ask(room)
    page = voter()
    page.page.get_by_label("Your one-time code").fill(f"{room.join}#k={code}")
    expect(page.page.get_by_label("Your one-time code")).to_have_value(code)
    page.page.keyboard.press("Enter")
    expect_entered(page)


def test_every_refusal_is_said_plainly(room: Room, visitors: Visitors, data: Path) -> None:
    visitors.expect_complaints(REFUSED)
    code, *_ = ask(room)
    first = join(visitors.enter(), room.join)
    enter(first, code)
    expect_entered(first)
    page = join(visitors.enter(), room.join)
    expect_field(page)
    page.page.locator("#enter button").click()
    eventually(page.page, lambda: news(page), "Write your code first.")
    enter(page, "ABCD")
    eventually(page.page, lambda: news(page), "This is not written like a code. Compare it with your slip.")
    enter(page, code)
    eventually(page.page, lambda: news(page), "This code was used before, in another browser. Ask the host for help.")
    expect(page.page.get_by_label("Your one-time code")).to_have_attribute("aria-invalid", "true")
    expect_field(page)
    strangers = create_room(room.base, data, "Elsewhere").make_codes(4)
    for stranger in strangers:
        enter(page, stranger)
        eventually(page.page, lambda: news(page), "There is no such code in this room. Compare it with your slip.")
        page.page.evaluate("() => tellEntry('')")
    enter(page, strangers[0])
    eventually(page.page, lambda: news(page), "Too many wrong codes.")
    expect(page.page.locator("#entry-wait")).to_have_text(re.compile(r"^You can try again in 0:(30|2\d)\.$"))
    expect(page.page.locator("#enter button")).to_be_disabled()
    # It counts down, and only who looks is told.
    before = page.page.locator("#entry-wait").inner_text()
    expect(page.page.locator("#entry-wait")).not_to_have_text(before)
    page.page.evaluate("() => { entry.until = 0; renderEntry(); }")
    expect(page.page.locator("#entry-wait")).to_be_hidden()
    expect(page.page.locator("#enter button")).to_be_enabled()


def test_a_phone_shows_why_a_code_was_refused_without_scrolling(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(REFUSED)
    room.link_pseudonyms()
    ask(room)
    page = join(visitors.enter(viewport={"width": 360, "height": 740}), room.join)
    expect_field(page)
    enter(page, "ABCD")
    eventually(page.page, lambda: news(page), "This is not written like a code. Compare it with your slip.")
    box = page.page.locator("#entry-news").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 740


def test_a_code_that_was_given_without_a_network_goes_out_when_it_is_back(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    code, *_ = ask(room)
    context = visitors.enter()
    page = join(context, room.join)
    expect_field(page)
    context.set_offline(True)
    enter(page, code)
    eventually(page.page, lambda: news(page), "The server cannot be reached. Your code is sent again by itself.")
    page.page.evaluate("() => drop()")
    page.expect_reconnecting()
    context.set_offline(False)
    expect_entered(page)
    page.vote("Green")


def test_an_answer_that_was_lost_is_asked_for_again(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 503|net::ERR_FAILED")
    code, *_ = ask(room)
    page = join(visitors.enter(), room.join)
    answers: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        answers.append(route.fetch().status)
        route.abort()

    page.page.route("**/code", lose)
    enter(page, code)
    eventually(page.page, lambda: news(page), "The server cannot be reached. Your code is sent again by itself.")
    page.page.unroute("**/code")
    expect_entered(page)
    assert answers == [200]


def test_another_tab_learns_of_the_code_and_a_phone_may_be_handed_on(room: Room, visitors: Visitors) -> None:
    first, second, _ = ask(room)
    browser = visitors.enter()
    page, other = join(browser, room.join), join(browser, room.join)
    expect_field(other)
    enter(page, first)
    expect_entered(page)
    expect_entered(other)
    other.vote("Red")
    page.expect_counted("Red")
    page.page.get_by_role("button", name="Enter another code").click()
    assert has_focus(page.page.get_by_label("Your one-time code"))
    enter(page, second)
    page.expect_no_vote()
    page.vote("Blue")
    assert sorted((row["answer_text"], row["counted"]) for row in room.ballots()) == [("Blue", "yes"), ("Red", "yes")]


def test_a_vote_without_a_code_is_refused_and_the_field_comes_back(room: Room, voter: MakeVoter) -> None:
    ask(room)
    page = voter()
    expect_field(page)
    page.page.evaluate("() => { entry.held = true; render(); }")
    page.option("Red").click()
    expect(page.status).to_contain_text("This question is answered with a one-time code. Enter yours first.")
    expect_field(page)
    assert room.ballots() == []


def test_a_hall_without_codes_does_not_ask_at_once_and_not_again_at_every_state(room: Room, voter: MakeVoter) -> None:
    room.make_codes(3)
    page = voter()
    # What it waits for is written down, and comes at once.
    page.page.evaluate(
        """() => {
          const later = setTimeout;
          globalThis.waits = [];
          globalThis.setTimeout = (what, ms, ...rest) => {
            if (what !== askForCode) return later(what, ms, ...rest);
            waits.push(ms);
            return later(what, 0);
          };
          Math.random = () => 0.75;
        }"""
    )
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.method) if request.url.endswith("/code") else None)
    first = room.ask("Which colour?", *COLOURS, level="code")
    expect_field(page)
    room.set_timer(first, 600)
    expect(page.page.locator("#timer")).to_be_visible()
    room.set_timer(first, None)
    expect(page.page.locator("#timer")).to_be_hidden()
    assert asked == ["GET"]
    room.command("close", first)
    room.ask("Which shade?", *COLOURS, level="code")
    expect(page.question).to_have_text("Which shade?")
    eventually(page.page, lambda: asked, ["GET", "GET"])
    assert page.page.evaluate("waits") == [3000, 3000]


def test_the_level_of_every_question_is_said(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    expect(page.page.locator("#level span")).to_have_text("One ballot per browser")
    expect(page.page.locator("#per-code")).to_be_hidden()
    room.command("close")
    room.make_codes(1)
    question = room.ask("And which shape?", "Round", "Square", level="code")
    expect_field(page)
    expect(page.page.locator("#level")).to_be_hidden()
    # Who has none may watch.
    room.command("close", question)
    expect(page.page.locator("#enter")).to_be_hidden()
    room.command("reveal", question)
    page.expect_results([0, 0], voters=0)


def test_a_code_is_entered_with_the_keyboard(room: Room, voter: MakeVoter) -> None:
    code, *_ = ask(room)
    page = voter()
    expect_field(page)
    field = page.page.get_by_label("Your one-time code")
    tab_to(page.page, field)
    expect(field).to_have_accessible_description(re.compile("It is on your slip"))
    page.page.keyboard.type(code)
    page.page.keyboard.press("Enter")
    expect_entered(page)
    assert has_focus(page.question)
    tab_to(page.page, page.option("Green"))
    page.page.keyboard.press("Space")
    page.expect_counted("Green")


def test_a_rehearsal_says_all_the_time_that_nothing_counts(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 404")
    room.add("Which colour?", *COLOURS)
    page = join(visitors.enter(viewport={"width": 360, "height": 640}), room.join)
    expect(page.page.locator("#rehearsal")).to_be_hidden()
    expect(page.page.get_by_role("link", name="Test whether this phone can vote")).to_have_attribute(
        "href", f"/check/{room.code}"
    )
    rehearsal = room.rehearse(1)
    page.open(rehearsal.join)
    expect(page.page.locator("#rehearsal")).to_have_text("Rehearsal: nothing counts")
    expect(page.page).to_have_title(re.compile("^Rehearsal: nothing counts · "))
    expect(page.page.locator("#try")).to_be_hidden()
    rehearsal.command("open")
    page.vote("Red")
    page.page.evaluate("() => scrollTo(0, 10000)")
    expect(page.page.locator("#rehearsal")).to_be_in_viewport()
    room.end_rehearsal()
    expect(page.banner).to_have_text("The rehearsal is over. Enter the code of the real vote.")
    expect(page.code).to_be_visible()
    expect(page.page.locator("#rehearsal")).to_be_hidden()
    assert has_focus(page.code)
