"""Writes the pictures of the README to docs/pictures. Collected only with LIVEVOTE_PICTURES=1."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.conftest import join
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import create_room
from tests.e2e.visitors import CHROMIUM_ARGS, Visitors
from tests.process import CHECKOUT, process

pytestmark = pytest.mark.browser

PICTURES = CHECKOUT / "docs" / "pictures"
MOST_BYTES = 350_000
NAME = "vote.example.org"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}

PLACES = ("Harbour hall", "Town garden", "Old brewery", "Online")
VOTES = [(1,), (0,), (1,), (2,), (1,), (3,), (0,), (1,), (2,), (1,), (0,), (1,), (1,), (0,)] * 3
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


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Save what is on the screen, or the whole page, without a focus."""
    page.evaluate("() => document.activeElement.blur()")
    picture = page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", full_page=whole)
    assert len(picture) < MOST_BYTES, f"{name} has {len(picture)} bytes"


def encode(page: Page) -> str:
    page.evaluate("() => document.activeElement.blur()")
    return b64encode(page.screenshot(animations="disabled")).decode()


def test_pictures(playwright: Playwright, chromium: str, tmp_path: Path) -> None:
    PICTURES.mkdir(exist_ok=True)
    with process(tmp_path, "--url", f"http://{NAME}", "--no-sample") as server:
        rules = f"--host-resolver-rules=MAP {NAME}:80 127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, rules])
        visitors = Visitors(browser)
        visitors.expect_complaints("Cross-Origin-Opener-Policy header has been ignored|status of 503 .*/proof")
        room = create_room(server.base, tmp_path, "Spring assembly")
        room.add("Where shall we meet next year?", *PLACES)
        room.add("Which topics need more time today?", "Budget", "New roof", "Summer party", kind="multiple")
        room.add("Do you approve the accounts as presented?", "Yes", "No", "Abstain", changeable=False)
        room.command("open")

        def vote(**options: Any) -> VoterPage:
            page = join(visitors.enter(reduced_motion="reduce", **options), f"http://{NAME}/{room.code}")
            page.vote("Town garden")
            return page

        def watch(**options: Any) -> HostPage:
            host = HostPage(visitors.enter(reduced_motion="reduce", **options).new_page())
            host.open(room.host.replace(room.base, f"http://{NAME}"))
            return host

        with crowd(room, len(VOTES)) as people:
            light = vote(viewport=PHONE, device_scale_factor=2)
            dark = vote(viewport=PHONE, device_scale_factor=2, color_scheme="dark")
            wide = vote(viewport=DESKTOP, device_scale_factor=2)
            small = vote(viewport=PHONE, device_scale_factor=OVERVIEW_FACTOR)
            console = watch(viewport=DESKTOP, device_scale_factor=2)
            handset = watch(viewport=PHONE, device_scale_factor=2, color_scheme="dark")
            at_host = watch(viewport=DESKTOP, device_scale_factor=OVERVIEW_FACTOR)
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
            overview = visitors.enter(viewport=OVERVIEW_SIZE, device_scale_factor=2).new_page()
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

            room.command("open", "q2")
            people.vote("q2", TOPICS)
            for command in ("close", "reveal"):
                room.command(command, "q2")
            room.publish_replay()
            for name, viewport, scheme in (
                ("replay-desktop-light", DESKTOP, "light"),
                ("replay-phone-dark", PHONE, "dark"),
            ):
                options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme, "reduced_motion": "reduce"}
                replay = visitors.enter(device_scale_factor=2, **options).new_page()
                replay.goto(f"http://{NAME}/replay/{room.code}")
                expect(replay.locator("#over-time")).to_be_visible()
                replay.locator("#marks button").nth(2).click()
                expect(replay.locator("#plot")).to_be_visible()
                replay.evaluate("() => document.scrollingElement.scrollTo(0, 0)")
                take(replay, name)

        assert visitors.leave() == []
        browser.close()
