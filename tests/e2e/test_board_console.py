"""The board and reactions at the host's console: switched on, moderated in a hurry, and calm under the pointer."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import PHONE
from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually, has_focus
from tests.e2e.rooms import Room
from tests.e2e.test_console import state
from tests.e2e.test_layout import Scheme, check, expect_fits
from tests.e2e.visitors import OFFLINE, Visitors

pytestmark = pytest.mark.browser


def open_board(room: Room, *, approval: bool = True) -> None:
    room.command("switch_board", on=True, approval=approval, per_voter=20)


def posts(host: HostPage) -> Locator:
    return host.page.locator("#posts li")


def texts(host: HostPage) -> Locator:
    return host.page.locator("#posts .text")


def press(host: HostPage, text: str, name: str) -> None:
    """Press a button of a post when the list, and what was pressed before, have come to rest."""
    host.page.wait_for_function(
        """() => performance.now() - Math.max(listedAt, ...[...document.querySelectorAll("#posts button")]
             .map((each) => Number(each.dataset.doneAt ?? 0))) > SETTLE_MS"""
    )
    posts(host).filter(has_text=text).get_by_role("button", name=name).click()


def button(host: HostPage, text: str, name: str) -> Locator:
    return posts(host).filter(has_text=text).get_by_role("button", name=name)


def show_board(host: HostPage) -> None:
    host.page.locator("#show-board").click()
    expect(host.page.locator("#board")).to_be_visible()


def point_away(host: HostPage) -> None:
    host.page.locator("#board-title").hover()


def tops(host: HostPage) -> list[float]:
    found: list[float] = host.page.locator("#posts li").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().top)"
    )
    return found


def standings(host: HostPage) -> dict[str, list[str]]:
    """The posts of the room by their standing, as the server tells them."""
    board: dict[str, Any] = host.page.evaluate("async () => (await fetch(`${roomApi}/board`)).json()")
    found: dict[str, list[str]] = {"pending": [], "shown": [], "hidden": []}
    for post in board["posts"]:
        found[post["standing"]].append(post["text"])
    return found


def test_a_board_is_switched_on_with_its_settings(host: HostPage, room: Room) -> None:
    expect(host.page.locator("#audience")).to_be_hidden()
    host.page.get_by_label("Board for posts from the room").check()
    expect(host.page.locator("#show-board")).to_be_visible()
    eventually(host.page, lambda: room.state()["board"], {"on": True, "approval": True, "per_voter": 5})
    host.page.get_by_label("Posts wait until I show them").uncheck()
    eventually(host.page, lambda: room.state()["board"]["approval"], False)
    limit = host.page.get_by_label("Unanswered posts per voter, at most")
    for typed, kept in (("3", 3), ("99", 20), ("0", 1)):
        limit.fill(typed)
        limit.press("Tab")
        eventually(host.page, lambda: room.state()["board"]["per_voter"], kept)
        expect(limit).to_have_value(str(kept))
    # In a hurry, while the last order is still on its way.
    host.page.evaluate(
        """() => {
          const limit = document.getElementById("board-limit");
          for (const value of [4, 5, 6]) { limit.value = value; limit.dispatchEvent(new Event("change")); }
        }"""
    )
    eventually(host.page, lambda: room.state()["board"]["per_voter"], 6)
    host.page.get_by_label("Board for posts from the room").uncheck()
    expect(host.page.locator("#show-board")).to_be_hidden()
    assert room.state()["board"] == {"on": False, "approval": False, "per_voter": 6}


@pytest.mark.parametrize("language", ["de", "id", "ar"])
def test_the_tabs_of_the_board_stay_on_one_row_of_a_phone(language: str, room: Room, visitors: Visitors) -> None:
    open_board(room)
    room.ask("What else?", kind="text")
    host = HostPage(visitors.enter(viewport=PHONE, locale=language).new_page())
    host.open(room.host)
    expect(host.page.locator("#judge-tabs")).to_be_visible()
    for tabs in ("#judge-tabs", "#board-tabs"):
        if tabs == "#board-tabs":
            show_board(host)
        tops = host.page.locator(f"{tabs} button").evaluate_all("all => all.map(each => each.offsetTop)")
        assert len(set(tops)) == 1
        last = host.page.locator(f"{tabs} button").last
        last.click()
        expect(last).to_have_attribute("aria-pressed", "true")
        expect(last).to_be_in_viewport(ratio=0.99)
        expect_fits(host.page, where=tabs)


def test_posts_are_judged_one_by_one_and_all_at_once(host: HostPage, room: Room) -> None:
    open_board(room)
    with crowd(room, 2) as voters:
        for text in ("When?", "Where?", "Rude", "Why?"):
            voters.post(0, text)
        expect(host.page.locator("#board-badge")).to_have_text("4")
        expect(host.page.locator("#show-board")).to_have_accessible_name("Board To check: 4")
        show_board(host)
        expect(texts(host)).to_have_text(["When?", "Where?", "Rude", "Why?"])
        press(host, "Rude", "Hide")
        expect(host.page.locator("#board-note")).to_have_text("Hidden: 1")
        # The row stays under the pointer, and says what became of it.
        expect(button(host, "Rude", "Hide")).to_have_attribute("aria-pressed", "true")
        expect(posts(host)).to_have_count(4)
        point_away(host)
        expect(texts(host)).to_have_text(["When?", "Where?", "Why?"])
        every = host.page.locator("#board-all")
        every.check()
        posts(host).filter(has_text="Why?").get_by_role("checkbox").uncheck()
        assert every.evaluate("box => box.indeterminate")
        host.page.locator("#board-show").click()
        expect(texts(host)).to_have_text(["Why?"])
        expect(host.page.locator("#board-badge")).to_have_text("1")
        assert standings(host) == {"pending": ["Why?"], "shown": ["When?", "Where?"], "hidden": ["Rude"]}
        expect(host.page.locator("#board-tabs button")).to_have_text(["To check (1)", "Shown (2)", "Hidden (1)"])
        host.page.get_by_role("button", name="Hidden (1)").click()
        press(host, "Rude", "Show")
        point_away(host)
        expect(host.page.locator("#no-posts")).to_have_text("Nothing here.")
        assert standings(host)["hidden"] == []


def test_posts_are_pinned_answered_and_put_in_order(host: HostPage, room: Room) -> None:
    open_board(room, approval=False)
    with crowd(room, 3) as voters:
        first, second, third = (voters.post(0, text) for text in ("First", "Second", "Third"))
        for voter in range(3):
            voters.upvote(voter, third)
        voters.upvote(0, second)
        show_board(host)
        expect(texts(host)).to_have_text(["Third", "Second", "First"])
        expect(posts(host).first).to_contain_text("Votes: 3")
        press(host, "First", "Pin to the wall")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-pressed", "true")
        press(host, "Third", "Answered")
        expect(button(host, "Third", "Answered")).to_have_attribute("aria-pressed", "true")
        point_away(host)
        expect(texts(host)).to_have_text(["First", "Second", "Third"])
        host.page.get_by_label("Order").select_option("newest")
        expect(texts(host)).to_have_text(["Third", "Second", "First"])
        press(host, "Second", "Pin to the wall")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-pressed", "false")
        press(host, "Second", "Pin to the wall")
        expect(button(host, "Second", "Pin to the wall")).to_have_attribute("aria-pressed", "false")
        press(host, "First", "Pin to the wall")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-pressed", "true")
        # Who hides what is pinned takes it off the wall; it can be put back at once.
        press(host, "First", "Hide")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-pressed", "false")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-disabled", "true")
        press(host, "First", "Hide")
        expect(button(host, "First", "Pin to the wall")).to_have_attribute("aria-disabled", "false")
        assert standings(host)["shown"] == ["Second", "First", "Third"]
        assert first


def test_a_pinned_post_is_taken_off_the_wall_beside_the_next_step(host: HostPage, room: Room) -> None:
    open_board(room, approval=False)
    room.ask("Tea or coffee?", "Tea", "Coffee")
    off = host.page.get_by_role("button", name="Take the post off the wall")
    with crowd(room, 1) as voters:
        post = voters.post(0, "Is there cake?")
        expect(host.page.get_by_role("button", name="Reveal live results")).to_be_visible()
        expect(off).to_be_hidden()
        room.command("pin_post", post=post)
        expect(off).to_be_visible()
        off.click()
        expect(off).to_be_hidden()
        expect(host.message).to_have_text("")


def test_nothing_moves_under_the_pointer(host: HostPage, room: Room) -> None:
    open_board(room, approval=False)
    with crowd(room, 4) as voters:
        one, two = voters.post(0, "One"), voters.post(0, "Two")
        voters.upvote(0, one)
        show_board(host)
        expect(texts(host)).to_have_text(["One", "Two"])
        posts(host).first.get_by_role("checkbox").check()
        posts(host).nth(1).hover()
        before = tops(host)
        for voter in range(3):
            voters.upvote(voter, two)
        new = voters.post(1, "Three")
        voters.upvote(0, new)
        expect(posts(host).nth(1)).to_contain_text("Votes: 3")
        update = host.page.locator("#board-update")
        expect(update).to_be_visible()
        # What comes behind all others is there at once, what would come between them waits.
        voters.upvote(1, new)
        eventually(host.page, lambda: host.page.evaluate("() => posted.posts.length"), 3)
        assert tops(host)[:2] == before
        expect(texts(host)).to_have_text(["One", "Two"])
        expect(update).to_have_text("New: 1. Update the list")
        # Another host hides a post: its row stays, and says so.
        room.command("judge_posts", posts=[one], shown=False)
        expect(button(host, "One", "Hide")).to_have_attribute("aria-pressed", "true")
        assert tops(host)[:2] == before
        point_away(host)
        expect(texts(host)).to_have_text(["Two", "Three"])
        expect(update).to_be_hidden()
        posts(host).first.hover()
        voters.upvote(0, voters.post(2, "Four"))
        voters.post(3, "Five")
        eventually(
            host.page,
            lambda: host.page.evaluate("() => posted.posts.filter(each => each.standing === 'shown').length"),
            4,
        )
        expect(posts(host)).to_have_count(4)
        expect(texts(host)).to_have_text(["Two", "Three", "Four", "Five"])


def test_keys_keep_their_place_while_posts_come_in(host: HostPage, room: Room) -> None:
    open_board(room)
    with crowd(room, 2) as voters:
        for text in ("One", "Two", "Three"):
            voters.post(0, text)
        expect(host.page.locator("#board-badge")).to_have_text("3")
        host.page.keyboard.press("b")
        expect(posts(host)).to_have_count(3)
        host.page.wait_for_function("() => performance.now() - listedAt > SETTLE_MS")
        box = posts(host).nth(2).get_by_role("checkbox")
        box.focus()
        host.page.keyboard.press("Space")
        expect(box).to_be_checked()
        show = button(host, "One", "Show")
        show.focus()
        host.page.keyboard.press("Enter")
        expect(show).to_have_attribute("aria-pressed", "true")
        # A second press that comes too early, or too late, does not undo the first.
        host.page.keyboard.press("Enter")
        voters.post(1, "Four")
        expect(texts(host)).to_have_text(["One", "Two", "Three", "Four"])
        assert has_focus(show)
        expect(box).to_be_checked()
        assert standings(host)["shown"] == ["One"]
        host.page.locator("#board-sort").focus()
        expect(texts(host)).to_have_text(["Two", "Three", "Four"])
        expect(posts(host).nth(1).get_by_role("checkbox")).to_be_checked()
        host.leave_dialog()
        host.page.keyboard.press("b")
        expect(host.page.locator("#board")).to_be_visible()
        host.page.keyboard.press("b")
        expect(host.page.locator("#board")).to_be_hidden()


def test_a_board_survives_a_lost_connection_and_says_what_was_refused(
    host: HostPage, room: Room, visitors: Visitors
) -> None:
    visitors.expect_complaints(f"status of 409|{OFFLINE}")
    open_board(room)
    with crowd(room, 1) as voters:
        one = voters.post(0, "One")
        show_board(host)
        expect(posts(host)).to_have_count(1)
        host.page.context.set_offline(True)
        host.page.evaluate("() => drop()")
        press(host, "One", "Show")
        note = host.page.locator("#board-note")
        expect(note).to_have_text("The server does not answer. Check the connection, then try again.")
        expect(button(host, "One", "Show")).to_have_attribute("aria-pressed", "false")
        # Meanwhile another host has shown it, and there is more.
        room.command("judge_posts", posts=[one], shown=True)
        voters.post(0, "Two")
        point_away(host)
        host.page.context.set_offline(False)
        expect(texts(host)).to_have_text(["Two"])
        expect(host.page.locator("html")).to_have_attribute("data-connection", "open")
        host.page.evaluate("index => judgePosts([index], true)", one)
        expect(note).to_have_text("The room is set like that already.")
        expect(note).to_have_attribute("data-tone", "error")
        room.command("switch_board", on=False, approval=True, per_voter=20)
        host.page.get_by_role("button", name="Hidden (0)").click()
        expect(host.page.locator("#no-posts")).to_contain_text("The board is switched off")
        host.page.keyboard.press("Escape")
        # What was written before can still be read and judged.
        expect(host.page.locator("#show-board")).to_be_visible()


def test_reactions_are_counted_calmly(host: HostPage, room: Room) -> None:
    expect(host.page.locator("#pulse")).to_be_hidden()
    host.page.get_by_label("Reactions and pace").check()
    expect(host.page.locator("#pulse")).to_be_visible()
    assert state(host)["reactions"] is True
    with crowd(room, 3) as voters:
        for voter in range(3):
            voters.react(voter, "slower")
        voters.react(0, "clap")
        expect(host.page.locator("#pace")).to_contain_text("Slower, please3")
        expect(host.page.locator("#reactions")).to_contain_text("Applause1")
        expect(host.page.locator("#pulse-title")).to_have_text("In the last 30 s")
        host.page.reload()
        host.expect_console()
        expect(host.page.locator("#pace")).to_contain_text("Slower, please3")
    host.page.get_by_label("Reactions and pace").uncheck()
    expect(host.page.locator("#pulse")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_moderates_with_its_thumb(scheme: Scheme, room: Room, visitors: Visitors) -> None:
    context = visitors.enter(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    host = HostPage(context.new_page())
    host.open(room.host)
    open_board(room)
    room.command("switch_reactions", on=True)
    with crowd(room, 1) as voters:
        voters.post(0, "Donaudampfschifffahrtsgesellschaft" * 3)
        voters.post(0, "Short")
        expect(host.page.locator("#board-badge")).to_have_text("2")
        check(host.page, scheme, where="a console with a board")
        host.page.locator("#show-board").tap()
        expect(posts(host)).to_have_count(2)
        check(host.page, scheme, where="posts to check")
        host.page.wait_for_function("() => performance.now() - listedAt > SETTLE_MS")
        button(host, "Short", "Show").tap()
        expect(button(host, "Short", "Show")).to_have_attribute("aria-pressed", "true")
        # A second tap of the same finger finds the same button.
        button(host, "Short", "Show").tap()
        assert standings(host)["shown"] == ["Short"]
        host.page.get_by_role("button", name="Shown (1)").tap()
        expect(button(host, "Short", "Pin to the wall")).to_be_visible()
        check(host.page, scheme, where="posts that are shown")
