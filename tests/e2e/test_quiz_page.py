"""A quiz on a phone: a name, what was right, and the own place."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import MakeVoter, join
from tests.e2e.pages import VoterPage, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.visitors import OFFLINE, Visitors

pytestmark = pytest.mark.browser

CITIES = ("Sydney", "Canberra", "Melbourne")
QUIZ: dict[str, Any] = {"right": [1], "points": 1000, "explanation": "It was <b>built</b> for it."}


def field(page: VoterPage) -> Locator:
    return page.page.get_by_label("Your name on the leaderboard")


def take_name(page: VoterPage, name: str) -> None:
    field(page).fill(name)
    field(page).press("Enter")


def news(page: VoterPage) -> Locator:
    return page.page.locator("#name-news")


def expect_name(page: VoterPage, name: str) -> None:
    expect(page.page.locator("#who b")).to_have_text(name)
    expect(field(page)).to_be_hidden()


def ask(room: Room, **fields: Any) -> str:
    return room.ask("What is the capital of Australia?", *CITIES, **{"quiz": QUIZ, **fields})


def solve(room: Room, question: str) -> None:
    room.command("close", question)
    room.command("show_solution", question)


def expect_solution(page: VoterPage, verdict: str, *rows: str) -> None:
    expect(page.page.locator("#verdict")).to_have_text(verdict)
    expect(page.page.locator("#solution li")).to_have_text(list(rows))


def test_a_name_is_taken_once_changed_and_known_in_every_tab(room: Room, visitors: Visitors) -> None:
    room.link_pseudonyms()
    adas = visitors.enter()
    ada, bob = join(adas, room.join), join(visitors.enter(), room.join)
    expect(ada.page.locator("#linked")).to_have_text(
        "Points are added up in this room: one pseudonym stands for you in all its questions."
    )
    take_name(ada, "  Ada   L. ")
    expect(news(ada)).to_have_text("Saved ✓")
    expect_name(ada, "Ada L.")
    assert has_focus(ada.page.get_by_role("button", name="Change name"))
    take_name(bob, "ada l.")
    expect(news(bob)).to_have_text("Somebody here has this name already. Take another one.")
    expect(field(bob)).to_have_value("ada l.")
    expect(field(bob)).to_have_attribute("aria-invalid", "true")
    take_name(bob, "Bob")
    expect_name(bob, "Bob")
    ada.page.reload()
    expect_name(ada, "Ada L.")
    other = join(adas, room.join)
    expect_name(other, "Ada L.")
    other.page.get_by_role("button", name="Change name").click()
    expect(field(other)).to_have_value("Ada L.")
    take_name(other, "Countess")
    for page in (ada, other):
        expect_name(page, "Countess")
    for name in ("Third", "Fourth", "Fifth", "Sixth"):
        other.page.get_by_role("button", name="Change name").click()
        take_name(other, name)
        if name != "Sixth":
            expect_name(other, name)
    expect(news(other)).to_have_text("You have changed your name often enough. It stays as it is.")
    other.page.get_by_role("button", name="Keep the name").click()
    expect_name(other, "Fifth")


def test_what_is_no_name_is_not_sent(room: Room, voter: MakeVoter) -> None:
    room.link_pseudonyms()
    page = voter()
    take_name(page, "  ")
    expect(news(page)).to_have_text("Write a name first.")
    take_name(page, "x" * 25)
    expect(news(page)).to_have_text("Write at most 24 characters.")
    take_name(page, "x" * 24)
    expect_name(page, "x" * 24)
    # A name that the host has removed can be replaced.
    ask(room)
    page.vote("Canberra")
    solve(room, "q1")
    expect(page.page.locator("#standing")).to_have_text("Place 1 of 1 · 1,000 points")
    (place,) = room.state()["leaderboard"]["places"]
    room.command("remove_name", index=place["index"])
    expect(field(page)).to_be_visible()
    take_name(page, "Better")
    expect_name(page, "Better")


def test_a_name_waits_for_the_network(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    room.link_pseudonyms()
    context = visitors.enter()
    page = join(context, room.join)
    expect(field(page)).to_be_visible()
    context.set_offline(True)
    page.page.evaluate("() => drop()")
    take_name(page, "Ada")
    expect(news(page)).to_have_text("Sending … It goes out by itself when the connection is back.")
    # Once more changes nothing.
    field(page).press("Enter")
    context.set_offline(False)
    expect_name(page, "Ada")


def test_the_solution_says_what_was_right_whose_answer_and_how_many_points(room: Room, voter: MakeVoter) -> None:
    room.link_pseudonyms()
    ada, bob, cem = voter(), voter(), voter()
    ask(room)
    ada.vote("Canberra")
    bob.vote("Sydney")
    expect(ada.page.locator("#solution")).to_be_hidden()
    room.command("close")
    expect(ada.status).to_contain_text("Voting is closed.")
    assert not any('"right"' in frame for frame in ada.received)
    room.command("show_solution")
    for _ in range(2):
        expect_solution(ada, "✓ Your answer is right. 1,000 points", "BCanberra✓ rightyour answer")
        expect_solution(
            bob, "✕ Your answer is not right. 0 points", "ASydney✕ not rightyour answer", "BCanberra✓ right"
        )
        expect_solution(cem, "You did not answer.", "BCanberra✓ right")
        expect(ada.page.locator("#explanation")).to_have_text("It was <b>built</b> for it.")
        expect(ada.page.locator("#standing")).to_have_text("Place 1 of 2 · 1,000 points")
        expect(bob.page.locator("#standing")).to_have_text("Place 2 of 2 · 0 points")
        expect(cem.page.locator("#standing")).to_be_hidden()
        ada.expect_no_results()
        # The same after a reload, and once the results are shown as well.
        for page in (ada, bob, cem):
            page.page.reload()
    expect(ada.page.locator("#announce")).to_have_text("Solution ✓ Your answer is right. 1,000 points")
    room.command("reveal")
    ada.expect_results([1, 1, 0], voters=2)
    # The next question has none of it, and not the points of this one.
    second = ask(room)
    expect(ada.page.locator("#solution")).to_be_hidden()
    ada.vote("Melbourne")
    solve(room, second)
    expect_solution(ada, "✕ Your answer is not right. 0 points", "BCanberra✓ right", "CMelbourne✕ not rightyour answer")
    expect(ada.page.locator("#standing")).to_have_text("Place 1 of 2 · 1,000 points")


def test_several_options_may_be_right_together(room: Room, voter: MakeVoter) -> None:
    page = voter()
    ask(room, kind="multiple", rules={"min": 1, "max": 3}, quiz={"right": [0, 2], "points": 10})
    page.vote("Sydney", "Canberra")
    solve(room, "q1")
    # In a room that adds nothing up there are no points.
    expect_solution(
        page,
        "✕ Your answer is not right.",
        "ASydney✓ rightyour answer",
        "BCanberra✕ not rightyour answer",
        "CMelbourne✓ right",
    )
    expect(page.page.locator("#player")).to_be_hidden()
    expect(page.page.locator("#explanation")).to_be_hidden()


def test_an_estimate_is_off_by_so_much(room: Room, voter: MakeVoter) -> None:
    rules = {"min": 0, "max": 1000, "decimals": 1, "unit": "m", "truth": 425}
    room.link_pseudonyms()
    ada, bob = voter(), voter()
    room.ask("How long?", kind="estimate", rules=rules, quiz={"right": [], "points": 1000})
    for page, number in ((ada, "42.5"), (bob, "52.5")):
        page.page.get_by_label("Your number").fill(number)
        page.send.click()
        expect(page.status).to_contain_text("Counted ✓")
    solve(room, "q1")
    expect_solution(ada, "✓ Your answer is right. 1,000 points", "42.5\u00a0m✓ rightyour answer")
    expect_solution(
        bob, "≈ Your answer is off by 10.0\u00a0m. 900 points", "42.5\u00a0m✓ right", "52.5\u00a0myour answer"
    )


def test_a_solution_whose_script_does_not_come_is_shown_later(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("net::ERR_FAILED")
    page = VoterPage(visitors.enter().new_page())
    page.page.route("**/assets/quiz.js*", lambda route: route.abort())
    page.open(room.join)
    ask(room)
    page.vote("Canberra")
    solve(room, "q1")
    missing = page.page.locator("#missing")
    expect(missing).to_be_visible()
    page.page.unroute("**/assets/quiz.js*")
    # The next connection tries again by itself.
    page.page.evaluate("() => drop()")
    expect_solution(page, "✓ Your answer is right.", "BCanberra✓ rightyour answer")
    expect(missing).to_be_hidden()


def test_a_name_is_given_with_the_keyboard(room: Room, voter: MakeVoter) -> None:
    room.link_pseudonyms()
    page = voter()
    expect(field(page)).to_be_visible()
    tab_to(page.page, field(page))
    expect(field(page)).to_have_accessible_description(
        re.compile("^Up to 24 characters. Everybody sees it on the wall, with the leaderboard")
    )
    page.page.keyboard.type("Ada")
    tab_to(page.page, page.page.get_by_role("button", name="Use this name"))
    page.page.keyboard.press("Enter")
    expect_name(page, "Ada")
    assert has_focus(page.page.get_by_role("button", name="Change name"))
    page.page.keyboard.press("Enter")
    assert has_focus(field(page))
    tab_to(page.page, page.page.get_by_role("button", name="Keep the name"))
    page.page.keyboard.press("Enter")
    expect_name(page, "Ada")
