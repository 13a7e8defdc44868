"""A vote in other languages: every text, the direction of the page, and a switch that loses nothing."""

import re
from itertools import count

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from livevote.web import catalogs
from livevote.web.languages import COOKIE, LANGUAGES
from tests.e2e.conftest import MakeVoter, join
from tests.e2e.pages import VoterPage, eventually, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_layout import SMALL, expect_fingers_hit, expect_fits
from tests.e2e.test_replay import ReplayPage
from tests.e2e.test_wall import fed, settled
from tests.e2e.visitors import OFFLINE, Visitors
from tests.e2e.walls import cases, state
from tests.process import Process
from tests.web.test_catalogs import PLURALS

pytestmark = pytest.mark.browser

CATALOGS = catalogs.load()
ANSWERS = ("Rot", "Grün", "Blau")

_TEXTS = """() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, textContent: text } = walker.currentNode;
    const others = "script, noscript, style, code, kbd, bdi, [dir=auto], [dir=ltr]:not(html), #languages";
    if (!parent.closest(others)) found.push(text.trim());
  }
  for (const part of document.querySelectorAll("[aria-label], [title], [alt]")) {
    for (const name of ["aria-label", "title", "alt"]) found.push(part.getAttribute(name) ?? "");
  }
  return found.filter(Boolean);
}"""

# What each text is made of between its places, where it is long enough to be no accident.
ENGLISH = [part for text in CATALOGS["en"].values() for part in re.split(r"\{\w+\}", text) if len(part.strip()) > 9]


def expect_no_english(page: Page, code: str, *, where: str) -> None:
    """No text of the page, seen or not, is one of the English catalog; nor in another alphabet, where there is one."""
    for text in page.evaluate(_TEXTS):
        assert not any(part in text for part in ENGLISH), f"{where}: {text}"
        if code in ("ar", "ja"):
            rest = re.sub(
                r"livevote|Town hall|Welche|Farbe|JavaScript|Cookie|7KQ2MD|[0-9a-f]{8}|\b[A-Z0-9]{6}\b"
                r"|Spring assembly|NPS|https?://\S+",
                "",
                text,
            )
            assert not re.search("[A-Za-z]{3}", rest), f"{where}: {text}"


def check(page: Page, code: str, *, where: str) -> None:
    expect(page.locator("html")).to_have_attribute("lang", code)
    expect_no_english(page, code, where=where)
    expect_fits(page, where=where)
    expect_fingers_hit(page, where=where)


def left_of(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize(
    ("code", "counted"),
    [("de", "Gezählt ✓"), ("ar", "احتُسب ✓"), ("ja", "集計済み ✓")],
)
def test_a_whole_vote_is_in_the_language_of_the_browser(
    code: str, counted: str, room: Room, visitors: Visitors
) -> None:
    visitors.expect_complaints("status of 404|status of 503 .*/proof")
    words = CATALOGS[code]
    page = VoterPage(visitors.enter(viewport=SMALL, locale=code).new_page())
    page.page.goto(room.base)
    expect(page.page.get_by_role("heading")).to_have_text(words["client.join.title"])
    page.code.fill("hello!")
    page.code.press("Enter")
    expect(page.page.locator("#code-help")).to_have_text(words["client.join.wrong"])
    check(page.page, code, where="the code field")
    page.page.goto(f"{room.base}/XXXXXX")
    expect(page.page.get_by_role("heading")).to_have_text(words["not_found.heading"])
    check(page.page, code, where="an unknown code")
    page.open(room.join)
    expect(page.page.get_by_role("heading")).to_have_text(words["client.waiting"])
    check(page.page, code, where="the waiting room")

    room.ask("Welche Farbe?", *ANSWERS)
    expect(page.status).to_contain_text(words["client.not_voted"])
    check(page.page, code, where="a question")
    mirrored = LANGUAGES[code].direction == "rtl"
    option = page.option("Grün")
    assert (left_of(option.locator(".badge")) > left_of(option.locator("[dir=auto]"))) == mirrored
    option.click()
    expect(page.status).to_contain_text(counted)
    expect(page.receipt).to_contain_text(
        re.compile(f"{words['client.receipt.checked']}|{words['client.receipt.found']}")
    )
    check(page.page, code, where="a vote that counted")
    page.open_panel()
    expect(page.panel.locator(".verdict")).to_have_text(words["client.receipt.in_counts"])
    expect(page.panel).to_contain_text(words["client.receipt.signature"])
    check(page.page, code, where="the panel of receipts")
    page.page.keyboard.press("Escape")

    room.command("reveal")
    expect(page.counts).to_have_text(["0", "1", "0"])
    share = {"de": "100\u00a0%", "ja": "100%"}.get(code, re.compile("100"))
    expect(page.page.locator("#result tbody td:nth-child(3)").nth(1)).to_have_text(share)
    strip = page.page.locator("#result .r-strip").nth(1)
    assert (left_of(strip.locator(".r-badge")) > left_of(strip.locator(".r-text"))) == mirrored
    check(page.page, code, where="live results")
    room.command("close")
    expect(page.status).to_contain_text(words["client.closed.title"])
    check(page.page, code, where="results")

    rules = {"min": 1, "max": 2}
    question = room.ask("Welche?", *ANSWERS, kind="multiple", rules=rules)
    expect(page.send).to_have_text(words["client.send"])
    for answer in ANSWERS:
        page.option(answer).click()
        check(page.page, code, where=f"{answer} of several")
    expect(page.send_reason).to_contain_text("3")
    room.command("close", question)
    expect(page.status).to_contain_text(words["client.draft_late"])
    check(page.page, code, where="a choice that was not sent")

    page.page.route("**/proof?*", lambda route: route.fulfill(json={"index": 1, "included": False}))
    page.open_panel()
    expect(page.panel.locator('[data-look="bad"]')).to_have_count(1)
    expect(page.panel.locator(".verdict")).to_have_text(words["client.problem.missing.what"])
    check(page.page, code, where="a warning in the panel")
    page.page.keyboard.press("Escape")
    page.page.evaluate("() => lost(1012)")
    expect(page.banner).to_contain_text(words["close.restarting"])
    check(page.page, code, where="a server that starts again")
    page.page.evaluate("() => finish(4409, say('close.' + CLOSES[4409].name))")
    check(page.page, code, where="a page that is over")


@pytest.mark.parametrize("code", ["de", "ar", "ja"])
def test_a_wall_is_in_the_language_of_the_browser(code: str, room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], viewport={"width": 1280, "height": 800}, locale=code)
    expect(page.locator("html")).to_have_attribute("lang", code)
    numbers = count(100)
    for name, messages in cases().items():
        for message in messages:
            feed.send({**message, "as_of": next(numbers)})
            settled(page)
            expect_no_english(page, code, where=f"{name} on the wall")
            expect_fits(page, where=f"{name} on the wall")
    feed.send({**cases()["quiz"][2], "as_of": next(numbers)})
    expect(page.locator(".r-strip .r-tag[data-right]:not(:empty)")).to_have_text([CATALOGS[code]["results.right"]])
    mirrored = LANGUAGES[code].direction == "rtl"
    strip = page.locator("#result .r-strip").first
    assert (left_of(strip.locator(".r-badge")) > left_of(strip.locator(".r-text"))) == mirrored
    page.keyboard.press("q")
    expect_no_english(page, code, where="the big QR code")


@pytest.mark.parametrize("code", ["de", "ar", "ja"])
def test_a_replay_is_in_the_language_of_the_browser(code: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 401")
    words = CATALOGS[code]
    page = ReplayPage(visitors.enter(viewport=SMALL, locale=code).new_page())
    page.page.goto(room.replay)
    expect(page.page.locator("#who-voter")).to_contain_text(words["host.replay.public"])
    check(page.page, code, where="a replay that is not public")
    room.publish_replay()
    page.page.get_by_role("button", name=words["host.retry"]).click()
    expect(page.page.locator("#notice-title")).to_have_text(words["replay.nothing"])
    check(page.page, code, where="a replay of nothing")
    for kind, options in (("single", ANSWERS), ("yesno", ())):
        question = room.ask("Welche?", *options, kind=kind)
        room.command("close", question)
        room.command("reveal", question)
    page.open(room.replay)
    expect(page.marks.first).to_contain_text(words["replay.mark.opened"])
    for share in (0, 1):
        page.drag_to(share)
        check(page.page, code, where="a replay")
    expect(page.page.locator("#results-table tbody th").first).to_contain_text(words["results.yes"])
    shares = page.page.locator("#results-table td.percent")
    expect(shares.first).to_have_text(re.compile({"de": "^0\u00a0%$", "ja": "^0%$"}.get(code, "0")))
    page.page.keyboard.press("?")
    check(page.page, code, where="the keys of a replay")


@pytest.mark.parametrize("code", ["ar", "de", "fr", "ja"])
def test_codes_quizzes_the_board_and_rehearsals_speak_the_language(code: str, room: Room, visitors: Visitors) -> None:
    words = CATALOGS[code]
    visitors.expect_complaints("status of (400|404)")
    room.link_pseudonyms()
    room.command("switch_board", on=True, approval=True, per_voter=1)
    room.command("switch_reactions", on=True)
    page = join(visitors.enter(viewport=SMALL, locale=code), room.join)
    for name in ("quiz", "board", "reactions"):
        page.expect_script(name)
    page.page.locator("#player-name").fill("7")
    page.page.locator("#name-form .primary").click()
    expect(page.page.locator("#name-news")).to_have_text(words["quiz.named"])
    check(page.page, code, where="a player")
    page.page.locator("#views button").last.click()
    for text in ("?", "??"):
        page.page.locator("#ask-text").fill(text)
        page.page.locator("#ask-form .primary").click()
        expect(page.page.locator("#ask-news")).not_to_be_empty()
    expect(page.page.locator("#ask-news")).to_have_text(words["board.no.too_many_posts"])
    expect(page.page.locator("#own-posts .tags")).to_have_text(words["board.standing.pending"])
    page.page.locator("#reactions button").first.click()
    check(page.page, code, where="the board")
    question = room.ask("Welche Farbe?", *ANSWERS, quiz={"right": [1], "points": 1000})
    expect(page.page.locator("#views button").first).to_have_text(words["board.vote_now"])
    page.page.locator("#views button").first.click()
    page.option("Rot").click()
    expect(page.options.locator('[data-mark="counted"]')).to_have_count(1)
    room.command("close", question)
    room.command("show_solution", question)
    expect(page.page.locator("#verdict")).to_contain_text(words["quiz.wrong"])
    check(page.page, code, where="a solution")
    room.make_codes(1)
    room.ask("Welche Farbe?", *ANSWERS, level="code")
    page.page.locator("#own-code").fill("1")
    page.page.locator("#enter button").click()
    expect(page.page.locator("#entry-news")).to_have_text(words["client.entry.no.bad_code"])
    page.page.evaluate("() => { entry.until = performance.now() + 60000; renderEntry(); }")
    check(page.page, code, where="a code that was refused")
    page.open(room.rehearse(1).join)
    expect(page.page.locator("#rehearsal")).to_have_text(words["client.rehearsal"])
    check(page.page, code, where="a rehearsal")


def test_the_switch_goes_to_another_language_and_stays_there(room: Room, visitors: Visitors) -> None:
    context = visitors.enter()
    page = join(context, room.join)
    switch = page.page.get_by_role("group", name="Language")
    expect(switch.get_by_role("button")).to_have_text([language.name for language in LANGUAGES.values()])
    expect(switch.locator("[aria-current]")).to_have_text("English")
    tab_to(page.page, switch.get_by_role("button", name="العربية"))
    page.page.keyboard.press("Enter")
    expect(page.page.locator("html")).to_have_attribute("dir", "rtl")
    page.expect_connected()
    switch = page.page.get_by_role("group", name="اللغة")
    expect(switch.locator("[aria-current]")).to_have_text("العربية")
    other = join(context, room.join)
    expect(other.page.locator("html")).to_have_attribute("lang", "ar")
    switch.get_by_role("button", name="English").click()
    expect(page.page.locator("html")).to_have_attribute("dir", "ltr")
    cookie = next(cookie for cookie in context.cookies() if cookie.get("name") == COOKIE)
    assert (cookie.get("value"), cookie.get("path"), cookie.get("sameSite")) == ("en", "/", "Lax")


def test_a_switch_keeps_ticks_that_are_not_sent(room: Room, voter: MakeVoter) -> None:
    question = room.ask("Welche?", *ANSWERS, kind="multiple", rules={"min": 1, "max": 2}, changeable=False)
    page = voter()
    page.option("Rot").click()
    page.option("Blau").click()
    page.page.get_by_role("button", name="Deutsch").click()
    expect(page.status).to_contain_text("Noch nicht gesendet.")
    for answer in ("Rot", "Blau"):
        expect(page.option(answer)).to_have_attribute("data-mark", "chosen")
    page.send.click()
    expect(page.status).to_contain_text("Gezählt ✓")
    expect(page.options.locator('[aria-pressed="true"]')).to_have_count(2)
    page.page.get_by_role("button", name="Français").click()
    expect(page.status).to_contain_text("Compté ✓")
    expect(page.send_reason).to_have_text("Vous avez envoyé votre vote.")
    # A round that nobody had ticked anything in.
    room.command("close", question)
    room.command("ask_again", question)
    expect(page.round).to_have_text("Question reposée (tour 2)")
    expect(page.options.locator('[aria-pressed="true"]')).to_have_count(0)


def test_a_switch_keeps_the_ballot_that_is_under_way(room: Room, voter: MakeVoter) -> None:
    room.ask("Welche Farbe?", *ANSWERS)
    page = voter()
    swallowed: list[str | bytes] = []
    swallowing = True

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def forth(message: str | bytes) -> None:
            if swallowing and '"vote"' in str(message):
                swallowed.append(message)
            else:
                server.send(message)

        client.on_message(forth)

    page.page.route_web_socket(re.compile("/ws/"), between)
    page.page.reload()
    page.expect_connected()
    page.option("Grün").click()
    eventually(page.page, lambda: len(swallowed), 1)
    # A second thought waits for the answer to the first.
    page.option("Blau").click()
    swallowing = False
    page.page.get_by_role("button", name="Bahasa Indonesia").click()
    expect(page.status).to_contain_text("Dihitung ✓")
    expect(page.option("Blau")).to_have_attribute("data-mark", "counted")
    assert [(row["answer_text"], row["counted"]) for row in room.ballots()] == [("Grün", "no"), ("Blau", "yes")]


def test_without_the_server_a_switch_leaves_the_page_as_it_is(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    room.ask("Welche Farbe?", *ANSWERS)
    context = visitors.enter()
    page = join(context, room.join)
    context.set_offline(True)
    page.page.evaluate("() => drop()")
    page.expect_reconnecting()
    page.option("Grün").click()
    with page.page.expect_event("requestfailed"):
        page.page.get_by_role("button", name="Deutsch").click()
    page.expect_sending("Grün")
    context.set_offline(False)
    page.expect_counted("Grün")
    page.page.reload()
    expect(page.status).to_contain_text("Gezählt ✓")


def test_the_browser_has_the_plural_forms_of_the_catalogs(browser: Browser, server: Process) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.base)
    found = page.evaluate(
        "codes => codes.map(code => [code, new Intl.PluralRules(code).resolvedOptions().pluralCategories])",
        list(LANGUAGES),
    )
    assert {code: set(forms) for code, forms in found} == PLURALS
    context.close()
