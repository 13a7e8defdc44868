"""Every kind of question as a voter meets it: a vote, a change, the result as chart and table, and a reload."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, WebSocketRoute, expect

from livevote.domain.text import clean
from tests.e2e.conftest import MakeVoter, join
from tests.e2e.crowd import crowd
from tests.e2e.pages import VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_layout import SMALL, check
from tests.e2e.visitors import Visitors

pytestmark = pytest.mark.browser

COLOURS = ("Red", "Green", "Blue")


def radio(page: VoterPage, name: str) -> Locator:
    return page.options.get_by_role("radio", name=name, exact=True)


def expect_sent(page: VoterPage) -> None:
    expect(page.status).to_contain_text("Counted ✓")
    expect(page.status).to_have_attribute("data-look", "counted")
    page.expect_receipt()


def expect_table(page: VoterPage, *rows: str) -> None:
    """The rows of the table, each as its cells with a bar between them."""
    table = """() => [...document.querySelectorAll("#result tbody tr")]
      .map((row) => [...row.cells].map((cell) => cell.textContent.trim()).join(" | "))"""
    eventually(page.page, lambda: page.page.evaluate(table), list(rows))


def expect_canvas(page: VoterPage) -> None:
    canvas = page.page.locator("#result canvas")
    expect(canvas).to_be_visible()
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    eventually(page.page, lambda: canvas.evaluate(drawn), True)


def expect_told(page: VoterPage, *answers: str) -> None:
    """The receipts tell these answers in words, the newest first."""
    page.open_panel()
    told = page.panel.get_by_role("listitem")
    for place, answer in enumerate(answers):
        expect(told.nth(place)).to_contain_text(f"Your answer: {answer}")
    expect(told).to_have_count(len(answers))
    page.page.keyboard.press("Escape")


def test_a_motion(room: Room, voter: MakeVoter) -> None:
    question = room.ask("Do you approve?", kind="yesno", rules={"majority": "two_thirds"}, reveal=True)
    page = voter()
    page.vote("No")
    page.vote("Yes")
    page.expect_results([1, 0, 0], voters=1)
    page.expect_own_answer("Yes")
    room.command("close", question)
    expect(page.results).to_contain_text("Passed")
    page.page.reload()
    page.expect_own_answer("Yes")
    expect_canvas(page)
    expect_told(page, "Yes", "No")


def test_a_rating_with_stars(room: Room, voter: MakeVoter) -> None:
    room.ask("How was it?", kind="rating", reveal=True)
    page = voter()
    expect(page.options).to_have_role("radiogroup")
    radio(page, "2 of 5").click()
    expect_sent(page)
    radio(page, "4 of 5").click()
    expect(radio(page, "4 of 5")).to_be_checked()
    expect(radio(page, "2 of 5")).not_to_be_checked()
    expect(page.page.locator("[data-lit]")).to_have_count(4)
    page.expect_results([0, 0, 0, 1, 0], voters=1)
    expect(page.results).to_contain_text("Average 4.0 of 5")
    page.page.reload()
    expect(radio(page, "4 of 5")).to_be_checked()
    expect(radio(page, "4 of 5")).to_have_attribute("data-mark", "counted")
    expect_told(page, "4 of 5", "2 of 5")


def test_a_recommendation_with_the_keyboard_alone(room: Room, voter: MakeVoter) -> None:
    room.ask("Would you recommend us?", kind="rating", rules={"style": "nps"}, reveal=True)
    page = voter()
    expect(page.options.get_by_role("radio")).to_have_count(11)
    tab_to(page.page, radio(page, "0"))
    page.page.keyboard.press("ArrowLeft")
    assert has_focus(radio(page, "10"))
    page.page.keyboard.press("ArrowUp")
    assert has_focus(radio(page, "9"))
    page.expect_results([0] * 11, voters=0)
    page.page.keyboard.press("Space")
    expect_sent(page)
    page.expect_results([0] * 9 + [1, 0], voters=1)
    # The whole scale is one stop of the tab key, and that is the grade that was given.
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Tab")
    assert has_focus(radio(page, "9"))
    expect(page.results).to_contain_text("Net promoter score +100")
    expect_told(page, "9")


def test_an_estimate(room: Room, voter: MakeVoter) -> None:
    rules = {"min": 0, "max": 300, "decimals": 2, "unit": "kg", "truth": 217}
    room.ask("How heavy?", kind="estimate", rules=rules, reveal=True)
    page = voter()
    field = page.options.get_by_label("Your number")
    reading = page.page.locator(".beside")
    for typed, why in (
        ("", "Write a number to send."),
        ("about two", "Write a number to send."),
        ("1.234", "Write at most 2 digits after the point."),
        ("3.01", "The number must be from 0.00 kg to 3.00 kg."),
        ("-1", "The number must be from 0.00 kg to 3.00 kg."),
    ):
        field.fill(typed)
        expect(page.send_reason).to_have_text(why)
        expect(page.send).to_be_disabled()
        expect(field).to_have_attribute("aria-invalid", "true" if typed else "false")
    for typed, read in (
        ("1.5", "1.50"),
        ("1,5 kg", "1.50"),
        ("\u0662\u066b\u0662\u0665", "2.25"),
        (" 02.500 ", "2.50"),
        (".5", "0.50"),
    ):
        field.fill(typed)
        expect(reading).to_have_text(f"= {read}\u00a0kg")
        expect(page.send).to_be_enabled()
    field.press("Enter")
    expect_sent(page)
    field.fill("2,5")
    expect(page.status).to_contain_text("Not sent yet.")
    page.send.click()
    expect_sent(page)
    expect(field).to_have_value("2.50")
    expect(page.results).to_contain_text("Median 2.50\u00a0kg")
    expect_canvas(page)
    expect(page.results.locator("tr[data-mine]")).to_contain_text("2.40 to 2.54\u00a0kg")
    page.page.reload()
    expect(field).to_have_value("2.50")
    expect(page.results.locator("tr[data-mine]")).to_contain_text("2.40 to 2.54\u00a0kg")
    expect_told(page, "2.50\u00a0kg", "0.50\u00a0kg")
    assert "217" not in "".join(re.findall('"rules":{.*?}', "".join(page.received)))


@pytest.mark.parametrize(
    ("locale", "typed", "value"),
    [
        ("en", "1,500", 150000),
        ("en", "1.500", 150),
        ("en", "1,234,567.5", 123456750),
        ("en", "1'500", 150000),
        ("de", "1.500", 150000),
        ("de", "1,5", 150),
        ("de", "1.234.567,50", 123456750),
        ("fr", "1\u202f500,5", 150050),
        ("ar", "\u0661\u066c\u0665\u0660\u0660\u066b\u0665", 150050),
        ("en", "\u22122", -200),
        ("ja", "\uff11\uff12", 1200),
    ],
)
def test_a_number_is_read_as_people_write_it(
    locale: str, typed: str, value: int, room: Room, visitors: Visitors
) -> None:
    page = join(visitors.enter(locale=locale), room.join)
    rules = {"min": -(10**9), "max": 10**9, "decimals": 2, "unit": ""}
    assert page.page.evaluate("([typed, rules]) => readNumber(typed, rules)", [typed, rules]) == {"value": value}


def places(page: VoterPage) -> list[str]:
    """The options from the top, as a screen reader hears them."""
    return [item.get_attribute("aria-label") or "" for item in page.options.locator("li > button:first-child").all()]


def test_a_ranking_by_taps_and_steps(room: Room, voter: MakeVoter) -> None:
    room.ask("Which order?", *COLOURS, kind="ranking", reveal=True)
    page = voter()
    assert places(page) == [f"{colour}, without a place" for colour in COLOURS]
    expect(page.send_reason).to_have_text("Choose 3 more to send.")
    for colour in ("Blue", "Red", "Green"):
        page.options.get_by_role("button", name=f"{colour}, without").click()
    assert places(page) == ["Blue, place 1 of 3", "Red, place 2 of 3", "Green, place 3 of 3"]
    page.send.click()
    expect_sent(page)
    page.expect_results([1, 0, 2], voters=1)
    page.options.get_by_role("button", name="Green: one place up").click()
    assert places(page) == ["Blue, place 1 of 3", "Green, place 2 of 3", "Red, place 3 of 3"]
    expect(page.page.locator("#announce")).to_have_text("Green, place 2 of 3")
    expect(page.options.get_by_role("button", name="Blue: one place up")).to_be_disabled()
    expect(page.options.get_by_role("button", name="Red: one place down")).to_be_disabled()
    page.send.click()
    expect_sent(page)
    page.expect_results([0, 1, 2], voters=1)
    expect(page.results.locator("tr[data-mine]")).to_contain_text(
        ["✓ your choice 3", "✓ your choice 2", "✓ your choice 1"]
    )
    page.page.reload()
    page.expect_connected()
    eventually(page.page, lambda: places(page), ["Blue, place 1 of 3", "Green, place 2 of 3", "Red, place 3 of 3"])
    expect_told(page, "1. Blue, 2. Green, 3. Red", "1. Blue, 2. Red, 3. Green")


def test_a_ranking_with_the_keyboard_keeps_the_focus(room: Room, voter: MakeVoter) -> None:
    room.ask("Which order?", *COLOURS, kind="ranking", rules={"top": 2})
    page = voter()
    for colour in ("Red", "Blue"):
        tab_to(page.page, page.options.get_by_role("button", name=f"{colour}, without"))
        page.page.keyboard.press("Space")
    # A third one is welcome, but nobody has to give it.
    expect(page.send).to_be_enabled()
    blue = page.options.locator('li[data-choice="2"] > button').first
    assert has_focus(blue)
    page.page.keyboard.press("ArrowUp")
    assert places(page) == ["Blue, place 1 of 2", "Red, place 2 of 2", "Green, without a place"]
    assert has_focus(blue)
    page.page.keyboard.press("ArrowDown")
    assert places(page)[:2] == ["Red, place 1 of 2", "Blue, place 2 of 2"]
    assert has_focus(blue)
    page.page.keyboard.press("Space")
    assert places(page) == ["Red, place 1 of 1", "Green, without a place", "Blue, without a place"]
    expect(page.send_reason).to_have_text("Choose 1 more to send.")


def test_a_ranking_by_dragging(room: Room, visitors: Visitors) -> None:
    room.ask("Which order?", *COLOURS, kind="ranking")
    page = join(visitors.enter(viewport={"width": 390, "height": 844}, has_touch=True), room.join)
    for colour in COLOURS:
        page.options.get_by_role("button", name=f"{colour}, without").tap()

    def middle(colour: str) -> tuple[float, float]:
        box = page.options.locator("li", has_text=colour).locator(".place").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    touch = page.page.context.new_cdp_session(page.page)

    def finger(kind: str, *at: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]})

    (x, start), (_, end) = middle("Red"), middle("Blue")
    finger("touchStart", (x, start))
    for step in range(1, 11):
        finger("touchMove", (x, start + (end + 20 - start) * step / 10))
    finger("touchEnd")
    eventually(page.page, lambda: places(page), ["Green, place 1 of 3", "Blue, place 2 of 3", "Red, place 3 of 3"])
    page.send.click()
    expect_sent(page)
    expect_told(page, "1. Green, 2. Blue, 3. Red")


def test_a_text(room: Room, voter: MakeVoter) -> None:
    rules = {"max_chars": 20, "approval": False}
    room.ask("What is missing?", kind="text", rules=rules, reveal=True)
    page = voter()
    field = page.options.get_by_label("Your answer")
    counter = page.page.locator(".beside")
    expect(counter).to_have_text("0 / 20")
    expect(page.send_reason).to_have_text("Write something to send.")
    field.fill("😀" * 21)
    expect(counter).to_have_text("21 / 20")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.send_reason).to_have_text("Write at most 20 characters to send.")
    field.fill("  <b>More</b>\n bread ")
    expect(counter).to_have_text("17 / 20")
    page.send.click()
    expect_sent(page)
    expect(field).to_have_value("<b>More</b> bread")
    expect_table(page, "<b>More</b> bread ✓ your vote | 1")
    field.fill("Butter")
    expect(page.status).to_contain_text("Your vote from before still counts.")
    page.send.click()
    expect_sent(page)
    expect_table(page, "Butter ✓ your vote | 1")
    page.page.reload()
    expect(field).to_have_value("Butter")
    expect_table(page, "Butter ✓ your vote | 1")
    expect_told(page, "Butter", "<b>More</b> bread")


def test_words_of_a_cloud(room: Room, voter: MakeVoter) -> None:
    room.ask("What comes to mind?", kind="cloud", rules={"max_terms": 2}, reveal=True)
    page = voter()
    first, second = page.options.get_by_label("Word 1"), page.options.get_by_label("Word 2")
    first.fill("Straße")
    first.press("Enter")
    assert has_focus(second)
    second.fill("STRASSE")
    second.press("Enter")
    expect_sent(page)
    expect_table(page, "Straße ✓ your vote | 1")
    second.fill("Coffee")
    page.send.click()
    expect_sent(page)
    expect_table(page, "Coffee ✓ your vote | 1", "Straße ✓ your vote | 1")
    page.page.reload()
    expect(second).to_have_value("Coffee")
    expect(page.results.locator(".r-cloud li")).to_have_text(["Coffee", "Straße"])
    expect_told(page, "Straße, Coffee", "Straße")


def test_an_approval_of_some_and_of_none(room: Room, voter: MakeVoter) -> None:
    room.ask("Whom do you approve of?", *COLOURS, kind="approval", reveal=True)
    page = voter()
    page.send.click()
    expect_sent(page)
    page.expect_results([0, 0, 0], voters=1)
    page.vote("Red", "Blue")
    page.expect_results([1, 0, 1], voters=1)
    page.page.reload()
    page.expect_counted("Red", "Blue")
    page.expect_own_answer("Red", "Blue")
    expect_told(page, "Red, Blue", "none of the options")


def test_a_choice_of_pictures(room: Room, voter: MakeVoter) -> None:
    pictures = [room.upload(picture(colour)) for colour in ("red", "blue")]
    room.ask("Which one?", "The red one", "The blue one", kind="image", rules={"pictures": pictures}, reveal=True)
    page = voter()
    expect(page.options).to_have_role("radiogroup")
    loaded = "() => [...document.querySelectorAll('#options img')].map(image => image.complete && image.naturalWidth)"
    eventually(page.page, lambda: page.page.evaluate(loaded), [40, 40])
    red, blue = (page.options.get_by_role("radio", name=f"The {colour} one") for colour in ("red", "blue"))
    red.click()
    expect_sent(page)
    blue.click()
    expect(blue).to_be_checked()
    page.expect_results([0, 1], voters=1)
    page.expect_own_answer("The blue one")
    page.page.reload()
    expect(blue).to_be_checked()
    expect(blue).to_have_attribute("data-mark", "counted")
    expect_told(page, "The blue one", "The red one")


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def test_what_was_typed_outlives_a_reload_and_a_ballot_that_counts_is_not_hidden_by_it(
    room: Room, voter: MakeVoter
) -> None:
    question = room.ask("What is missing?", kind="text")
    page = voter()
    field = page.options.get_by_label("Your answer")
    field.fill("Half a sent")
    page.page.reload()
    expect(field).to_have_value("Half a sent")
    expect(page.status).to_contain_text("Not sent yet.")
    field.fill("Half a sentence")
    page.send.click()
    expect_sent(page)
    page.page.reload()
    expect_sent(page)
    expect(field).to_have_value("Half a sentence")
    room.command("close", question)
    expect(page.status).to_contain_text("Voting is closed.")
    expect(field).not_to_be_editable()


def test_other_words_for_a_question_keep_what_was_chosen(room: Room, voter: MakeVoter) -> None:
    room.ask("Which tpoics?", "Bugdet", "Roof", "Party", kind="multiple")
    page = voter()
    page.vote("Roof")
    page.option("Bugdet").click()
    page.page.evaluate(
        """() => take(JSON.stringify({
          type: "state", epoch: vote.epoch, as_of: vote.asOf + 1, at: 0, room: { title: "" },
          tally: null, replay: false,
          question: { ...vote.question, text: "Which topics?", options: ["Budget", "Roof", "Party"] },
        }))"""
    )
    expect(page.question).to_have_text("Which topics?")
    for text in ("Budget", "Roof"):
        expect(page.option(text)).to_have_attribute("data-mark", "chosen")
    page.send.click()
    page.expect_counted("Budget", "Roof")


def test_a_second_tab_shows_the_text_of_the_first(room: Room, visitors: Visitors) -> None:
    room.ask("What is missing?", kind="text", changeable=False)
    browser = visitors.enter()
    first, second = join(browser, room.join), join(browser, room.join)
    first.options.get_by_label("Your answer").fill("Bread")
    first.send.click()
    for page in (first, second):
        expect(page.options.get_by_label("Your answer")).to_have_value("Bread")
        expect(page.options.get_by_label("Your answer")).not_to_be_editable()
        expect(page.status).to_contain_text("Counted ✓")


def test_a_text_is_cleaned_as_the_server_cleans_it(voter: MakeVoter) -> None:
    texts = [
        " a \t b\r\nc\x0b\x0c\x1c\x1d\x1e\x1f\x85d\u00a0e\u2028f\u2029g\u3000h\u1680i\u205fj ",
        "e\u0301\u200be\u0301\ufeff x\u200d",
        "\u200d\u200c a\u200cb \u200d",
        "👩\u200d👩\u200d👧 \U000e0041 \ud7ff \ue000",
        "\u202eevil\u202c \u2066x\u2069",
        "ﬁ ① Å \u212b",
        "",
        " \u200b ",
    ]
    page = voter()
    assert page.page.evaluate("texts => texts.map(clean)", texts) == [clean(text) for text in texts]


def test_a_sign_that_the_server_does_not_know_is_no_false_receipt(room: Room, voter: MakeVoter) -> None:
    room.ask("What is missing?", kind="text")
    page = voter()
    field = page.options.get_by_label("Your answer")
    # No Unicode has assigned it: the page is made to think that it knows it.
    unknown = "\U000e0fff"
    page.page.evaluate("() => { window.clean = (text) => text.trim(); }")
    field.fill(f"Bread {unknown}")
    page.send.click()
    expect_sent(page)
    expect(field).to_have_value("Bread")
    expect_told(page, "Bread")


def test_other_words_than_were_sent_are_a_false_receipt(room: Room, voter: MakeVoter) -> None:
    room.ask("What is missing?", kind="text")
    page = voter()

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()
        client.on_message(lambda message: server.send(str(message).replace("Bread", "Water")))

    page.page.route_web_socket(re.compile("/ws/"), between)
    page.page.reload()
    page.expect_connected()
    page.options.get_by_label("Your answer").fill("Bread")
    page.send.click()
    expect(page.options.get_by_label("Your answer")).to_have_value("Water")
    expect(page.status).to_contain_text("The server's receipt does not fit your vote.")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_timer_runs_on_the_servers_time_and_is_spoken_three_times(
    language: str, room: Room, visitors: Visitors
) -> None:
    page = VoterPage(visitors.enter(locale=language).new_page())
    # The phone's own clock is an hour fast, and that must not matter.
    page.page.clock.install(time="2031-01-01T00:00:00")
    page.open(room.join)
    question = room.add("Which colour?", *COLOURS)
    room.command("open", question)
    room.set_timer(question, 35)
    expect(page.timer).to_contain_text(re.compile("0:3[345]"))
    expect(page.timer).to_have_attribute("aria-live", "off")
    page.page.evaluate(
        """() => {
          window.spoken = [];
          const place = document.getElementById("announce");
          new MutationObserver(() => window.spoken.push(place.textContent)).observe(place, { childList: true });
        }"""
    )
    for _ in range(31):
        page.page.clock.run_for(1000)
    expect(page.timer).to_contain_text(re.compile("0:0[1-4]"))
    expect(page.timer).to_have_attribute("data-look", "bad")
    spoken = page.page.evaluate("spoken")
    assert [re.sub(r"\D", "", text) for text in spoken] == ["30", "10", "5"]
    if language == "en":
        assert spoken[0] == "30 seconds left."
    room.set_timer(question, 3600)
    expect(page.timer).to_contain_text(re.compile("59:5|1:00:00"))
    room.set_timer(question, None)
    expect(page.timer).to_be_hidden()


KINDS: dict[str, Callable[[Room], str]] = {
    "yesno": lambda room: room.ask("Which?", kind="yesno"),
    "stars": lambda room: room.ask("Which?", kind="rating", rules={"top": 10}),
    "nps": lambda room: room.ask("Which?", kind="rating", rules={"style": "nps"}),
    "estimate": lambda room: room.ask("Which?", kind="estimate", rules={"min": 0, "max": 10**12, "unit": "kilometres"}),
    "ranking": lambda room: room.ask("Which?", "Donaudampfschifffahrtselektrizitäten", "Two", kind="ranking"),
    "text": lambda room: room.ask("Which?", kind="text"),
    "cloud": lambda room: room.ask("Which?", kind="cloud", rules={"max_terms": 5}),
    "approval": lambda room: room.ask("Which?", *COLOURS, kind="approval"),
}


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_fits_a_small_phone(scheme: Any, language: str, room: Room, visitors: Visitors) -> None:
    # 320 px are also what is left of 640 at 200 %.
    page = join(visitors.enter(viewport=SMALL, color_scheme=scheme, locale=language), room.join)
    for name, ask in KINDS.items():
        question = ask(room)
        expect(page.options.locator("button, input, textarea").first).to_be_visible()
        for button in page.options.locator("li > button:first-child").all():
            button.click()
        check(page.page, scheme, where=name)
        room.command("close", question)
        room.command("reveal", question)
        expect(page.page.locator("#result .r-figure")).to_be_visible()
        check(page.page, scheme, where=f"the result of {name}")


def test_the_rounds_of_a_run_off_are_a_table_that_a_phone_moves(room: Room, visitors: Visitors) -> None:
    names = ("New roof", "Playground", "Heating", "Bicycle stands")
    question = room.ask("Which order?", *names, kind="ranking")
    page = join(visitors.enter(viewport=SMALL), room.join)
    orders = [[0, 1, 2, 3]] * 4 + [[1, 2, 0, 3]] * 3 + [[2, 1, 0, 3]] * 3 + [[3, 2, 1, 0]] * 2
    with crowd(room, len(orders)) as voters:
        voters.answer(question, [{"order": order} for order in orders])
    room.command("close", question)
    room.command("reveal", question)
    rounds = page.page.locator("#result thead th")
    expect(rounds).to_have_text(["Option", "Points", "Round 1", "Round 2", "Round 3"])
    for name, label in zip(names, page.page.locator("#result tbody th").all(), strict=True):
        expect(label).to_contain_text(name)
        # At most a word on each line, and none of them in pieces.
        assert label.evaluate("cell => cell.firstElementChild.getClientRects().length") <= 2
    check(page.page, "light", where="the table of the rounds")
    table = page.page.get_by_role("group", name="The same in numbers")
    expect(table).to_have_attribute("tabindex", "0")
    for _ in range(8):
        table.press("ArrowRight")
    expect(rounds.last).to_be_in_viewport(ratio=1)
    # What the numbers are about stays beside them.
    expect(page.page.locator("#result tbody th").first).to_be_in_viewport(ratio=1)


def test_markup_in_options_and_units_stays_text(room: Room, voter: MakeVoter) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    page = voter()
    for kind, options, rules in (
        ("ranking", (nasty, "Two"), {}),
        ("estimate", (), {"min": 0, "max": 9, "unit": "<b>kg</b>"}),
    ):
        question = room.ask(nasty, *options, kind=kind, rules=rules)
        expect(page.question).to_have_text(nasty)
        expect(page.options).to_have_attribute("data-kind", kind)
        assert page.page.locator("#question img, #question h1 b, #hint b").count() == 0
        room.command("close", question)
    expect(page.page.locator("#hint")).to_contain_text("<b>kg</b>")
