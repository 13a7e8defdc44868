"""Wrong codes, wrong keys, browsers without cookies: what people read who do not get in."""

import json
import socket
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from tests.e2e.conftest import join
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room
from tests.e2e.visitors import CHROMIUM_ARGS, Visitors
from tests.process import Process, run_cli

pytestmark = pytest.mark.browser

NOT_FOUND = r"the server responded with a status of 404"
NO_KEY = r"the server responded with a status of 401"


@pytest.mark.parametrize("path", ["/XXXXXX", "/host/XXXXXX", "/no/such/page"])
def test_an_unknown_address_says_so_and_takes_the_right_code(path: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(NOT_FOUND)
    page = VoterPage(visitors.enter().new_page())
    answer = page.page.goto(f"{room.base}{path}")
    assert answer is not None
    assert answer.status == 404
    expect(page.page.get_by_role("heading")).to_have_text("There is no room with this code")
    page.code.fill(room.code.lower())
    page.page.get_by_role("button", name="Join").click()
    expect(page.page).to_have_url(room.join)
    page.expect_connected()


def test_what_is_no_code_is_refused_in_words_before_anything_is_sent(room: Room, visitors: Visitors) -> None:
    page = VoterPage(visitors.enter().new_page())
    page.page.goto(room.base)
    page.code.fill("hello!")
    page.code.press("Enter")
    expect(page.page.locator("#code-help")).to_contain_text("A code has six letters and digits")
    expect(page.code).to_have_attribute("aria-invalid", "true")
    expect(page.code).to_be_focused()
    # People copy codes with the gaps that they see in them.
    page.code.fill(f" {room.code[:3]}-{room.code[3:]} ")
    page.code.press("Enter")
    expect(page.page).to_have_url(room.join)
    page.expect_connected()


def test_a_wrong_operator_key_is_named_and_the_right_one_goes_on(
    server: Process, data: Path, visitors: Visitors
) -> None:
    visitors.expect_complaints(NO_KEY)
    host = HostPage(visitors.enter().new_page())
    host.page.goto(f"{server.base}/host#wrong")
    expect(host.message).to_have_text("The server does not know this operator key.")
    expect(host.page).to_have_url(f"{server.base}/host")
    field = host.page.get_by_label("Operator key")
    expect(field).to_be_focused()
    # The whole link, as somebody pastes it.
    field.fill(run_cli("host-link", "--data", str(data)).stdout.strip())
    host.create_room("With the right key")


def test_without_a_key_nobody_creates_a_room(server: Process, visitors: Visitors) -> None:
    visitors.expect_complaints(NO_KEY)
    host = HostPage(visitors.enter().new_page())
    host.page.goto(f"{server.base}/host")
    host.page.get_by_label("Title of the room").fill("Mine")
    host.page.get_by_role("button", name="Create room").click()
    expect(host.message).to_have_text("This server asks for its operator key before it creates a room.")
    expect(host.page.get_by_label("Operator key")).to_be_visible()


@pytest.mark.parametrize(
    ("token", "said"),
    [("", ""), ("#wrong", "The server does not know this host link. Check that it was copied as a whole.")],
)
def test_without_its_token_nobody_hosts_a_room(token: str, said: str, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(NO_KEY)
    host = HostPage(visitors.enter().new_page())
    host.page.goto(f"{room.base}/host/{room.code}{token}")
    expect(host.page.get_by_label("Host link or token")).to_be_focused()
    expect(host.message).to_have_text(said)
    expect(host.page.locator("#sign-in")).to_contain_text(f"livevote host-link {room.code}")
    expect(host.page.locator("#console")).to_be_hidden()
    host.page.get_by_label("Host link or token").fill(room.host)
    host.page.get_by_role("button", name="Open the console").click()
    host.expect_console()


def test_a_browser_that_refuses_cookies_is_told_that_voting_needs_one(
    playwright: Playwright, chromium: str, room: Room, visitors: Visitors, tmp_path: Path
) -> None:
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    launched = playwright.chromium.launch_persistent_context(tmp_path, executable_path=chromium, args=CHROMIUM_ARGS)
    page = VoterPage(visitors.watch(launched).new_page())
    page.page.goto(room.join)
    expect(page.banner).to_contain_text("Cookies seem to be switched off.")
    expect(page.page.get_by_role("button", name="Reload the page")).to_be_visible()


def test_a_phone_in_the_local_network_votes_without_tls(
    playwright: Playwright, chromium: str, room: Room, visitors: Visitors
) -> None:
    """By name and without TLS browsers withhold some of their functions, unlike at 127.0.0.1."""
    visitors.expect_complaints("Cross-Origin-Opener-Policy header has been ignored")
    name = f"{socket.gethostname().split('.')[0]}.local"
    rules = f"--host-resolver-rules=MAP {name} 127.0.0.1"
    launched = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, rules])
    room.ask("Shall we start?", "Yes", "No", reveal=True)
    page = join(visitors.watch(launched.new_context()), room.join.replace("127.0.0.1", name))
    assert not page.page.evaluate("isSecureContext")
    page.vote("Yes")
    page.expect_results([1, 0], voters=1)
    launched.close()


def test_beyond_five_tabs_of_one_browser_the_oldest_says_so(room: Room, visitors: Visitors) -> None:
    browser = visitors.enter()
    first = join(browser, room.join)
    for _ in range(5):
        join(browser, room.join)
    expect(first.banner).to_have_text(
        "This room was opened in too many tabs. Go on in the newest one, or reload this page."
    )
