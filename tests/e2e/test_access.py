"""Everybody can vote, host and follow: WCAG 2.2 AA on every page in every state, and what a screen reader is told."""

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.axe import breaches
from tests.e2e.conftest import MakeVoter, join
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_exports import save
from tests.e2e.test_layout import expect_fits
from tests.e2e.test_replay import ReplayPage
from tests.e2e.test_rooms import open_dialog
from tests.e2e.test_wall import fed, settled
from tests.e2e.visitors import OFFLINE, Visitors
from tests.e2e.walls import PLACES, asked, cases, result, state
from tests.process import CHECKOUT

pytestmark = pytest.mark.browser

SIZES: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 320, "height": 640}},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    # What it does to a page to zoom a window of 1280 px to 200 %.
    "zoomed": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
}
LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light", "reduced_motion": "no-preference"},
    {"color_scheme": "dark", "reduced_motion": "reduce"},
]
LONGEST_MS = 5000
"""What moves for longer by itself needs a switch to stop it (WCAG 2.2.2)."""
UNDER_WAY = {"mark", "link"}
"""What may move for longer: it says that something is under way, and ends with that."""

_MOVES = """() => document.getAnimations().map((each) => {
  const { target } = each.effect;
  const { endTime } = each.effect.getComputedTiming();
  return [target.id || target.className || target.parentElement.className, endTime === Infinity ? 1e9 : endTime];
})"""

CASES = cases()

every_size = pytest.mark.parametrize("size", SIZES)


def check(page: Page, where: str) -> None:
    """In both themes and with both wishes about motion, this state of the page keeps nobody out."""
    for look in LOOKS:
        page.emulate_media(**look)
        settled(page)
        of_colour = look["color_scheme"] == "dark"
        assert breaches(page, of_colour=of_colour) == [], f"{where}, {look['color_scheme']}"
        moves = page.evaluate(_MOVES)
        if look["reduced_motion"] == "reduce":
            assert moves == [], where
        else:
            assert [name for name, ms in moves if ms > LONGEST_MS and name not in UNDER_WAY] == [], where
    expect_fits(page, where=where)


@every_size
def test_the_voters_page_keeps_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(f"status of 404|status of 503 .*/proof|{OFFLINE}")
    context = visitors.enter(**SIZES[size])
    page = VoterPage(context.new_page())
    page.page.goto(room.base)
    check(page.page, "the code field")
    page.code.fill("hello!")
    page.code.press("Enter")
    expect(page.code).to_have_attribute("aria-invalid", "true")
    check(page.page, "what is no code")
    page.page.goto(f"{room.base}/XXXXXX")
    check(page.page, "an unknown code")
    page.open(room.join)
    expect(page.page.locator("#waiting")).to_be_visible()
    check(page.page, "the waiting room")

    # Ten options have badges of every shape and colour.
    options = [f"District {number}" for number in range(10)]
    room.ask("Which district?", *options)
    expect(page.status).to_contain_text("You have not voted yet.")
    check(page.page, "a question")
    context.set_offline(True)
    page.page.evaluate("() => drop()")
    page.expect_reconnecting()
    page.option(options[3]).click()
    page.expect_sending(options[3])
    check(page.page, "a vote on its way, without a connection")
    context.set_offline(False)
    page.expect_counted(options[3])
    page.expect_receipt()
    check(page.page, "a vote that counted")
    page.open_panel()
    page.expect_ballots(("✓ In the log, and it counts", options[3]))
    check(page.page, "the panel of receipts")
    page.page.keyboard.press("Escape")
    room.command("close")
    expect(page.status).to_contain_text("The host will show the results.")
    check(page.page, "waiting for results")
    room.command("reveal")
    page.expect_results([int(number == 3) for number in range(10)], voters=1)
    page.expect_own_answer(options[3])
    check(page.page, "results")

    rules = {"min": 1, "max": 2}
    question = room.ask("Which topics?", *PLACES, kind="multiple", rules=rules, changeable=False)
    expect(page.send).to_be_visible()
    check(page.page, "a choice of several")
    for place in PLACES[:3]:
        page.option(place).click()
    expect(page.send_reason).to_have_text("You chose 3. Choose at most 2 to send.")
    check(page.page, "too many ticks")
    page.option(PLACES[0]).click()
    page.send.click()
    page.expect_counted(*PLACES[1:3])
    check(page.page, "a vote that is final")
    room.command("close", question)
    room.command("ask_again", question)
    expect(page.round).to_be_visible()
    page.option(PLACES[0]).click()
    room.publish_replay()
    room.command("close", question)
    expect(page.status).to_contain_text("Voting is closed.")
    check(page.page, "ticks that were not sent")

    page.page.route("**/proof?*", lambda route: route.fulfill(json={"index": 1, "included": False}))
    page.open_panel()
    expect(page.panel.locator('[data-look="bad"]').first).to_be_visible()
    check(page.page, "a warning in the panel")
    page.page.keyboard.press("Escape")
    check(page.page, "a warning")
    page.page.evaluate("() => finish(4409, say('close.' + CLOSES[4409].name))")
    check(page.page, "a page that is over")


@every_size
def test_an_arabic_vote_keeps_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 404|status of 503 .*/proof")
    page = VoterPage(visitors.enter(**SIZES[size], locale="ar").new_page())
    page.page.goto(f"{room.base}/XXXXXX")
    check(page.page, "an unknown code")
    page.open(room.join)
    expect(page.page.locator("html")).to_have_attribute("dir", "rtl")
    check(page.page, "the waiting room")
    room.ask("أي لون؟", "أحمر", "أخضر", reveal=True)
    page.option("أخضر").click()
    expect(page.options.locator('[data-mark="counted"]')).to_have_count(1)
    expect(page.receipt).to_be_visible()
    check(page.page, "live results")
    page.open_panel()
    check(page.page, "the panel of receipts")


@every_size
def test_codes_quizzes_the_board_and_rehearsals_keep_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of (400|404|503)|net::ERR_FAILED")
    context = visitors.enter(**SIZES[size])
    page = VoterPage(context.new_page())
    room.link_pseudonyms()
    room.command("switch_board", on=True, approval=False, per_voter=2)
    room.command("switch_reactions", on=True)
    page.page.route("**/assets/board.js*", lambda route: route.abort())
    page.open(room.join)
    for name in ("quiz", "reactions"):
        page.expect_script(name)
    expect(page.page.locator("#missing")).to_be_visible()
    check(page.page, "a waiting room without one of its scripts")
    page.page.unroute("**/assets/board.js*")
    page.page.get_by_role("button", name="Load it again").click()
    page.expect_script("board")
    page.page.get_by_role("button", name="Use this name").click()
    expect(page.page.locator("#name-news")).to_have_text("Write a name first.")
    check(page.page, "a name that is none")
    page.page.get_by_label("Your name on the leaderboard").fill("Ada with quite a long one")
    page.page.keyboard.press("Backspace")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#change-name")).to_be_visible()
    check(page.page, "a player in the waiting room")

    page.page.get_by_role("button", name="Ask", exact=True).click()
    check(page.page, "an empty board")
    for text in ("When?", "Why is it so? " * 20, "Once more?"):
        page.page.get_by_label("Your question or comment").fill(text)
        page.page.locator("#ask-form .primary").click()
        expect(page.page.locator("#ask-news")).not_to_be_empty()
    expect(page.page.locator("#ask-news")).to_contain_text("You have asked as much")
    for post in room.posts():
        room.command("pin_post" if post["text"] == "When?" else "answer_post", **_of_post(post))
    expect(page.page.locator("#posts .tags")).to_have_text(["Pinned", "Answered ✓"])
    page.page.locator(".up").first.click()
    expect(page.page.locator(".up").first).to_have_accessible_name("Upvote, 1 vote")
    for _ in range(6):
        page.page.get_by_role("button", name="Applause").evaluate("button => button.click()")
    check(page.page, "a board with posts")
    quiz = {"right": [1], "points": 10, "explanation": "Because it is."}
    question = room.ask("Which?", *PLACES, quiz=quiz)
    expect(page.page.get_by_role("button", name="Vote now")).to_be_visible()
    check(page.page, "a board beside an open question")
    page.page.get_by_role("button", name="Vote now").click()
    page.vote(PLACES[0])
    room.command("close", question)
    room.command("show_solution", question)
    expect(page.page.locator("#verdict")).to_contain_text("not right")
    check(page.page, "a solution")
    room.command("reveal", question)
    page.expect_results([1, 0, 0, 0], voters=1)
    check(page.page, "a solution and the results")

    code, *_ = room.make_codes(1)
    room.ask("And now?", *PLACES, level="code")
    expect(page.page.get_by_label("Your one-time code")).to_be_visible()
    check(page.page, "a field for a code")
    page.page.get_by_label("Your one-time code").fill("ABCD")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#entry-news")).to_contain_text("not written like a code")
    page.page.evaluate("() => { entry.until = performance.now() + 60000; renderEntry(); }")
    check(page.page, "a code that was refused, and no other try yet")
    page.page.evaluate("() => { entry.until = 0; renderEntry(); }")
    page.page.get_by_label("Your one-time code").fill(code)
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#level")).to_contain_text("Code entered ✓")
    check(page.page, "a code that was entered")
    page.open(room.rehearse(1).join)
    expect(page.page.locator("#rehearsal")).to_be_visible()
    check(page.page, "a rehearsal")


def _of_post(post: dict[str, Any]) -> dict[str, Any]:
    return {"post": post["index"]} if post["text"] == "When?" else {"post": post["index"], "answered": True}


@every_size
def test_the_hosts_pages_keep_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(f"status of (401|409|503)|{OFFLINE}")
    context = visitors.enter(**SIZES[size])
    host = HostPage(context.new_page())
    host.page.goto(f"{room.base}/host#wrong")
    expect(host.message).to_have_text("The server does not know this operator key.")
    check(host.page, "a new room")
    host.page.goto(f"{room.base}/host/{room.code}#wrong")
    expect(host.page.get_by_label("Host link or token")).to_be_visible()
    expect(host.message).to_contain_text("does not know this host link")
    check(host.page, "signing in")
    host.open(room.host)
    check(host.page, "an empty room")

    host.page.locator("#add-kind").select_option("multiple")
    host.page.locator("#add-text").fill("Which?")
    host.page.get_by_role("button", name="Add question").click()
    expect(host.page.get_by_role("alert")).not_to_be_empty()
    check(host.page, "a question that was refused")
    for text in ("Where shall we meet?", "And when?", "Who comes?"):
        room.add(text, *PLACES)
    room.add("Which topics?", *PLACES, kind="multiple", rules={"min": 1, "max": 2})
    expect(host.questions).to_have_count(4)
    check(host.page, "drafts")
    for opener, dialog in (("#qr", "#qr-dialog"), ("#show-keys", "#keys"), ("#show-exports", "#exports")):
        host.page.locator(opener).click()
        expect(host.page.locator(dialog)).to_be_visible()
        check(host.page, dialog)
        host.page.keyboard.press("Escape")
    host.step("Open voting")
    host.expect_step("Close voting")
    join(visitors.enter(), room.join).vote(PLACES[1])
    expect(host.counts).to_have_text(["0", "1", "0", "0"])
    check(host.page, "an open question")
    host.step("Close voting")
    host.expect_step("Reveal results")
    check(host.page, "a closed question")
    host.step("Reveal results")
    host.expect_step("Next question")
    check(host.page, "revealed results")
    host.ask_again.click()
    host.expect_step("Close voting")
    check(host.page, "another round")

    context.set_offline(True)
    host.page.evaluate("() => socket.close()")
    expect(host.banner).to_contain_text("Reconnecting")
    host.primary.click()
    expect(host.message).to_have_attribute("data-tone", "error")
    check(host.page, "without a connection")
    context.set_offline(False)
    expect(host.banner).to_be_hidden()


@every_size
def test_a_quiz_night_with_a_board_keeps_the_host_in(size: str, room: Room, visitors: Visitors) -> None:
    room.add("Which is the longest river?", "Nile", "Amazon", quiz={"right": [1], "explanation": "By most."})
    room.command("switch_board", on=True, approval=True, per_voter=9)
    room.command("switch_reactions", on=True)
    host = HostPage(visitors.enter(**SIZES[size]).new_page())
    host.open(room.rehearse(1).host if size == "zoomed" else room.host)
    expect(host.page.locator("#solution")).to_be_visible()
    host.page.get_by_label("Quiz: there is a right answer").check()
    host.page.locator("#add-options").fill("One\nAnother")
    check(host.page, "the form for a quiz")
    host.page.locator("#offer-points").click()
    check(host.page, "the choice to add up points")
    host.page.keyboard.press("Escape")
    if size == "zoomed":
        return
    room.command("link_pseudonyms", question="")
    with crowd(room, 2) as people:
        asked = [people.post(0, text) for text in ("When?", "A rather long post " * 9, "Why?", "Rude")]
        room.command("judge_posts", posts=asked[:2], shown=True)
        room.command("judge_posts", posts=asked[3:], shown=False)
        room.command("pin_post", post=asked[0])
        room.command("answer_post", post=asked[1], answered=True)
        people.name(0, "Ann")
        people.react(1, "lost")
        room.command("open")
        people.vote("q1", [(1,), (0,)])
        room.command("close")
        room.command("reveal")
        host.expect_step("Show solution")
        check(host.page, "a quiz before its solution")
        host.step("Show solution")
        expect(host.page.locator("#toggle-leaderboard")).to_be_visible()
        check(host.page, "a quiz with its solution")
        host.page.locator("#show-leaderboard").click()
        expect(host.page.locator("#places tbody tr")).to_have_count(2)
        check(host.page, "the leaderboard")
        host.page.keyboard.press("Escape")
        host.page.locator("#show-board").click()
        for group in ("pending", "shown", "hidden"):
            host.page.locator(f'#board-tabs [data-group="{group}"]').click()
            host.page.locator("#posts input").first.check()
            check(host.page, f"posts that are {group}")


_OPEN_IN_REHEARSAL = """async () => (await fetch(`/api/rooms/${rehearsal.code}/commands`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ type: "open", question: "q1" }),
})).status"""


@every_size
def test_the_rooms_dialogs_keep_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 400")
    host = HostPage(visitors.enter(**SIZES[size]).new_page())
    room.ask("Where shall we meet?", *PLACES)
    room.add("Shall we?", kind="yesno", level="code")
    host.open(room.host)
    host.page.locator("#edit").click()
    expect(host.page.locator("#meaning")).to_be_visible()
    check(host.page, "an open question in the form")
    room.command("close")
    host.page.get_by_label("What is asked").check()
    check(host.page, "another meaning")
    host.page.locator("#edit-cancel").click()
    host.questions.nth(1).click()
    check(host.page, "a question whose codes are missing")
    host.page.locator("#remove").click()
    expect(host.page.locator("#undo")).to_be_visible()
    check(host.page, "a question that was taken away")
    host.page.locator("#show-room").click()
    check(host.page, "the room's menu")
    host.page.keyboard.press("Escape")

    dialog = open_dialog(host, "settings-dialog")
    dialog.locator("#origins").fill("https://slides.example.org")
    dialog.get_by_role("button", name="Save the sites").click()
    expect(dialog.locator("#snippet")).to_be_visible()
    check(host.page, "title, language, slides")
    host.page.keyboard.press("Escape")
    dialog = open_dialog(host, "files-dialog")
    dialog.get_by_label("Or a template").select_option("quiz")
    expect(dialog.locator("#files-asked li")).to_have_count(4)
    check(host.page, "questions of a file")
    wrong = {"name": "wrong.yaml", "mimeType": "text/plain", "buffer": b"title: T\nquestions:\n- question: Q?\n"}
    dialog.locator("#file").set_input_files(wrong)  # type: ignore[arg-type]
    expect(dialog.locator("#files-note")).to_contain_text("was not taken, and nothing has changed.")
    check(host.page, "a wrong file")
    host.page.keyboard.press("Escape")
    dialog = open_dialog(host, "codes-dialog")
    dialog.get_by_label("How many codes").fill("3")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog.locator("#codes-list")).to_be_visible()
    dialog.get_by_text("Import codes that were made elsewhere").click()
    check(host.page, "one-time codes")
    with host.page.expect_download():
        dialog.get_by_role("button", name="codes.csv").click()
    host.page.keyboard.press("Escape")
    dialog = open_dialog(host, "rehearsal-dialog")
    dialog.get_by_role("button", name=re.compile("^Rehearse with")).click()
    expect(dialog.locator("#rehearsal-running")).to_be_visible()
    check(host.page, "a rehearsal")
    assert host.page.evaluate(_OPEN_IN_REHEARSAL) == 200
    dialog.get_by_role("button", name="End the rehearsal").click()
    asked = host.page.locator("#end-dialog")
    expect(asked).to_be_visible()
    check(host.page, "whether a rehearsal shall end")
    asked.get_by_role("button", name="End the rehearsal").click()
    expect(dialog.locator("#rehearsal-form")).to_be_visible()
    check(host.page, "no rehearsal")
    host.page.keyboard.press("Escape")
    dialog = open_dialog(host, "copy-dialog")
    dialog.get_by_role("button", name="Create the copy").click()
    expect(dialog.locator("#copied")).to_be_visible()
    check(host.page, "a copy of the room")
    host.page.keyboard.press("Escape")
    dialog = open_dialog(host, "delete-dialog")
    dialog.locator("#delete-code").fill("ABCDEF")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog.locator("#delete-note")).not_to_be_empty()
    check(host.page, "the end of a room")


@every_size
def test_the_wall_keeps_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], **SIZES[size])
    check(page, "a wall that waits")
    numbers = count(100)
    # Kinds differ in what they draw, sizes in where: all of them once, and those with most in them in every size.
    names = (
        CASES
        if size == "desktop"
        else ("full", "image", "estimate solved", "cloud", "quiz", "leaderboard", "pinned", "rehearsal")
    )
    for name in names:
        for message in CASES[name][1:] or CASES[name]:
            feed.send({**message, "as_of": next(numbers)})
            check(page, f"{name} on the wall")
    feed.send({**CASES["single"][0], "as_of": next(numbers)})
    check(page, "an open question on the wall")
    feed.close(1012)
    expect(page.locator("html")).to_have_attribute("data-connection", "reconnecting")
    check(page, "a wall without a connection")
    page.keyboard.press("q")
    check(page, "the big QR code")
    expect(page.locator("html")).to_have_attribute("data-connection", "open")
    feed.close(4404)
    expect(page.locator("#gone")).to_be_visible()
    check(page, "a wall whose room is gone")


def test_a_slide_keeps_nobody_out(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], "?embed=1", **SIZES["zoomed"])
    numbers = count(100)
    for name in ("single", "yesno", "quiz", "text", "rehearsal"):
        for message in CASES[name]:
            feed.send({**message, "as_of": next(numbers)})
            check(page, f"{name} in a slide")


@every_size
def test_the_replay_keeps_nobody_out(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 401")
    page = ReplayPage(visitors.enter(**SIZES[size]).new_page())
    page.page.goto(room.replay)
    expect(page.page.locator("#who")).to_be_visible()
    check(page.page, "a replay that is not public")
    room.publish_replay()
    page.page.get_by_role("button", name="Try again").click()
    expect(page.page.locator("#notice-title")).to_have_text("Nothing to replay yet")
    check(page.page, "a replay of nothing")
    with crowd(room, 3) as people:
        for number in range(2):
            question = room.ask("Where shall we meet?", *PLACES, *(["Here"] * number))
            people.vote(question, [(0,), (1,), (1,)])
            room.command("close", question)
            room.command("reveal", question)
    page.open(room.replay)
    for share in (0, 1):
        page.drag_to(share)
        check(page.page, "the replay")
    page.page.keyboard.press("?")
    expect(page.page.locator("#keys")).to_be_visible()
    check(page.page, "the keys of the replay")
    host = HostPage(page.page)
    host.open(room.host)
    page.open(room.replay)
    expect(page.page.locator("#audience")).to_be_visible()
    check(page.page, "the replay for the host")


@every_size
def test_the_page_of_results_keeps_nobody_out(
    size: str, room: Room, host: HostPage, visitors: Visitors, tmp_path: Path
) -> None:
    with crowd(room, 3) as people:
        room.ask("Where shall we meet?", *(f"District {number}" for number in range(10)))
        people.vote("q1", [(0,), (4,), (1,)])
        room.command("close")
        room.command("ask_again")
        room.command("close")
    for kind, rules in (("rating", {"style": "nps"}), ("estimate", {"min": 0, "max": 90}), ("yesno", {})):
        room.command("close", room.ask("How?", kind=kind, rules=rules))
    room.ask("In which order?", *PLACES, kind="ranking")
    room.add("Never asked?", *PLACES)
    host.page.get_by_role("button", name="Export").click()
    saved = save(host, "results.html", tmp_path)
    page = visitors.enter(**SIZES[size], offline=True).new_page()
    page.goto(saved.as_uri())
    expect(page.get_by_role("heading", level=2)).to_have_count(8)
    check(page, "the page of results")


# Whatever a screen reader says by itself, in order. What is not on the page is not read.
_LISTEN = """addEventListener("DOMContentLoaded", () => {
  window.told = [];
  for (const region of document.querySelectorAll("[aria-live], [role=status], [role=alert]")) {
    new MutationObserver(() => {
      const text = region.textContent.trim().replace(/\\s+/g, " ");
      if (text && region.checkVisibility() && told.at(-1) !== text) told.push(text);
    }).observe(region, { childList: true, characterData: true, subtree: true });
  }
});"""


def expect_told(page: Page, *patterns: str) -> None:
    """A screen reader has said these since it was last asked, each once and in this order, and nothing else."""
    eventually(page, lambda: len(page.evaluate("() => told")) >= len(patterns), True)
    told = page.evaluate("() => told.splice(0)")
    assert len(told) == len(patterns), told
    for text, pattern in zip(told, patterns, strict=True):
        assert re.search(pattern, text), told


def test_a_whole_vote_by_keyboard_as_it_is_read_out(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    context = visitors.enter(**SIZES["phone"])
    context.add_init_script(_LISTEN)
    page = VoterPage(context.new_page())
    main, keyboard = page.page.locator("main"), page.page.keyboard
    page.page.goto(room.base)
    expect(main).to_match_aria_snapshot(
        """
        - heading "Join a room" [level=1]
        - textbox "Code on the wall"
        - button "Join"
        """
    )
    expect(page.code).to_have_accessible_description("Six letters and digits. You can also paste the join link.")
    keyboard.type("hello!")
    keyboard.press("Enter")
    expect_told(page.page, "^A code has six letters and digits")
    keyboard.press("Control+A")
    keyboard.type(room.code)
    keyboard.press("Enter")
    page.expect_connected()
    expect(main).to_match_aria_snapshot('- heading "Connected. The first question appears here by itself." [level=1]')
    page.page.evaluate("() => told.splice(0)")

    room.ask("Which colour?", "Red", "Green", "Blue")
    expect(main).to_match_aria_snapshot(
        """
        - heading "Which colour?" [level=1]
        - paragraph: Choose one. Your tap is your vote.
        - group "Which colour?":
          - button "A Red"
          - button "B Green"
          - button "C Blue"
        - status: You have not voted yet.
        """
    )
    expect_told(page.page, "^You have not voted yet", "^New question: Which colour\\?$")
    tab_to(page.page, page.option("Green"))
    keyboard.press("Enter")
    page.expect_counted("Green")
    expect(main).to_match_aria_snapshot(
        """
        - group "Which colour?":
          - button "A Red"
          - button "B Green" [pressed]
          - button "C Blue"
        - status: /Counted ✓ \\d+:\\d+:\\d+/
        """
    )
    expect_told(page.page, "^Sending …", "^Counted ✓ ")

    context.set_offline(True)
    page.page.evaluate("() => drop()")
    page.expect_reconnecting()
    context.set_offline(False)
    expect(page.banner).to_contain_text("You are back")
    expect_told(page.page, "^Reconnecting: your vote is safe", "^You are back$")
    room.command("close")
    expect_told(page.page, "^Voting is closed. .* The host will show the results.$")
    room.command("reveal")
    expect_told(page.page, "^Voting is closed. ", "^The results are shown.$")
    expect(main).to_match_aria_snapshot(
        """
        - region "Results":
          - heading "Results" [level=2]
          - paragraph: 1 voted
          - table "The same in numbers, with the share of all who voted":
            - rowgroup:
              - row:
                - columnheader "Option"
                - columnheader "Votes"
                - columnheader "Share"
            - rowgroup:
              - row:
                - rowheader /Red/
                - cell "0"
                - cell "0%"
              - row:
                - rowheader /Green ✓ your vote/
                - cell "1"
                - cell "100%"
        """
    )
    tab_to(page.page, page.page.locator("#ask-receipt"))
    keyboard.press("Enter")
    expect(page.page.get_by_role("dialog", name="Was my ballot counted?")).to_be_visible()
    page.expect_ballots(("✓ In the log, and it counts", "Green"))
    keyboard.press("Escape")
    assert has_focus(page.page.locator("#ask-receipt"))


def test_votes_of_others_are_not_read_out(room: Room, voter: MakeVoter, visitors: Visitors) -> None:
    context = visitors.enter()
    context.add_init_script(_LISTEN)
    host, page = HostPage(context.new_page()), VoterPage(context.new_page())
    host.open(room.host)
    page.open(room.join)
    for each in (host.page, page.page):
        each.evaluate("() => told.splice(0)")
    room.ask("Which colour?", "Red", "Green", reveal=True)
    expect(host.tags).to_contain_text("Revealed")
    expect(page.results).to_be_visible()
    assert any(
        "Which colour?: open. The results are revealed." in text for text in host.page.evaluate("() => told.splice(0)")
    )
    assert "The results are shown." in page.page.evaluate("() => told.splice(0)")
    other = voter()
    for text in ("Red", "Green"):
        other.vote(text)
    page.expect_results([0, 1], voters=1)
    expect(host.counts).to_have_text(["0", "1"])
    for each in (host.page, page.page):
        assert each.evaluate("() => told") == []
    room.command("close")
    expect_told(host.page, "^Which colour\\?: closed. The results are revealed.$")
    expect_told(page.page, "^Voting is closed.")


_FOCUS = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const { x, y, width, height } = at.getBoundingClientRect();
  const places = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]];
  const there = ([across, down]) => document.elementFromPoint(x + width * across, y + height * down);
  const seen = places.some((place) => at.contains(there(place)));
  return [at.id || at.textContent.trim().slice(0, 40), seen, getComputedStyle(at).outlineStyle !== "none"];
}"""


def expect_focus_seen(page: Page, *, least: int) -> None:
    """Tab goes round the page, and at every stop the focus is in sight: not under a strip that stays, and marked."""
    page.evaluate(
        """() => {
          const { body } = document;
          body.tabIndex = -1;
          body.focus();
          body.removeAttribute("tabindex");
        }"""
    )
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUS)
        if stop is None or stop in stops:
            break
        stops.append(stop)
    assert len(stops) >= least, stops
    assert [name for name, seen, marked in stops if not (seen and marked)] == []


@pytest.mark.parametrize("size", ["phone", "zoomed"])
def test_the_focus_is_always_in_sight(size: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 401")
    phone = visitors.enter(**SIZES[size])
    page = join(phone, room.join)
    options = [f"District {number}" for number in range(12)]
    question = room.ask("Which district?", *options, reveal=True)
    page.option(options[0]).click()
    page.expect_counted(options[0])
    page.expect_results([1, *[0] * 11], voters=1)
    # Twelve options, eight languages and the receipt.
    expect_focus_seen(page.page, least=21)
    for _ in range(6):
        room.add("Which?", *PLACES)
    host = HostPage(phone.new_page())
    host.open(room.host)
    expect(host.questions).to_have_count(7)
    expect_focus_seen(host.page, least=20)
    room.command("close", question)
    replay = ReplayPage(phone.new_page())
    replay.open(room.replay)
    expect_focus_seen(replay.page, least=6)


# The least contrast between a text on a bar and what the canvas painted under its letters.
_ON_BARS = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => color.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const canvas = document.querySelector("#result canvas");
  const frame = canvas.getBoundingClientRect();
  const scale = canvas.width / frame.width;
  const paint = canvas.getContext("2d");
  const found = [];
  for (const text of document.querySelectorAll(".r-text, .r-number")) {
    const ink = light(numbers(getComputedStyle(text).color));
    const card = numbers(getComputedStyle(text.closest(".r-strip")).backgroundColor);
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const { x, y, width, height } of range.getClientRects()) {
      // Lines are higher than their letters.
      for (const [across, down] of [[0.02, 0.3], [0.02, 0.75], [0.5, 0.5], [0.98, 0.3], [0.98, 0.75]]) {
        const [left, top] = [x + width * across - frame.x, y + height * down - frame.y];
        const dot = [...paint.getImageData(Math.round(left * scale), Math.round(top * scale), 1, 1).data];
        const ground = light(card.slice(0, 3).map((part, place) => part + (dot[place] - part) * dot[3] / 255));
        const [high, low] = [ink, ground].sort((one, other) => other - one);
        found.push([Math.floor(100 * (high + 0.05) / (low + 0.05)) / 100, dot[3] > 0, text.textContent.slice(0, 30)]);
      }
    }
  }
  return { bars: found.filter(([, painted]) => painted).length, poor: found.filter(([ratio]) => ratio < 4.5) };
}"""


def test_words_on_bars_can_be_read(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("willReadFrequently")
    page, feed = fed(visitors, room, [state()], **SIZES["desktop"])
    numbers = count(100)
    districts = asked("single", "Which district?", [f"District {number}" for number in range(10)])
    everybody = result(districts, [41] * 10)
    for message in (everybody, CASES["yesno"][1], CASES["quiz"][2], CASES["twelve"][1], CASES["full"][1]):
        feed.send({**message, "as_of": next(numbers)})
        for look in LOOKS:
            page.emulate_media(color_scheme=look["color_scheme"], reduced_motion="reduce")
            settled(page)
            page.wait_for_function("() => window.Chart && Chart.getChart(document.querySelector('#result canvas'))")
            read = page.evaluate(_ON_BARS)
            assert read["bars"] > 3
            assert read["poor"] == [], f"{message['question']['text'][:20]}, {look['color_scheme']}"


def test_axe_is_pinned_with_a_hash_and_without_an_address() -> None:
    text = (CHECKOUT / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/axe-core"]["dev"]
    assert all("integrity" in facts for name, facts in packages.items() if name)


def test_a_breach_would_be_noticed(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_content(
        """<!doctype html><title>x</title><main style="background: #fff; color: #ccc">
        <p>Pale <input> <span style="background: linear-gradient(#fff, #000)">grey</span></p></main>"""
    )
    found = [line.split(":")[0] for line in breaches(page)]
    assert sorted(found) == [
        "breaks color-contrast",
        "breaks html-has-lang",
        "breaks label",
        "may break color-contrast",
    ]
    page.set_content("<!doctype html><html lang=en><title>x</title><p>Fine")
    assert breaches(page) == []
    context.close()


def test_what_never_stands_still_would_be_noticed(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_content(
        """<!doctype html><html lang=en><title>x</title><style>p { animation: x 1s infinite } @keyframes x {
        from { transform: none } }</style><p id=moves>Moves"""
    )
    with pytest.raises(AssertionError, match="moves"):
        check(page, "a page")
    context.close()
