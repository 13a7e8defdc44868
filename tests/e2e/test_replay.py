"""The evening once more: who may watch it, and what there is to see at every moment."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest
from playwright.sync_api import Page, expect

from livevote.replay.document import Replay
from livevote.replay.playhead import Moment, Playhead
from tests.e2e.conftest import MakeVoter
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_layout import SMALL, Scheme, check
from tests.e2e.visitors import Visitors
from tests.process import process
from tests.replay.evening import write_evening

pytestmark = pytest.mark.browser

TEA = "Tea or coffee?"
TOPICS = "Which topics?"


class ReplayPage:
    """Somebody's tab with the replay."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.question = page.locator("#question-text")
        self.counts = page.locator("#results-table td.count")
        self.voted = page.locator("#voted")
        self.where = page.locator("#where")
        self.marks = page.locator("#marks button")
        self.current = page.locator("#marks [aria-current]")
        self.scrubber = page.locator("#scrubber")
        self.play = page.locator("#play")
        self.announce = page.locator("#announce")
        self.speed = page.get_by_label("Speed")

    def open(self, address: str) -> None:
        """Open the replay and wait for its first moment, with the charts."""
        self.page.goto(address)
        expect(self.page.locator("html")).to_have_attribute("data-state", "ready")
        expect(self.page.locator("#over-time")).to_be_visible()

    def drag_to(self, share: float) -> None:
        """Drag the scrubber to this share of its length."""
        self.scrubber.evaluate(
            """(found, share) => {
              found.value = share * found.max;
              found.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            share,
        )

    def as_of(self) -> int:
        return int(re.findall(r"Record (\d+)", self.where.inner_text())[0])

    def expect_moment(self, moment: Moment) -> None:
        """The question, the table and the chart show this."""
        assert moment.question is not None
        expect(self.question).to_have_text(moment.question.text)
        expect(self.voted).to_have_text(f"{moment.voters} voted")
        expect(self.counts).to_have_text([str(count) for count in moment.counts])
        expect(self.page.locator("#phase")).to_have_text("Open" if moment.open else "Closed")
        expect(self.page.locator("#shown")).to_have_text("Revealed" if moment.revealed else "Hidden")
        expect(self.page.locator("#plot")).to_be_visible()
        read = "() => [...Chart.getChart('chart').data.datasets[0].data]"
        eventually(self.page, lambda: self.page.evaluate(read), list(moment.counts))
        full = max(1, moment.voters, *moment.counts)
        assert self.page.evaluate("() => Chart.getChart('chart').scales.x.max") == full, "a bar shows its share"


@contextmanager
def evening(room: Room) -> Iterator[None]:
    """Two questions, one of them asked twice, hidden, shown and changed; six voters, who stay."""
    with crowd(room, 6) as people:
        room.ask(TEA, "Tea", "Coffee")
        people.vote("q1", [(0,), (1,), (1,), (0,), (1,)])
        room.command("close")
        room.command("reveal")
        room.command("ask_again")
        room.command("reveal")
        room.command("hide")
        room.command("close")
        room.ask(TOPICS, "Budget", "Roof", "Party", kind="multiple")
        people.vote("q2", [(0, 1), (1,), (1, 2), (2,), (0, 1, 2), (1,)])
        yield


@pytest.fixture
def watcher(room: Room, visitors: Visitors) -> Iterator[ReplayPage]:
    """Somebody who watches the evening in full."""
    with evening(room):
        room.command("close", "q2")
        room.command("reveal", "q2")
        host = HostPage(visitors.enter().new_page())
        host.open(room.host)
        page = ReplayPage(host.page.context.new_page())
        page.open(room.replay)
        yield page


def test_the_host_publishes_the_replay_and_everybody_watches_what_was_shown(
    host: HostPage, room: Room, voter: MakeVoter, visitors: Visitors
) -> None:
    visitors.expect_complaints("status of 401")
    phone = voter()
    link = phone.page.get_by_role("link", name="Watch the replay of this room")
    with evening(room):
        expect(host.page.get_by_role("link", name="Watch the replay")).to_be_visible()
        expect(link).to_be_hidden()
        phone.page.goto(room.replay)
        expect(phone.page.get_by_role("heading", name="This replay is not public")).to_be_visible()
        expect(phone.page.locator("#who")).to_contain_text("Let everybody watch the replay")
        switch = host.page.get_by_label("Let everybody watch the replay")
        switch.check()
        eventually(
            host.page, lambda: "replay_public" in str(_host_state(host)) and _host_state(host)["replay_public"], True
        )
        phone.page.get_by_role("button", name="Try again").click()
        public = ReplayPage(phone.page)
        # Round 2 was hidden again and question 2 is still open.
        expect(public.marks).to_have_count(3)
        expect(phone.page.locator("body")).not_to_contain_text(TOPICS)
        phone.page.goto(room.join)
        link.click()
        expect(public.marks).to_have_count(3)

        with host.page.context.expect_page() as opened:
            host.page.get_by_role("link", name="Watch the replay").click()
        full = ReplayPage(opened.value)
        expect(full.marks).to_have_count(8)
        expect(full.page.locator("#audience")).to_contain_text("Do not project this.")
        full.page.get_by_role("link", name="See what everybody may see").click()
        expect(full.marks).to_have_count(3)
        expect(full.page.locator("#audience")).to_contain_text("This is what everybody may see.")
        switch.uncheck()
        expect(switch).not_to_be_checked()
        eventually(host.page, lambda: _host_state(host)["replay_public"], False)
        phone.page.reload()
        expect(phone.page.get_by_role("heading", name="This replay is not public")).to_be_visible()


def _host_state(host: HostPage) -> dict[str, Any]:
    state: dict[str, Any] = host.page.evaluate("() => room")
    return state


def test_an_evening_without_anything_to_see_says_so(host: HostPage, room: Room, visitors: Visitors) -> None:
    page = host.page.context.new_page()
    page.goto(room.replay)
    expect(page.get_by_role("heading", name="Nothing to replay yet")).to_be_visible()
    room.ask(TEA, "Tea", "Coffee")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#marks button")).to_have_count(1)
    room.publish_replay()
    stranger = visitors.enter().new_page()
    stranger.goto(room.replay)
    expect(stranger.locator("#notice-text")).to_contain_text("There is none yet.")


def test_scrubbing_shows_what_the_log_says_everywhere(watcher: ReplayPage, room: Room) -> None:
    playhead = Playhead(room.read_replay())
    assert watcher.as_of() == playhead.replay.marks[0].as_of
    seen = set()
    for share in (0, 0.999, 0.1, 0.5, 0.3, 0.7, 0.05, 1):
        watcher.drag_to(share)
        watcher.page.evaluate("() => new Promise(requestAnimationFrame)")
        watcher.expect_moment(playhead.to_index(watcher.as_of()))
        seen.add(watcher.as_of())
    assert len(seen) >= 4
    assert watcher.as_of() == playhead.replay.as_of
    expect(watcher.scrubber).to_have_attribute(
        "aria-valuetext", re.compile(r"^\d\d:\d\d:\d\d, Which topics\?, 6 voted$")
    )


def test_every_record_one_by_one(watcher: ReplayPage, room: Room) -> None:
    playhead = Playhead(room.read_replay())
    moments = watcher.page.evaluate(
        """() => Array.from({ length: evening.size }, (_, event) => {
          const { counts, voters, open, revealed } = seek(event + 1);
          return { as_of: evening.asOf[event], counts: [...counts], voters, open, revealed };
        })"""
    )
    assert len(moments) == 10 + 11
    for found in moments:
        moment = playhead.to_index(found["as_of"])
        assert (found["counts"], found["voters"]) == (list(moment.counts), moment.voters)
        assert (found["open"], found["revealed"]) == (moment.open, moment.revealed)


def test_the_marks_are_listed_and_lead_to_their_moments(watcher: ReplayPage, room: Room) -> None:
    replay = room.read_replay()
    expect(watcher.marks).to_contain_text(
        [
            f"Voting opened{TEA}", f"Voting closed{TEA}", f"Results revealed{TEA}", f"Asked again{TEA} (round 2)",
            f"Results revealed{TEA} (round 2)", f"Results hidden{TEA} (round 2)", f"Voting closed{TEA} (round 2)",
            f"Voting opened{TOPICS}", f"Voting closed{TOPICS}", f"Results revealed{TOPICS}",
        ]
    )  # fmt: skip
    for number in (7, 2, 5):
        watcher.marks.nth(number).click()
        watcher.expect_moment(Playhead(replay).to_index(replay.marks[number].as_of))
        expect(watcher.current).to_have_text(watcher.marks.nth(number).inner_text().replace("\n", ""))
    expect(watcher.announce).to_contain_text(f"Results hidden: {TEA} (round 2)")
    # On the line, too: a press there goes to the moment under it.
    place = watcher.page.locator("#over-time").bounding_box()
    assert place is not None
    watcher.page.mouse.click(place["x"] + place["width"] - 2, place["y"] + 20)
    watcher.expect_moment(Playhead(replay).to_index(replay.as_of))


def test_it_plays_to_the_end_and_pauses(watcher: ReplayPage) -> None:
    watcher.speed.select_option("1")
    # In one turn each: the evening of the test is over in a second or two.
    press, label = "document.getElementById('play').click()", "document.getElementById('play').textContent"
    assert "Pause" in watcher.page.evaluate(f"() => {{ {press}; return {label}; }}")
    assert "Play" in watcher.page.evaluate(f"() => {{ if (playing) {press}; return {label}; }}")
    stood = watcher.page.evaluate("() => position")
    watcher.page.wait_for_timeout(100)
    assert watcher.page.evaluate("() => position") == stood
    watcher.speed.select_option("240")
    watcher.play.click()
    expect(watcher.play).to_contain_text("Play")
    expect(watcher.current).to_contain_text(f"Results revealed{TOPICS}")
    expect(watcher.voted).to_have_text("6 voted")
    watcher.speed.select_option("1")
    assert watcher.page.evaluate(f"() => {{ {press}; const begun = position; {press}; return begun; }}") == 0
    expect(watcher.question).to_have_text(TEA)


def test_it_is_played_with_the_keyboard(watcher: ReplayPage) -> None:
    keyboard = watcher.page.keyboard
    keyboard.press("End")
    expect(watcher.current).to_contain_text(f"Results revealed{TOPICS}")
    keyboard.press("ArrowUp")
    expect(watcher.current).to_contain_text(f"Voting closed{TOPICS}")
    keyboard.press("ArrowDown")
    expect(watcher.current).to_contain_text(f"Results revealed{TOPICS}")
    keyboard.press("Home")
    expect(watcher.voted).to_have_text("0 voted")
    keyboard.press(".")
    expect(watcher.voted).to_have_text("1 voted")
    keyboard.press(",")
    expect(watcher.voted).to_have_text("0 voted")
    keyboard.press("ArrowUp")
    expect(watcher.voted).to_have_text("0 voted")
    keyboard.press("ArrowRight")
    eventually(watcher.page, lambda: watcher.page.evaluate("() => position === Math.min(5000, length())"), True)
    keyboard.press("ArrowLeft")
    eventually(watcher.page, lambda: watcher.page.evaluate("() => position"), 0)
    for key, value in (("+", "16"), ("+", "60"), ("-", "16"), ("=", "60"), ("+", "240"), ("+", "240")):
        keyboard.press(key)
        expect(watcher.speed).to_have_value(value)
    keyboard.press("Space")
    expect(watcher.current).to_contain_text(f"Results revealed{TOPICS}")
    keyboard.press("?")
    expect(watcher.page.locator("#keys")).to_be_visible()
    keyboard.press("Home")
    keyboard.press("?")
    expect(watcher.page.locator("#keys")).to_be_hidden()
    expect(watcher.current).to_contain_text(f"Results revealed{TOPICS}")
    tab_to(watcher.page, watcher.scrubber)
    keyboard.press("Home")
    expect(watcher.voted).to_have_text("0 voted")
    assert has_focus(watcher.scrubber)
    keyboard.press("?")
    watcher.page.get_by_label("Use these keys").uncheck()
    keyboard.press("Escape")
    # A slider has keys of its own; elsewhere, nothing happens any more.
    watcher.scrubber.evaluate("found => found.blur()")
    keyboard.press("End")
    expect(watcher.voted).to_have_text("0 voted")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_phone_and_a_wall(room: Room, visitors: Visitors, scheme: Scheme) -> None:
    with evening(room):
        room.command("close", "q2")
        room.command("reveal", "q2")
    room.publish_replay()
    visitors.expect_complaints("status of 401")
    page = ReplayPage(visitors.enter(viewport=SMALL, color_scheme=scheme).new_page())
    page.open(room.replay)
    for share in (0, 1):
        page.drag_to(share)
        check(page.page, scheme, where="the replay")
    wall = ReplayPage(visitors.enter(viewport={"width": 3840, "height": 2160}, color_scheme=scheme).new_page())
    wall.open(room.replay)
    wall.drag_to(1)
    check(wall.page, scheme, where="a wall")
    assert wall.question.evaluate("found => parseFloat(getComputedStyle(found).fontSize)") > 60
    room.publish_replay(public=False)
    page.page.reload()
    expect(page.page.locator("#who")).to_be_visible()
    check(page.page, scheme, where="a replay that is not public")


def test_with_reduced_motion_it_moves_twice_a_second(room: Room, visitors: Visitors) -> None:
    with evening(room):
        room.command("close", "q2")
        room.command("reveal", "q2")
    room.publish_replay()
    page = ReplayPage(visitors.enter(reduced_motion="reduce").new_page())
    page.open(room.replay)
    page.page.evaluate(
        """() => {
          window.moves = [];
          const seen = new MutationObserver(() => window.moves.push(performance.now()));
          seen.observe(document.getElementById("cursor"), { attributes: true });
        }"""
    )
    page.speed.select_option("1")
    page.play.click()
    eventually(page.page, lambda: page.page.evaluate("() => window.moves.length > 3 || !playing"), True)
    moves = page.page.evaluate("() => window.moves")
    assert all(later - earlier > 300 for earlier, later in pairwise(moves[1:]))


def test_an_evening_with_quiz_board_and_codes_is_shown_to_its_end(
    room: Room, visitors: Visitors, tmp_path: Path
) -> None:
    room.command("link_pseudonyms")
    room.command("switch_board", on=True, approval=False)
    room.make_codes(3)
    with crowd(room, 3) as people:
        room.ask("How much is 2 + 2?", "3", "4", quiz={"right": [1], "explanation": "Count on your fingers."})
        people.vote("q1", [(0,), (1,), (1,)])
        people.post(0, "Who made the cake?")
        for command in ("close", "reveal", "show_solution"):
            room.command(command)
        room.command("show_leaderboard", on=True)
        guess = {"min": 0, "max": 9, "truth": 4}
        room.ask("How many cakes?", kind="estimate", rules=guess, quiz={"right": []})
        people.answer("q2", [{"value": value} for value in (3, 4, 9)])
        for command in ("close", "reveal", "show_solution"):
            room.command(command, "q2")
        for kind in ("text", "yesno"):
            question = room.ask("And now?", kind=kind)
            room.command("close", question)
            room.command("reveal", question)
    room.publish_replay()
    for context in (visitors.enter(), visitors.enter(viewport=SMALL, locale="ar")):
        page = ReplayPage(context.new_page())
        page.open(room.replay)
        # Opened, closed and revealed, four times: a solution is no moment of it.
        expect(page.marks).to_have_count(12)
        page.marks.nth(2).click()
        expect(page.counts).to_have_text(["1", "2"])
        page.marks.nth(5).click()
        expect(page.counts.nth(4)).to_have_text("1")
        page.page.keyboard.press("End")
        expect(page.question).to_have_text("And now?")
        expect(page.counts).to_have_text(["0", "0", "0"])
    saved = tmp_path / "results.html"
    saved.write_bytes(room.export("results.html"))
    results = visitors.enter(viewport=SMALL, offline=True).new_page()
    results.goto(saved.as_uri())
    expect(results.get_by_role("heading", name="How much is 2 + 2?")).to_be_visible()
    expect(results.locator("body")).to_contain_text("Who made the cake?")
    assert results.evaluate("() => document.documentElement.scrollWidth") <= SMALL["width"]


def test_it_waits_for_a_log_that_is_checked_and_for_a_server_that_comes_back(room: Room, visitors: Visitors) -> None:
    room.ask(TEA, "Tea", "Coffee")
    room.command("close")
    room.command("reveal")
    room.publish_replay()
    visitors.expect_complaints("status of 503|net::ERR_FAILED")
    page = ReplayPage(visitors.enter().new_page())
    answer = {"error": {"code": "checking", "message": "The server is still checking the log of this room."}}
    api = "**/api/rooms/*/replay"
    page.page.route(api, lambda route: route.fulfill(status=503, json=answer), times=1)
    page.page.goto(room.replay)
    expect(page.page.locator("#notice-text")).to_have_text("The server is still checking the log of this room.")
    expect(page.marks).to_have_count(3)
    page.page.route(api, lambda route: route.abort(), times=1)
    page.page.reload()
    expect(page.page.locator("#notice-text")).to_contain_text("The server does not answer.")
    page.page.get_by_role("button", name="Try again").click()
    expect(page.marks).to_have_count(3)
    page.page.route("**/assets/chart.js", lambda route: route.abort())
    page.page.reload()
    expect(page.marks).to_have_count(3)
    page.page.keyboard.press("End")
    expect(page.page.locator("#shown")).to_have_text("Revealed")
    expect(page.counts).to_have_text(["0", "0"])


MOST_SEEK_MS = 20
MOST_FRAME_MS = 60


@pytest.mark.timeout(seconds=120)
def test_100_000_ballots_scrub_without_a_stutter(visitors: Visitors, tmp_path: Path) -> None:
    code = write_evening(tmp_path, ballots=106_000, questions=4)
    with process(tmp_path, "--no-sample") as server:
        page = ReplayPage(visitors.enter().new_page())
        page.open(f"{server.base}/replay/{code}")
        took = page.page.evaluate(
            """() => {
              const time = (work, times) => {
                const all = [];
                for (let turn = 0; turn < times; turn += 1) {
                  const where = length() * ((turn * 0.618034) % 1);
                  const begun = performance.now();
                  work(where);
                  all.push(performance.now() - begun);
                }
                all.sort((one, other) => one - other);
                return { median: all[times >> 1], p99: all[Math.floor(times * 0.99)] };
              };
              const moments = [];
              for (let event = 0; event < evening.size; event += 97) {
                const { counts, voters } = seek(event + 1);
                moments.push([evening.asOf[event], [...counts], voters]);
              }
              return {
                moments,
                size: evening.size,
                seek: time((where) => seek(eventsAt(where)), 2000),
                frame: time((where) => { position = where; moment = seek(eventsAt(where)); render(); }, 300),
              };
            }"""
        )
        with urlopen(f"{server.base}/api/rooms/{code}/replay") as response:
            playhead = Playhead(msgspec.json.decode(response.read(), type=Replay))
    moments = took.pop("moments")
    assert len(moments) > 300
    for as_of, counts, voters in moments:
        moment = playhead.to_index(as_of)
        assert (counts, voters) == (list(moment.counts), moment.voters)
    print(took)
    assert took["size"] >= 100_000
    assert took["seek"]["p99"] < MOST_SEEK_MS
    assert took["frame"]["median"] < MOST_FRAME_MS
