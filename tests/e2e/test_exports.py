"""Files out of the host's page, and the page of results in a browser without a network."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from livevote.export import FORMATS
from tests.e2e.conftest import MakeVoter
from tests.e2e.pages import HostPage, has_focus, tab_to
from tests.e2e.rooms import Room, create_room
from tests.e2e.test_layout import FINGER_PX, LONG, OPTIONS, QUESTION, SMALL, Scheme, expect_fits, expect_scheme
from tests.e2e.visitors import Visitors
from tests.export.cases import HOSTILE
from tests.process import Process

pytestmark = pytest.mark.browser


def save(host: HostPage, name: str, directory: Path) -> Path:
    """Download a file through the open menu."""
    with host.page.expect_download() as coming:
        host.page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).click()
    assert coming.value.suggested_filename.endswith(f"-{name}")
    saved = directory / name
    coming.value.save_as(saved)
    return saved


def test_every_format_comes_out_of_the_menu(host: HostPage, room: Room, voter: MakeVoter, tmp_path: Path) -> None:
    room.ask("Which colour?", "Red", "Green", reveal=True)
    voter().vote("Green")
    host.page.get_by_role("button", name="Export").click()
    for name in FORMATS:
        assert save(host, name, tmp_path).stat().st_size > 0
    counts = [option["count"] for option in read_results(tmp_path / "results.json")]
    assert counts == [0, 1]
    expect(host.page.locator("#exports")).to_be_visible()


def test_what_the_server_says_instead_of_a_file_stands_in_the_menu(
    host: HostPage, visitors: Visitors, tmp_path: Path
) -> None:
    visitors.expect_complaints("status of 503|net::ERR_FAILED")
    said = "The log is still being checked after the start. Try again in a minute."
    answer = {"error": {"code": "checking", "message": said}}
    host.page.route("**/exports/*", lambda route: route.fulfill(status=503, json=answer))
    host.page.get_by_role("button", name="Export").click()
    note = host.page.locator("#export-note")
    host.page.get_by_role("link", name="workbook.xlsx").click()
    expect(note).to_have_text(said)
    expect(note).to_have_attribute("data-tone", "error")
    host.page.unroute("**/exports/*")
    host.page.route("**/exports/*", lambda route: route.abort())
    host.page.get_by_role("link", name="workbook.xlsx").click()
    expect(note).to_have_text("The server does not answer. Check the connection, then try again.")
    host.page.unroute("**/exports/*")
    assert save(host, "workbook.xlsx", tmp_path).stat().st_size > 0
    expect(note).to_have_text("workbook.xlsx is saved where this browser keeps downloads.")
    host.page.keyboard.press("Escape")
    host.page.get_by_role("button", name="Export").click()
    expect(note).to_be_empty()


def read_results(path: Path) -> list[dict[str, int]]:
    options: list[dict[str, int]] = json.loads(path.read_text())["questions"][0]["rounds"][0]["options"]
    return options


def test_the_menu_works_with_the_keyboard(host: HostPage, room: Room) -> None:
    room.add("Which colour?", "Red", "Green")
    expect(host.questions).to_have_count(1)
    button = host.page.get_by_role("button", name="Export")
    tab_to(host.page, button)
    host.page.keyboard.press("Enter")
    for name in FORMATS:
        tab_to(host.page, host.page.locator(f'[data-export="{name}"]'))
    link = host.page.get_by_role("link", name="results.csv")
    link.focus()
    with host.page.expect_download() as coming:
        host.page.keyboard.press("Enter")
    assert coming.value.suggested_filename == f"livevote-{room.code}-results.csv"
    host.page.keyboard.press("Escape")
    expect(host.page.locator("#exports")).to_be_hidden()
    assert has_focus(button)
    # What was meant for the menu did nothing to the room.
    host.expect_step("Open voting")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_menu_fits_a_small_phone(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    host = HostPage(visitors.enter(viewport=SMALL, color_scheme=scheme).new_page())
    host.open(room.host)
    host.page.get_by_role("button", name="Export").click()
    links = host.page.locator("#exports a")
    expect(links).to_have_count(len(FORMATS))
    expect_fits(host.page, where="the menu of exports")
    for link in links.all():
        box = link.bounding_box()
        assert box is not None
        assert box["height"] >= FINGER_PX
    links.last.scroll_into_view_if_needed()
    expect(links.last).to_be_in_viewport()


def expect_no_violations(page: Page) -> None:
    # The console has them as well, and ``visitors`` hears it; this counts them one by one.
    assert page.evaluate("window.violations") == []


def watch_policy(page: Page) -> None:
    page.add_init_script(
        """window.violations = [];
        addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));"""
    )


@pytest.fixture
def page_of_results(server: Process, data: Path, visitors: Visitors, tmp_path: Path) -> Path:
    """A saved page with long and hostile texts, two rounds and a question that was never asked."""
    room = create_room(server.base, data, f"</title><script>alert(1)</script> {LONG}")
    room.ask(QUESTION, *OPTIONS, kind="multiple")
    room.command("close")
    room.command("ask_again")
    room.command("reveal")
    allowed = [text for text in HOSTILE if text == text.strip() and text.isprintable()]
    room.add("<img src=x onerror=alert(1)>", *allowed)
    host = HostPage(visitors.enter().new_page())
    host.open(room.host)
    host.page.get_by_role("button", name="Export").click()
    return save(host, "results.html", tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_of_results_opens_offline(
    scheme: Scheme, width: int, page_of_results: Path, visitors: Visitors
) -> None:
    viewer = visitors.enter(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = viewer.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda _: pytest.fail("a text was run as a script"))
    watch_policy(page)
    page.goto(page_of_results.as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("</title><script>alert(1)</script>")
    expect(page.get_by_role("heading", level=3)).to_have_text(["Round 1", "Round 2"])
    expect(page.get_by_role("rowheader", name=LONG).first).to_be_visible()
    expect_fits(page, where=f"the page of results, {width} px")
    expect_scheme(page, scheme)
    assert page.locator(".badge").first.evaluate("badge => getComputedStyle(badge).display") == "grid", "the style"
    page.get_by_role("link", name="<img src=x").click()
    expect(page.locator("#q2")).to_be_in_viewport()
    expect_no_violations(page)
    assert requests == [page_of_results.as_uri()]


def test_bars_are_as_long_as_the_shares(
    room: Room, voter: MakeVoter, host: HostPage, visitors: Visitors, tmp_path: Path
) -> None:
    room.ask("Which colour?", "Red", "Green", "Blue")
    for choice in ("Red", "Green", "Green", "Green"):
        voter().vote(choice)
    host.page.get_by_role("button", name="Export").click()
    page = visitors.enter(offline=True).new_page()
    page.goto(save(host, "results.html", tmp_path).as_uri())
    expect(page.locator("td")).to_have_text(["1", "25%", "3", "75%", "0", "0%"])
    widths = page.evaluate(
        """() => [...document.querySelectorAll("svg.bar")].map(bar =>
          bar.querySelector(".fill").getBoundingClientRect().width / bar.getBoundingClientRect().width)"""
    )
    assert [round(width, 2) for width in widths] == [0.25, 0.75, 0]


def test_paper_is_white_whatever_the_screen(page_of_results: Path, visitors: Visitors) -> None:
    page = visitors.enter(color_scheme="dark", offline=True).new_page()
    page.goto(page_of_results.as_uri())
    page.emulate_media(media="print")
    expect_scheme(page, "light")


def test_a_violation_would_be_noticed(browser: Browser, page_of_results: Path) -> None:
    spoiled = page_of_results.read_text().replace("<main>", '<main><p style="color:red">x</p>', 1)
    page_of_results.write_text(spoiled)
    context = browser.new_context(offline=True)
    page = context.new_page()
    watch_policy(page)
    page.goto(page_of_results.as_uri())
    assert page.evaluate("window.violations") == ["style-src-attr"]
    context.close()
