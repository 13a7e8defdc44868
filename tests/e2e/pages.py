"""The pages as their users see them: what can be done, and what must be seen then."""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.e2e.visitors import PATIENCE_MS

_CHART = """() => {
  const chart = window.Chart && Chart.getChart(document.querySelector("#result canvas"));
  return chart ? [...chart.data.datasets[0].data] : null;
}"""


def eventually(page: Page, read: Callable[[], Any], wanted: Any) -> None:
    """Wait until ``read`` gives what is wanted, for what ``expect`` cannot see."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"stayed {found!r} instead of {wanted!r}"
        page.wait_for_timeout(20)


def has_focus(place: Locator) -> bool:
    return bool(place.evaluate("found => found === document.activeElement"))


def tab_to(page: Page, place: Locator) -> None:
    """Press Tab until the focus is there, and is visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if has_focus(place):
            assert place.evaluate("found => getComputedStyle(found).outlineStyle") != "none", "nobody sees the focus"
            return
    raise AssertionError(f"Tab never comes to {place}")


class VoterPage:
    """A voter's tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.received: list[str] = []
        self.code = page.locator("#code")
        self.banner = page.locator("#banner")
        self.question = page.locator("#question-text")
        self.options = page.locator("#options")
        self.send = page.locator("#send")
        self.send_reason = page.locator("#send-reason")
        self.round = page.locator("#round")
        self.status = page.locator("#status")
        self.results = page.locator("#results")
        self.counts = page.locator("#result tbody td:nth-child(2)")
        self.timer = page.locator("#timer")
        self.receipt = page.locator("#receipt")
        self.all_receipts = page.locator("#all-receipts")
        self.panel = page.locator("#receipts")
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.received.append(str(frame)))

    def open(self, address: str) -> None:
        """Open the join address and wait for the first word of the server."""
        self.page.goto(address)
        self.expect_connected()

    def expect_connected(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-connection", "open")

    def expect_reconnecting(self) -> None:
        expect(self.banner).to_contain_text("Reconnecting: your vote is safe")

    def option(self, text: str) -> Locator:
        return self.options.get_by_role("button", name=text)

    def vote(self, *texts: str) -> None:
        """Tap, send where there is a button for it, and see that it counted."""
        for text in texts:
            self.option(text).click()
        if self.send.is_visible():
            self.send.click()
        self.expect_counted(*texts)

    def expect_counted(self, *texts: str) -> None:
        """These options, and no others, are this voter's vote, and it counted."""
        expect(self.status).to_contain_text("Counted ✓")
        for text in texts:
            expect(self.option(text)).to_have_attribute("data-mark", "counted")
        expect(self.options.locator('[aria-pressed="true"]')).to_have_count(len(texts))

    def expect_sending(self, text: str) -> None:
        """The option is marked as on its way, and nothing says that it counted."""
        expect(self.option(text)).to_have_attribute("data-mark", "sending")
        expect(self.status).to_contain_text("Sending …")
        expect(self.status).not_to_contain_text("Counted")

    def expect_no_vote(self) -> None:
        """A question that this voter has not answered."""
        expect(self.options.locator('[aria-pressed="false"]').first).to_be_enabled()
        expect(self.options.locator('[aria-pressed="true"]')).to_have_count(0)
        expect(self.status).to_have_text("You have not voted yet. ")

    def expect_results(self, counts: list[int], *, voters: int) -> None:
        """The table and the chart say the same."""
        expect(self.counts).to_have_text([str(count) for count in counts])
        expect(self.results).to_contain_text(f"{voters} voted")
        eventually(self.page, lambda: self.page.evaluate(_CHART), counts)

    def expect_own_answer(self, *texts: str) -> None:
        """The results mark these options as this voter's, and no others."""
        expect(self.results.locator("tr[data-mine] th")).to_contain_text(list(texts))
        expect(self.results.locator("td, th").get_by_text("✓ your vote")).to_have_count(len(texts))

    def expect_no_results(self) -> None:
        expect(self.results).to_be_hidden()
        expect(self.page.locator("#result")).to_be_empty()

    def has_received_counts(self) -> bool:
        """Whether the server sent any result over the socket, shown or not."""
        return any('"counts"' in frame for frame in self.received)

    def expect_script(self, name: str) -> None:
        """A script that the page loads when nothing else is to do is there."""
        eventually(self.page, lambda: self.page.evaluate("name => Boolean(livevote[name])", name), True)

    def expect_receipt(self) -> None:
        """The page has checked the receipt of the vote that counts."""
        expect(self.receipt).to_contain_text(re.compile("Receipt checked ✓|Found in the log ✓"))

    def open_panel(self) -> None:
        """Ask whether the ballots were counted."""
        self.page.locator("#receipt button, #all-receipts").filter(visible=True).first.click()
        expect(self.panel).to_be_visible()

    def expect_ballots(self, *ballots: tuple[str, str]) -> None:
        """The panel shows these ballots, the newest first: what became of each, and the answer."""
        for place, (verdict, answer) in enumerate(ballots):
            item = self.panel.get_by_role("listitem").nth(place)
            expect(item.locator(".verdict")).to_have_text(verdict)
            expect(item).to_contain_text(f"Your answer: {answer}")
        expect(self.panel.get_by_role("listitem")).to_have_count(len(ballots))

    def save_receipt(self, folder: Path, place: int = 0) -> Path:
        """Save a receipt of the panel, counted from the newest; the file."""
        with self.page.expect_download() as begun:
            self.panel.get_by_role("button", name="Save receipt").nth(place).click()
        path = folder / begun.value.suggested_filename
        begun.value.save_as(path)
        return path

    def note_banners(self) -> None:
        """From now on, keep every text of the banner, also those that are gone soon."""
        self.page.evaluate(
            """() => {
              window.banners = [];
              const banner = document.getElementById("banner");
              new MutationObserver(() => window.banners.push(banner.textContent)).observe(banner, { childList: true });
            }"""
        )

    def expect_banner_was(self, text: str) -> None:
        eventually(self.page, lambda: text in self.page.evaluate("window.banners"), True)


class HostPage:
    """The host's tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.title = page.locator("#room-title")
        self.code = page.locator("#room-code")
        self.online = page.locator("#online")
        self.voted = page.locator("#voted")
        self.question = page.locator("#question-text")
        self.tags = page.locator("#tags")
        self.primary = page.locator("#primary")
        self.next = page.locator("#next")
        self.message = page.locator("#message")
        self.questions = page.locator("#questions button")
        self.toggle_results = page.locator("#toggle-results")
        self.ask_again = page.locator("#ask-again")
        self.counts = page.locator("#plot .r-table tbody td:nth-child(2)")
        self.banner = page.locator("#banner")

    def open(self, link: str) -> None:
        """Open a host link and wait for the console."""
        self.page.goto(link)
        self.expect_console()

    def expect_console(self) -> None:
        expect(self.page.locator("#console")).to_be_visible()
        expect(self.page.locator("html")).to_have_attribute("data-connection", "open")
        # The token is not left in the address bar, for shoulders to look over.
        expect(self.page).to_have_url(f"{self.page.url.split('#')[0]}")

    def create_room(self, title: str) -> str:
        """Make a room with the form; its code."""
        self.page.get_by_label("Title of the room").fill(title)
        self.page.get_by_role("button", name="Create room").click()
        self.expect_console()
        expect(self.title).to_have_text(title)
        return self.code.inner_text()

    def add_question(
        self, text: str, options: Iterable[str], *, limits: tuple[int, int] | None = None, changeable: bool = True
    ) -> None:
        """Fill in the form and send it; with limits, for a question of multiple choice."""
        count = self.questions.count()
        form = self.page.locator("#add-form")
        form.get_by_label("Question").fill(text)
        form.get_by_label("Kind").select_option("single" if limits is None else "multiple")
        form.get_by_label("Options").fill("\n".join(options))
        if limits is not None:
            form.get_by_label("At least").fill(str(limits[0]))
            form.get_by_label("At most").fill(str(limits[1]))
        form.get_by_label("Voters may change").set_checked(changeable)
        form.get_by_role("button", name="Add question").click()
        expect(self.questions).to_have_count(count + 1)

    def expect_step(self, label: str) -> None:
        """The big button says this, and takes a press."""
        expect(self.primary).to_have_text(label)
        expect(self.primary).to_have_attribute("aria-disabled", "false")

    def step(self, label: str) -> None:
        """Press the big button, which must say this."""
        self.expect_step(label)
        self.primary.click()

    def press(self, key: str, label: str) -> None:
        """Press a key while the big button says this."""
        self.expect_step(label)
        self.page.keyboard.press(key)

    def leave_dialog(self) -> None:
        """Close the dialog that a key opened, and wait until keys go to the page again."""
        self.page.keyboard.press("Escape")
        expect(self.page.locator("dialog[open]")).to_have_count(0)
        # What had the focus in a closed dialog keeps it for a frame: a test is quick enough to press that.
        eventually(self.page, lambda: has_focus(self.page.locator("body")), True)


class WallPage:
    """What stands on the wall, for everybody."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.received: list[str] = []
        self.code = page.locator("#waiting .code")
        self.waiting = page.locator("#next")
        self.question = page.locator("#text")
        self.round = page.locator("#round")
        self.voted = page.locator("#count")
        self.phase = page.locator("#phase")
        self.timer = page.locator("#timer")
        self.fingerprint = page.locator("#seal code")
        self.pinned = page.locator("#pinned #post")
        self.leaders = page.locator("#leader-list li")
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: self.received.append(str(frame))))

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.expect_connected()

    def expect_connected(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-connection", "open")

    def has_received_counts(self) -> bool:
        """Whether the server sent any result over the socket, shown or not."""
        return any('"counts"' in frame for frame in self.received)
