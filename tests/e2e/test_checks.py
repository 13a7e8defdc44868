"""The test of a phone: green, slow and red in plain words, in every language, and what the host is told of it."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from livevote.web import catalogs
from livevote.web.languages import LANGUAGES
from tests.client import Message
from tests.e2e.pages import eventually, tab_to
from tests.e2e.rooms import Room
from tests.e2e.test_languages import expect_no_english
from tests.e2e.test_layout import SMALL, Scheme, expect_fingers_hit, expect_fits, expect_scheme
from tests.e2e.visitors import OFFLINE, SERVER_IS_DOWN, Visitors

pytestmark = [pytest.mark.browser, pytest.mark.timeout(seconds=120)]

CATALOGS = catalogs.load()
WORDS = CATALOGS["en"]
SOCKETS = re.compile("/ws/")


class CheckPage:
    """The tab of somebody who tests a phone for five seconds, the least that there is."""

    def __init__(self, context: BrowserContext, room: Room, *, seconds: int = 5) -> None:
        self.page = context.new_page()
        self.address = f"{room.base}/check/{room.code}?seconds={seconds}"
        self.verdict = self.page.locator("#verdict")
        self.numbers = self.page.locator("dd")
        self.again = self.page.locator("#again")

    def open(self) -> "CheckPage":
        self.page.goto(self.address)
        return self

    def expect_verdict(self, look: str, *texts: str) -> None:
        """The verdict in this look says all of these texts."""
        expect(self.verdict).to_have_attribute("data-look", look)
        for text in texts:
            expect(self.verdict).to_contain_text(text)

    def expect_steps(self, **looks: str) -> None:
        for step, look in looks.items():
            row = self.page.locator(f'[data-step="{step}"]')
            expect(row).to_have_attribute("data-look", look)
            expect(row.locator(".unseen")).to_have_text(WORDS[f"check.mark.{look}"])


def health(room: Room) -> Any:
    return room.state()["health"]


def test_a_phone_that_does_is_told_so_and_the_host_sees_it(room: Room, visitors: Visitors) -> None:
    room.ask("Which?", "A", "B")
    check = CheckPage(visitors.enter(viewport=SMALL), room)
    sockets: list[Any] = []
    check.page.on("websocket", lambda socket: sockets.append(socket))
    check.open()
    expect(check.page.locator("#intro")).to_contain_text("for 5 seconds")
    check.expect_verdict("wait", WORDS["check.testing.what"])
    expect(check.again).to_be_hidden()
    assert health(room)["checks"] == {"ok": 0, "failed": 0, "delay_ms": None, "offset_ms": None}
    check.expect_verdict("good", WORDS["check.good.what"], WORDS["check.good.advice"], WORDS["check.told"])
    check.expect_steps(
        network="good",
        connection="good",
        cookies="good",
        storage="good",
        delay="good",
        back="good",
        stays="good",
    )
    assert len(sockets) == 2, "it came back once, on purpose"
    found = health(room)
    assert (found["checks"]["ok"], found["checks"]["failed"]) == (1, 0)
    assert 0 <= found["checks"]["delay_ms"] < 800
    assert abs(found["checks"]["offset_ms"]) < 800, "both clocks are this machine's"
    eventually(check.page, lambda: (health(room)["online"], health(room)["reconnecting"]), (0, 0))
    expect(check.numbers.first).to_be_hidden()
    tab_to(check.page, check.page.locator("summary"))
    check.page.keyboard.press("Enter")
    expect(check.numbers.first).to_be_visible()
    expect(check.numbers).to_contain_text(["ms", "ms", " of ", "ms", "ms", "5 sec", "0", "ms"])
    tab_to(check.page, check.page.locator("#join"))
    check.page.keyboard.press("Enter")
    expect(check.page).to_have_url(room.join)


def test_who_tests_again_is_counted_once(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room).open()
    check.expect_verdict("good", WORDS["check.told"])
    check.again.click()
    check.expect_verdict("wait")
    check.expect_verdict("good", WORDS["check.told"])
    assert health(room)["checks"]["ok"] == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_network_that_blocks_sockets_is_red_and_the_test_goes_on_without_it(
    scheme: Scheme, room: Room, visitors: Visitors
) -> None:
    check = CheckPage(visitors.enter(viewport=SMALL, color_scheme=scheme), room)
    blocked = True

    def between(socket: WebSocketRoute) -> None:
        if blocked:
            socket.close(code=1011)
        else:
            socket.connect_to_server()

    check.page.route_web_socket(SOCKETS, between)
    check.open()
    check.expect_verdict("bad", WORDS["check.bad.what"], WORDS["check.bad.blocked"], WORDS["check.goes_on"])
    check.expect_steps(network="good", connection="bad", cookies="wait", delay="wait")
    expect_fits(check.page, where="red")
    expect_fingers_hit(check.page, where="red")
    expect_scheme(check.page, scheme)
    blocked = False
    check.expect_verdict("wait", WORDS["check.testing.what"])
    check.expect_verdict("slow", WORDS["check.slow.lost"].format(n=1), WORDS["check.told"])
    assert health(room)["checks"]["ok"] == 1


def test_a_server_that_is_away_is_another_red(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(f"{SERVER_IS_DOWN}|net::ERR_FAILED")
    check = CheckPage(visitors.enter(), room)
    check.page.route_web_socket(SOCKETS, lambda socket: socket.close(code=1011))
    check.open()
    check.page.route("**/check/*", lambda route: route.abort())
    check.expect_verdict("bad", WORDS["check.bad.away"])


def test_a_connection_that_breaks_again_and_again_is_red_and_the_host_sees_it(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room)
    sockets: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)
        if len(sockets) <= 3:
            # The second message is the answer to a question.
            heard: list[Any] = []

            def pass_on(message: str | bytes) -> None:
                heard.append(message)
                socket.send(message)
                if len(heard) == 2:
                    socket.close(code=1011)

            server.on_message(pass_on)

    check.page.route_web_socket(SOCKETS, between)
    check.open()
    check.expect_verdict("bad", WORDS["check.bad.lost"].format(n=3), WORDS["check.told"])
    check.expect_steps(stays="bad", delay="good", back="good")
    assert (health(room)["checks"]["ok"], health(room)["checks"]["failed"]) == (0, 1)


def test_a_slow_network_is_named_with_its_numbers(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room)

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def later(message: str | bytes) -> None:
            check.page.wait_for_timeout(1000)
            socket.send(message)

        server.on_message(later)

    check.page.route_web_socket(SOCKETS, between)
    check.open()
    check.expect_verdict("slow", WORDS["check.slow.what"], "An answer took 1", WORDS["check.told"])
    check.expect_steps(delay="slow", stays="good")
    assert health(room)["checks"]["ok"] == 1, "votes count all the same"
    assert health(room)["checks"]["delay_ms"] >= 1000


def test_a_clock_that_is_wrong_is_a_number_and_no_fault(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room)

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def an_hour_ago(message: str | bytes) -> None:
            told: Message = json.loads(message)
            socket.send(json.dumps({**told, "at": told["at"] - 3_600_000}))

        server.on_message(an_hour_ago)

    check.page.route_web_socket(SOCKETS, between)
    check.open()
    check.expect_verdict("good", WORDS["check.told"])
    check.page.locator("summary").click()
    expect(check.numbers.last).to_have_text(re.compile("3,600 secs?"))
    assert abs(health(room)["checks"]["offset_ms"] - 3_600_000) < 800


def test_a_browser_without_cookies_is_told_to_allow_them(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room)
    # What the server says to every browser that kept none.
    check.page.route_web_socket(SOCKETS, lambda socket: socket.close(code=4401))
    check.open()
    check.expect_verdict("bad", WORDS["client.cookies"])
    check.expect_steps(cookies="bad")
    expect(check.again).to_be_visible()


def test_a_browser_without_storage_is_told_what_that_means(room: Room, visitors: Visitors) -> None:
    context = visitors.enter()
    context.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full'); };")
    check = CheckPage(context, room).open()
    check.expect_verdict("slow", WORDS["check.slow.storage"])
    check.expect_steps(storage="slow", stays="good")


def test_a_phone_that_is_offline_is_told_at_once_and_goes_on_when_it_is_back(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    context = visitors.enter()
    check = CheckPage(context, room, seconds=8).open()
    check.expect_verdict("wait", WORDS["check.testing.what"])
    eventually(check.page, lambda: check.page.locator("#progress").evaluate("bar => bar.value > 0"), True)
    context.set_offline(True)
    check.expect_verdict("bad", WORDS["check.offline.what"], WORDS["check.offline.advice"])
    check.expect_steps(network="bad")
    context.set_offline(False)
    check.expect_verdict("wait", WORDS["check.testing.what"])
    check.expect_verdict("slow", WORDS["check.slow.lost"].format(n=1), WORDS["check.told"])
    check.expect_steps(network="good", stays="slow")


def test_too_many_tabs_are_no_fault_of_the_network(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room)
    check.page.route_web_socket(SOCKETS, lambda socket: socket.close(code=4409))
    check.open()
    check.expect_verdict("bad", WORDS["close.too_many_sockets"])
    expect(check.again).to_be_visible()


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_test_speaks_every_language(code: str, room: Room, visitors: Visitors) -> None:
    words = CATALOGS[code]
    check = CheckPage(visitors.enter(viewport=SMALL, locale=code), room).open()
    page: Page = check.page
    expect(page.locator("html")).to_have_attribute("dir", LANGUAGES[code].direction)
    check.expect_verdict("good", words["check.good.what"], words["check.told"])
    page.locator("summary").click()
    if code != "en":
        expect_no_english(page, code, where="green")
    expect_fits(page, where="green")
    expect_fingers_hit(page, where="green")


def test_the_switch_tests_again_in_another_language(room: Room, visitors: Visitors) -> None:
    check = CheckPage(visitors.enter(), room).open()
    check.page.get_by_role("button", name="Deutsch").click()
    expect(check.page.get_by_role("heading", level=1)).to_have_text(CATALOGS["de"]["check.heading"])
    check.expect_verdict("good", CATALOGS["de"]["check.good.what"])


@pytest.mark.parametrize(
    ("asked", "shown"), [("", "60"), ("?seconds=1", "5"), ("?seconds=9999", "600"), ("?seconds=-9", "60")]
)
def test_how_long_it_takes_has_bounds(asked: str, shown: str, room: Room, visitors: Visitors) -> None:
    page = visitors.enter().new_page()
    page.goto(f"{room.base}/check/{room.code}{asked}")
    expect(page.locator("#intro")).to_contain_text(f"for {shown} seconds")


def test_an_unknown_code_is_no_test(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 404")
    page = visitors.enter().new_page()
    page.goto(f"{room.base}/check/XXXXXX")
    expect(page.get_by_role("heading")).to_have_text(WORDS["not_found.heading"])
