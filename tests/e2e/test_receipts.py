"""Receipts as voters meet them: checked at once, proven a little later, and a warning where the server lies."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, Route, WebSocketRoute, expect

from tests.e2e.conftest import PHONE, MakeVoter, join
from tests.e2e.pages import HostPage, VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room, create_room
from tests.e2e.visitors import CHROMIUM_ARGS, SERVER_IS_DOWN, Visitors
from tests.process import process, run_cli

pytestmark = pytest.mark.browser

COLOURS = ("Red", "Green", "Blue")
COUNTS = "✓ In the log, and it counts"
STANDS = "✓ In the log"
"""Of a question that is not shown any more the page does not know whether its answer was erased."""
REPLACED = "✓ In the log, replaced by a later vote"
DOES_NOT_FIT = "The server's receipt does not fit your vote."
NOT_THERE = "Your ballot is not in the log."
DOES_NOT_HOLD = "The server's proof does not hold."
NOT_SEALED_YET = r"status of 503 .*/proof\?"
DENIED = "() => Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('denied'); } })"
FULL = "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }"

Message = dict[str, Any]
Change = Callable[[Message], object]


@pytest.fixture(autouse=True)
def _asking_early(visitors: Visitors) -> None:
    """Who asks in the second before the next checkpoint is told so, and the browser notes it."""
    visitors.expect_complaints(NOT_SEALED_YET)


def lie(page: Page, change: Change) -> None:
    """From the next load on, change every answer to a vote."""

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def back(text: str | bytes) -> None:
            message = json.loads(text)
            if message["type"] == "recorded":
                change(message)
            client.send(json.dumps(message))

        client.on_message(server.send)
        server.on_message(back)

    page.route_web_socket(re.compile("/ws/"), between)


def hold(page: Page, change: Change) -> list[Callable[[], None]]:
    """Load the page again, and from now on change and keep the answers to votes; calling one sends it."""
    held: list[Callable[[], None]] = []

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def back(text: str | bytes) -> None:
            message = json.loads(text)
            if message["type"] == "recorded":
                change(message)
                held.append(lambda: client.send(json.dumps(message)))
            elif message["type"] != "mine":
                client.send(text)

        client.on_message(server.send)
        server.on_message(back)

    page.route_web_socket(re.compile("/ws/"), between)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-connection", "open")
    return held


def go_on(room: Room, page: VoterPage, held: list[Callable[[], None]]) -> None:
    """Ask the next question while the answer to a vote is held, then let that answer come."""
    eventually(page.page, lambda: bool(held), True)
    room.command("close")
    room.ask("And which shape?", "Round", "Square")
    expect(page.question).to_have_text("And which shape?")
    held[0]()


def lie_about_proofs(page: Page, change: Change, *, base: str = "") -> None:
    """From now on, change every proof. ``base`` is where the server is, if its name is one for the browser alone."""

    def answer(route: Route) -> None:
        path = route.request.url.split("/", 3)[3]
        response = route.fetch(url=f"{base}/{path}" if base else None)
        proof = response.json()
        if response.ok:
            change(proof)
        route.fulfill(response=response, json=proof)

    page.route(re.compile("/proof"), answer)


def flipped(text: str, place: int = 0) -> str:
    """The text with another digit at the place."""
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def expect_verified(file: Path, log: Path, words: str) -> None:
    """``livevote verify`` finds the saved ballot in the log."""
    done = run_cli("verify", str(log), "--receipt", str(file))
    assert done.returncode == 0, done.stderr
    assert "The receipt holds in itself: record" in done.stdout
    assert words in done.stdout


def test_a_ballot_is_found_in_the_log_and_its_saved_receipt_passes_verify(
    room: Room, voter: MakeVoter, data: Path, tmp_path: Path
) -> None:
    question = "Which <b>colour</b>?"
    room.ask(question, *COLOURS)
    page = voter()
    expect(page.receipt).to_be_hidden()
    page.vote("Green")
    page.expect_receipt()
    page.open_panel()
    page.expect_ballots((COUNTS, "Green"))
    item = page.panel.get_by_role("listitem")
    expect(item.get_by_role("heading")).to_have_text(question)
    expect(item).to_contain_text(
        re.compile(r"Record 4, cast .*, \d\d:\d\d:\d\d\. The server signed a log of 4 records with it, .*, key \w{8}\.")
    )
    expect(item).to_contain_text("Signature checked.")
    expect(page.panel).to_contain_text("Your ballot is in the log.")
    expect(page.panel.locator("#unkept")).to_be_hidden()
    file = page.save_receipt(tmp_path)
    assert file.name == f"livevote-receipt-{room.code}-4.json"
    saved = json.loads(file.read_text())
    assert list(saved) == ["@type", "room", "index", "body", "salt", "answer", "chain", "proof"]
    expect_verified(file, data, "and it counts")


def test_a_proof_comes_by_itself_and_a_reload_keeps_it(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.vote("Green")
    expect(page.receipt).to_contain_text("Found in the log ✓")
    page.page.reload()
    page.expect_counted("Green")
    expect(page.receipt).to_contain_text("Found in the log ✓")
    # The next question does not take the receipts of the one before away.
    room.command("close")
    room.ask("And which shape?", "Round", "Square")
    expect(page.question).to_have_text("And which shape?")
    expect(page.receipt).to_be_hidden()
    page.page.reload()
    page.open_panel()
    page.expect_ballots((STANDS, "Green"))
    page.page.keyboard.press("Escape")
    page.vote("Round")
    page.open_panel()
    page.expect_ballots((COUNTS, "Round"), (STANDS, "Green"))
    expect(page.panel).to_contain_text("All 2 ballots of this browser are in the log.")


def test_a_changed_vote_is_shown_as_replaced(room: Room, voter: MakeVoter, data: Path, tmp_path: Path) -> None:
    room.ask("Which colours?", *COLOURS, kind="multiple", rules={"min": 0, "max": 2})
    page = voter()
    page.vote("Red", "Blue")
    page.option("Red").click()
    page.option("Blue").click()
    page.send.click()
    page.expect_counted()
    page.expect_receipt()
    page.open_panel()
    page.expect_ballots((COUNTS, "none of the options"), (REPLACED, "Red, Blue"))
    expect(page.panel).to_contain_text("Your later vote is record 5.")
    expect_verified(page.save_receipt(tmp_path), data, "and it counts")
    expect_verified(page.save_receipt(tmp_path, 1), data, "replaced it by record 5")


def test_tabs_of_one_browser_share_their_receipts(room: Room, visitors: Visitors) -> None:
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter()
    first, second = join(browser, room.join), join(browser, room.join)
    first.vote("Red")
    second.expect_counted("Red")
    second.expect_receipt()
    second.vote("Blue")
    first.expect_counted("Blue")
    first.expect_receipt()
    first.open_panel()
    first.expect_ballots((COUNTS, "Blue"), (REPLACED, "Red"))


def test_a_ballot_that_is_not_shown_as_ones_own_any_more_is_not_called_counted(room: Room, visitors: Visitors) -> None:
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter()
    page = join(browser, room.join)
    page.vote("Green")
    page.expect_receipt()
    browser.clear_cookies()
    page.page.reload()
    page.expect_no_vote()
    page.open_panel()
    page.expect_ballots(("✓ In the log", "Green"))
    expect(page.panel).to_contain_text("its answer was erased, or this browser lost its cookie")
    page.page.keyboard.press("Escape")
    page.vote("Red")
    page.open_panel()
    page.expect_ballots((COUNTS, "Red"), ("✓ In the log", "Green"))


def _another_salt(message: Message) -> None:
    message["receipt"]["salt"] = flipped(message["receipt"]["salt"])


def _another_leaf(message: Message) -> None:
    message["receipt"]["leaf"] = flipped(message["receipt"]["leaf"])


def _no_hash(message: Message) -> None:
    message["receipt"]["chain"] = "<b>none</b>"


def _another_time(message: Message) -> None:
    message["at"] += 1


def _another_rev(message: Message) -> None:
    message["rev"] += 1


def _another_predecessor(message: Message) -> None:
    message["receipt"]["supersedes"] = 3


def _no_number(message: Message) -> None:
    message["index"] = str(message["index"])


@pytest.mark.parametrize(
    "change", [_another_salt, _another_leaf, _no_hash, _another_time, _another_rev, _another_predecessor, _no_number]
)
def test_a_receipt_that_does_not_fit_is_a_warning_and_no_receipt(change: Change, room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    lie(page.page, change)
    page.page.reload()
    page.expect_connected()
    page.option("Green").click()
    for _ in range(2):
        expect(page.status).to_have_text(f"{DOES_NOT_FIT} Keep this page open and tell the host.")
        expect(page.status).to_have_attribute("data-look", "bad")
        expect(page.receipt).not_to_contain_text("✓")
        page.page.reload()
    expect(page.status).to_contain_text(DOES_NOT_FIT)
    page.page.get_by_role("button", name="See the receipt").click()
    page.expect_ballots((DOES_NOT_FIT, "Green"))
    expect(page.panel).to_contain_text("1 receipt does not hold. Tell the host.")
    expect(page.panel.get_by_role("button", name="Save receipt")).to_be_hidden()


def test_two_voters_cannot_be_handed_the_same_receipt(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    first, second = voter(), voter()
    first.vote("Green")
    recorded = next(json.loads(frame) for frame in first.received if '"recorded"' in frame)
    del recorded["id"]
    lie(second.page, lambda message: message.update(recorded))
    second.page.reload()
    second.expect_connected()
    second.option("Green").click()
    expect(second.status).to_contain_text(DOES_NOT_FIT)


def test_a_receipt_that_does_not_fit_is_told_also_when_the_next_question_is_open(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    held = hold(page.page, _another_salt)
    page.option("Green").click()
    go_on(room, page, held)
    expect(page.status).to_contain_text(f"Your vote on the question before: {DOES_NOT_FIT}")
    expect(page.all_receipts).to_have_text("A receipt does not hold. Look at it.")


def test_a_change_that_was_answered_late_replaces_the_ballot_before(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.vote("Red")
    page.expect_receipt()
    held = hold(page.page, lambda _: None)
    page.option("Green").click()
    go_on(room, page, held)
    expect(page.status).to_contain_text("Your vote on the question before was counted.")
    page.open_panel()
    page.expect_ballots((STANDS, "Green"), (REPLACED, "Red"))


def _not_included(proof: Message) -> None:
    proof["included"] = False


def _as_if_included(proof: Message) -> None:
    proof["included"] = "yes"


def _no_proof(proof: Message) -> None:
    proof["note"] = proof["path"] = proof["vkey"] = None


def _another_path(proof: Message) -> None:
    proof["path"][0] = flipped(proof["path"][0])


def _longer_path(proof: Message) -> None:
    proof["path"].append(proof["path"][0])


def _another_root(proof: Message) -> None:
    lines = proof["note"].split("\n")
    lines[2] = flipped(lines[2])
    proof["note"] = "\n".join(lines)


def _another_room(proof: Message) -> None:
    proof["note"] = proof["note"].replace("livevote/", "livevote/XXXXXX/", 1)


def _another_signature(proof: Message) -> None:
    proof["note"] = flipped(proof["note"], -10)


def _another_time_signed(proof: Message) -> None:
    proof["note"] = re.sub(r"(?<=/at 1)\d", "0", proof["note"])


def _another_key(proof: Message) -> None:
    proof["vkey"] = flipped(proof["vkey"], 30)


def _unsigned(proof: Message) -> None:
    proof["note"] = proof["note"].split("\n\n")[0] + "\n\n"


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (_not_included, NOT_THERE),
        *(
            (change, DOES_NOT_HOLD)
            for change in (
                _as_if_included, _no_proof, _another_path, _longer_path, _another_root, _another_room,
                _another_signature, _another_time_signed, _another_key, _unsigned,
            )
        ),
    ],
)  # fmt: skip
def test_a_proof_that_does_not_hold_is_a_warning(
    change: Change, warning: str, room: Room, voter: MakeVoter, tmp_path: Path
) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    lie_about_proofs(page.page, change)
    page.vote("Green")
    page.open_panel()
    page.expect_ballots((warning, "Green"))
    expect(page.panel).to_contain_text("1 receipt does not hold. Tell the host.")
    # What there is can still be kept, to be looked for in the log by somebody else.
    assert json.loads(page.save_receipt(tmp_path).read_text())["proof"] is None
    page.page.keyboard.press("Escape")
    expect(page.status).to_contain_text(warning)
    expect(page.status).not_to_contain_text("Counted")
    page.page.unroute(re.compile("/proof"))
    page.open_panel()
    page.expect_ballots((COUNTS, "Green"))


def test_an_index_that_is_not_the_ballots_own_is_found_out(room: Room, voter: MakeVoter) -> None:
    """The index stands in no body: only the proof shows what it is worth."""
    room.ask("Which colour?", *COLOURS)
    voter().vote("Red")
    page = voter()
    lie(page.page, lambda message: message.update(index=4))
    page.page.reload()
    page.expect_connected()
    page.option("Green").click()
    page.open_panel()
    page.expect_ballots((NOT_THERE, "Green"))


def test_where_receipts_are_switched_off_the_page_says_so_and_offers_nothing(
    room: Room, host: HostPage, voter: MakeVoter
) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.vote("Green")
    page.expect_receipt()
    switch = host.page.get_by_label("Give voters receipts")
    expect(switch).to_be_checked()
    switch.press("Space")
    expect(host.message).to_have_text("Voters get no receipts from now on.")
    page.vote("Blue")
    expect(page.receipt).to_contain_text("This room gives no receipts.")
    expect(page.receipt.get_by_role("button")).to_be_hidden()
    # What was given before stays, and the page knows that it does not count any more.
    page.all_receipts.click()
    page.expect_ballots((REPLACED, "Green"))
    page.page.keyboard.press("Escape")

    stranger = voter()
    stranger.vote("Red")
    expect(stranger.receipt).to_contain_text("This room gives no receipts.")
    expect(stranger.all_receipts).to_be_hidden()
    host.page.reload()
    host.expect_console()
    expect(switch).not_to_be_checked()
    switch.check()
    expect(host.message).to_have_text("Voters get receipts from now on.")
    page.vote("Red")
    page.expect_receipt()


def test_a_switch_that_comes_too_late_shows_what_is(room: Room, host: HostPage, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    switch = host.page.get_by_label("Give voters receipts")
    expect(switch).to_be_checked()
    # As if the other host's page had been quicker and its news came late.
    host.page.evaluate("() => { hear = () => {}; }")
    room.command("switch_receipts", on=False)
    switch.click()
    expect(host.message).to_have_text("The room is set like that already.")


@pytest.mark.parametrize("trouble", [DENIED, FULL])
def test_without_storage_receipts_last_as_long_as_the_page(
    trouble: str, room: Room, visitors: Visitors, data: Path, tmp_path: Path
) -> None:
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter(viewport=PHONE)
    browser.add_init_script(f"({trouble})()")
    page = join(browser, room.join)
    page.vote("Green")
    page.expect_receipt()
    page.vote("Blue")
    page.open_panel()
    page.expect_ballots((COUNTS, "Blue"), (REPLACED, "Green"))
    expect(page.panel.locator("#unkept")).to_contain_text("Save them before you close this page.")
    expect_verified(page.save_receipt(tmp_path), data, "and it counts")
    page.page.reload()
    page.expect_counted("Blue")
    page.expect_script("receipts")
    expect(page.receipt).to_be_hidden()
    expect(page.all_receipts).to_be_hidden()


def test_storage_that_somebody_filled_with_nonsense_is_no_receipt(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    for value in ("", "null", "[]", '{"id":"x"}', '{"id":"other","body":""}'):
        page.page.evaluate(f"value => localStorage.setItem('livevote-receipt:{room.code}:x', value)", value)
        page.page.reload()
        page.expect_script("receipts")
        expect(page.all_receipts).to_be_hidden()
    page.vote("Green")
    page.expect_receipt()


def test_the_store_of_receipts_has_an_end(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.vote("Green")
    page.expect_receipt()
    page.page.evaluate(
        """code => {
          const [receipt] = held.values();
          for (let more = 1; more < 100; more++) {
            const copy = { ...receipt, id: `more${more}`, index: receipt.index + more };
            localStorage.setItem(`livevote-receipt:${code}:${copy.id}`, JSON.stringify(copy));
          }
        }""",
        room.code,
    )
    page.page.reload()
    page.expect_script("receipts")
    kept = page.page.evaluate(
        "() => Object.keys(localStorage).filter(key => key.startsWith('livevote-receipt:')).sort()"
    )
    assert len(kept) == 60
    assert kept[-1].endswith(":more99")
    assert f"livevote-receipt:{room.code}:more40" in kept
    assert f"livevote-receipt:{room.code}:more39" not in kept


def test_over_plain_http_everything_but_the_signature_is_checked(
    playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    name = "vote.example.org"
    with process(tmp_path, "--url", f"http://{name}", "--no-sample") as server:
        rules = f"--host-resolver-rules=MAP {name}:80 127.0.0.1:{server.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, rules])
        visitors = Visitors(browser)
        visitors.expect_complaints(NOT_SEALED_YET)
        room = create_room(server.base, tmp_path, "Town hall")
        room.ask("Which colour?", *COLOURS)
        page = join(visitors.enter(), f"http://{name}/{room.code}")
        assert page.page.evaluate("() => [isSecureContext, crypto.subtle === undefined]") == [False, True]
        page.vote("Green")
        page.expect_receipt()
        page.open_panel()
        page.expect_ballots((COUNTS, "Green"))
        expect(page.panel).to_contain_text("The signature was not checked here: this browser cannot.")
        expect_verified(page.save_receipt(tmp_path), tmp_path, "and it counts")
        page.page.keyboard.press("Escape")
        # Without a signature that would not fit either, each of these has to be seen by itself.
        for change in (_another_room, _another_root, _another_path):
            lie_about_proofs(page.page, change, base=server.base)
            page.open_panel()
            page.expect_ballots((DOES_NOT_HOLD, "Green"))
            page.page.unroute(re.compile("/proof"))
            page.page.keyboard.press("Escape")
            page.open_panel()
            page.expect_ballots((COUNTS, "Green"))
            page.page.keyboard.press("Escape")
        lie(page.page, _another_salt)
        page.page.reload()
        page.expect_connected()
        page.option("Blue").click()
        expect(page.status).to_contain_text(DOES_NOT_FIT)
        assert visitors.leave() == []
        browser.close()


def test_a_browser_that_does_not_know_ed25519_says_what_it_did_not_check(room: Room, visitors: Visitors) -> None:
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter()
    refusing = (
        "if (crypto.subtle) crypto.subtle.importKey = () => Promise.reject(new DOMException('', 'NotSupportedError'));"
    )
    browser.add_init_script(refusing)
    page = join(browser, room.join)
    page.vote("Green")
    page.open_panel()
    page.expect_ballots((COUNTS, "Green"))
    expect(page.panel).to_contain_text("The signature was not checked here: this browser cannot.")


def test_a_retry_after_a_lost_answer_ends_with_a_receipt(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    lost: list[str] = []

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def back(message: str | bytes) -> None:
            if not lost and '"recorded"' in str(message):
                lost.append(str(message))
                client.close(code=1012)
            else:
                client.send(message)

        client.on_message(server.send)
        server.on_message(back)

    page.page.route_web_socket(re.compile("/ws/"), between)
    page.page.reload()
    page.expect_connected()
    page.option("Green").click()
    page.expect_counted("Green")
    page.expect_receipt()
    assert len(lost) == 1
    assert len(room.ballots()) == 1
    page.open_panel()
    page.expect_ballots((COUNTS, "Green"))


def test_a_killed_server_does_not_lose_what_it_gave_a_receipt_for(tmp_path: Path, visitors: Visitors) -> None:
    visitors.expect_complaints(SERVER_IS_DOWN)
    with process(tmp_path, "--no-sample") as server:
        room = create_room(server.base, tmp_path, "Town hall")
        room.ask("Which colour?", *COLOURS)
        page = join(visitors.enter(), room.join)
        page.vote("Green")
        page.expect_receipt()
        server.kill()
    page.open_panel()
    page.expect_ballots(("The server cannot be asked now.", "Green"))
    with process(tmp_path, port=server.port):
        # The open panel asks again by itself.
        page.expect_ballots((COUNTS, "Green"))
        expect_verified(page.save_receipt(tmp_path), tmp_path, "and it counts")


def test_an_older_copy_that_was_put_back_is_noticed_by_those_who_voted_since(
    tmp_path: Path, visitors: Visitors
) -> None:
    """Nothing on the server's machine can show that: its own checkpoints are those of the older copy."""
    visitors.expect_complaints(SERVER_IS_DOWN)
    live, copy = tmp_path / "live", tmp_path / "copy"
    with process(live, "--no-sample") as server:
        room = create_room(server.base, live, "Town hall")
        room.ask("Which colour?", *COLOURS)
        server.terminate()
    shutil.copytree(live, copy)
    with process(live, port=server.port) as server:
        page = join(visitors.enter(), room.join)
        page.vote("Green")
        expect(page.receipt).to_contain_text("Found in the log ✓")
        server.kill()
    shutil.rmtree(live)
    copy.rename(live)
    with process(live, port=server.port):
        # Before it has asked for its proof, the page can only say that this voter has not voted.
        expect(page.status).to_contain_text("Your ballot is not in the log.")
        expect(page.status).to_contain_text("You can vote again.")
        expect(page.options.locator('[aria-pressed="true"]')).to_have_count(0)
        expect(page.option("Green")).to_be_enabled()
        expect(page.all_receipts).to_have_text("A receipt does not hold. Look at it.")
        page.open_panel()
        page.expect_ballots((NOT_THERE, "Green"))
        # What was signed for it before is the evidence.
        saved = json.loads(page.save_receipt(tmp_path).read_text())
        assert saved["proof"]["note"].startswith(f"livevote/{room.code}/")


def test_a_page_that_nobody_looks_at_does_not_ask(room: Room, visitors: Visitors) -> None:
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter()
    browser.add_init_script(
        "Object.defineProperty(document, 'visibilityState', { get: () => window.look ?? 'visible' });"
    )
    page = join(browser, room.join)
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url) if "/proof" in request.url else None)
    page.vote("Green")
    page.expect_script("receipts")
    page.page.evaluate("() => { look = 'hidden'; askSoon([], 0); }")
    page.page.wait_for_timeout(300)
    assert asked == []
    page.page.evaluate("() => { look = 'visible'; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.receipt).to_contain_text("Found in the log ✓")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (429, "too_fast", "Too many questions at once. Try again in a minute."),
        (503, "unheard_of", "The server's own words."),
    ],
)
def test_a_server_that_is_busy_is_asked_again_later_and_later(
    status: int, code: str, said: str, room: Room, visitors: Visitors
) -> None:
    visitors.expect_complaints(f"status of {status}")
    room.ask("Which colour?", *COLOURS)
    page = join(visitors.enter(), room.join)
    page.expect_script("receipts")
    # Its plan is what counts here; nobody need wait until it is carried out.
    page.page.evaluate(
        """() => {
          const timeout = window.setTimeout;
          window.waits = [];
          window.setTimeout = (work, ms) => timeout(work, work === askAll && waits.push(ms) ? 50 : ms);
        }"""
    )
    busy = {"error": {"code": code, "message": "The server's own words."}}
    page.page.route(re.compile("/proof"), lambda route: route.fulfill(status=status, json=busy))
    page.vote("Green")
    waits = page.page.evaluate(
        "async () => { while (waits.length < 5) await new Promise((done) => setTimeout(done, 20)); return waits; }"
    )
    assert waits[1] > 1000
    assert waits[2] > 2000
    assert waits[3] > 4000
    page.open_panel()
    page.expect_ballots((said, "Green"))
    page.page.unroute(re.compile("/proof"))
    page.expect_ballots((COUNTS, "Green"))


def test_phones_do_not_ask_for_their_proofs_at_once(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.expect_script("receipts")
    waits = page.page.evaluate(
        """() => {
          const real = window.setTimeout, waits = [];
          window.setTimeout = (work, ms) => { if (work === askAll) waits.push(ms); return 0; };
          const receipt = { voter: "v", supersedes: null };
          Object.assign(receipt, { salt: "00".repeat(16), leaf: "00".repeat(32), chain: "00".repeat(32) });
          const ballot = { id: "x", question: "q1", round: 1, answer: { choices: [0] } };
          const recorded = { index: 9, rev: 0, at: 1, receipt };
          receipt.leaf = hexOf(leafOf(makeReceipt(ballot, recorded).body));
          for (let phone = 0; phone < 500; phone++) takeReceipt(ballot, recorded);
          window.setTimeout = real;
          return waits;
        }"""
    )
    assert len(waits) == 500
    assert min(waits) > 1000
    assert sum(2000 < wait < 8000 for wait in waits) > 250
    # No second of all has more than a third of them.
    assert max(sum(second <= wait / 1000 < second + 1 for wait in waits) for second in range(20)) < 170


def test_the_panel_is_opened_read_and_closed_with_the_keyboard(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS)
    page = voter()
    page.vote("Green")
    button = page.receipt.get_by_role("button", name="Was my ballot counted?")
    tab_to(page.page, button)
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("dialog", name="Was my ballot counted?")).to_be_visible()
    assert has_focus(page.panel.get_by_role("button", name="Close"))
    page.expect_ballots((COUNTS, "Green"))
    expect(page.panel.get_by_role("status")).to_have_text("Your ballot is in the log.")
    tab_to(page.page, page.panel.get_by_role("button", name="Save receipt 4"))
    page.page.keyboard.press("Escape")
    expect(page.panel).to_be_hidden()
    assert has_focus(button)
    page.page.keyboard.press("Enter")
    expect(page.panel).to_be_visible()
    page.page.keyboard.press("Enter")
    expect(page.panel).to_be_hidden()
    button.click()
    page.page.mouse.click(2, 2)
    expect(page.panel).to_be_hidden()


def test_a_ballot_whose_words_are_not_known_is_still_told(room: Room, visitors: Visitors) -> None:
    """A page of an earlier version may have left a ballot under way that has no words for its answer."""
    room.ask("Which colour?", *COLOURS)
    browser = visitors.enter()
    page = join(browser, room.join)
    kept = {"id": "kept", "question": "q1", "round": 1, "answer": {"choices": [2]}, "made": 1}
    page.page.evaluate(
        f"kept => localStorage.setItem('livevote:{room.code}:kept', kept)", json.dumps(kept, separators=(",", ":"))
    )
    page.page.reload()
    page.expect_counted("Blue")
    page.open_panel()
    page.expect_ballots((COUNTS, "C"))
    expect(page.panel.get_by_role("listitem").get_by_role("heading")).to_have_text("An earlier question")


@pytest.mark.timeout(seconds=120)
def test_a_ballot_that_an_accepted_recovery_lost_is_told_at_once(visitors: Visitors, tmp_path: Path) -> None:
    visitors.expect_complaints(SERVER_IS_DOWN)
    data, older = tmp_path / "data", tmp_path / "older.db"
    with process(data) as server:
        room = create_room(server.base, data, "Bad evening")
        room.ask("Which colour?", *COLOURS)
        browser = visitors.enter(viewport=PHONE)
        page = join(browser, room.join)
        server.terminate()
    shutil.copy(data / "livevote.db", older)
    with process(data, port=server.port) as server:
        page.expect_connected()
        page.vote("Green")
        expect(page.receipt).to_contain_text("Found in the log ✓")
        server.terminate()
    shutil.copy(older, data / "livevote.db")
    done = run_cli("accept-recovery", room.code, "--data", str(data), "--yes")
    assert done.returncode == 0, done.stderr
    held: list[Route] = []
    page.page.route(re.compile("/proof"), lambda route: held.append(route))
    with process(data, port=server.port):
        expect(page.status).to_contain_text("The server does not show your vote any more.")
        expect(page.status).to_contain_text("another copy of its log")
        eventually(page.page, lambda: bool(held), True)
        held[0].continue_()
        expect(page.status).to_contain_text(NOT_THERE)
        page.page.unroute(re.compile("/proof"))
        expect(page.status).to_contain_text("You can vote again.")
        expect(page.status).to_have_attribute("data-look", "bad")
        page.page.reload()
        expect(page.status).to_contain_text(NOT_THERE)
        # Also where another question is shown.
        room.command("close")
        room.ask("And which shape?", "Round", "Square")
        expect(page.question).to_have_text("And which shape?")
        expect(page.banner).to_have_text("A receipt does not hold: see below.")
        page.vote("Round")
        expect(page.banner).to_be_visible()
        host = HostPage(visitors.enter().new_page())
        host.open(room.host)
        expect(host.page.locator("#recoveries")).to_contain_text(
            re.compile("^Recovered.* the log had 4 records by its checkpoints, of which those after 3 may be lost")
        )
