"""The sheet of one-time codes in a browser: under the policy of every page, on a screen and on paper."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.pages import HostPage
from tests.e2e.rooms import Room, create_room
from tests.e2e.test_rooms import open_dialog
from tests.e2e.visitors import CHROMIUM_ARGS, Visitors
from tests.process import process

pytestmark = pytest.mark.browser

_POST = """codes => {
  const form = document.createElement("form");
  const field = document.createElement("input");
  form.method = "post";
  form.action = `/api/rooms/${location.pathname.split("/")[2]}/codes/sheet.html`;
  field.name = "codes";
  field.value = codes;
  form.append(field);
  document.body.append(form);
  form.submit();
}"""


def places(page: Page) -> list[tuple[int, int]]:
    """Left and top of every slip, in pixels."""
    found: list[list[float]] = page.locator("li").evaluate_all(
        "slips => slips.map(slip => [slip.getBoundingClientRect().left, slip.getBoundingClientRect().top])"
    )
    return [(round(left), round(top)) for left, top in found]


def test_the_sheet_has_three_columns_on_paper_and_fits_a_phone(host: HostPage, room: Room) -> None:
    codes = room.make_codes(30)
    page = host.page
    with page.expect_navigation():
        page.evaluate(_POST, " ".join(codes))
    expect(page.locator("li b")).to_have_text(codes)
    expect(page.locator("header")).to_contain_text("Print this page now")
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 3
    page.emulate_media(media="print")
    expect(page.locator("header")).to_be_hidden()
    first = places(page)
    assert len({left for left, _ in first}) == 3
    assert len({top for _, top in first}) == 10
    picture = page.locator("li svg").first.bounding_box()
    assert picture is not None
    assert picture["width"] == picture["height"] > 110, "3 cm"
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert len({left for left, _ in places(page)}) == 1


def test_the_sheet_is_printed_from_an_address_without_tls(
    playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    # Only of 127.0.0.1 and of TLS do browsers tell a server which site a request comes from, in so many words.
    with process(tmp_path, "--url", "http://vote.example.org", "--no-sample") as server:
        rules = f"--host-resolver-rules=MAP vote.example.org:80 127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, rules])
        visitors = Visitors(browser)
        room = create_room(server.base, tmp_path, "Town hall")
        host = HostPage(visitors.enter().new_page())
        host.open(room.host.replace(room.base, "http://vote.example.org"))
        dialog = open_dialog(host, "codes-dialog")
        dialog.get_by_label("How many codes").fill("3")
        dialog.get_by_role("button", name="Make codes").click()
        expect(dialog).to_contain_text("New codes: 3.")
        with host.page.expect_popup() as coming:
            dialog.get_by_role("button", name="Print sheet of QR codes").click()
        expect(coming.value.locator("li b")).to_have_count(3)
        assert visitors.leave() == []
        browser.close()
