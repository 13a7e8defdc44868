"""What is painted of a result says the same as its numbers, whatever happened to the page meanwhile."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.e2e.conftest import PHONE, MakeVoter, join
from tests.e2e.pages import eventually
from tests.e2e.rooms import Room
from tests.e2e.test_wall import fed
from tests.e2e.visitors import CHROMIUM_ARGS, Visitors
from tests.e2e.walls import asked, result, state

pytestmark = pytest.mark.browser

COLOURS = ("Red", "Green", "Blue")

# How much of every row is painted, in percents of its length.
_PAINTED = """() => {
  const canvas = document.querySelector("#result canvas");
  const frame = canvas?.getBoundingClientRect();
  if (!frame?.width || !canvas.width) return [];
  const scale = canvas.width / frame.width;
  const paint = canvas.getContext("2d");
  return [...document.querySelectorAll("#result .r-strip")].map((strip) => {
    const { x, y, width, height } = strip.getBoundingClientRect();
    const place = [x - frame.x, y + height / 2 - frame.y, width].map((length) => Math.round(length * scale));
    const dots = paint.getImageData(...place, 1).data;
    const painted = dots.filter((value, at) => at % 4 === 3 && value).length;
    return Math.round((400 * painted) / dots.length);
  });
}"""
# Nothing moves, and the frame is over in which it came to rest.
_AT_REST = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const bars = () => Chart.getChart(document.querySelector("#result canvas")).getDatasetMeta(0).data;
  const moves = (bar) => Object.values(bar.$animations ?? {}).some((animation) => animation.active());
  while (bars().some(moves)) await frame();
  for (let more = 0; more < 4; more += 1) await frame();
}"""
_BACKWARDS = """() => {
  const since = Date.now();
  Date.now = () => since - Math.round(performance.now());
}"""


def painted(page: Page) -> Any:
    return page.evaluate(_PAINTED)


def expect_painted(page: Page, *shares: int) -> None:
    eventually(page, lambda: painted(page), list(shares))


def expect_rest(page: Page, *shares: int) -> None:
    expect_painted(page, *shares)
    page.evaluate(_AT_REST)


def heights(page: Page) -> tuple[int, int]:
    """Of the rows, and of the canvas that is painted on."""
    rows, canvas = (
        page.locator(place).evaluate("found => found.offsetHeight") for place in ("#result .r-rows", "#result canvas")
    )
    return rows, canvas


def test_bars_keep_to_their_rows_when_a_phone_is_turned(room: Room, voter: MakeVoter, visitors: Visitors) -> None:
    visitors.expect_complaints("willReadFrequently")
    room.ask("Which?", *COLOURS)
    page = voter()
    page.vote("Blue")
    room.command("close")
    room.command("reveal")
    expect_rest(page.page, 0, 0, 100)
    turned = {"width": PHONE["height"], "height": PHONE["width"]}
    for size in (turned, PHONE, {"width": 320, "height": 640}, PHONE):
        page.page.set_viewport_size(size)  # type: ignore[arg-type]
        expect_rest(page.page, 0, 0, 100)


def test_bars_keep_to_rows_that_grow_when_the_solution_is_shown(
    room: Room, voter: MakeVoter, visitors: Visitors
) -> None:
    visitors.expect_complaints("willReadFrequently")
    question = room.ask("Which?", *COLOURS, quiz={"right": [0]})
    page = voter()
    page.vote("Blue")
    room.command("close")
    room.command("reveal")
    expect_rest(page.page, 0, 0, 100)
    before, _ = heights(page.page)
    room.command("show_solution", question)
    expect(page.page.locator("#result .r-strip[data-right=true]")).to_be_visible()
    rows, _ = heights(page.page)
    assert rows > before
    eventually(page.page, lambda: heights(page.page), (rows, rows))
    expect_painted(page.page, 0, 0, 100)


def test_bars_end_at_the_newest_count_when_motion_is_turned_off_between(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("willReadFrequently")
    question = asked("single", "Which?", list(COLOURS))
    page, feed = fed(visitors, room, [state(question)], reduced_motion="no-preference")
    feed.send({**result(question, [10, 10, 20], 40), "as_of": 50})
    page.wait_for_function("() => window.Chart && Chart.getChart(document.querySelector('#result canvas'))")
    page.emulate_media(reduced_motion="reduce")
    feed.send({**result(question, [30, 0, 10], 40), "as_of": 51})
    expect(page.locator("#result tbody td:nth-child(2)")).to_have_text(["30", "0", "10"])
    expect_painted(page, 75, 0, 25)


def test_bars_grow_although_the_clock_is_set_back(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("willReadFrequently")
    question = asked("single", "Which?", list(COLOURS))
    page, feed = fed(visitors, room, [state(question)], reduced_motion="no-preference")
    page.evaluate(_BACKWARDS)
    feed.send(result(question, [10, 10, 20], 40))
    expect_painted(page, 25, 25, 50)


def test_bars_are_painted_again_on_a_canvas_that_was_taken_away(
    room: Room, playwright: Playwright, chromium: str
) -> None:
    room.ask("Which?", *COLOURS)
    # Of its own, because all its pages lose what they painted.
    browser: Browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
    page = join(browser.new_context(viewport=PHONE, device_scale_factor=2), room.join)  # type: ignore[arg-type]
    page.vote("Blue")
    room.command("close")
    room.command("reveal")
    expect_rest(page.page, 0, 0, 100)
    page.page.locator("#result canvas").evaluate(
        "canvas => canvas.addEventListener('contextrestored', () => { window.empty = true; })"
    )
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    page.page.wait_for_function("() => window.empty")
    expect_painted(page.page, 0, 0, 100)
    browser.close()
