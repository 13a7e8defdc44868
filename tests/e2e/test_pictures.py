"""Writes the pictures of the README and of the guides to docs/pictures. Collected only with LIVEVOTE_PICTURES=1."""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.conftest import join
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room, create_room
from tests.e2e.visitors import CHROMIUM_ARGS, Visitors
from tests.process import CHECKOUT, process

pytestmark = pytest.mark.browser

PICTURES = CHECKOUT / "docs" / "pictures"
MOST_BYTES = 200_000
COLOURS = 256
"""As many as a palette has: a page has few, and its picture is half as large."""
NAME = "vote.example.org"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
HALL = {"width": 1600, "height": 900}

PLACES = ("Harbour hall", "Town garden", "Old brewery", "Online")
VOTES = [(1,), (0,), (1,), (2,), (1,), (3,), (0,), (1,), (2,), (1,), (0,), (1,), (1,), (0,)] * 3
MOONS = "Which planet has the most known moons?"
PLANETS = ("Jupiter", "Saturn", "Neptune", "Mars")
EXPLANATION = "Saturn has been ahead of Jupiter since 2023."
NAMES = ("Grace", "Carl Friedrich", "Zoë", "Lin", "Ben", "مريم", "Emmy")
POSTS = (
    "Will the slides be online afterwards?",
    "Could somebody open a window, please?",
    "What does the new roof cost if we wait another year?",
)
ARABIC_PLACES = ("قاعة المرفأ", "حديقة المدينة", "المصنع القديم", "عبر الإنترنت")
TOPICS = [(0, 2), (1,), (0, 1), (2,), (0,), (0, 1, 2), (1, 2)] * 6

# Three quarters of their size at twice the density: every pixel of the pictures is one of the overview.
OVERVIEW_FACTOR = 1.5
OVERVIEW_SIZE = {"width": 1400, "height": 700}
OVERVIEW = """
<!doctype html>
<style>
  body {{ margin: 0; background: #dfe5f6; }}
  div {{ position: absolute; overflow: hidden; }}
  img {{ display: block; width: 100%; }}
  #host {{ left: 50px; top: 50px; width: 960px; height: 600px; border-radius: 14px; box-shadow: 0 0 0 1px #c3cce6; }}
  #voter {{ right: 46px; top: 50px; width: 292.5px; height: 585px; border-radius: 34px; border: 8px solid #171c28; }}
</style>
<div id="host"><img src="data:image/png;base64,{host}" alt=""></div>
<div id="voter"><img src="data:image/png;base64,{voter}" alt=""></div>
"""


def take(page: Page, name: str, *, whole: bool = False, part: str = "") -> None:
    """Save what is on the screen, the whole page, or a part of it, without a focus."""
    page.evaluate("() => document.activeElement.blur()")
    if whole:
        page.evaluate("() => document.scrollingElement.scrollTo(0, 0)")
    shot = page.locator(part).screenshot if part else partial(page.screenshot, full_page=whole)
    taken = Image.open(BytesIO(shot(animations="disabled")))
    path = PICTURES / f"{name}.png"
    taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{name} has {path.stat().st_size} bytes"


def encode(page: Page) -> str:
    page.evaluate("() => document.activeElement.blur()")
    return b64encode(page.screenshot(animations="disabled")).decode()


@dataclass(frozen=True)
class Scene:
    """A server under the name that stands in the pictures, and who comes to look at it."""

    base: str
    data: Path
    visitors: Visitors

    def room(self, title: str) -> Room:
        """A new room."""
        return create_room(self.base, self.data, title)

    def page(self, path: str, **options: Any) -> Page:
        """Somebody's page, in a browser of its own."""
        page = self.visitors.enter(**{"reduced_motion": "reduce", "device_scale_factor": 2, **options}).new_page()
        page.goto(f"http://{NAME}{path}")
        return page

    def vote(self, room: Room, **options: Any) -> VoterPage:
        """A voter's page in the room."""
        context = self.visitors.enter(**{"reduced_motion": "reduce", "device_scale_factor": 2, **options})
        return join(context, f"http://{NAME}/{room.code}")

    def watch(self, room: Room, **options: Any) -> HostPage:
        """The console of the room."""
        context = self.visitors.enter(**{"reduced_motion": "reduce", "device_scale_factor": 2, **options})
        host = HostPage(context.new_page())
        host.open(room.host.replace(room.base, f"http://{NAME}"))
        return host


@contextmanager
def scene(playwright: Playwright, chromium: str, data: Path) -> Iterator[Scene]:
    """Where pictures are taken; no page may complain meanwhile."""
    PICTURES.mkdir(exist_ok=True)
    with process(data, "--url", f"http://{NAME}", "--no-sample") as server:
        rules = f"--host-resolver-rules=MAP {NAME}:80 127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, rules])
        visitors = Visitors(browser)
        visitors.expect_complaints("Cross-Origin-Opener-Policy header has been ignored|status of 503 .*/proof")
        yield Scene(server.base, data, visitors)
        assert visitors.leave() == []
        browser.close()


def test_pictures_of_an_assembly(playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    with scene(playwright, chromium, tmp_path) as place:
        room = place.room("Spring assembly")
        room.add("Where shall we meet next year?", *PLACES)
        room.add("Which topics need more time today?", "Budget", "New roof", "Summer party", kind="multiple")
        room.add("Do you approve the accounts as presented?", "Yes", "No", "Abstain", changeable=False)
        room.command("open")

        def vote(**options: Any) -> VoterPage:
            page = place.vote(room, **options)
            page.vote("Town garden")
            return page

        with crowd(room, len(VOTES)) as people:
            light = vote(viewport=PHONE)
            dark = vote(viewport=PHONE, color_scheme="dark")
            wide = vote(viewport=DESKTOP)
            small = vote(viewport=PHONE, device_scale_factor=OVERVIEW_FACTOR)
            console = place.watch(room, viewport=DESKTOP)
            handset = place.watch(room, viewport=PHONE, color_scheme="dark")
            at_host = place.watch(room, viewport=DESKTOP, device_scale_factor=OVERVIEW_FACTOR)
            walls = [place.page(f"/wall/{room.code}", viewport=HALL, device_scale_factor=1)]
            walls.append(place.page(f"/wall/{room.code}?theme=dark", viewport=HALL, device_scale_factor=1))
            people.vote("q1", VOTES[:37])
            for host in (console, handset, at_host):
                host.expect_step("Close voting")
                expect(host.voted).to_have_text("41 of 46")
            take(light.page, "voter-phone-light")
            light.open_panel()
            light.expect_ballots(("✓ In the log, and it counts", "Town garden"))
            take(light.page, "receipt-phone-light")
            light.page.keyboard.press("Escape")
            take(console.page, "host-desktop-light")
            take(handset.page, "host-phone-dark")
            expect(walls[0].locator("#count")).to_have_text("41 of 46 voted")
            take(walls[0], "wall-light")
            overview = place.visitors.enter(viewport=OVERVIEW_SIZE, device_scale_factor=2).new_page()
            overview.set_content(OVERVIEW.format(host=encode(at_host.page), voter=encode(small.page)))
            take(overview, "overview")

            people.vote("q1", VOTES)
            room.command("close")
            room.command("reveal")
            for page in (dark, wide):
                page.expect_own_answer("Town garden")
                expect(page.results).to_contain_text("46 voted")
                expect(page.page.locator("#result canvas")).to_be_visible()
            take(dark.page, "voter-phone-dark", whole=True)
            take(wide.page, "results-desktop-light", whole=True)
            for wall, name in zip(walls, ("wall-result-light", "wall-result-dark"), strict=True):
                expect(wall.locator("#result canvas")).to_be_visible()
                expect(wall.locator("#seal")).to_be_visible()
                take(wall, name)

            room.command("open", "q2")
            people.vote("q2", TOPICS)
            for command in ("close", "reveal"):
                room.command(command, "q2")
            room.publish_replay()
            for name, viewport, scheme in (
                ("replay-desktop-light", DESKTOP, "light"),
                ("replay-phone-dark", PHONE, "dark"),
            ):
                replay = place.page(f"/replay/{room.code}", viewport=viewport, color_scheme=scheme)
                expect(replay.locator("#over-time")).to_be_visible()
                replay.locator("#marks button").nth(2).click()
                expect(replay.locator("#plot")).to_be_visible()
                replay.evaluate("() => document.scrollingElement.scrollTo(0, 0)")
                take(replay, name)


def test_pictures_of_a_quiz(playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    with scene(playwright, chromium, tmp_path) as place:
        room = place.room("Science night")
        host = place.watch(room, viewport={"width": 1280, "height": 1180}, device_scale_factor=1.5)
        host.page.locator("#add-text").fill(MOONS)
        host.page.locator("#add-options").fill("\n".join(PLANETS))
        host.page.get_by_label("Quiz: there is a right answer").check()
        host.page.get_by_role("radio", name="Saturn").check()
        host.page.get_by_label("Quick answers earn more").check()
        host.page.get_by_label("Explanation, shown with the solution").fill(EXPLANATION)
        take(host.page, "question-form-quiz", part="section:has(> #add-form)")
        host.page.close()

        room.link_pseudonyms()
        quiz = {"right": [1], "points": 1000, "fading": False, "explanation": EXPLANATION}
        question = room.add(MOONS, *PLANETS, quiz=quiz)
        with crowd(room, len(NAMES)) as people:
            for number, name in enumerate(NAMES):
                people.name(number, name)
            voter = place.vote(room, viewport={"width": 390, "height": 1060})
            voter.page.get_by_label("Your name on the leaderboard").fill("Ada")
            voter.page.get_by_role("button", name="Use this name").click()
            wall = place.page(f"/wall/{room.code}", viewport=HALL, device_scale_factor=1)
            room.command("open", question)
            voter.vote("Saturn")
            people.vote(question, [(1,), (1,), (0,), (1,), (2,), (1,), (3,)])
            for command in ("close", "reveal", "show_solution"):
                room.command(command, question)
            expect(voter.page.locator("#verdict")).to_contain_text("Your answer is right.")
            expect(voter.page.locator("#result canvas")).to_be_visible()
            voter.page.evaluate("() => document.scrollingElement.scrollTo(0, 0)")
            take(voter.page, "quiz-phone-light")
            expect(wall.locator(".r-strip[data-right=true]")).to_be_visible()
            take(wall, "wall-solution-light")
            estimate = {"min": 0, "max": 200, "decimals": 0, "unit": "m", "truth": 110}
            about = room.ask(
                "How tall was the Saturn V?", kind="estimate", rules=estimate, quiz={"points": 1000, "right": []}
            )
            voter.page.get_by_label("Your number").fill("104")
            voter.send.click()
            expect(voter.status).to_contain_text("Counted ✓")
            people.answer(about, [{"value": value} for value in (110, 98, 60, 120, 85, 40, 150)])
            for command in ("close", "show_solution"):
                room.command(command, about)
            room.command("show_leaderboard", on=True)
            expect(wall.locator("#leader-list li")).to_have_count(8)
            take(wall, "wall-leaderboard-light")


def test_pictures_of_a_workshop(playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    with scene(playwright, chromium, tmp_path) as place:
        room = place.room("Workshop")
        room.command("switch_board", on=True, approval=False, per_voter=5)
        order = room.add("In which order shall we do it?", "New roof", "Playground", "Heating", kind="ranking")
        with crowd(room, 12) as people:
            posts = [people.post(number, text) for number, text in enumerate(POSTS)]
            for post, count in zip(posts, (9, 3, 6), strict=True):
                for number in range(3, 3 + count):
                    people.upvote(number, post)
            voter = place.vote(room, viewport={"width": 390, "height": 1060})
            voter.page.locator("#views").get_by_role("button", name="Ask", exact=True).click()
            expect(voter.page.locator("#posts li")).to_have_count(3)
            voter.page.locator("#posts .up").first.click()
            expect(voter.page.locator("#posts .up").first).to_have_attribute("aria-pressed", "true")
            voter.page.evaluate("() => document.scrollingElement.scrollTo(0, 0)")
            take(voter.page, "board-phone-light")
            room.command("open", order)
            phone = place.vote(room, viewport=PHONE)
            for text in ("Heating", "New roof"):
                phone.page.locator("#options").get_by_role("button", name=text).first.click()
            take(phone.page, "ranking-phone-light")

        check = place.page(f"/check/{room.code}?seconds=5", viewport=PHONE)
        expect(check.locator("#verdict")).to_have_attribute("data-look", "good", timeout=30_000)
        take(check, "check-phone-light")

        assembly = place.room("Spring assembly")
        assembly.add("Where shall we meet next year?", *PLACES)
        trial = assembly.rehearse(voters=30)
        host = place.watch(trial, viewport=DESKTOP)
        trial.command("open")
        expect(host.voted).to_have_text(re.compile("^(2[0-9]|30) of"), timeout=60_000)
        take(host.page, "rehearsal-desktop-light")
        sheet = place.watch(assembly, viewport={"width": 1000, "height": 700}, device_scale_factor=1.5)
        sheet.page.locator("#show-room").click()
        sheet.page.locator('[data-opens="codes-dialog"]').click()
        sheet.page.locator("#codes-wanted").fill("12")
        sheet.page.get_by_role("button", name="Make codes").click()
        expect(sheet.page.locator("#codes-note")).to_contain_text("New codes: 12.")
        with sheet.page.expect_popup() as coming:
            sheet.page.get_by_role("button", name="Print sheet of QR codes").click()
        expect(coming.value.locator("li b")).to_have_count(12)
        coming.value.set_viewport_size({"width": 1000, "height": 700})
        take(coming.value, "codes-sheet")


def test_pictures_in_arabic(playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    with scene(playwright, chromium, tmp_path) as place:
        room = place.room("اجتماع الربيع")
        room.command("set_language", language="ar")
        question = room.ask("أين نلتقي العام القادم؟", *ARABIC_PLACES)
        with crowd(room, len(VOTES)) as people:
            voter = place.vote(room, viewport=PHONE, locale="ar")
            wall = place.page(f"/wall/{room.code}", viewport=HALL, device_scale_factor=1, locale="ar")
            voter.option(ARABIC_PLACES[1]).click()
            expect(voter.status).to_contain_text("✓")
            take(voter.page, "voter-phone-arabic")
            people.vote(question, VOTES)
            for command in ("close", "reveal"):
                room.command(command, question)
            expect(wall.locator("#result canvas")).to_be_visible()
            expect(wall.locator("#seal")).to_be_visible()
            take(wall, "wall-arabic")
