"""Questions on the console once they are there: changed, put in order, copied, taken away and brought back."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import MakeVoter
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually, has_focus
from tests.e2e.rooms import Room
from tests.e2e.visitors import Visitors

pytestmark = pytest.mark.browser

OPTIONS = ("Harbour", "Garden", "Brewery")
KINDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "single": (OPTIONS, {}),
    "multiple": (OPTIONS, {"min": 1, "max": 2}),
    "approval": (OPTIONS, {}),
    "yesno": ((), {"majority": "two_thirds", "eligible": 40, "quorum_percent": 50}),
    "rating": ((), {"style": "stars", "top": 7}),
    "ranking": (OPTIONS, {"top": 2}),
    "estimate": ((), {"min": 50, "max": 2000, "decimals": 2, "unit": "km", "truth": 115}),
    "text": ((), {"max_chars": 80, "approval": False}),
    "cloud": ((), {"max_terms": 2, "max_chars": 20, "language": "de", "approval": True}),
}
"""Options and rules, none of which is what the form begins with."""


def content(question: dict[str, Any]) -> dict[str, Any]:
    """What a question asks."""
    return {name: question[name] for name in ("kind", "options", "rules", "changeable", "level", "quiz")}


def texts(room: Room) -> list[str]:
    return [question["text"] for question in room.state()["questions"]]


def begin(host: HostPage, place: int = 0) -> None:
    """Take a question into the form."""
    host.questions.nth(place).click()
    host.page.locator("#edit").click()
    expect(host.page.get_by_role("heading", name="Edit the question")).to_be_visible()


def save(host: HostPage) -> None:
    host.page.locator("#edit-save").click()
    expect(host.page.get_by_text("The question is changed.")).to_be_visible()
    expect(host.page.get_by_role("heading", name="Add a question")).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_comes_into_the_form_with_all_of_its_rules(kind: str, host: HostPage, room: Room) -> None:
    options, rules = KINDS[kind]
    room.add("What abuot it?", *options, kind=kind, rules=rules, changeable=False, level="code")
    expect(host.questions).to_have_count(1)
    before = content(room.state()["questions"][0])
    host.page.locator("#add-text").fill("The next question")
    begin(host)
    expect(host.page.locator("#add-text")).to_have_value("What abuot it?")
    expect(host.page.locator("#meaning")).to_be_hidden()
    host.page.locator("#add-text").fill("What about it?")
    save(host)
    after = room.state()["questions"][0]
    assert (after["text"], content(after)) == ("What about it?", before)
    # What was typed before is there again.
    expect(host.page.locator("#add-text")).to_have_value("The next question")
    expect(host.page.locator("#add-kind")).to_have_value("single")


def test_a_draft_changes_into_anything(host: HostPage, room: Room) -> None:
    room.add("Where?", *OPTIONS, kind="ranking", rules={"top": 2})
    expect(host.questions).to_have_count(1)
    begin(host)
    host.page.locator("#add-top").fill("")
    save(host)
    assert room.state()["questions"][0]["rules"] == {"top": 3}
    begin(host)
    host.page.locator("#add-kind").select_option("multiple")
    host.page.locator("#add-options").fill("A\nB\nC\nD")
    save(host)
    changed = room.state()["questions"][0]
    assert (changed["kind"], changed["options"], changed["rules"]["max"]) == ("multiple", ["A", "B", "C", "D"], 4)


def test_a_typing_error_is_corrected_while_people_vote(host: HostPage, room: Room, voter: MakeVoter) -> None:
    room.ask("Were shall we meet?", *OPTIONS)
    page = voter()
    page.vote("Garden")
    begin(host)
    form = host.page.locator("#add-form")
    expect(form.get_by_label("Only the wording")).to_be_checked()
    expect(form.get_by_label("What is asked")).to_be_disabled()
    expect(form).to_contain_text("Close voting first")
    expect(form.get_by_label("Kind")).to_be_disabled()
    host.page.locator("#add-text").fill("Where shall we meet?")
    save(host)
    expect(page.question).to_have_text("Where shall we meet?")
    page.expect_counted("Garden")
    expect(host.counts).to_have_text(["0", "1", "0"])


def test_another_meaning_counts_from_the_next_round_on(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    room.ask("Where?", *OPTIONS)
    with crowd(room, 2) as voters:
        voters.vote("q1", [(0,), (1,)])
    room.command("close")
    begin(host)
    host.page.locator("#add-options").fill("Harbour\nGarden\nBrewery\nRoof")
    host.page.locator("#edit-save").click()
    # As a correction of the wording it is refused, beside the button, and nothing typed is lost.
    expect(host.page.locator("#add-error")).to_contain_text("This changes more than the wording.")
    expect(host.page.locator("#add-options")).to_have_value("Harbour\nGarden\nBrewery\nRoof")
    host.page.get_by_label("What is asked").check()
    host.page.locator("#add-text").fill("Where then?")
    save(host)
    expect(host.question).to_have_text("Where?")
    expect(host.page.locator("#edited")).to_have_text("Changed: the next round asks “Where then?”")
    host.ask_again.click()
    expect(host.question).to_have_text("Where then?")
    expect(host.counts).to_have_text(["0", "0", "0", "0"])
    assert room.state()["questions"][0]["rounds"][0]["wording"]["options"] == list(OPTIONS)


def test_what_is_right_goes_with_its_option(host: HostPage, room: Room) -> None:
    quiz = {"right": [1], "points": 500, "explanation": "It rains."}
    room.add("Where?", *OPTIONS, quiz=quiz)
    expect(host.questions).to_have_count(1)
    begin(host)
    host.page.locator("#add-options").fill("Garden\nBrewery\nHarbour")
    save(host)
    found = room.state()["questions"][0]["quiz"]
    assert (found["right"], found["points"], found["explanation"]) == ([0], 500, "It rains.")


def test_a_change_of_somebody_else_is_not_written_over_unseen(host: HostPage, room: Room) -> None:
    room.add("Where?", *OPTIONS)
    expect(host.questions).to_have_count(1)
    begin(host)
    host.page.locator("#add-text").fill("Where, please?")
    room.edit("q1", text="Where exactly?")
    expect(host.questions.first).to_contain_text("Where exactly?")
    host.page.locator("#edit-save").click()
    expect(host.page.locator("#add-error")).to_contain_text("Somebody else has changed this question meanwhile.")
    assert texts(room) == ["Where exactly?"]
    save(host)
    assert texts(room) == ["Where, please?"]
    begin(host)
    room.command("remove_question", "q1")
    expect(host.questions).to_have_count(0)
    host.page.locator("#add-text").fill("Too late")
    host.page.locator("#edit-save").click()
    expect(host.page.locator("#add-error")).to_contain_text("Somebody else has removed this question.")
    host.page.locator("#edit-cancel").click()
    expect(host.page.get_by_role("button", name="Add question")).to_be_visible()


def test_questions_are_moved_by_buttons_keys_and_the_mouse(host: HostPage, room: Room) -> None:
    for text in ("One?", "Two?", "Three?"):
        room.add(text, "Yes", "No")
    expect(host.questions).to_have_count(3)
    host.questions.nth(2).click()
    host.page.get_by_role("button", name="Move up").click()
    expect(host.page.get_by_text("Now number 2 of 3.")).to_be_visible()
    assert texts(room) == ["One?", "Three?", "Two?"]
    host.page.get_by_role("button", name="Move up").click()
    expect(host.page.get_by_text("Now number 1 of 3.")).to_be_visible()
    expect(host.page.get_by_role("button", name="Move up")).to_have_attribute("aria-disabled", "true")
    host.questions.first.focus()
    host.page.keyboard.press("Alt+ArrowDown")
    expect(host.page.get_by_text("Now number 2 of 3.")).to_be_visible()
    assert texts(room) == ["One?", "Three?", "Two?"]
    assert has_focus(host.questions.nth(1)), "the focus goes with the question"
    host.questions.nth(0).drag_to(host.questions.nth(2), target_position={"x": 20, "y": 40})
    expect(host.questions.nth(2)).to_contain_text("One?")
    eventually(host.page, lambda: texts(room), ["Three?", "Two?", "One?"])


def test_a_question_is_copied_beside_itself_with_what_is_right(host: HostPage, room: Room) -> None:
    room.add("Where?", *OPTIONS, changeable=False, quiz={"right": [1], "points": 500, "fading": True})
    room.add("And when?", "Now", "Later")
    expect(host.questions).to_have_count(2)
    host.questions.first.click()
    host.page.get_by_role("button", name="Duplicate").click()
    expect(host.page.get_by_text("Question 2 is the copy.")).to_be_visible()
    assert texts(room) == ["Where?", "Where?", "And when?"]
    first, second, _ = room.state()["questions"]
    assert content(first) == content(second)
    expect(host.questions.nth(1)).to_have_attribute("aria-current", "true")


def test_a_draft_that_was_taken_away_comes_back_to_its_place(host: HostPage, room: Room) -> None:
    room.add("One?", *OPTIONS, kind="multiple", rules={"max": 2}, quiz={"right": [0, 2]})
    room.add("Two?", "Yes", "No")
    expect(host.questions).to_have_count(2)
    before = content(room.state()["questions"][0])
    host.questions.first.click()
    host.page.locator("#remove").dblclick()
    expect(host.page.get_by_text("“One?” is removed.")).to_be_visible()
    expect(host.questions).to_have_count(1)
    assert texts(room) == ["Two?"], "a double tap takes one question"
    assert has_focus(host.page.locator("#undo"))
    host.page.keyboard.press("Enter")
    expect(host.page.get_by_text("It is back as question 1.")).to_be_visible()
    assert texts(room) == ["One?", "Two?"]
    assert content(room.state()["questions"][0]) == before
    room.command("open", room.state()["questions"][0]["id"])
    expect(host.page.locator("#remove")).to_be_hidden()


def test_a_key_begins_the_edit_and_the_keyboard_does_it_all(host: HostPage, room: Room) -> None:
    room.add("Were?", *OPTIONS)
    host.expect_step("Open voting")
    host.page.keyboard.press("e")
    expect(host.page.locator("#add-text")).to_be_focused()
    host.page.keyboard.press("Control+A")
    host.page.keyboard.type("Where?")
    host.page.keyboard.press("Control+Enter")
    expect(host.question).to_have_text("Where?")
    assert has_focus(host.page.locator("#edit"))


def test_what_was_typed_outlasts_a_change_of_the_language(host: HostPage, room: Room) -> None:
    room.add("Were?", *OPTIONS)
    expect(host.questions).to_have_count(1)
    host.page.locator("#add-text").fill("Not sent yet")
    host.page.locator("#add-kind").select_option("estimate")
    host.page.locator("#add-high").fill("12")
    host.page.get_by_label("Name of the co-host").fill("Ann")
    begin(host)
    host.page.locator("#add-text").fill("Where?")
    host.page.get_by_role("button", name="Deutsch").click()
    expect(host.page.locator("html")).to_have_attribute("lang", "de")
    host.expect_console()
    expect(host.page.locator("#add-title")).to_have_text("Frage ändern")
    expect(host.page.locator("#add-text")).to_have_value("Where?")
    expect(host.page.locator("#cohost-name")).to_have_value("Ann")
    host.page.locator("#edit-save").click()
    expect(host.question).to_have_text("Where?")
    expect(host.page.locator("#add-text")).to_have_value("Not sent yet")
    expect(host.page.locator("#add-kind")).to_have_value("estimate")
    expect(host.page.locator("#add-high")).to_have_value("12")
    # Once, and not for ever.
    host.page.reload()
    host.expect_console()
    expect(host.page.locator("#add-text")).to_have_value("")


def test_a_lost_answer_is_told_beside_the_list(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(r"net::ERR_FAILED")
    room.add("One?", *OPTIONS)
    room.add("Two?", *OPTIONS)
    expect(host.questions).to_have_count(2)
    host.page.route(re.compile("/commands$"), lambda route: route.abort())
    host.page.get_by_role("button", name="Move down").click()
    expect(host.page.locator("#question-said")).to_have_text(re.compile("The server does not answer"))
    host.page.locator("#remove").click()
    expect(host.questions).to_have_count(2)
    host.page.unroute_all()
    host.page.get_by_role("button", name="Move down").click()
    expect(host.page.get_by_text("Now number 2 of 2.")).to_be_visible()
