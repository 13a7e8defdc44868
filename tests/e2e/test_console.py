"""The host's console beyond the plain vote: every kind from the form, timers, rounds, judging, co-hosts, a phone."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from livevote.web import catalogs
from livevote.web.languages import LANGUAGES
from tests.e2e.conftest import PHONE, MakeVoter
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_layout import SMALL, Scheme, check, expect_fits
from tests.e2e.visitors import Visitors

pytestmark = pytest.mark.browser

OPTIONS = ("Budget", "Roof", "Party")
KINDS: dict[str, tuple[dict[str, str | bool], dict[str, Any], str]] = {
    "single": ({"#add-options": "\n".join(OPTIONS)}, {"max": 1, "min": 1}, "Single choice"),
    "multiple": (
        {"#add-options": "\n".join(OPTIONS), "#add-max": "2"},
        {"max": 2, "min": 1},
        "Multiple choice · 1 to 2",
    ),
    "approval": ({"#add-options": "\n".join(OPTIONS)}, {"max": 3, "min": 0}, "Approval"),
    "yesno": (
        {"#add-majority": "two_thirds", "#add-eligible": "40", "#add-quorum": "50"},
        {"eligible": 40, "majority": "two_thirds", "quorum_percent": 50},
        "Motion: yes, no, abstain · Two thirds of yes and no · quorum 50% of 40",
    ),
    "rating": ({"#add-style": "nps"}, {"style": "nps", "top": 10}, "Rating · 0 to 10 (NPS)"),
    "ranking": (
        {"#add-options": "\n".join(OPTIONS), "#add-top": "2"},
        {"top": 2},
        "Ranking · at least 2",
    ),
    "estimate": (
        {"#add-low": "0.5", "#add-high": "20", "#add-decimals": "2", "#add-unit": "km", "#add-truth": "1.15"},
        {"decimals": 2, "max": 2000, "min": 50, "truth": 115, "unit": "km"},
        "Estimate · 0.50\u201320.00\u00a0km",
    ),
    "text": (
        {"#add-chars": "80", "#add-text-approval": False},
        {"approval": False, "max_chars": 80},
        "Open answer",
    ),
    "cloud": (
        {"#add-terms": "2", "#add-language": "de", "#add-cloud-approval": True},
        {"approval": True, "language": "de", "max_chars": 30, "max_terms": 2},
        "Word cloud · shown once you have checked it",
    ),
}
"""What is filled in, which rules come of it, and how the console names them."""


_WHOLE = """all => {
  const list = document.getElementById("questions").getBoundingClientRect();
  const isWhole = ({ top, bottom }) => top >= list.top - 1 && bottom <= list.bottom + 1;
  return all.filter((each) => isWhole(each.getBoundingClientRect())).length;
}"""


def state(host: HostPage) -> dict[str, Any]:
    """What the server told the console last."""
    found: dict[str, Any] = host.page.evaluate("() => room")
    return found


def fill(host: HostPage, place: str, value: str | bool) -> None:
    field = host.page.locator(place)
    if isinstance(value, bool):
        field.set_checked(value)
    elif field.evaluate("found => found.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(value)


def seconds_left(host: HostPage) -> int:
    minutes, seconds = host.page.locator("#countdown").inner_text().split(":")
    return 60 * int(minutes) + int(seconds)


def table(place: Locator) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in place.locator("tr").all()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_of_each_kind_is_made_with_the_form_and_opened(kind: str, host: HostPage) -> None:
    fields, rules, named = KINDS[kind]
    host.page.locator("#add-text").fill("What about it?")
    host.page.locator("#add-kind").select_option(kind)
    for place, value in fields.items():
        fill(host, place, value)
    host.page.get_by_role("button", name="Add question").click()
    expect(host.questions).to_have_count(1)
    question = state(host)["questions"][0]
    assert (question["kind"], question["rules"]) == (kind, rules)
    assert question["options"] == (list(OPTIONS) if "#add-options" in fields else [])
    expect(host.page.locator("#rule")).to_have_text(named)
    expect(host.page.locator("#add-text")).to_have_value("")
    host.step("Open voting")
    host.expect_step("Close voting")
    expect(host.voted).to_have_text("0 of 0")


def test_pictures_are_sent_named_and_taken_away_again(host: HostPage) -> None:
    def upload(name: str, colour: str) -> dict[str, Any]:
        file = io.BytesIO()
        Image.new("RGB", (60, 40), colour).save(file, "PNG")
        return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}

    host.page.locator("#add-text").fill("Which logo?")
    host.page.locator("#add-kind").select_option("image")
    files = [upload("wrong.png", "red"), upload("sea.png", "blue"), upload("wood.png", "green")]
    host.page.locator("#add-pictures").set_input_files(files)  # type: ignore[arg-type]
    expect(host.page.locator("#pictures img")).to_have_count(3)
    host.page.get_by_label("Caption of picture 3").fill("The wood")
    host.page.get_by_role("button", name="Remove picture 1").click()
    expect(host.page.locator("#pictures img")).to_have_count(2)
    host.page.get_by_role("button", name="Add and open").click()
    host.expect_step("Close voting")
    question = state(host)["questions"][0]
    assert (question["options"], len(set(question["rules"]["pictures"]))) == (["sea", "The wood"], 2)
    shown = host.page.locator("#plot img")
    expect(shown).to_have_count(2)
    eventually(host.page, lambda: shown.evaluate_all("all => all.map(each => each.naturalWidth)"), [60, 60])
    expect(host.page.locator("#pictures img")).to_have_count(0)


def test_a_question_waits_for_its_pictures_and_comes_once(host: HostPage, room: Room) -> None:
    held: list[Route] = []
    host.page.route("**/pictures", lambda route: held.append(route))
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "blue").save(file, "PNG")
    host.page.locator("#add-text").fill("Which logo?")
    host.page.locator("#add-kind").select_option("image")
    files = [{"name": f"{name}.png", "mimeType": "image/png", "buffer": file.getvalue()} for name in ("a", "b")]
    host.page.locator("#add-pictures").set_input_files(files)  # type: ignore[arg-type]
    # Both buttons, one right after the other, before the pictures are there.
    host.page.evaluate("() => { element['add-submit'].click(); element['add-open'].click(); }")
    for number in range(2):
        eventually(host.page, lambda number=number: len(held) > number, True)  # type: ignore[misc]
        held[number].continue_()
    expect(host.questions).to_have_count(1)
    expect(host.page.locator("#add-text")).to_have_value("")
    (question,) = room.state()["questions"]
    assert (question["options"], question["phase"]) == (["a", "b"], "draft")


def test_a_spontaneous_question_takes_the_text_the_options_and_one_press(host: HostPage) -> None:
    host.press("Space", "Add a question")
    host.page.keyboard.type("Break now?")
    host.page.locator("#add-options").fill("Yes\nNo")
    host.page.get_by_role("button", name="Add and open").click()
    host.expect_step("Close voting")
    expect(host.question).to_have_text("Break now?")


def test_after_the_last_question_the_results_are_one_press_away(host: HostPage, room: Room) -> None:
    save = host.page.get_by_role("button", name="Save the results")
    host.expect_step("Add a question")
    expect(save).to_be_hidden()
    for text in ("Which colour?", "Which day?"):
        room.add(text, *OPTIONS)
    host.questions.first.click()
    for label in ("Open voting", "Close voting", "Reveal results"):
        host.step(label)
    # Another one is prepared, so this is not the end.
    host.expect_step("Next question")
    expect(save).to_be_hidden()
    for label in ("Next question", "Close voting", "Reveal results"):
        host.step(label)
    host.expect_step("Add a question")
    expect(host.next).to_have_text("That was the last question.")
    save.click()
    expect(host.page.locator("#exports")).to_be_visible()
    expect(host.page.locator("#exports a").first).to_be_visible()
    host.page.keyboard.press("Escape")
    expect(host.page.locator("#exports")).to_be_hidden()
    # An older one that is open again is not the end either.
    host.questions.first.click()
    host.ask_again.click()
    host.expect_step("Close voting")
    host.questions.last.click()
    host.expect_step("Add a question")
    expect(host.next).to_have_text("")
    expect(save).to_be_hidden()


def test_what_became_of_a_spontaneous_question_is_in_sight(host: HostPage, visitors: Visitors) -> None:
    def ask(text: str) -> None:
        host.page.locator("#add-text").fill(text)
        host.page.locator("#add-options").fill("Yes\nNo")
        host.page.get_by_role("button", name="Add and open").click()

    visitors.expect_complaints("status of 409")
    host.page.set_viewport_size({"width": 1280, "height": 560})
    ask("Break now?")
    host.expect_step("Close voting")
    expect(host.question).to_be_in_viewport()
    expect(host.page.locator("#primary")).to_be_in_viewport()
    # A second one cannot be opened beside it.
    ask("Or later?")
    expect(host.page.locator("#message")).to_have_attribute("data-tone", "error")
    expect(host.page.locator("#message")).to_be_in_viewport()


def test_a_timer_is_chosen_stretched_cut_and_closes_the_vote(host: HostPage, room: Room) -> None:
    room.add("Tea or coffee?", "Tea", "Coffee")
    host.expect_step("Open voting")
    host.page.keyboard.press("t")
    host.page.keyboard.press("t")
    expect(host.next).to_have_text("Voting closes by itself after 1:00.")
    expect(host.page.get_by_role("button", name="60 s")).to_have_attribute("aria-pressed", "true")
    host.step("Open voting")
    host.expect_step("Close voting")
    countdown = host.page.locator("#countdown")
    expect(countdown).to_have_text(re.compile(r"^(1:00|0:5\d)$"))
    host.page.keyboard.press("t")
    expect(countdown).to_have_text(re.compile(r"^1:(30|2\d)$"))
    host.page.get_by_role("button", name="+30 s").click()
    expect(countdown).to_have_text(re.compile(r"^(2:00|1:5\d)$"))
    host.page.get_by_role("button", name="\u221230 s").click()
    expect(countdown).to_have_text(re.compile(r"^1:(30|[12]\d)$"))
    assert seconds_left(host) > 60
    host.page.get_by_role("button", name="No timer").click()
    expect(countdown).to_be_hidden()
    assert state(host)["questions"][0]["closes_at"] is None
    host.page.get_by_label("Other seconds").fill("5")
    host.page.keyboard.press("Enter")
    expect(countdown).to_be_visible()
    host.expect_step("Reveal results")


def test_a_timer_that_was_chosen_is_for_one_opening(host: HostPage, room: Room) -> None:
    first = room.add("Tea or coffee?", "Tea", "Coffee")
    room.add("Now or later?", "Now", "Later")
    pressed = host.page.locator('#presets [aria-pressed="true"]')
    host.page.get_by_role("button", name="60 s").click()
    expect(host.next).to_have_text("Voting closes by itself after 1:00.")
    host.step("Open voting")
    host.step("Close voting")
    host.step("Reveal results")
    host.expect_step("Next question")
    expect(pressed).to_have_count(0)
    expect(host.page.get_by_label("Other seconds")).to_have_value("")
    expect(host.next).to_have_text("Opens voting on “Now or later?”.")
    host.step("Next question")
    host.expect_step("Close voting")
    assert [question["closes_at"] is None for question in state(host)["questions"]] == [True, True]
    host.step("Close voting")
    # The same with seconds of one's own, and in another round.
    host.page.locator(f'[data-question="{first}"]').click()
    own = host.page.get_by_label("Other seconds")
    own.fill("90")
    own.press("Tab")
    expect(own).to_have_value("90")
    host.ask_again.click()
    host.expect_step("Close voting")
    assert seconds_left(host) > 60
    host.step("Close voting")
    expect(own).to_have_value("")
    host.ask_again.click()
    host.expect_step("Close voting")
    expect(host.page.locator("#countdown")).to_be_hidden()


def test_a_long_list_shows_where_it_goes_on_and_goes_along(host: HostPage, room: Room) -> None:
    host.page.set_viewport_size({"width": 1280, "height": 800})
    for number in range(12):
        room.add(f"Question {number + 1}: which of these shall we take up?", "Tea", "Coffee")
    expect(host.questions).to_have_count(12)
    fade = host.page.locator("#fade")
    assert host.questions.evaluate_all(_WHOLE) >= 4
    expect(fade).to_have_attribute("data-below", "")
    expect(fade).not_to_have_attribute("data-above", "")
    edge = "(fade, side) => getComputedStyle(fade, side).visibility"
    assert [fade.evaluate(edge, side) for side in ("::before", "::after")] == ["hidden", "visible"]
    # Somebody else opens the last one; then it is scrolled by keyboard.
    room.command("open", "q12")
    expect(host.question).to_have_text(re.compile("^Question 12"))
    expect(fade).to_have_attribute("data-above", "")
    expect(fade).not_to_have_attribute("data-below", "")
    shown = host.page.locator('#questions [aria-current="true"]')
    assert shown.evaluate_all(_WHOLE) == 1
    for _ in range(6):
        host.page.keyboard.press("ArrowUp")
    expect(shown).to_contain_text("Question 6")
    assert shown.evaluate_all(_WHOLE) == 1
    assert host.page.evaluate("() => scrollY") == 0
    expect(fade).to_have_attribute("data-below", "")


def test_the_wall_is_said_to_be_for_the_projector(host: HostPage) -> None:
    wall = host.page.get_by_role("link", name="Open the wall")
    expect(wall).to_have_accessible_description("For the projector")
    expect(wall.get_by_text("For the projector")).to_be_visible()


def test_a_countdown_runs_on_the_servers_clock(host: HostPage, room: Room, visitors: Visitors) -> None:
    room.set_timer(room.ask("Tea or coffee?", "Tea", "Coffee"), 600)
    # A device whose clock is an hour ahead.
    ahead = visitors.enter()
    ahead.add_init_script("{ const now = Date.now; Date.now = () => now() + 3600000; }")
    other = HostPage(ahead.new_page())
    other.open(room.host)
    for page in (host, other):
        expect(page.page.locator("#countdown")).to_have_text(re.compile("^(10:00|9:5[0-9])$"))
    assert abs(seconds_left(host) - seconds_left(other)) <= 2


def test_two_rounds_are_compared_as_charts_and_in_numbers(host: HostPage, room: Room) -> None:
    question = room.ask("Where?", "Harbour", "Garden")
    with crowd(room, 4) as voters:
        voters.vote(question, [(0,), (1,), (1,), (1,)])
        room.command("close", question)
        room.command("ask_again", question)
        voters.vote(question, [(0,), (0,), (1,)], round_=2)
    expect(host.counts).to_have_text(["2", "1"])
    host.page.locator("#compare summary").click()
    expect(host.page.locator("#sides canvas")).to_have_count(2)
    differences = host.page.locator("#differences")
    assert table(differences) == [
        ["Answer", "Round 1: votes", "Round 2: votes", "Difference"],
        ["Harbour", "1 · 25%", "2 · 67%", "+42 pp"],
        ["Garden", "3 · 75%", "1 · 33%", "\u221242 pp"],
        ["People who voted", "4", "3", "\u22121"],
    ]
    host.page.get_by_label("On one side").select_option("2")
    expect(differences.locator("tbody tr").first).to_contain_text("0 pp")


def test_texts_are_judged_one_by_one_and_all_at_once(host: HostPage, room: Room) -> None:
    question = room.ask("What comes to mind?", kind="cloud", rules={"approval": True}, reveal=True)
    with crowd(room, 3) as voters:
        voters.answer(question, [{"terms": ["Trees", "rude"]}, {"terms": ["trees", "Rain"]}, {"terms": ["Coffee"]}])
    judge = host.page.locator("#judge")
    terms = judge.locator("#terms li")
    expect(terms.locator(".text")).to_have_text(["Trees", "Coffee", "Rain", "rude"], ignore_case=True)
    expect(terms.first).to_contain_text("2 \u00d7")
    expect(host.page.locator("#plot")).to_be_hidden()
    terms.filter(has_text="rude").get_by_role("button", name="Hide").click()
    expect(judge.get_by_role("button", name="Hidden (1)")).to_be_visible()
    expect(judge.locator("#judge-show")).to_have_attribute("aria-disabled", "true")
    judge.get_by_label("Select all").check()
    judge.locator("#judge-show").click()
    expect(judge).to_contain_text("To check (0)")
    expect(judge).to_contain_text("Nothing here.")
    expect(host.page.locator("#plot .r-table tbody tr")).to_have_count(3)
    judge.get_by_role("button", name="Shown (3)").click()
    terms.filter(has_text="Rain").get_by_role("checkbox").check()
    judge.locator("#judge-hide").click()
    expect(judge).to_contain_text("Hidden (2)")
    expect(host.page.locator("#plot .r-table tbody tr")).to_have_count(2)
    assert sorted(text for text, _ in state(host)["questions"][0]["figures"]["terms"]) == ["Coffee", "Trees"]


def test_the_focus_goes_on_beside_a_button_that_is_gone(host: HostPage, room: Room) -> None:
    question = room.ask("What else?", kind="text")
    with crowd(room, 3) as voters:
        voters.answer(question, [{"text": "A roof"}, {"text": "A party"}, {"text": "Nothing"}])
        terms = host.page.locator("#terms li")
        expect(terms).to_have_count(3)
        first = terms.first.get_by_role("button", name="Show")
        tab_to(host.page, first)
        host.page.keyboard.press("Space")
        expect(terms).to_have_count(2)
        assert has_focus(terms.first.get_by_role("checkbox"))
        # The same key once more ticks a box, and closes nothing.
        host.page.keyboard.press("Space")
        expect(terms.first.get_by_role("checkbox")).to_be_checked()
        host.page.locator("#judge-all").check()
        host.page.locator("#judge-hide").focus()
        host.page.keyboard.press("Enter")
        expect(terms).to_have_count(0)
        assert has_focus(host.page.locator('#judge-tabs [aria-pressed="true"]'))
        host.expect_step("Close voting")
    # A timer that was set takes the place of the buttons that set it.
    host.page.get_by_role("button", name="2 min").focus()
    host.page.keyboard.press("Enter")
    expect(host.page.locator("#countdown")).to_be_visible()
    assert has_focus(host.primary)


def test_a_cohost_comes_by_a_link_and_is_thrown_out(host: HostPage, room: Room, visitors: Visitors) -> None:
    room.add("Shall we start?", "Yes", "No")
    host.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    host.page.get_by_label("Name of the co-host").fill("Ann")
    host.page.get_by_role("button", name="Add", exact=True).click()
    cohost = host.page.locator("#cohosts li")
    expect(cohost).to_contain_text("Ann")
    cohost.get_by_role("button", name="Copy link").click()
    expect(host.message).to_have_text("The link for Ann is copied. Give it to nobody else.")
    link = host.page.evaluate("() => navigator.clipboard.readText()")

    ann = HostPage(visitors.enter(viewport=PHONE).new_page())
    ann.open(link)
    expect(ann.page.locator("#cohosts")).to_contain_text("Ann")
    for reload in (False, True):
        if reload:
            ann.page.reload()
            ann.expect_console()
        expect(ann.page.locator("#cohost-form")).to_be_hidden()
        expect(ann.page.get_by_role("button", name="Revoke")).to_be_hidden()
        expect(ann.page.locator("#cohosts-hint")).to_have_text("Only the host's own link adds and revokes co-hosts.")
    ann.step("Open voting")
    host.expect_step("Close voting")

    cohost.get_by_role("button", name="Revoke").click()
    expect(host.message).to_have_text("The link of Ann leads nowhere any more.")
    expect(cohost).to_have_count(0)
    expect(ann.message).to_have_text("Your link as a co-host was revoked. Ask the host for another one.")
    expect(ann.page.locator("#console")).to_be_hidden()
    expect(ann.page.locator("#sign-in")).to_be_visible()
    host.expect_step("Close voting")


def test_the_health_of_the_room_is_in_sight(host: HostPage, room: Room, voter: MakeVoter) -> None:
    room.ask("Tea or coffee?", "Tea", "Coffee")
    page = voter()
    page.vote("Tea")
    health = host.page.locator("#health")
    expect(host.online).to_have_text("1")
    expect(host.voted).to_have_text("1 of 1")
    expect(health).to_contain_text("Reconnecting")
    expect(health).to_contain_text("Oldest unanswered")
    expect(host.page.locator("#reconnecting")).to_have_text("0")
    expect(host.page.get_by_role("link", name="Open the wall")).to_have_attribute("href", f"/wall/{room.code}")


def test_f_fills_the_screen_and_gives_it_back(host: HostPage) -> None:
    host.page.keyboard.press("f")
    eventually(host.page, lambda: host.page.evaluate("() => document.fullscreenElement !== null"), True)
    host.page.keyboard.press("f")
    eventually(host.page, lambda: host.page.evaluate("() => document.fullscreenElement !== null"), False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_the_next_step_under_the_thumb(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    phone = {"width": 360, "height": 740}
    host = HostPage(visitors.enter(viewport=phone, color_scheme=scheme).new_page())
    host.open(room.host)
    for kind in KINDS:
        host.page.locator("#add-kind").select_option(kind)
        check(host.page, scheme, where=f"the form for {kind}")
    question = room.ask("What comes to mind?", kind="text", rules={"approval": True})
    room.set_timer(question, 600)
    with crowd(room, 2) as voters:
        voters.answer(question, [{"text": "A rather long text " * 6}, {"text": "Donaudampfschiff" * 10}])
        expect(host.page.locator("#terms li")).to_have_count(2)
        check(host.page, scheme, where="texts to judge")
        room.command("close", question)
        room.command("ask_again", question)
        voters.answer(question, [{"text": "Short"}], round_=2)
    expect(host.page.locator("#compare")).to_be_visible()
    host.page.locator("#compare summary").click()
    check(host.page, scheme, where="two rounds")
    box = host.primary.bounding_box()
    assert box is not None
    assert phone["height"] - box["y"] - box["height"] < 24, "the next step is at the lower edge, however long the page"
    host.step("Close voting")
    host.expect_step("Reveal results")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_a_phone_shows_what_is_asked_without_scrolling(language: str, room: Room, visitors: Visitors) -> None:
    room.command("switch_board", on=True, approval=True, per_voter=5)
    room.command("switch_reactions", on=True)
    room.link_pseudonyms()
    question = room.ask("Where shall we meet?", *OPTIONS)
    room.set_timer(question, 600)
    host = HostPage(visitors.enter(viewport={"width": 360, "height": 740}, locale=language).new_page())
    host.open(room.host)
    expect(host.page.locator("#countdown")).to_be_visible()
    expect(host.page.locator("#pulse")).to_be_visible()
    bar = host.page.locator("#action").bounding_box()
    assert bar is not None
    for place in (host.voted, host.question, host.toggle_results):
        box = place.bounding_box()
        assert box is not None
        assert box["y"] > 0
        assert box["y"] + box["height"] < bar["y"], "it is below the bar with the next step"


def test_the_buttons_beside_the_next_step_stay_in_their_place(host: HostPage, room: Room) -> None:
    room.ask("Which?", *OPTIONS, reveal=True)
    room.command("close")
    host.expect_step("Add a question")
    before = host.toggle_results.bounding_box()
    assert before is not None
    for text in (
        "Short?",
        "Which of the many things that we have spoken about all evening shall be the first to be done?",
    ):
        added = room.add(text, *OPTIONS)
        host.expect_step("Next question")
        expect(host.next).to_contain_text(text)
        after = host.toggle_results.bounding_box()
        assert after is not None
        assert after["x"] == before["x"]
        room.command("remove_question", added)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_console_speaks_each_language_on_a_small_phone(language: str, room: Room, visitors: Visitors) -> None:
    texts = catalogs.load()[language]
    room.ask("Which?", *OPTIONS, reveal=True)
    phone = visitors.enter(viewport=SMALL, locale=language)
    host = HostPage(phone.new_page())
    host.open(room.host)
    expect(host.page.locator("html")).to_have_attribute("dir", LANGUAGES[language].direction)
    host.expect_step(texts["host.step.close"])
    for kind in ("single", "yesno", "estimate", "cloud"):
        host.page.locator("#add-kind").select_option(kind)
        expect_fits(host.page, where=f"the form for {kind}")
    host.primary.click()
    host.expect_step(texts["host.step.add"])
    shown = host.page.locator("body").inner_text()
    assert "{" not in shown, "a place that was not filled in"
    assert not re.search(r"\b(host|close|client)\.[a-z_]+", shown), "a key without a text"
    expect_fits(host.page, where="a closed question")


def test_the_console_changes_its_language_and_stays_the_hosts(host: HostPage) -> None:
    host.page.get_by_role("button", name="Deutsch").click()
    expect(host.page.locator("html")).to_have_attribute("lang", "de")
    host.expect_console()
    host.expect_step("Frage hinzufügen")
    expect(host.page.get_by_role("button", name="Leitungslink kopieren")).to_be_visible()
