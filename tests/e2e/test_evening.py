"""One evening from the file of questions to the files of results, as its host, its wall and three phones see it.

The host has a phone and nothing but the page. The voters have a browser each: Ann's is English, Jörg's German and
Maryam's Arabic. Jörg uses the keyboard of a reader for the blind, the others their thumbs. Every kind of question is
asked; Jörg's network fails in the middle of a vote, Maryam's page is loaded again, and the server is killed once.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from livevote.web import catalogs
from tests.e2e.conftest import PHONE
from tests.e2e.pages import HostPage, VoterPage, WallPage, eventually
from tests.e2e.rooms import read_csv
from tests.e2e.test_board_console import press, show_board
from tests.e2e.test_exports import save
from tests.e2e.test_kinds import picture
from tests.e2e.test_layout import expect_fits
from tests.e2e.test_rooms import choose, leave, open_dialog
from tests.e2e.visitors import OFFLINE, SERVER_IS_DOWN, Visitors
from tests.process import Process, process, run_cli

pytestmark = pytest.mark.browser

WALL = {"width": 1280, "height": 720}
CATALOGS = catalogs.load()
QUESTIONS = """\
title: Spring assembly
questions:
  - question: Where shall we meet?
    options: [Harbour, Garden, Brewery]
  - kind: multiple
    question: Which topics need more time?
    options: [Budget, Roof, Party, Rules]
    rules: {max: 2}
  - kind: approval
    question: Which days suit you?
    options: [Monday, Tuesday, Friday]
  - kind: yesno
    question: Do you approve the accounts?
    level: code
    rules: {majority: two_thirds}
  - kind: rating
    question: How was the food?
  - kind: ranking
    question: What shall we repair first?
    options: [Heating, Windows, Garden]
  - kind: text
    question: What was missing?
  - kind: cloud
    question: One word for this evening?
    rules: {max_terms: 2}
"""
QUIZ = """\
questions:
  - question: Which planet has the most moons?
    options: [Jupiter, Saturn, Mars]
    changeable: no
    quiz: {right: [1], explanation: 146 are known of Saturn.}
  - kind: estimate
    question: How heavy is the bell?
    rules: {min: 0, max: 1000, truth: 640, unit: kg}
    quiz: {explanation: It was cast in 1763.}
"""
POST = "Can we have the slides afterwards?"

_TABLE = """table => [...table.tBodies[0].rows].map((row) =>
  [row.cells[0].firstElementChild, ...[...row.cells].slice(1)].map((cell) => cell.textContent))"""


def digits(text: str) -> str:
    """The digits of a text, whichever they are where it was written."""
    return "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())


class Phone(VoterPage):
    """A voter's phone that speaks a language, and is used with the thumb or by keys."""

    def __init__(self, page: Page, name: str, language: str, *, keys: bool = False) -> None:
        super().__init__(page)
        self.name = name
        self.words = CATALOGS[language]
        self.keys = keys
        self.result = page.locator("#result table")

    def press(self, place: Locator) -> None:
        if self.keys:
            place.focus()
            place.press("Enter")
        else:
            place.tap()

    def choose(self, *texts: str) -> None:
        """Answer with these options, which are in nobody's language but the room's."""
        for text in texts:
            self.press(self.options.locator("button").filter(has_text=text).first)
        if self.send.is_visible():
            self.press(self.send)
        self.expect_counts()

    def grade(self, value: int) -> None:
        self.press(self.options.get_by_role("radio").nth(value - 1))
        self.expect_counts()

    def write(self, *texts: str) -> None:
        """Fill in the fields of the question, and send."""
        for field, text in zip(self.options.locator("input, textarea").all(), texts, strict=False):
            field.fill(text)
        self.press(self.send)
        self.expect_counts()

    def expect_counts(self) -> None:
        """The vote counts, and its receipt was found right."""
        expect(self.status).to_have_attribute("data-look", "counted")
        expect(self.status).to_contain_text(self.says("client.counted", time="").strip())

    def says(self, key: str, **values: object) -> str:
        return self.words[key].format(**values)

    def turn_to(self, view: str) -> None:
        """Turn to the vote or to the board."""
        self.press(self.page.locator(f'#views [data-view="{view}"]'))


class Evening:
    """The host's phone, the wall and the phones of the voters in one room."""

    def __init__(self, host: HostPage, wall: WallPage, phones: Sequence[Phone]) -> None:
        self.host = host
        self.wall = wall
        self.phones = phones
        self.screens: list[WallPage | Phone] = [wall, *phones]

    def begin(self, text: str, *, step: str = "Next question") -> None:
        """Open the next question: everybody sees it, and nobody is sent a result."""
        self.host.step(step)
        self.expect_asked(text)

    def expect_asked(self, text: str, *, round_: int = 1) -> None:
        self.host.expect_step("Close voting")
        expect(self.host.question).to_have_text(text)
        for screen in self.screens:
            expect(screen.question).to_have_text(text)
            if round_ == 1:
                expect(screen.round).to_be_hidden()
            else:
                expect(screen.round).to_contain_text(re.compile("[2\u0662]"))
            screen.received.clear()

    def expect_voted(self, voted: str) -> None:
        """So many have voted, as host and wall say."""
        expect(self.host.voted).to_have_text(voted)
        expect(self.wall.voted).to_have_text(f"{voted} voted")

    def close(self, *, voted: str) -> None:
        """Close the vote once so many have voted."""
        self.expect_voted(voted)
        self.look("open")
        self.host.step("Close voting")
        self.expect_closed()

    def expect_closed(self) -> None:
        """The vote is closed, and still nobody was told how it went."""
        self.host.expect_step("Reveal results")
        expect(self.wall.phase).to_have_text("Voting is closed")
        expect(self.wall.fingerprint).to_have_text(re.compile(r"^([0-9a-f]{8} ?){8}$"))
        for phone in self.phones:
            expect(phone.status).to_have_attribute("data-look", "closed")
            phone.expect_no_results()
        for screen in self.screens:
            assert not screen.has_received_counts()

    def reveal(self, labels: Sequence[str] | None, counts: Sequence[int], *, then: str = "Next question") -> None:
        """Reveal the result, and find the same on every screen. The labels of some kinds are words of the page."""
        self.host.step("Reveal results")
        self.host.expect_step(then)
        tables = [self.host.page.locator("#plot table")]
        tables += [screen.page.locator("#result table") for screen in self.screens]
        expected = [[label, str(count)] for label, count in zip(labels or [""] * len(counts), counts, strict=True)]
        for table in tables:
            eventually(self.host.page, partial(_rows, table, labelled=labels is not None), expected)
        # Shares, points of run-offs, limits of bins, averages: what the screens write in their own digits.
        found = {json.dumps(_numbers(table)) for table in tables}
        assert len(found) == 1, found
        told = ["".join(screen.page.locator("#result .r-head").all_inner_texts()) for screen in self.screens]
        host = digits("".join(self.host.page.locator("#plot .r-head").all_inner_texts()))
        # The host sees the truth behind them already; Arabic has a word for two of a thing, and needs no digit for it.
        assert all(host.startswith(digits(each)) for each in told), (host, told)
        self.look("revealed")

    def look(self, stage: str) -> None:
        """Nothing that is on a screen at this stage is wider than it."""
        for page in (self.host.page, *(screen.page for screen in self.screens)):
            expect_fits(page, where=stage)


def _rows(table: Locator, *, labelled: bool) -> list[list[str]]:
    if not table.count():
        return []
    rows: list[list[str]] = table.evaluate(_TABLE)
    return [[label if labelled else "", digits(count)] for label, count, *_ in rows]


def _numbers(table: Locator) -> list[list[str]]:
    rows: list[list[str]] = table.evaluate(_TABLE)
    return [[digits(cell) for cell in row] for row in rows]


def _digits_of(place: Locator) -> str:
    return digits(place.inner_text())


def _is_long(timer: Locator) -> bool:
    """Whether it has more than the fifteen seconds that it began with."""
    return int(_digits_of(timer) or 0) > 15


def test_one_evening(tmp_path: Path, visitors: Visitors) -> None:
    visitors.expect_complaints(f"{SERVER_IS_DOWN}|{OFFLINE}|status of 409")
    data = tmp_path / "data"
    with process(data, "--no-sample") as server:
        host, slips = prepare(visitors, data)
        evening = arrive(server, visitors, host, slips)
        a_network_that_fails(evening)
        two_rounds(evening)
        a_page_that_is_loaded_again(evening)
        a_ballot_for_each_code(evening, slips)
        a_timer(evening)
        an_order(evening)
        words(evening)
        a_post_on_the_board(evening)
        begin_pictures(evening)
        server.kill()
    for phone in evening.phones:
        expect(phone.banner).to_contain_text(phone.says("client.reconnecting"))
    *_, maryam = evening.phones
    maryam.press(maryam.options.get_by_role("radio").nth(1))
    expect(maryam.status).to_have_attribute("data-look", "sending")
    evening.look("killed")
    with process(data, "--no-sample", port=server.port):
        end_pictures(evening)
        a_quiz(evening)
        files = export(evening, tmp_path)
    check_ballots(files["ballots.csv"])
    check_results(files["results.csv"])
    check_players(files["leaderboard.csv"])
    (post,) = read_csv(files["board.csv"].read_bytes())
    assert (post["text"], post["votes"], post["standing"], post["answered"]) == (POST, "2", "shown", "yes")
    receipt = files["receipt"]
    checked = run_cli("verify", str(files["bundle.jsonl"]), "--receipt", str(receipt), "--data", str(data))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def prepare(visitors: Visitors, data: Path) -> tuple[HostPage, list[str]]:
    """On the afternoon: the room comes out of two files, a question with pictures and slips with codes."""
    host = HostPage(visitors.enter(viewport=PHONE, has_touch=True).new_page())
    host.page.goto(run_cli("host-link", "--data", str(data)).stdout.strip())
    choose(host.page.get_by_label("Or with a file of your own"), "assembly.yaml", QUESTIONS)
    host.page.get_by_role("button", name="Create room").click()
    host.expect_console()
    expect(host.title).to_have_text("Spring assembly")
    expect(host.questions).to_have_count(8)

    host.page.locator("#add-text").fill("Which poster?")
    host.page.locator("#add-kind").select_option("image")
    files: list[Any] = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": picture(colour)}
        for name, colour in (("Sea", "blue"), ("Wood", "green"))
    ]
    host.page.locator("#add-pictures").set_input_files(files)
    expect(host.page.locator("#pictures img")).to_have_count(2)
    host.page.get_by_role("button", name="Add question").click()
    expect(host.questions).to_have_count(9)

    dialog = open_dialog(host, "files-dialog")
    choose(dialog.get_by_label("Room file or sheet of questions"), "quiz.yaml", QUIZ)
    expect(dialog).to_contain_text("quiz.yaml: 2 questions. Nothing is added yet.")
    expect_fits(host.page, where="a file that is looked at")
    dialog.get_by_role("button", name="Add these questions").click()
    expect(host.questions).to_have_count(11)

    host.questions.nth(9).click()
    host.page.get_by_role("button", name="Add up points …").click()
    host.page.get_by_role("button", name="Add up points in this room").click()
    expect(host.message).to_have_text("This room adds up points.")
    host.page.get_by_label("Board for posts from the room").check()
    expect(host.page.locator("#show-board")).to_be_visible()

    dialog = open_dialog(host, "codes-dialog")
    dialog.get_by_label("How many codes").fill("2")
    dialog.get_by_role("button", name="Make codes").click()
    expect(dialog).to_contain_text("New codes: 2.")
    with host.page.expect_download() as saved:
        dialog.get_by_role("button", name="codes.csv").click()
    slips = list(csv.DictReader(io.StringIO(saved.value.path().read_text(encoding="utf-8-sig"))))
    expect_fits(host.page, where="codes")
    leave(host)
    host.questions.first.click()
    return host, [slip["code"] for slip in slips]


def arrive(server: Process, visitors: Visitors, host: HostPage, slips: list[str]) -> Evening:
    """The wall is there, then the voters; Ann scans her slip, and all take names."""
    code = host.code.inner_text()
    wall = WallPage(visitors.enter(viewport=WALL).new_page())
    wall.open(f"{server.base}/wall/{code}")
    expect(wall.code).to_have_text(code)

    def phone(name: str, language: str, scheme: Any, *, keys: bool = False) -> Phone:
        browser = visitors.enter(
            viewport=PHONE,
            locale=language,
            color_scheme=scheme,
            has_touch=True,
            is_mobile=True,
            reduced_motion="reduce",
        )
        return Phone(browser.new_page(), name, language, keys=keys)

    ann, jorg, maryam = phones = [
        phone("Ann", "en", "light"),
        phone("Jörg", "de", "dark", keys=True),
        phone("مريم", "ar", "light"),
    ]
    address = f"{server.base}/{code}"
    ann.open(f"{address}#k={slips[0].replace('-', '')}")
    expect(ann.page).to_have_url(address)
    for each in (jorg, maryam):
        each.open(address)
    expect(maryam.page.locator("html")).to_have_attribute("dir", "rtl")
    for each in phones:
        field = each.page.locator("#player-name")
        field.fill(each.name)
        field.press("Enter")
        expect(each.page.locator("#who b")).to_have_text(each.name)
    expect(host.online).to_have_text("3")
    expect(wall.waiting).to_have_text("3 people are here")
    evening = Evening(host, wall, phones)
    evening.look("waiting")
    return evening


def a_network_that_fails(evening: Evening) -> None:
    """Jörg changes his vote where no network is. It counts once he is back, and once."""
    ann, jorg, maryam = evening.phones
    evening.begin("Where shall we meet?", step="Open voting")
    for phone in evening.phones:
        phone.choose("Harbour")
    jorg.page.context.set_offline(True)
    jorg.press(jorg.option("Garden"))
    expect(jorg.status).to_have_attribute("data-look", "sending")
    jorg.page.evaluate("() => drop()")
    expect(jorg.banner).to_contain_text(jorg.says("client.reconnecting"))
    maryam.choose("Garden")
    evening.look("offline")
    jorg.page.context.set_offline(False)
    jorg.expect_counts()
    evening.close(voted="3 of 3")
    evening.reveal(["Harbour", "Garden", "Brewery"], [1, 2, 0])
    ann.expect_own_answer("Harbour")


def two_rounds(evening: Evening) -> None:
    """What was said in between changes minds: the host asks again, and compares."""
    ann, jorg, maryam = evening.phones
    topics = ["Budget", "Roof", "Party", "Rules"]
    evening.begin("Which topics need more time?")
    ann.choose("Budget", "Roof")
    jorg.choose("Roof")
    maryam.choose("Roof", "Party")
    evening.close(voted="3 of 3")
    evening.reveal(topics, [1, 3, 1, 0])
    evening.host.ask_again.click()
    evening.expect_asked("Which topics need more time?", round_=2)
    ann.choose("Party")
    jorg.choose("Roof", "Party")
    evening.close(voted="2 of 3")
    evening.reveal(topics, [0, 1, 2, 0])
    evening.host.page.locator("#compare summary").click()
    rows = evening.host.page.locator("#differences tbody tr")
    expect(rows.nth(2)).to_contain_text("Party")
    expect(rows.nth(2).locator("td")).to_have_text(["1 · 33%", "2 · 100%", "+67 pp"])
    evening.look("compared")


def a_page_that_is_loaded_again(evening: Evening) -> None:
    ann, jorg, maryam = evening.phones
    evening.begin("Which days suit you?")
    ann.choose("Monday", "Friday")
    jorg.choose()
    maryam.choose("Friday")
    maryam.page.reload()
    maryam.expect_counts()
    expect(maryam.option("Friday")).to_have_attribute("data-mark", "counted")
    evening.close(voted="3 of 3")
    evening.reveal(["Monday", "Tuesday", "Friday"], [1, 0, 2])


def a_ballot_for_each_code(evening: Evening, slips: list[str]) -> None:
    """Ann has scanned her slip, Jörg types his, and Maryam has none: she looks at his."""
    ann, jorg, maryam = evening.phones
    evening.begin("Do you approve the accounts?")
    for phone in (jorg, maryam):
        expect(phone.options).to_be_hidden()
        expect(phone.status).to_contain_text(phone.says("client.entry.first"))
        phone.page.locator("#own-code").fill(slips[1].lower())
        phone.press(phone.page.locator("#enter button"))
        if phone is jorg:
            expect(phone.page.locator("#level")).to_contain_text(phone.says("client.entry.done"))
    expect(maryam.page.locator("#entry-news")).to_have_text(maryam.says("client.entry.no.code_used"))
    expect(maryam.options).to_be_hidden()
    ann.choose("Yes")
    jorg.choose("Nein")
    evening.close(voted="2 of 3")
    evening.reveal(None, [1, 1, 0])
    for phone in evening.phones:
        expect(phone.results).to_contain_text(phone.says("results.rejected"))


def a_timer(evening: Evening) -> None:
    """The vote is planned for 15 seconds, stretched because phones are slow, and cut when all have voted."""
    page = evening.host.page
    page.get_by_label("Other seconds").fill("15")
    page.keyboard.press("Enter")
    evening.begin("How was the food?")
    page.get_by_role("button", name="+30 s").click()
    for screen in evening.screens:
        eventually(page, partial(_is_long, screen.timer), True)
    # Her code was refused, which is of no use any more.
    expect(evening.phones[2].page.locator("#enter")).to_be_hidden()
    for phone, grade in zip(evening.phones, (4, 5, 4), strict=True):
        phone.grade(grade)
    evening.look("timed")
    evening.expect_voted("3 of 3")
    for _ in range(2):
        # The second cut leaves the five seconds that a vote has at least.
        page.get_by_role("button", name="\u221230 s").click()
    evening.expect_closed()
    evening.reveal(None, [0, 0, 0, 2, 1])
    # What was chosen was for this question.
    expect(page.get_by_label("Other seconds")).to_have_value("")
    expect(evening.host.next).not_to_contain_text("by itself")


def an_order(evening: Evening) -> None:
    ann, jorg, maryam = evening.phones
    evening.begin("What shall we repair first?")
    ann.choose("Heating", "Windows", "Garden")
    jorg.choose("Windows", "Heating", "Garden")
    maryam.choose("Windows", "Garden", "Heating")
    evening.close(voted="3 of 3")
    evening.reveal(["Heating", "Windows", "Garden"], [3, 5, 1])


def words(evening: Evening) -> None:
    """Sentences are seen once the host has shown them, the words of a cloud at once."""
    ann, jorg, maryam = evening.phones
    host = evening.host
    evening.begin("What was missing?")
    for phone, text in zip(evening.phones, ("More bread", "Ein Grobian", "الماء"), strict=True):
        phone.write(text)
    terms = host.page.locator("#terms li")
    expect(terms).to_have_count(3)
    evening.look("judged")
    terms.filter(has_text="Grobian").get_by_role("button", name="Hide").click()
    expect(terms).to_have_count(2)
    host.page.locator("#judge-all").check()
    host.page.locator("#judge-show").click()
    expect(host.page.locator("#judge")).to_contain_text("Shown (2)")
    evening.close(voted="3 of 3")
    evening.reveal(["More bread", "الماء"], [1, 1])

    evening.begin("One word for this evening?")
    ann.write("Spring", "Music")
    jorg.write("spring")
    maryam.write("Spring", "ربيع")
    evening.close(voted="3 of 3")
    evening.reveal(["Spring", "Music", "ربيع"], [3, 1, 1])


def a_post_on_the_board(evening: Evening) -> None:
    """Ann asks, the host lets it be seen, others want to know it too, and it is answered."""
    ann, jorg, maryam = evening.phones
    host = evening.host
    ann.turn_to("board")
    ann.page.locator("#ask-text").fill(POST)
    ann.press(ann.page.locator("#ask-form .primary"))
    expect(ann.page.locator("#own-posts li")).to_contain_text("Waiting for the host's approval")
    expect(host.page.locator("#board-badge")).to_have_text("1")
    show_board(host)
    press(host, POST, "Show")
    expect(ann.page.locator("#own-posts li")).to_contain_text("On the board")
    for phone in (jorg, maryam):
        phone.turn_to("board")
        up = phone.page.locator("#posts li").filter(has_text=POST).locator(".up")
        phone.press(up)
        expect(up).to_have_attribute("aria-pressed", "true")
    host.page.get_by_role("button", name="Shown (1)").click()
    press(host, POST, "Pin to the wall")
    expect(evening.wall.pinned).to_have_text(POST)
    expect(evening.wall.page.locator("#post-votes")).to_have_text("▲ 2 people ask this")
    evening.look("pinned")
    press(host, POST, "Answered")
    expect(jorg.page.locator("#posts .tags")).to_contain_text(jorg.says("board.answered"))
    press(host, POST, "Pin to the wall")
    expect(evening.wall.pinned).to_be_hidden()
    leave(host)
    for phone in evening.phones:
        phone.turn_to("vote")


def begin_pictures(evening: Evening) -> None:
    ann, jorg, _ = evening.phones
    evening.begin("Which poster?")
    for phone, place in ((ann, 0), (jorg, 1)):
        phone.press(phone.options.get_by_role("radio").nth(place))
        phone.expect_counts()
    expect(evening.host.voted).to_have_text("2 of 3")


def end_pictures(evening: Evening) -> None:
    """Maryam tapped while no server was there. Everybody comes back by themselves, and her vote with her."""
    evening.wall.expect_connected()
    for phone in evening.phones:
        phone.expect_connected()
        phone.expect_counts()
    expect(evening.host.banner).to_be_hidden()
    evening.close(voted="3 of 3")
    evening.reveal(["Sea", "Wood"], [1, 2])


def a_quiz(evening: Evening) -> None:
    ann, jorg, maryam = evening.phones
    host = evening.host
    evening.begin("Which planet has the most moons?")
    for phone, planet in zip(evening.phones, ("Saturn", "Mars", "Saturn"), strict=True):
        phone.choose(planet)
    evening.close(voted="3 of 3")
    evening.reveal(["Jupiter", "Saturn", "Mars"], [0, 2, 1], then="Show solution")
    for screen in evening.screens:
        assert not any('"right"' in frame for frame in screen.received)
    host.step("Show solution")
    for phone, verdict in ((ann, "right"), (jorg, "wrong"), (maryam, "right")):
        expect(phone.page.locator("#verdict")).to_contain_text(phone.says(f"quiz.{verdict}"))
        expect(phone.page.locator("#explanation")).to_have_text("146 are known of Saturn.")
    expect(evening.wall.page.locator("#explanation")).to_have_text("146 are known of Saturn.")
    evening.look("solution")

    evening.begin("How heavy is the bell?")
    for phone, typed in zip(evening.phones, ("640", "600", "\u0664\u0660\u0660"), strict=True):
        phone.write(typed)
    evening.close(voted="3 of 3")
    bins = [0] * 20
    bins[8], bins[12] = 1, 2
    evening.reveal(None, bins, then="Show solution")
    host.step("Show solution")
    host.expect_step("Add a question")
    expect(host.next).to_have_text("That was the last question.")
    host.page.locator("#toggle-leaderboard").click()
    podium = [("Ann", 2000, 1), ("مريم", 1760, 2), ("Jörg", 960, 3)]
    expect(evening.wall.leaders).to_have_count(3)
    for place, (name, points, _) in zip(evening.wall.leaders.all(), podium, strict=True):
        expect(place).to_contain_text(name)
        expect(place).to_contain_text(f"{points:,}")
    # They come in one after the other.
    winner = evening.wall.leaders.first
    eventually(winner.page, lambda: winner.evaluate("row => getComputedStyle(row).visibility"), "visible")
    for name, points, rank in podium:
        (phone,) = (each for each in evening.phones if each.name == name)
        standing = phone.page.locator("#standing")
        eventually(phone.page, partial(_digits_of, standing), f"{rank}3{points}")
    evening.look("podium")


def export(evening: Evening, directory: Path) -> dict[str, Path]:
    """What the host keeps of the evening, and the receipt that Ann does."""
    host = evening.host
    host.page.get_by_role("button", name="Export").click()
    evening.look("exports")
    names = ("ballots.csv", "results.csv", "leaderboard.csv", "board.csv", "bundle.jsonl")
    files = {name: save(host, name, directory) for name in names}
    leave(host)
    ann = evening.phones[0]
    ann.expect_receipt()
    ann.open_panel()
    evening.look("receipts")
    return {**files, "receipt": ann.save_receipt(directory)}


def check_ballots(path: Path) -> None:
    """Every ballot that was cast on a phone is there, and no other."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in read_csv(path.read_bytes()):
        found.setdefault((row["question_text"], row["round"]), []).append((row["answer_text"], row["counted"]))
    yes = {
        ("Where shall we meet?", "1"): ["Garden", "Garden", "Harbour"],
        ("Which topics need more time?", "1"): ["Budget; Roof", "Roof", "Roof; Party"],
        ("Which topics need more time?", "2"): ["Party", "Roof; Party"],
        ("Which days suit you?", "1"): ["", "Friday", "Monday; Friday"],
        ("Do you approve the accounts?", "1"): ["no", "yes"],
        ("How was the food?", "1"): ["4", "4", "5"],
        ("What shall we repair first?", "1"): [
            "Heating > Windows > Garden",
            "Windows > Garden > Heating",
            "Windows > Heating > Garden",
        ],
        ("What was missing?", "1"): ["Ein Grobian", "More bread", "الماء"],
        ("One word for this evening?", "1"): ["Spring; Music", "Spring; ربيع", "spring"],
        ("Which poster?", "1"): ["Sea", "Wood", "Wood"],
        ("Which planet has the most moons?", "1"): ["Mars", "Saturn", "Saturn"],
        ("How heavy is the bell?", "1"): ["400 kg", "600 kg", "640 kg"],
    }
    assert {key: sorted(answer for answer, counted in rows if counted == "yes") for key, rows in found.items()} == yes
    # Jörg and Maryam have changed their mind once.
    changed = [(key, answer) for key, rows in found.items() for answer, counted in rows if counted == "no"]
    assert changed == [(("Where shall we meet?", "1"), "Harbour")] * 2


def check_results(path: Path) -> None:
    """The counts are those that stood on the screens."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in read_csv(path.read_bytes()):
        if row["option"]:
            found.setdefault((row["question"], row["round"]), []).append(row["count"])
    assert {key: list(map(int, counts)) for key, counts in found.items()} == {
        ("q1", "1"): [1, 2, 0],
        ("q2", "1"): [1, 3, 1, 0],
        ("q2", "2"): [0, 1, 2, 0],
        ("q3", "1"): [1, 0, 2],
        ("q4", "1"): [1, 1, 0],
        ("q5", "1"): [0, 0, 0, 2, 1],
        ("q6", "1"): [3, 5, 1],
        ("q7", "1"): [1, 1],
        ("q8", "1"): [3, 1, 1],
        ("q9", "1"): [1, 2],
        ("q10", "1"): [0, 2, 1],
        ("q11", "1"): [0] * 8 + [1] + [0] * 3 + [2] + [0] * 7,
    }


def check_players(path: Path) -> None:
    rows = read_csv(path.read_bytes())
    assert [(row["rank"], row["name"], row["points"], row["points_q10"], row["points_q11"]) for row in rows] == [
        ("1", "Ann", "2000", "1000", "1000"),
        ("2", "مريم", "1760", "1000", "760"),
        ("3", "Jörg", "960", "0", "960"),
    ]
