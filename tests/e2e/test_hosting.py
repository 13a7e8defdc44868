"""The host's evening: from the operator link to the file at the end, with phones in the room."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, MakeVoter, join
from tests.e2e.pages import HostPage, VoterPage
from tests.e2e.rooms import Room, create_room, read_csv
from tests.e2e.visitors import SERVER_IS_DOWN, Visitors
from tests.process import Process, process, run_cli

pytestmark = pytest.mark.browser


def test_an_event_from_the_operator_link_to_the_file_of_ballots(
    server: Process, visitors: Visitors, data: Path
) -> None:
    printed = run_cli("host-link", "--data", str(data))
    host = HostPage(visitors.enter().new_page())
    host.page.goto(printed.stdout.strip())
    code = host.create_room("Spring assembly")
    host.add_question("Where shall we meet?", ["Harbour", "Garden", "Brewery"])
    host.add_question("Which topics?", ["Budget", "Roof", "Party", "Rules"], limits=(1, 2))
    expect(host.questions).to_contain_text(["Where shall we meet?", "Which topics?"])
    expect(host.online).to_have_text("0")

    ada, bob = (VoterPage(visitors.enter(viewport=PHONE).new_page()) for _ in range(2))
    ada.page.goto(server.base)
    expect(ada.code).to_be_focused()
    ada.page.keyboard.type(code.lower())
    ada.page.keyboard.press("Enter")
    bob.page.goto(server.base)
    bob.page.keyboard.insert_text(f"{server.base}/{code}?from=mail")
    expect(bob.code).to_have_value(code)
    bob.page.get_by_role("button", name="Join").click()
    for page in (ada, bob):
        expect(page.page).to_have_url(f"{server.base}/{code}")
        expect(page.page.get_by_text("The first question appears here by itself.")).to_be_visible()
    expect(host.online).to_have_text("2")

    host.step("Open voting")
    ada.vote("Garden")
    expect(host.voted).to_have_text("1 of 2")
    bob.vote("Harbour")
    bob.vote("Garden")
    expect(host.voted).to_have_text("2 of 2")
    expect(host.counts).to_have_text(["0", "2", "0"])
    expect(host.tags).to_contain_text("Hidden")
    host.step("Close voting")
    expect(ada.status).to_contain_text("Voting is closed.")
    for page in (ada, bob):
        page.expect_no_results()
        assert not page.has_received_counts()
    host.step("Reveal results")
    for page in (ada, bob):
        page.expect_results([0, 2, 0], voters=2)
        page.expect_own_answer("Garden")

    expect(host.next).to_contain_text("Which topics?")
    host.step("Next question")
    expect(ada.question).to_have_text("Which topics?")
    ada.expect_no_results()
    expect(ada.send_reason).to_have_text("Choose at least 1 to send.")
    expect(ada.send).to_be_disabled()
    for text in ("Budget", "Roof", "Party"):
        ada.option(text).click()
    expect(ada.send_reason).to_have_text("You chose 3. Choose at most 2 to send.")
    expect(ada.send).to_be_disabled()
    ada.option("Roof").click()
    ada.send.click()
    ada.expect_counted("Budget", "Party")
    bob.vote("Party")
    expect(host.counts).to_have_text(["1", "0", "2", "0"])

    host.step("Close voting")
    host.expect_step("Reveal results")
    host.ask_again.click()
    for page in (ada, bob):
        expect(page.round).to_have_text("Asked again (round 2)")
        page.expect_no_vote()
    expect(host.counts).to_have_text(["0", "0", "0", "0"])
    expect(host.voted).to_have_text("0 of 2")
    bob.vote("Rules", "Roof")
    host.step("Close voting")
    host.step("Reveal results")
    ada.expect_results([0, 1, 0, 1], voters=1)
    ada.expect_own_answer()
    bob.expect_own_answer("Roof", "Rules")

    with host.page.expect_download() as coming:
        host.page.get_by_role("button", name="Export").click()
        host.page.get_by_role("link", name="ballots.csv").click()
    rows = read_csv(coming.value.path().read_bytes())
    assert [(row["question_text"], row["round"], row["rev"], row["counted"], row["answer_text"]) for row in rows] == [
        ("Where shall we meet?", "1", "0", "yes", "Garden"),
        ("Where shall we meet?", "1", "0", "no", "Harbour"),
        ("Where shall we meet?", "1", "1", "yes", "Garden"),
        ("Which topics?", "1", "0", "yes", "Budget; Party"),
        ("Which topics?", "1", "0", "yes", "Party"),
        ("Which topics?", "2", "0", "yes", "Roof; Rules"),
    ]


def test_voters_get_no_count_while_results_are_hidden(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", "Red", "Green")
    first, second = voter(), voter()
    first.vote("Red")
    second.vote("Green")
    second.vote("Red")
    room.command("close")
    for page in (first, second):
        expect(page.status).to_contain_text("The host will show the results.")
        page.expect_no_results()
        assert page.page.locator("#result td").count() == 0
        assert not page.has_received_counts()
    room.command("reveal")
    first.expect_results([2, 0], voters=2)
    assert first.has_received_counts()


def test_results_that_are_hidden_again_stop_moving(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", "Red", "Green", reveal=True)
    first, second = voter(), voter()
    first.vote("Red")
    second.expect_results([1, 0], voters=1)
    room.command("hide")
    for page in (first, second):
        page.expect_no_results()
        page.received.clear()
    second.vote("Green")
    first.vote("Green")
    for page in (first, second):
        page.expect_no_results()
        assert not page.has_received_counts()
    room.command("reveal")
    first.expect_results([0, 2], voters=2)


def test_two_consoles_of_one_room_show_the_same(host: HostPage, room: Room, visitors: Visitors) -> None:
    phone = HostPage(visitors.enter(viewport=PHONE).new_page())
    phone.open(room.host)
    host.add_question("Shall we start?", ["Yes", "No"])
    phone.step("Open voting")
    host.expect_step("Close voting")
    host.toggle_results.click()
    expect(phone.tags).to_contain_text("Revealed")
    phone.toggle_results.click()
    expect(host.tags).to_contain_text("Hidden")


def test_a_question_that_the_server_refuses_keeps_its_words_in_the_form(host: HostPage, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 409")
    host.page.get_by_label("Options").fill("Only one")
    host.page.locator("#add-text").fill("Which?")
    host.page.get_by_role("button", name="Add question").click()
    expect(host.page.get_by_role("alert")).not_to_be_empty()
    expect(host.page.locator("#add-text")).to_have_value("Which?")
    expect(host.questions).to_have_count(0)


def test_a_console_comes_back_after_a_restart_and_keeps_what_was_typed(visitors: Visitors, tmp_path: Path) -> None:
    visitors.expect_complaints(SERVER_IS_DOWN)
    with process(tmp_path) as server:
        room = create_room(server.base, tmp_path, "Bad evening")
        room.add("Shall we start?", "Yes", "No")
        host = HostPage(visitors.enter().new_page())
        host.open(room.host)
        host.step("Open voting")
        host.expect_step("Close voting")
        page = join(visitors.enter(), room.join)
        page.vote("Yes")
        host.page.locator("#add-text").fill("A question that")
        server.kill()
    expect(host.banner).to_contain_text("Reconnecting")
    host.primary.click()
    expect(host.message).to_contain_text("The server does not answer.")
    with process(tmp_path, port=server.port):
        expect(host.banner).to_be_hidden()
        expect(host.voted).to_have_text("1 of 1")
        expect(host.page.locator("#add-text")).to_have_value("A question that")
        host.step("Close voting")
        expect(page.status).to_contain_text("Voting is closed.")


@pytest.mark.parametrize("clipboard", [True, False])
def test_the_host_link_is_copied_for_another_device(clipboard: bool, room: Room, visitors: Visitors) -> None:
    browser = visitors.enter()
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    if not clipboard:
        browser.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    host = HostPage(browser.new_page())
    host.open(room.host)
    host.page.get_by_role("button", name="Copy host link").click()
    expect(host.message).to_have_text("The host link is copied. Who has it runs this room.")
    host.page.locator("#add-text").focus()
    host.page.keyboard.press("Control+V")
    copied = host.page.locator("#add-text").input_value()
    assert copied.split("/host/")[1] == room.host.split("/host/")[1]
    # A page that was opened by its cookie never had the secret.
    host.page.reload()
    host.expect_console()
    expect(host.page.get_by_role("button", name="Copy host link")).to_be_hidden()
    expect(host.page.locator("#link-command")).to_contain_text(f"livevote host-link {room.code}")


def test_a_host_who_is_signed_out_in_the_middle_is_told(host: HostPage, room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("status of 401")
    room.add("Shall we start?", "Yes", "No")
    host.expect_step("Open voting")
    host.page.context.clear_cookies()
    host.step("Open voting")
    expect(host.message).to_have_text("This browser is not signed in as the host. Open the host link again.")
    expect(host.message).to_have_attribute("data-tone", "error")
