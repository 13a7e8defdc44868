"""A voter's evening: taps that count once, whatever happens to the page, the network or the server."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.e2e.conftest import MakeVoter, join
from tests.e2e.pages import VoterPage, eventually
from tests.e2e.rooms import Room, read_csv
from tests.e2e.visitors import OFFLINE, SERVER_IS_DOWN, Visitors
from tests.process import process, run_cli

pytestmark = pytest.mark.browser

COLOURS = ("Red", "Green", "Blue")


def answers(room: Room) -> list[str]:
    """The answers that count."""
    return sorted(row["answer_text"] for row in room.ballots() if row["counted"] == "yes")


def test_the_sample_room_shows_every_phone_the_same_results_and_outlives_a_killed_server(
    tmp_path: Path, visitors: Visitors
) -> None:
    visitors.expect_complaints(SERVER_IS_DOWN)
    ada, bob = visitors.enter(), visitors.enter()
    with process(tmp_path) as server:
        printed = server.read_until("Join at")
        code = re.search(r"code (\w{6})", printed)
        assert code is not None
        address = f"{server.base}/{code[1]}"
        adas, bobs = join(ada, address), join(bob, address)
        everybody = [adas, bobs]
        adas.vote("A talk")
        bobs.vote("An assembly")
        for page in everybody:
            page.expect_results([1, 0, 1, 0], voters=2)

        adas.page.reload()
        adas.expect_counted("A talk")
        adas.expect_results([1, 0, 1, 0], voters=2)
        adas.expect_own_answer("A talk")

        other_tab = join(ada, address)
        other_tab.expect_counted("A talk")
        other_tab.vote("A lesson")
        everybody.append(other_tab)
        for page in everybody:
            page.expect_results([0, 1, 1, 0], voters=2)
        adas.expect_counted("A lesson")
        adas.expect_own_answer("A lesson")

        late = join(visitors.enter(), address)
        everybody.append(late)
        for page in everybody:
            page.note_banners()
        server.kill()

    for page in everybody:
        page.expect_reconnecting()
    bobs.option("Just curious").click()
    late.option("A talk").click()
    bobs.expect_sending("Just curious")
    late.expect_sending("A talk")

    with process(tmp_path, port=server.port):
        for page in everybody:
            page.expect_connected()
            page.expect_banner_was("You are back")
            page.expect_results([1, 1, 0, 1], voters=3)
        bobs.expect_counted("Just curious")
        late.expect_counted("A talk")
        adas.expect_counted("A lesson")
    exported = run_cli("export", code[1], "--data", str(tmp_path), "--output", str(tmp_path / "ballots.csv"))
    assert exported.returncode == 0, exported.stderr
    rows = read_csv((tmp_path / "ballots.csv").read_bytes())
    assert [(row["answer_text"], row["rev"], row["counted"]) for row in rows[:3]] == [
        ("A talk", "0", "no"),
        ("An assembly", "0", "no"),
        ("A lesson", "1", "yes"),
    ]
    # Which of the two comes back first is left to chance; that each is there once is not.
    assert sorted((row["answer_text"], row["rev"], row["counted"]) for row in rows[3:]) == [
        ("A talk", "0", "yes"),
        ("Just curious", "1", "yes"),
    ]


def test_a_vote_whose_acknowledgement_is_lost_is_sent_again_and_counted_once(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS, reveal=True)
    page = voter()
    sent: list[str] = []
    lost: list[str] = []

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def forward(message: str | bytes) -> None:
            if '"vote"' in str(message):
                sent.append(str(message))
            server.send(message)

        def back(message: str | bytes) -> None:
            if not lost and '"recorded"' in str(message):
                lost.append(str(message))
                client.close(code=1012)
            elif '"mine"' not in str(message):
                client.send(message)

        client.on_message(forward)
        server.on_message(back)

    page.page.route_web_socket(re.compile("/ws/"), between)
    page.page.reload()
    page.expect_connected()
    page.vote("Green")
    page.expect_results([0, 1, 0], voters=1)
    assert len(lost) == 1
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert len(room.ballots()) == 1


@pytest.mark.parametrize("outage", ["short", "long"])
def test_a_vote_tapped_without_network_is_counted_once_when_it_is_back(
    outage: str, room: Room, voter: MakeVoter, visitors: Visitors
) -> None:
    visitors.expect_complaints(OFFLINE)
    room.ask("Which colour?", *COLOURS, reveal=True)
    page, watcher = voter(), voter()
    page.vote("Red")
    page.page.context.set_offline(True)
    page.option("Blue").click()
    page.expect_sending("Blue")
    if outage == "long":
        page.expect_reconnecting()
    watcher.expect_results([1, 0, 0], voters=1)
    page.page.context.set_offline(False)
    page.expect_counted("Blue")
    for each in (page, watcher):
        each.expect_results([0, 0, 1], voters=1)
    assert [row["answer_text"] for row in room.ballots()] == ["Red", "Blue"]


def test_quick_taps_on_one_option_after_the_other_end_with_the_last(room: Room, voter: MakeVoter) -> None:
    room.ask("Which colour?", *COLOURS, reveal=True)
    page = voter()
    page.page.evaluate("() => document.querySelectorAll('#options button').forEach(button => button.click())")
    page.expect_counted("Blue")
    page.expect_results([0, 0, 1], voters=1)
    assert answers(room) == ["Blue"]


def test_a_question_that_forbids_changes_says_so_and_takes_one_answer_only(room: Room, voter: MakeVoter) -> None:
    room.ask("Shall we start?", "Yes", "Not yet", changeable=False)
    page = voter()
    page.vote("Yes")
    expect(page.status).to_contain_text("This question does not let an answer be changed.")
    for text in ("Yes", "Not yet"):
        expect(page.option(text)).to_be_disabled()
    page.option("Not yet").click(force=True)
    page.page.reload()
    page.expect_counted("Yes")
    expect(page.option("Not yet")).to_be_disabled()
    assert answers(room) == ["Yes"]


def test_a_second_tab_that_does_not_know_yet_is_refused_in_words(room: Room, visitors: Visitors) -> None:
    room.ask("Shall we start?", "Yes", "Not yet", changeable=False)
    browser = visitors.enter()
    first, second = join(browser, room.join), join(browser, room.join)
    # As if the news of the first tab came late: this page holds the answer back until it has voted itself.
    second.page.evaluate("() => { TAKE.mine = () => {}; }")
    first.vote("Yes")
    second.option("Not yet").click()
    expect(second.status).to_contain_text("Not counted.")
    assert answers(room) == ["Yes"]


def test_without_its_cookies_a_browser_is_a_new_voter(room: Room, visitors: Visitors) -> None:
    """That is the level of protection, and the page's footer says it: one vote for each browser, not each person."""
    room.ask("Which colour?", *COLOURS, reveal=True)
    browser = visitors.enter()
    page = join(browser, room.join)
    expect(page.page.locator("footer")).to_contain_text("Each browser has one vote.")
    page.vote("Red")
    browser.clear_cookies()
    page.page.reload()
    page.expect_connected()
    page.expect_no_vote()
    page.vote("Blue")
    page.expect_results([1, 0, 1], voters=2)
    assert answers(room) == ["Blue", "Red"]


def test_answers_that_were_typed_like_markup_stay_text(room: Room, voter: MakeVoter) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    room.ask(nasty, nasty, "<b>No</b>", reveal=True)
    page = voter()
    expect(page.question).to_have_text(nasty)
    page.vote("<b>No</b>")
    page.expect_own_answer("<b>No</b>")


def test_ticks_that_were_not_sent_do_not_look_counted(room: Room, voter: MakeVoter) -> None:
    room.ask("Which topics?", "Budget", "Roof", "Party", kind="multiple", rules={"min": 1, "max": 2})
    page = voter()
    page.option("Budget").click()
    expect(page.option("Budget")).to_have_attribute("data-mark", "chosen")
    expect(page.status).to_have_text("Not sent yet. Nothing counts before you send it.")
    page.option("Budget").click()
    page.expect_no_vote()
    page.vote("Budget")
    page.option("Roof").click()
    expect(page.status).to_contain_text("Not sent yet.")
    expect(page.status).to_contain_text("Your vote from before still counts. Counted ✓")
    for text in ("Budget", "Roof"):
        expect(page.option(text)).to_have_attribute("data-mark", "chosen")
    # The answer that counts, ticked again, needs no sending.
    page.option("Roof").click()
    page.expect_counted("Budget")
    expect(page.send).to_be_disabled()
    page.option("Roof").click()
    page.send.click()
    page.expect_counted("Budget", "Roof")
    page.option("Budget").click()
    expect(page.status).to_contain_text("Not sent yet.")
    room.command("close")
    expect(page.status).to_contain_text("Voting closed before you sent your last choice.")
    assert answers(room) == ["Budget; Roof"]


def test_the_news_never_covers_the_button_that_sends(room: Room, visitors: Visitors) -> None:
    options = [f"Topic {number}" for number in range(9)]
    room.ask("Which topics?", *options, kind="multiple", rules={"min": 1, "max": 9})
    page = join(visitors.enter(viewport={"width": 390, "height": 664}), room.join)
    page.option("Topic 0").click()
    for look in ("unsent", "counted"):
        if look == "counted":
            page.send.click()
        expect(page.status).to_have_attribute("data-look", look)
        assert page.page.evaluate(
            """() => {
              const send = document.getElementById("send");
              const hits = [];
              for (let top = 0; top < document.documentElement.scrollHeight; top += 20) {
                scrollTo(0, top);
                const { left, top: above, bottom } = send.getBoundingClientRect();
                if (above < 80 || bottom > innerHeight) continue;
                hits.push([above + 2, bottom - 2].every((y) => document.elementFromPoint(left + 20, y) === send));
              }
              return hits.length > 0 && hits.every(Boolean);
            }"""
        ), look


def test_results_have_their_place_before_they_are_drawn(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("net::ERR_FAILED")
    room.ask("Which colour?", "Red", "Green", reveal=True)
    room.command("close")
    page = VoterPage(visitors.enter().new_page())
    held: list[Route] = []
    page.page.route("**/assets/results.js*", lambda route: held.append(route))
    page.open(room.join)
    eventually(page.page, lambda: len(held), 1)
    expect(page.results).to_be_visible()
    expect(page.options).to_be_hidden()
    # When they do not come, it is still to be seen what was asked.
    held[0].abort()
    expect(page.page.locator("#missing")).to_be_visible()
    expect(page.option("Green")).to_be_visible()
    page.page.unroute("**/assets/results.js*")
    page.page.get_by_role("button", name="Load it again").click()
    page.expect_results([0, 0], voters=0)
    expect(page.options).to_be_hidden()


def test_a_new_question_is_in_sight_of_who_has_scrolled_down_to_the_last_result(room: Room, visitors: Visitors) -> None:
    room.ask("Which letter?", *"ABCDEFGH")
    page = join(visitors.enter(viewport={"width": 320, "height": 640}), room.join)
    page.vote("H")
    room.command("close")
    room.command("reveal")
    expect(page.counts.last).to_be_visible()
    # What is there to be tapped is said as long as there is something to be tapped.
    expect(page.page.locator("#hint")).to_be_hidden()
    page.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.question).not_to_be_in_viewport()
    number = room.ask("Which number?", *"12345678")
    expect(page.question).to_have_text("Which number?")
    expect(page.question).to_be_in_viewport(ratio=1)
    # A corrected word moves nothing.
    page.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    room.edit(number, text="Which figure?")
    expect(page.question).to_have_text("Which figure?")
    expect(page.question).not_to_be_in_viewport()
