"""The room's board on a phone: ask, upvote, and see what became of it; and the bar of reactions."""

import re

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.e2e.conftest import MakeVoter, join
from tests.e2e.pages import VoterPage, eventually, has_focus, tab_to
from tests.e2e.rooms import Room
from tests.e2e.visitors import OFFLINE, Visitors

pytestmark = pytest.mark.browser


def switch_on(room: Room, *, approval: bool = False, per_voter: int = 5) -> None:
    room.command("switch_board", on=True, approval=approval, per_voter=per_voter)


def tab(page: VoterPage, name: str) -> Locator:
    return page.page.locator("#views").get_by_role("button", name=name, exact=True)


def see_board(page: VoterPage) -> VoterPage:
    tab(page, "Ask").click()
    expect(page.page.locator("#board")).to_be_visible()
    return page


def field(page: VoterPage) -> Locator:
    return page.page.get_by_label("Your question or comment")


def ask(page: VoterPage, text: str) -> None:
    field(page).fill(text)
    page.page.locator("#ask-form").get_by_role("button", name="Send").click()


def own(page: VoterPage) -> Locator:
    return page.page.locator("#own-posts li")


def posts(page: VoterPage) -> Locator:
    return page.page.locator("#posts .post-text")


def upvote_of(page: VoterPage, text: str) -> Locator:
    return page.page.locator("#posts li").filter(has_text=text).locator(".up")


def news(page: VoterPage) -> Locator:
    return page.page.locator("#ask-news")


def expect_votes(room: Room, *wanted: tuple[str, int]) -> None:
    assert sorted((post["text"], post["votes"]) for post in room.posts()) == sorted(wanted)


def test_what_is_asked_can_be_upvoted_by_others_and_taken_back(room: Room, visitors: Visitors) -> None:
    switch_on(room)
    adas = visitors.enter()
    ada, bob = see_board(join(adas, room.join)), see_board(join(visitors.enter(), room.join))
    expect(bob.page.locator("#more-posts")).to_have_text("Nobody has asked anything yet.")
    ask(ada, "<b>When</b> is   the break?")
    expect(news(ada)).to_have_text("Sent ✓")
    expect(field(ada)).to_have_value("")
    expect(own(ada)).to_have_text(["<b>When</b> is the break?On the board"])
    expect(posts(bob)).to_have_text(["<b>When</b> is the break?"])
    expect(bob.page.locator("#own-part")).to_be_hidden()
    button = upvote_of(bob, "When")
    box = button.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    for page in (ada, bob):
        expect(upvote_of(page, "When")).to_have_accessible_name("Upvote, 1 vote")
    expect(upvote_of(ada, "When")).to_have_attribute("aria-pressed", "false")
    # A reload and another tab know it.
    bob.page.reload()
    see_board(bob)
    expect(button).to_have_attribute("aria-pressed", "true")
    other = see_board(join(bob.page.context, room.join))
    expect(upvote_of(other, "When")).to_have_attribute("aria-pressed", "true")
    upvote_of(other, "When").click()
    for page in (bob, other):
        expect(upvote_of(page, "When")).to_have_attribute("aria-pressed", "false")
        expect(upvote_of(page, "When")).to_have_accessible_name("Upvote, 0 votes")
    expect_votes(room, ("<b>When</b> is the break?", 0))


def test_taps_one_after_the_other_end_with_the_last(room: Room, voter: MakeVoter) -> None:
    switch_on(room)
    page = see_board(voter())
    ask(page, "When?")
    button = upvote_of(page, "When?")
    expect(button).to_be_visible()
    button.evaluate("button => { for (let tap = 0; tap < 5; tap++) button.click(); }")
    expect(button).to_have_accessible_name("Upvote, 1 vote")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).not_to_have_attribute("data-sending", "")
    # Two taps on the button to send are one post.
    field(page).fill("Once?")
    page.page.locator("#ask-form .primary").evaluate("button => { button.click(); button.click(); }")
    expect(posts(page)).to_have_count(2)
    expect(news(page)).to_have_text("Sent ✓")
    expect_votes(room, ("When?", 1), ("Once?", 0))


def test_the_author_sees_what_the_host_makes_of_a_post(room: Room, voter: MakeVoter) -> None:
    switch_on(room, approval=True)
    ada, bob = see_board(voter()), see_board(voter())
    ask(ada, "Will there be cake?")
    expect(own(ada)).to_contain_text(["Waiting for the host's approval"])
    expect(posts(bob)).to_have_count(0)
    (post,) = room.posts()
    room.command("judge_posts", posts=[post["index"]], shown=True)
    expect(own(ada)).to_contain_text(["On the board"])
    expect(posts(bob)).to_have_count(1)
    expect(ada.page.locator("#announce")).to_have_text("Will there be cake?: On the board")
    room.command("pin_post", post=post["index"])
    expect(bob.page.locator("#posts .tags")).to_have_text(["Pinned"])
    room.command("answer_post", post=post["index"], answered=True)
    expect(bob.page.locator("#posts .tags")).to_have_text(["Pinned · Answered ✓"])
    expect(own(ada)).to_contain_text(["On the board · Answered ✓"])
    room.command("judge_posts", posts=[post["index"]], shown=False)
    expect(own(ada)).to_contain_text(["Hidden by the host"])
    expect(posts(bob)).to_have_count(0)


def test_what_cannot_be_sent_is_said_and_not_lost(room: Room, voter: MakeVoter) -> None:
    switch_on(room, per_voter=1)
    page = see_board(voter())
    ask(page, "   ")
    expect(news(page)).to_have_text("Write something first.")
    ask(page, "x" * 301)
    expect(news(page)).to_have_text("Write at most 300 characters.")
    expect(page.page.locator("#ask-chars")).to_have_text("301 / 300")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    ask(page, "x" * 300)
    expect(news(page)).to_have_text("Sent ✓")
    ask(page, "And another one?")
    expect(news(page)).to_have_text(re.compile("^You have asked as much as may wait for an answer at once."))
    expect(field(page)).to_have_value("And another one?")
    # What is being written outlives a reload, and the board's end.
    page.page.reload()
    see_board(page)
    expect(field(page)).to_have_value("And another one?")
    room.command("switch_board", on=False, approval=False, per_voter=1)
    expect(page.page.locator("#views")).to_be_hidden()
    expect(page.page.locator("#waiting")).to_be_visible()
    switch_on(room)
    see_board(page)
    page.page.locator("#ask-form .primary").click()
    expect(own(page)).to_have_count(2)


def test_without_a_network_posts_and_upvotes_wait_and_arrive_once(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    switch_on(room)
    see_board(join(visitors.enter(), room.join)).page.evaluate("text => sendErrand({ type: 'ask', text })", "Why?")
    context = visitors.enter()
    page = see_board(join(context, room.join))
    expect(posts(page)).to_have_count(1)
    context.set_offline(True)
    page.page.evaluate("() => drop()")
    page.expect_reconnecting()
    ask(page, "When?")
    upvote_of(page, "Why?").click()
    expect(upvote_of(page, "Why?")).to_have_attribute("aria-pressed", "true")
    expect(own(page)).to_contain_text(["Sending … It goes out by itself when the connection is back."])
    context.set_offline(False)
    expect(own(page)).to_contain_text(["On the board"])
    expect(posts(page)).to_have_count(2)
    expect(upvote_of(page, "Why?")).to_have_accessible_name("Upvote, 1 vote")
    expect_votes(room, ("Why?", 1), ("When?", 0))


def test_a_post_whose_answer_was_lost_is_sent_again_after_a_reload_and_is_there_once(
    room: Room, voter: MakeVoter
) -> None:
    switch_on(room)
    page = voter()
    sent: list[str] = []
    losing = True

    def between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()

        def forth(message: str | bytes) -> None:
            if '"ask"' in str(message):
                sent.append(str(message))
            server.send(message)

        def back(message: str | bytes) -> None:
            if not (losing and ('"recorded"' in str(message) or '"my_posts"' in str(message))):
                client.send(message)

        client.on_message(forth)
        server.on_message(back)

    page.page.route_web_socket(re.compile("/ws/"), between)
    page.page.reload()
    see_board(page)
    ask(page, "When?")
    expect(own(page)).to_contain_text(["Sending …"])
    eventually(page.page, lambda: len(room.posts()), 1)
    losing = False
    page.page.reload()
    see_board(page)
    expect(own(page)).to_have_text(["When?On the board"])
    eventually(page.page, lambda: len(sent), 2)
    assert sent[0] == sent[1]
    assert len(room.posts()) == 1
    kept = "() => Object.keys(localStorage).filter((key) => key.includes('errand'))"
    eventually(page.page, lambda: page.page.evaluate(kept), [])


def test_who_reads_the_board_is_told_of_a_question(room: Room, voter: MakeVoter) -> None:
    switch_on(room)
    page = see_board(voter())
    field(page).fill("half a thou")
    room.ask("Which colour?", "Red", "Green")
    expect(tab(page, "Vote now")).to_be_visible()
    expect(page.page.locator("#announce")).to_have_text("New question: Which colour?")
    # Nobody is torn away from what they write.
    expect(field(page)).to_be_visible()
    tab(page, "Vote now").click()
    expect(field(page)).to_be_hidden()
    page.vote("Red")
    see_board(page)
    expect(tab(page, "Vote")).to_be_visible()
    expect(field(page)).to_have_value("half a thou")


def test_the_order_is_chosen_and_nothing_moves_under_a_finger(room: Room, visitors: Visitors) -> None:
    switch_on(room)
    page, other = see_board(join(visitors.enter(), room.join)), see_board(join(visitors.enter(), room.join))
    for number, text in enumerate(("first", "second", "third"), 1):
        ask(page, text)
        expect(posts(other)).to_have_count(number)
    expect(posts(other)).to_have_text(["first", "second", "third"])
    expect(posts(page)).to_have_count(3)
    touch = "() => document.querySelector('#posts').dispatchEvent(new Event('pointerdown'))"
    page.page.evaluate(f"() => {{ window.hand = setInterval({touch}, 100); }}")
    upvote_of(other, "third").evaluate("button => button.click()")
    expect(upvote_of(page, "third")).to_have_accessible_name("Upvote, 1 vote")
    assert posts(page).all_inner_texts() == ["first", "second", "third"]
    # A little later they do.
    page.page.evaluate("() => clearInterval(hand)")
    expect(posts(page)).to_have_text(["third", "first", "second"])
    page.page.get_by_role("button", name="Newest").click()
    expect(posts(page)).to_have_text(["third", "second", "first"])
    expect(page.page.get_by_role("button", name="Newest")).to_have_attribute("aria-pressed", "true")
    room.command("pin_post", post=min(post["index"] for post in room.posts()))
    expect(posts(page)).to_have_text(["first", "third", "second"])


def test_receipts_are_reached_from_the_board_too(room: Room, voter: MakeVoter) -> None:
    switch_on(room)
    room.ask("Lunch?", "Yes", "No")
    page = voter()
    page.vote("Yes")
    page.expect_receipt()
    link = page.page.locator("#all-receipts")
    expect(link).to_be_hidden()
    see_board(page)
    link.click()
    expect(page.panel).to_be_visible()
    page.page.keyboard.press("Escape")
    tab(page, "Vote").click()
    expect(link).to_be_hidden()


def test_the_board_is_used_with_the_keyboard(room: Room, voter: MakeVoter) -> None:
    switch_on(room)
    page = voter()
    expect(tab(page, "Ask")).to_be_visible()
    tab_to(page.page, tab(page, "Ask"))
    page.page.keyboard.press("Enter")
    expect(tab(page, "Ask")).to_have_attribute("aria-current", "true")
    tab_to(page.page, field(page))
    page.page.keyboard.type("When?")
    tab_to(page.page, page.page.get_by_role("button", name="Send"))
    page.page.keyboard.press("Enter")
    button = upvote_of(page, "When?")
    expect(button).to_be_visible()
    tab_to(page.page, button)
    expect(button).to_have_accessible_description("When?")
    page.page.keyboard.press("Space")
    expect(button).to_have_accessible_name("Upvote, 1 vote")
    assert has_focus(button)


def test_a_script_that_does_not_come_is_said_and_stops_no_vote(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints("net::ERR_FAILED")
    switch_on(room)
    room.ask("Which colour?", "Red", "Green")
    context = visitors.enter()
    page = VoterPage(context.new_page())
    for name in ("board", "receipts"):
        page.page.route(f"**/assets/{name}.js*", lambda route: route.abort())
    page.open(room.join)
    missing = page.page.locator("#missing")
    expect(missing).to_contain_text("A part of this page could not be loaded. Your vote does not need it.")
    page.vote("Green")
    expect(page.receipt).to_be_hidden()
    expect(page.page.locator("#views")).to_have_count(0)
    # What was recorded meanwhile is read later, also after a reload.
    page.page.reload()
    page.expect_counted("Green")
    expect(missing).to_be_visible()
    page.page.unroute("**/assets/board.js*")
    page.page.unroute("**/assets/receipts.js*")
    missing.get_by_role("button", name="Load it again").click()
    expect(missing).to_be_hidden()
    page.expect_receipt()
    see_board(page)
    tab(page, "Vote").click()
    page.open_panel()
    page.expect_ballots(("✓ In the log, and it counts", "Green"))


def test_reactions_are_sent_as_fast_as_they_count(room: Room, visitors: Visitors) -> None:
    visitors.expect_complaints(OFFLINE)
    context = visitors.enter()
    page = VoterPage(context.new_page())
    sent: list[str] = []
    page.page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda text: sent.append(str(text)) if '"react"' in str(text) else None),
    )
    page.open(room.join)
    expect(page.page.locator("#reactions")).to_have_count(0)
    room.command("switch_reactions", on=True)
    bar = page.page.get_by_role("group", name="Reactions")
    said = page.page.locator("#react-news")
    bar.get_by_role("button", name="Applause").click()
    expect(said).to_have_text("Applause: sent")
    pace = page.page.get_by_role("group", name="Pace").get_by_role("button", name="Slower")
    tapped = pace.evaluate(
        """button => {
          for (let tap = 0; tap < 9; tap++) button.click();
          return [button.getAttribute("aria-disabled"), document.getElementById("react-news").textContent];
        }"""
    )
    assert tapped == ["true", "You can send the next one in a moment."]
    eventually(page.page, lambda: len(sent) >= 5, True)
    assert 5 <= len(sent) <= 6
    expect(pace).to_be_enabled()
    context.set_offline(True)
    page.page.evaluate("() => drop()")
    expect(said).to_have_text("Reactions go out again when the connection is back.")
    expect(pace).to_be_disabled()
    context.set_offline(False)
    expect(pace).to_be_enabled()
    room.command("switch_reactions", on=False)
    expect(page.page.locator("#reactions")).to_be_hidden()
