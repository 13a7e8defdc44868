"""The wall as it is seen from the last row: all that it shows fits and stays where it is, and it has no control."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.client import Message
from tests.e2e.conftest import join
from tests.e2e.pages import eventually
from tests.e2e.rooms import Room
from tests.e2e.visitors import SERVER_IS_DOWN, Visitors
from tests.e2e.walls import NOW, PLACES, Feed, asked, cases, result, state

pytestmark = pytest.mark.browser

SIZES = {
    "hall": {"width": 1920, "height": 1080},
    "television": {"width": 1280, "height": 720},
    "projector": {"width": 1024, "height": 768},
    "upright": {"width": 1080, "height": 1920},
    "slide": {"width": 640, "height": 360},
}
CASES = cases()
LEAST_PX = 48
LEAST_SAID_PX = 23.9

_LENGTHS = """() => {
  const chart = window.Chart && Chart.getChart(document.querySelector("#result canvas"));
  return chart ? [...chart.data.datasets[0].data] : null;
}"""
_OVERFLOWS = """() => {
  const parts = ["#title", "#text", ".r-strip", ".r-text", ".r-rows", ".r-cards", ".r-cloud", "#leader-list",
    "#leaders li", "#pinned", "#asking", "main", "footer", "#waiting"];
  // What fits at no size is cut off after whole lines.
  const cut = (part) => part.matches(".r-text") && getComputedStyle(part).webkitLineClamp !== "none";
  const shown = (part) => part.checkVisibility() && part.clientHeight && !cut(part);
  const size = (part, of) => `${part[`${of}Width`]}x${part[`${of}Height`]}`;
  const over = (part) => part.scrollHeight > part.clientHeight + 2 || part.scrollWidth > part.clientWidth + 2;
  return [document.documentElement, ...document.querySelectorAll(parts)]
    .filter((part) => shown(part) && over(part))
    .map((part) => `${part.id || part.className || part.tagName}: ${size(part, "scroll")} in ${size(part, "client")}`);
}"""
_SMALL = """(least) => {
  // The fingerprint is for photographs, the table for those who listen, and rows share what height there is.
  const left = "#seal, .r-numbers, .r-rows, #leader-list, script, #explanation";
  const said = (part) => [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const small = [...document.body.querySelectorAll("*")]
    .filter((part) => !part.closest(left) && part.checkVisibility() && said(part))
    .filter((part) => parseFloat(getComputedStyle(part).fontSize) < least)
    .map((part) => part.textContent);
  const chart = window.Chart && Chart.getChart(document.querySelector("#result canvas"));
  const ticks = chart && chart.options.scales.x.ticks.font?.size;
  return ticks && ticks < 18 ? [...small, `a scale of ${ticks} px`] : small;
}"""
_OUTSIDE = """() => [...document.querySelectorAll(".r-strip")].filter((strip) => {
  const frame = strip.getBoundingClientRect();
  return [...strip.querySelectorAll(".r-number > *, .r-text")].some((part) => {
    const box = part.getBoundingClientRect();
    const high = box.top < frame.top || box.bottom > frame.bottom;
    return box.width && (high || box.left < frame.left || box.right > frame.right);
  });
}).map((strip) => strip.textContent)"""
_BROKEN = """() => [...document.querySelectorAll(".r-text")].flatMap((part) => {
  const node = part.firstChild;
  return [...node.data.matchAll(/\\S+/g)].filter((word) => {
    const range = new Range();
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
  }).map((word) => word[0]);
})"""
_PLACES = """() => [...document.querySelectorAll("#text, .r-strip")].map((part) => {
  const { x, y, width, height } = part.getBoundingClientRect();
  return [x, y, width, height].map(Math.round).join(" ");
})"""
_CORNERS = """async (image) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 410, height: 410 });
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  await image.decode();
  paint.drawImage(image, 0, 0, 410, 410);
  const row = (y) => [...paint.getImageData(0, y, 410, 1).data];
  return {
    quiet: [...row(1), ...row(20), ...row(408)].every((value) => value === 255),
    dark: row(200).some((value) => value < 20),
    behind: getComputedStyle(image.parentElement).backgroundColor,
  };
}"""
_BAR = "Chart.getChart(document.querySelector('#result canvas'))"


def open_wall(page: Page, room: Room, query: str = "") -> None:
    page.goto(f"{room.base}/wall/{room.code}{query}")


def fed(visitors: Visitors, room: Room, messages: list[Message], query: str = "", **options: Any) -> tuple[Page, Feed]:
    """A wall that is sent these messages instead of what the server has to say."""
    page = visitors.enter(**{"reduced_motion": "reduce", **options}).new_page()
    # A fed question may have pictures that no server has.
    page.route("**/pictures/*", lambda route: route.fulfill(content_type="image/svg+xml", body=PICTURE))
    feed = Feed(page)
    feed.begin_with(messages[0])
    open_wall(page, room, query)
    expect(page.locator("html")).to_have_attribute("data-connection", "open")
    page.wait_for_function("() => livevote.results")
    for message in messages[1:]:
        feed.send(message)
    return page, feed


PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3" width="400" height="300">
<rect width="4" height="3" fill="#7aa"/><circle cx="2" cy="1.5" r="1" fill="#fc6"/></svg>"""


def settled(page: Page) -> None:
    """Everything that was sent is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_wall_follows_the_room(room: Room, visitors: Visitors) -> None:
    wall = visitors.enter(viewport=SIZES["hall"]).new_page()
    open_wall(wall, room)
    expect(wall.locator("#waiting .code")).to_have_text(room.code)
    expect(wall.locator("#next")).to_have_text("The first question appears here.")
    voters = [join(visitors.enter(), room.join) for _ in range(3)]
    expect(wall.locator("#next")).to_have_text("3 people are here")

    room.ask("Where shall we meet?", *PLACES)
    expect(wall.locator("#text")).to_have_text("Where shall we meet?")
    expect(wall.locator("#join .code")).to_have_text(room.code)
    expect(wall.locator("#count")).to_have_text("0 of 3 voted")
    for voter, choice in zip(voters, (1, 1, 2), strict=True):
        voter.vote(PLACES[choice])
    expect(wall.locator("#count")).to_have_text("3 of 3 voted")
    assert "·" not in wall.locator("#result").inner_text(), "a hidden result is on the wall"
    assert wall.evaluate(_LENGTHS) is None

    room.command("close")
    expect(wall.locator("#phase")).to_have_text("Voting is closed")
    expect(wall.locator("#seal code")).to_have_text(re.compile(r"^([0-9a-f]{8} ?){8}$"))
    room.command("reveal")
    expect(wall.locator(".r-number")).to_have_text(["0 · 0%", "2 · 67%", "1 · 33%", "0 · 0%"])
    eventually(wall, lambda: wall.evaluate(_LENGTHS), [0, 2, 1, 0])
    expect(wall.locator("#result tbody td:nth-child(2)")).to_have_text(["0", "2", "1", "0"])

    room.command("ask_again")
    expect(wall.locator("#round")).to_have_text("Asked again (round 2)")
    expect(wall.locator(".r-number").first).to_have_text("")
    wall.reload()
    expect(wall.locator("#count")).to_have_text("0 of 3 voted")


@pytest.mark.parametrize("size", SIZES)
def test_everything_fits(size: str, room: Room, visitors: Visitors) -> None:
    query = "?embed=1" if size == "slide" else ""
    page, feed = fed(visitors, room, [state()], query, viewport=SIZES[size])
    numbers = count(100)
    for name, messages in CASES.items():
        for message in messages:
            feed.send({**message, "as_of": next(numbers)})
            settled(page)
            assert page.evaluate(_OVERFLOWS) == [], f"{name} on a {size}"
            assert page.locator("button, input, a, select, textarea, [tabindex]").count() == 0


@pytest.mark.parametrize("size", ["hall", "projector"])
def test_nothing_moves_when_the_result_comes(size: str, room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], viewport=SIZES[size])
    numbers = count(100)
    for name in ("single", "two", "twelve", "yesno", "ranking", "thousands", "image", "fifty"):
        feed.send({**CASES[name][0], "as_of": next(numbers)})
        settled(page)
        before = page.evaluate(_PLACES)
        assert len(before) > 2
        assert page.locator("#text").evaluate("text => parseFloat(getComputedStyle(text).fontSize)") >= LEAST_PX
        feed.send({**CASES[name][1], "as_of": next(numbers)})
        settled(page)
        assert page.evaluate(_PLACES) == before, name


def test_what_is_said_is_read_from_the_last_row(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], viewport=SIZES["television"])
    numbers = count(100)
    for name in (
        "single",
        "two",
        "yesno",
        "rating",
        "nps",
        "estimate solved",
        "ranking",
        "quiz",
        "pinned",
        "leaderboard",
    ):
        for message in CASES[name]:
            feed.send({**message, "as_of": next(numbers)})
            settled(page)
            assert page.evaluate(_SMALL, LEAST_SAID_PX) == [], name


def test_an_empty_scale_says_where_to_answer(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()])
    numbers = count(100)
    for name, said in (("rating", True), ("single", False), ("estimate", True), ("text", True), ("yesno", False)):
        feed.send({**CASES[name][0], "as_of": next(numbers)})
        if said:
            expect(page.locator("#answer-there")).to_have_text("Answer on your phone.")
        expect(page.locator("#answer-there")).to_be_visible(visible=said)
        feed.send({**CASES[name][1], "as_of": next(numbers)})
        expect(page.locator("#answer-there")).to_be_hidden()


@pytest.mark.parametrize("size", ["hall", "television", "projector", "slide"])
def test_the_solution_covers_no_number_and_breaks_no_word(size: str, room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], "?embed=1" if size == "slide" else "", viewport=SIZES[size])
    numbers = count(100)
    for message in (*CASES["ranking"], *CASES["quiz"]):
        feed.send({**message, "as_of": next(numbers)})
        settled(page)
        assert page.evaluate(_OUTSIDE) == []
        assert page.evaluate(_BROKEN) == []
    expect(page.locator(".r-number .r-tag").filter(visible=True)).to_have_text("✓ Right")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_code_stands_beside_the_picture_of_it(language: str, room: Room, visitors: Visitors) -> None:
    page, _ = fed(visitors, room, CASES["single"], viewport=SIZES["television"], locale=language)
    gap = page.evaluate(
        """() => {
          const range = new Range();
          range.selectNodeContents(document.querySelector("#join .code"));
          const box = (part) => part.getBoundingClientRect();
          const [text, picture] = [box(range), box(document.querySelector("#join .qr"))];
          return Math.max(picture.left - text.right, text.left - picture.right);
        }"""
    )
    assert 0 < gap < 40


@pytest.mark.parametrize(("motion", "expected"), [("no-preference", 1000), ("reduce", False)])
def test_bars_grow_once_and_where_motion_is_unwanted_not_at_all(
    motion: Any, expected: Any, room: Room, visitors: Visitors
) -> None:
    question = asked("single", "Where?", PLACES)
    page, feed = fed(visitors, room, [state(question)], reduced_motion=motion)
    duration = f"() => {_BAR}.options.animation && {_BAR}.options.animation.duration"
    feed.send(result(question, [12, 19, 7, 3]))
    page.wait_for_function(f"() => window.Chart && {_BAR}")
    # A tick that says the same does not begin it anew, and one that says more does not begin at nothing.
    feed.send({**result(question, [12, 19, 7, 3]), "online": 60, "as_of": 47})
    settled(page)
    assert page.evaluate(duration) == expected
    feed.send({**result(question, [12, 20, 7, 3], voters=42), "as_of": 48})
    page.wait_for_function(f"() => {_BAR}.data.datasets[0].data[1] === 20")
    assert page.evaluate(duration) == (expected and 400)
    assert page.evaluate(f"() => {_BAR}.getDatasetMeta(0).data[1].x") > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_camera_reads_the_code_in_both_themes(scheme: Any, room: Room, visitors: Visitors) -> None:
    page, _ = fed(visitors, room, [state()], color_scheme=scheme)
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    image = page.locator("#waiting .qr img")
    assert image.evaluate(_CORNERS) == {"quiet": True, "dark": True, "behind": "rgb(255, 255, 255)"}
    page.keyboard.press("q")
    expect(page.locator("#big")).to_be_visible()
    assert page.locator("#big .qr img").evaluate(_CORNERS)["quiet"]
    box = page.locator("#big .qr img").bounding_box()
    assert box
    assert box["height"] > 500
    page.keyboard.press("Escape")
    expect(page.locator("#big")).to_be_hidden()


def test_a_wall_comes_back_without_a_word(room: Room, visitors: Visitors) -> None:
    question = asked("single", "Where?", PLACES)
    page, feed = fed(visitors, room, [state(question)])
    before = page.locator("body").inner_text()
    for code in (1012, 1009, 1011):
        opened = feed.opened
        feed.close(code)
        expect(page.locator("html")).to_have_attribute("data-connection", "reconnecting")
        assert page.locator("body").inner_text() == before
        if code != 1009:
            eventually(page, lambda opened=opened: feed.opened > opened, True)  # type: ignore[misc]
        else:
            # It asks again all the same, but not as soon; whoever loads the page again need not wait.
            page.reload()
        expect(page.locator("html")).to_have_attribute("data-connection", "open")
        expect(page.locator("#text")).to_have_text("Where?")


GONE = {
    "en": (4404, "This room is no longer there", "It was deleted, or the server does not know it."),
    "de": (4404, "Diesen Raum gibt es nicht mehr", "Er wurde gelöscht"),
    "ar": (4410, "انتهت التجربة", "لم يُحفظ منها شيء"),
}


@pytest.mark.parametrize("query", ["", "?embed=1&question=q1"])
@pytest.mark.parametrize("language", GONE)
def test_a_wall_whose_room_is_gone_says_so_and_keeps_nothing_of_it(
    language: str, query: str, room: Room, visitors: Visitors
) -> None:
    code, said, why = GONE[language]
    page, feed = fed(visitors, room, CASES["quiz"], query, locale=language)
    feed.send({"type": "board", "as_of": 60, "more": 0, "posts": []})
    feed.send({**CASES["quiz"][2], "reactions": True, "as_of": 100})
    feed.send(CASES["pinned"][-1])
    expect(page.locator(".r-strip[data-right]")).to_have_count(4)
    page.keyboard.press("q")
    expect(page.locator("#big")).to_be_visible()
    feed.close(code)
    expect(page.locator("#gone h1")).to_have_text(said)
    expect(page.locator("#gone p")).to_contain_text(why)
    page.keyboard.press("q")
    settled(page)
    lines = page.locator("body").inner_text().splitlines()
    assert [line for line in lines if line.strip()] == page.locator("#gone > *").all_inner_texts()
    left = page.content().partition("<body")[2]
    assert [text for text in ("Saturn", "146 are known", "Spring assembly") if text in left] == []
    assert page.evaluate(_OVERFLOWS) == []
    # Where the server knows it again, it is there again.
    opened = feed.opened
    page.evaluate("() => dispatchEvent(new Event('online'))")
    eventually(page, lambda: feed.opened > opened, True)
    expect(page.locator("#gone")).to_be_hidden()
    expect(page.locator(".r-strip")).to_have_count(4)


def test_a_wall_that_finds_no_server_shows_nothing_but_itself(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(SERVER_IS_DOWN)
    page = visitors.enter().new_page()
    page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1011))
    open_wall(page, room)
    page.wait_for_function("() => document.documentElement.dataset.connection === 'connecting'")
    assert page.locator("body").inner_text().strip() == ""


def test_the_clock_is_the_servers(room: Room, visitors: Visitors) -> None:
    question = {**asked("single", "Where?", PLACES), "closes_at": NOW + 65_000}
    page, feed = fed(visitors, room, [state(question)])
    # The browser's own clock is years away from that.
    expect(page.locator("#timer")).to_have_text("1:05")
    expect(page.locator("#timer")).to_have_text("1:04")
    feed.send(state({**question, "closes_at": NOW + 9_000}))
    expect(page.locator("#timer")).to_have_text("0:09")
    expect(page.locator("#timer")).to_have_attribute("data-last", "")
    feed.send(state({**question, "closes_at": None}))
    expect(page.locator("#timer")).to_be_hidden()
    feed.send(state({**question, "closes_at": NOW + 3_700_000}))
    expect(page.locator("#timer")).to_have_text("1:01:40")


def test_what_the_host_shows_comes_before_a_question_that_is_over(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, CASES["leaderboard"])
    expect(page.locator("#leader-list .name")).to_have_text(
        ["Ada", "Grace", "Carl Friedrich", "Without a name", "مريم", "Zoë", "W" * 24, "Lin", "Ben", "Eve"]
    )
    expect(page.locator("#leader-list .points").first).to_have_text("9,000 points")
    feed.send(state(asked("single", "Where?", PLACES), leaderboard=CASES["leaderboard"][0]["leaderboard"]))
    expect(page.locator("#text")).to_have_text("Where?")
    expect(page.locator("#leaders")).to_be_hidden()
    for message in CASES["pinned"]:
        feed.send(message)
    expect(page.locator("#post")).to_have_text("Can we have the slides afterwards?")
    expect(page.locator("#post-votes")).to_have_text("▲ 14 people ask this")
    expect(page.locator("#reactions li")).to_have_text(["👏Applause12", "❤️Heart5"])
    feed.send({"type": "board", "as_of": 10, "more": 0, "posts": []})
    expect(page.locator("#waiting")).to_be_visible()


def test_the_solution_is_marked_and_explained(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, CASES["quiz"][:2])
    expect(page.locator(".r-strip[data-right]")).to_have_count(0)
    expect(page.locator("#explanation")).to_be_hidden()
    feed.send(CASES["quiz"][2])
    expect(page.locator('.r-strip[data-right="true"]')).to_contain_text("Saturn")
    expect(page.locator('.r-strip[data-right="false"]')).to_have_count(3)
    expect(page.locator(".r-strip .r-tag[data-right]:not(:empty)")).to_have_text(["✓ Right"])
    # Who listens is told as well.
    expect(page.locator("#result tbody th")).to_have_text(["Jupiter", "Saturn ✓ Right", "Neptune", "Mars"])
    expect(page.locator("#explanation")).to_contain_text("146 are known")


def test_places_come_in_once(room: Room, visitors: Visitors) -> None:
    before = CASES["quiz"][2]
    page, feed = fed(visitors, room, [before], reduced_motion="no-preference")
    feed.send({**CASES["leaderboard"][0], "as_of": 100})
    expect(page.locator("#leader-list")).to_have_attribute("data-fresh", "")
    moves = """() => document.getAnimations().map((each) => each.effect.getComputedTiming().endTime)"""
    assert 1000 < max(page.evaluate(moves)) < 3000
    rows = CASES["leaderboard"][0]["leaderboard"]["places"]
    others = {"of": 52, "places": [{**rows[0], "name": "Somebody else"}, *rows[1:]]}
    feed.send({**CASES["leaderboard"][0], "leaderboard": others, "as_of": 101})
    expect(page.locator("#leader-list .name").first).to_have_text("Somebody else")
    assert page.evaluate(moves) == []


@pytest.mark.parametrize("query", ["", "?embed=1"])
def test_a_rehearsal_says_so_in_every_view(query: str, room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state()], query)
    expect(page.locator("#rehearsal")).to_be_hidden()
    expect(page.locator("#watermark")).to_be_hidden()
    for number, name in enumerate(("waiting", "single", "quiz", "leaderboard"), 100):
        feed.send({**CASES[name][-1], "rehearsal": True, "as_of": number})
        expect(page.locator("#rehearsal")).to_have_text("Rehearsal: nothing counts")
        expect(page.locator("#watermark")).to_have_text("Rehearsal")
    assert page.evaluate("() => scrollX + scrollY + document.documentElement.scrollWidth - innerWidth") == 0


def test_the_language_of_the_room_comes_to_a_wall_that_stands(room: Room, visitors: Visitors) -> None:
    wall = visitors.enter().new_page()
    open_wall(wall, room)
    expect(wall.locator("#waiting h1")).to_have_text("Join with your phone")
    wall.evaluate("() => { window.stays = true; }")
    room.ask("Wo?", *PLACES, reveal=True)
    room.command("close")
    expect(wall.locator(".r-number").first).to_have_text("0 · 0%")
    room.command("set_language", language="de")
    expect(wall.locator("#phase")).to_have_text("Die Abstimmung ist beendet")
    expect(wall.locator(".r-number").first).to_have_text("0 · 0\u00a0%")
    expect(wall.locator("#result caption")).to_contain_text("Dasselbe in Zahlen")
    room.command("set_language", language="ar")
    expect(wall.locator("html")).to_have_attribute("dir", "rtl")
    expect(wall.locator("#phase")).to_have_text("أُغلق التصويت")
    assert wall.evaluate("() => window.stays"), "full screen would be over"
    # While the server does not give them, it says what it says, and learns them with the next state.
    wall.route("**/wall/*", lambda route: route.abort(), times=1)
    visitors.expect_complaints("net::ERR_FAILED")
    with wall.expect_event("requestfailed"):
        room.command("set_language", language="fr")
    expect(wall.locator("#phase")).to_have_text("أُغلق التصويت")
    room.command("hide")
    expect(wall.locator("#phase")).to_have_text("Le vote est clos")


def test_in_the_slide_of_a_question_another_one_is_none(room: Room, visitors: Visitors) -> None:
    page, feed = fed(visitors, room, [state(asked("single", "Other?", PLACES, id="q2"))], "?embed=1&question=q1")
    expect(page.locator("#waiting")).to_be_visible()
    expect(page.locator("header")).to_be_hidden()
    feed.send(state(asked("single", "This?", PLACES)))
    expect(page.locator("#text")).to_have_text("This?")
    feed.send(state(asked("single", "Other?", PLACES, id="q2")))
    settled(page)
    expect(page.locator("#text")).to_have_text("This?")


def test_the_address_chooses_theme_and_background(room: Room, visitors: Visitors) -> None:
    page, _ = fed(visitors, room, [state()], "?theme=dark&transparent=1", color_scheme="light")
    style = "() => { const body = getComputedStyle(document.body); return [body.backgroundColor, body.color]; }"
    assert page.evaluate(style) == ["rgba(0, 0, 0, 0)", "rgb(238, 241, 247)"]
    assert page.evaluate("() => getComputedStyle(document.documentElement).colorScheme") == "normal"


@contextmanager
def slides(wall: str) -> Iterator[str]:
    """A site of another origin, whose one page has the wall in a frame; its address."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<!doctype html><link rel="icon" href="data:,"><iframe src="{wall}"></iframe>'.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody wants to read it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def test_only_the_sites_that_the_host_names_can_embed_it(room: Room, visitors: Visitors, tmp_path: Path) -> None:
    visitors.expect_complaints("frame-ancestors|net::ERR_BLOCKED_BY_RESPONSE|chrome-error")
    room.ask("Where shall we meet?", *PLACES)
    wall = f"{room.base}/wall/{room.code}?embed=1"
    page = visitors.enter().new_page()
    text = page.frame_locator("iframe").locator("#text")
    with slides(wall) as site:
        page.goto(site)
        expect(text).to_have_count(0)
        room.command("set_embedding", ancestors=[site])
        page.goto(site)
        expect(text).to_have_text("Where shall we meet?")
    file = tmp_path / "slides.html"
    file.write_text(f'<!doctype html><iframe src="{wall}"></iframe>')
    page.goto(file.as_uri())
    expect(text).to_have_count(0)
    room.command("set_embedding", ancestors=["file:"])
    page.goto(file.as_uri())
    expect(text).to_have_text("Where shall we meet?")


def test_a_kind_is_drawn_from_its_figures(room: Room, visitors: Visitors) -> None:
    heads = {
        "yesno": ["Passed", "Quorum reached", "25 yes were needed"],
        "rating": ["Average 3.9 of 5"],
        "nps": ["Net promoter score +44", "Average 8.2"],
        "estimate": ["Median 1,350 kg", "Average 1,414.6 kg", "All between 300 to 4,100 kg"],
        "ranking": ["Borda count Heating", "Instant run-off Heating"],
    }
    for name, expected in heads.items():
        page, _ = fed(visitors, room, CASES[name])
        expect(page.locator(".r-head > span")).to_have_text(expected)
        if "columns" in str(page.locator(".r-plot").get_attribute("data-form")):
            eventually(page, lambda page=page: page.evaluate(_LENGTHS), CASES[name][1]["tally"]["counts"])  # type: ignore[misc]
    page, _ = fed(visitors, room, CASES["cloud"])
    expect(page.locator(".r-cloud li")).to_have_count(20)
    assert json.loads(
        page.locator(".r-cloud").evaluate("list => JSON.stringify([...list.children].map(one => one.textContent))")
    ) == sorted((text for text, _ in CASES["cloud"][1]["tally"]["figures"]["terms"]), key=lambda text: text.casefold())
    page, _ = fed(visitors, room, CASES["hundred texts"])
    expect(page.locator(".r-more")).to_contain_text("more")
