"""Quizzes at the host's console: what is right, the second reveal, points, names; and the strip of a rehearsal."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import PHONE
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually
from tests.e2e.rooms import Room
from tests.e2e.test_console import fill, state
from tests.e2e.visitors import OFFLINE, Visitors

pytestmark = pytest.mark.browser

RIVERS = ("Nile", "Amazon", "Rhine")
QUIZZES: dict[str, tuple[dict[str, str], list[int], dict[str, Any], str]] = {
    "single": ({"#add-options": "\n".join(RIVERS)}, [1], {"right": [1]}, "Right: Amazon"),
    "multiple": ({"#add-options": "\n".join(RIVERS)}, [2, 0], {"right": [0, 2]}, "Right: Nile, Rhine"),
    "yesno": ({}, [1], {"right": [1]}, "Right: No"),
    "estimate": (
        {"#add-truth": "12.5", "#add-decimals": "1", "#add-unit": "km"},
        [],
        {"right": [], "truth": 125},
        "Right: 12.5\u00a0km",
    ),
}
"""What is filled in, what is marked as right, what comes of it, and how the console says it."""


def write_quiz(
    host: HostPage, *right: int, text: str = "Which is the longest?", options: tuple[str, ...] = RIVERS
) -> None:
    """Fill in the form for a quiz, without sending it."""
    host.page.locator("#add-text").fill(text)
    host.page.locator("#add-options").fill("\n".join(options))
    host.page.get_by_label("Quiz: there is a right answer").check()
    for place in right:
        rights(host).nth(place).check()


def rights(host: HostPage) -> Locator:
    return host.page.locator("#rights input")


def add(host: HostPage) -> None:
    host.page.get_by_role("button", name="Add question").click()


def dialog(host: HostPage) -> Locator:
    return host.page.locator("#leaderboard")


@pytest.mark.parametrize("kind", QUIZZES)
def test_the_form_makes_a_quiz_of_each_kind(kind: str, host: HostPage) -> None:
    fields, right, quiz, said = QUIZZES[kind]
    host.page.locator("#add-text").fill("What is right?")
    host.page.locator("#add-kind").select_option(kind)
    for place, value in fields.items():
        fill(host, place, value)
    host.page.get_by_label("Quiz: there is a right answer").check()
    for number in right:
        rights(host).nth(number).check()
    fill(host, "#add-points", "500")
    host.page.get_by_label("Quick answers earn more").check()
    host.page.get_by_label("Explanation, shown with the solution").fill("By most measurements.")
    add(host)
    expect(dialog(host)).to_be_visible()
    host.page.get_by_role("button", name="Not now").click()
    made = state(host)["questions"][0]["quiz"]
    expected = {"truth": None, "points": 500, "fading": True, "explanation": "By most measurements.", **quiz}
    assert made == expected
    expect(host.page.locator("#rule")).to_contain_text("Quiz · 500 points · falling to half")
    expect(host.page.locator("#solution-right")).to_have_text(said)
    expect(host.page.locator("#solution")).to_contain_text("By most measurements.")
    expect(host.page.locator("#solution-seen")).to_have_text("Only you see what is right, until you show the solution.")
    # The next question is most often a quiz as well, with another solution.
    expect(host.page.get_by_label("Quiz: there is a right answer")).to_be_checked()
    expect(host.page.locator("#rights input:checked")).to_have_count(0)
    expect(host.page.locator("#add-explanation")).to_have_value("")


def test_pictures_can_be_right(host: HostPage, room: Room) -> None:
    host.page.locator("#add-text").fill("Which logo is ours?")
    host.page.locator("#add-kind").select_option("image")
    pixel = bytes.fromhex("47494638396101000100800000ff0000ffffff21f90400000000002c00000000010001000002024401003b")
    files = [{"name": name, "mimeType": "image/gif", "buffer": pixel} for name in ("sea.gif", "wood.gif")]
    host.page.locator("#add-pictures").set_input_files(files)  # type: ignore[arg-type]
    expect(host.page.locator("#pictures img")).to_have_count(2)
    host.page.get_by_label("Quiz: there is a right answer").check()
    host.page.get_by_role("radio", name="wood").check()
    host.page.get_by_label("Caption of picture 2").fill("The wood")
    expect(host.page.get_by_role("radio", name="The wood")).to_be_checked()
    add(host)
    expect(dialog(host)).to_be_visible()
    assert room.state()["questions"][0]["quiz"]["right"] == [1]


def test_a_mark_stays_with_its_option(host: HostPage) -> None:
    options = host.page.locator("#add-options")
    write_quiz(host, 1)
    options.fill("Volga\nNile\nAmazon\nRhine")
    expect(host.page.get_by_role("radio", name="Amazon")).to_be_checked()
    options.fill("Volga\nNile\nThe Amazon\nRhine")
    expect(host.page.get_by_role("radio", name="The Amazon")).to_be_checked()
    options.fill("Volga\nNile")
    expect(host.page.locator("#rights input:checked")).to_have_count(0)
    add(host)
    expect(host.page.get_by_role("alert")).to_have_text("Choose what is right.")
    host.page.locator("#add-kind").select_option("estimate")
    add(host)
    expect(host.page.get_by_role("alert")).to_have_text("Enter the true value.")
    # Of a kind that cannot be right or wrong nothing is asked.
    host.page.locator("#add-kind").select_option("rating")
    expect(host.page.locator("#quiz-fields")).to_be_hidden()
    add(host)
    expect(host.questions).to_have_count(1)
    assert state(host)["questions"][0]["quiz"] is None


def test_a_quiz_evening_goes_by_the_big_button(host: HostPage, room: Room) -> None:
    write_quiz(host, 1)
    add(host)
    expect(dialog(host)).to_contain_text("one pseudonym for the whole room")
    host.page.get_by_role("button", name="Add up points in this room").click()
    expect(dialog(host)).to_be_hidden()
    expect(host.message).to_have_text("This room adds up points.")
    assert state(host)["linked"] is True
    write_quiz(host, 0, text="Where is it?", options=("Here", "There"))
    add(host)
    expect(host.questions).to_have_count(2)
    with crowd(room, 3) as voters:
        voters.name(0, "Ann")
        voters.name(1, "Something rude")
        host.step("Open voting")
        host.expect_step("Close voting")
        voters.vote("q1", [(1,), (1,), (0,)])
        host.step("Close voting")
        host.press("Enter", "Reveal results")
        host.expect_step("Show solution")
        expect(host.page.locator("#toggle-leaderboard")).to_be_hidden()
        host.press("Space", "Show solution")
        host.expect_step("Next question")
        expect(host.page.locator("#solution-seen")).to_have_text("Everybody sees the solution.")
        expect(host.page.locator("#announce")).to_contain_text("The solution is shown.")

        host.page.keyboard.press("l")
        rows = dialog(host).locator("tbody tr")
        expect(rows).to_have_count(3)
        expect(dialog(host)).to_contain_text("Players: 3.")
        expect(rows.filter(has_text="Ann")).to_contain_text("1,000")
        expect(rows.nth(2)).to_contain_text("without a name")
        host.page.wait_for_function("() => performance.now() - placedAt > SETTLE_MS")
        host.page.get_by_role("button", name="Remove the name Something rude").click()
        expect(dialog(host)).to_contain_text("The name is removed.")
        expect(dialog(host)).not_to_contain_text("Something rude")
        expect(dialog(host).locator("tbody button").filter(visible=True)).to_have_count(1)
        dialog(host).get_by_label("Show leaderboard on the wall").check()
        eventually(host.page, lambda: room.state()["leaderboard_shown"], True)
        host.page.keyboard.press("Escape")
        off = host.page.get_by_role("button", name="Take leaderboard off the wall")
        off.click()
        expect(host.page.locator("#toggle-leaderboard")).to_have_text("Show leaderboard on the wall")
        assert room.state()["leaderboard_shown"] is False
        # It would cover the next question.
        room.command("show_leaderboard", on=True)
        expect(off).to_be_visible()
        host.step("Next question")
        host.expect_step("Close voting")
        expect(host.question).to_have_text("Where is it?")
        assert room.state()["leaderboard_shown"] is False


def test_s_shows_a_solution_of_a_closed_quiz_alone(host: HostPage, room: Room) -> None:
    question = room.ask("Which?", *RIVERS, quiz={"right": [1]})
    host.expect_step("Close voting")
    host.page.keyboard.press("s")
    host.step("Close voting")
    host.expect_step("Reveal results")
    assert state(host)["questions"][0]["solution"] is None
    host.page.keyboard.press("s")
    expect(host.page.locator("#solution-seen")).to_have_text("Everybody sees the solution.")
    assert state(host)["questions"][0]["revealed"] is False
    room.command("ask_again", question)
    host.expect_step("Close voting")
    expect(host.page.locator("#solution-seen")).to_contain_text("Only you")


def test_adding_up_points_is_asked_before_the_first_question_opens(host: HostPage, room: Room) -> None:
    write_quiz(host, 1)
    host.page.get_by_role("button", name="Add and open").click()
    expect(dialog(host)).to_be_visible()
    assert room.state()["current"] is None
    host.page.get_by_role("button", name="Add up points in this room").click()
    host.expect_step("Close voting")
    assert room.state()["linked"] is True


def test_who_declines_can_still_choose_until_it_is_too_late(host: HostPage, room: Room) -> None:
    write_quiz(host, 1)
    add(host)
    host.page.get_by_role("button", name="Not now").click()
    expect(host.page.locator("#solution")).to_contain_text("This room adds up no points yet")
    # Asked once: the second quiz question is added without a word.
    write_quiz(host, 0, text="And this?")
    add(host)
    expect(host.questions).to_have_count(2)
    expect(dialog(host)).to_be_hidden()
    host.page.get_by_role("button", name="Add up points …").click()
    expect(dialog(host)).to_be_visible()
    # Somebody else opens the question meanwhile.
    room.command("open", "q1")
    expect(dialog(host)).to_contain_text("This room adds up no points: that has to be chosen before")
    expect(host.page.get_by_role("button", name="Add up points in this room")).to_be_hidden()
    host.page.keyboard.press("Escape")
    expect(host.page.locator("#offer-points")).to_be_hidden()
    expect(host.page.locator("#show-leaderboard")).to_be_hidden()


def test_a_refusal_stands_in_the_dialog_that_was_used(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(f"status of 409|{OFFLINE}")
    write_quiz(host, 1)
    add(host)
    expect(dialog(host)).to_be_visible()
    host.page.route("**/commands", lambda route: (room.command("open", "q1"), route.continue_())[1])
    host.page.get_by_role("button", name="Add up points in this room").click()
    note = host.page.locator("#leaderboard-note")
    expect(note).to_have_text(
        "A question was opened before. Points can be added up only in a room that begins with it."
    )
    expect(note).to_have_attribute("data-tone", "error")
    assert state(host)["linked"] is False


def test_refusals_and_charts_speak_the_language_of_the_page(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    host = HostPage(visitors.enter(locale="de-DE").new_page())
    host.open(room.host)
    host.page.locator("#add-options").fill("Ja\nNein")
    host.page.locator("#add-submit").click()
    alert = host.page.get_by_role("alert")
    # What is special about the case has no text of its own: better in English than not at all.
    said = "So kann die Frage nicht gestellt werden. (a question's text has 1 to 500 characters.)"
    expect(alert).to_have_text(said)
    question = room.ask("Wie war es?", kind="rating", reveal=True)
    with crowd(room, 2) as voters:
        voters.answer(question, [{"value": 4}, {"value": 5}])
        expect(host.page.locator("#plot .r-head")).to_contain_text("Durchschnitt")
        expect(host.page.locator("#plot .r-table thead")).to_contain_text("Anteil")
        # An answer that comes too late: the question is closed already.
        room.command("close", question)
        # The page knows already: its next step would take a refusal of the last one away.
        eventually(host.page, lambda: host.page.evaluate("room.questions[0].phase"), "closed")
        host.page.evaluate("id => command('close', id)", question)
        expect(host.message).to_have_text("Die Abstimmung über diese Frage ist beendet.")


def test_a_rehearsal_says_so_and_is_ended_from_its_console(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 404")
    room.add("Tea or coffee?", "Tea", "Coffee")
    trial = room.rehearse(voters=3)
    host, other = HostPage(visitors.enter().new_page()), HostPage(visitors.enter(viewport=PHONE).new_page())
    for page in (host, other):
        page.open(trial.host)
        expect(page.page.get_by_role("region", name="Rehearsal: nothing counts")).to_be_visible()
    host.step("Open voting")
    host.expect_step("Close voting")
    expect(host.voted).to_have_text(re.compile(r"^[1-3] of \d"))
    host.page.get_by_role("button", name="End rehearsal").click()
    host.page.get_by_role("dialog").get_by_role("button", name="End the rehearsal").click()
    for page in (host, other):
        expect(page.banner).to_contain_text("The rehearsal is over, and nothing of it was kept.")
        expect(page.page.locator("#console")).to_be_hidden()
        expect(page.page.locator("#retry")).to_be_hidden()
        expect(page.page.locator("#rehearsal-band")).to_be_hidden()


def test_a_real_room_has_no_strip(host: HostPage) -> None:
    expect(host.page.locator("#rehearsal-band")).to_be_hidden()
