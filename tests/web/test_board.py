"""The board and the reactions against a server that really listens: from one phone to the others, the host and back."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import WebSocketClosedError

from livevote.clock import SystemClock
from livevote.log import open_reader
from livevote.maintenance import erase
from livevote.verify import verify_database
from tests.client import Message, Page, Venue, config, venue

pytestmark = pytest.mark.usefixtures("wire")


async def with_board(at: Venue, **settings: Any) -> None:
    await at.command("switch_board", on=True, **{"approval": False, **settings})


async def board(page: Page, *wanted: tuple[str, int]) -> Message:
    """The first board that shows these texts with these votes."""
    return await page.until(
        lambda message: (
            message["type"] == "board" and [(post["text"], post["votes"]) for post in message["posts"]] == list(wanted)
        )
    )


async def test_a_post_is_recorded_shown_to_everybody_and_upvoted(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        asking, other = await at.open(), await at.open()
        assert (await other.until_type("state"))["board"]
        assert (await other.until_type("board"))["posts"] == []
        recorded = await asking.ask_post("p1", "  Why\n?")
        assert recorded == {"type": "recorded", "id": "p1", "post": 3, "index": 3, "at": recorded["at"]}
        mine = await asking.until_type("my_posts")
        assert [(post["id"], post["text"], post["standing"]) for post in mine["posts"]] == [("p1", "Why ?", "shown")]
        await board(other, ("Why ?", 0))
        upvoted = await other.upvote("u1", 3)
        assert upvoted == {"type": "recorded", "id": "u1", "post": 3, "index": 4, "at": upvoted["at"]}
        await board(asking, ("Why ?", 1))
        assert (await other.upvote("u2", 3, on=False))["index"] == 5
        await board(asking, ("Why ?", 0))


async def test_i6_the_same_id_gets_the_same_answer_over_any_socket_and_after_a_restart(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        cookie = await at.cookie()
        page = await at.open(cookie)
        asked, upvoted = await page.ask_post("p1", "Why?"), await page.upvote("u1", 3)
        assert (asked["type"], upvoted["type"]) == ("recorded", "recorded")
        assert (await page.ask_post("p1", "How?"))["code"] == "conflict"
        assert (await page.upvote("u1", 3, on=False))["code"] == "conflict"
        assert (await page.upvote("u2", 3))["code"] == "same_upvote"
        await at.command("switch_board", on=False)
    async with venue(tmp_path) as at:
        page = await at.open(cookie)
        assert (await page.ask_post("p1", "Why?"), await page.upvote("u1", 3)) == (asked, upvoted)
        assert (await page.ask_post("p2", "How?"))["code"] == "board_off"


async def test_with_approval_others_see_a_post_when_the_host_says_so(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at, approval=True, per_voter=2)
        cookie = await at.cookie()
        asking, again, other, host = await at.open(cookie), await at.open(cookie), await at.open(), await at.open_host()
        for number in (1, 2):
            await asking.ask_post(f"p{number}", f"Post {number}")
        assert (await asking.ask_post("p3", "Post 3"))["code"] == "too_many_posts"
        for page in (again, await at.open(cookie)):
            mine = await page.until(lambda message: message["type"] == "my_posts" and len(message["posts"]) == 2)
            assert [post["standing"] for post in mine["posts"]] == ["pending", "pending"]
        assert (await other.upvote("u1", 3))["code"] == "unknown_post"
        waiting = await host.until(lambda message: message["type"] == "board" and message["pending"] == 2)
        assert [(post["text"], post["standing"]) for post in waiting["posts"]] == [
            ("Post 1", "pending"),
            ("Post 2", "pending"),
        ]
        response = await at.fetch(f"/api/rooms/{at.code}/board", headers={"Authorization": f"Bearer {at.host_token}"})
        assert json.loads(response.body) == waiting
        assert (await at.fetch(f"/api/rooms/{at.code}/board", headers={"Cookie": cookie})).code == 401
        await at.command("judge_posts", posts=[3], shown=True)
        await at.command("judge_posts", posts=[4], shown=False)
        await at.command("pin_post", post=3)
        await at.command("answer_post", post=3, answered=True)
        shown = await other.until(lambda message: message["type"] == "board" and len(message["posts"]) > 0)
        assert [post["text"] for post in shown["posts"]] == ["Post 1"]
        assert shown["more"] == 0, "what is hidden is not counted either"
        mine = await again.until(
            lambda message: message["type"] == "my_posts" and message["posts"][0]["answered"] is True
        )
        assert [post["standing"] for post in mine["posts"]] == ["shown", "hidden"]
        late = await (await at.open()).until_type("board")
        assert [(post["pinned"], post["answered"]) for post in late["posts"]] == [(True, True)]


async def test_i10_i12_what_waits_shows_in_no_byte_that_others_get(tmp_path: Path) -> None:
    transcripts = []
    for texts in ((), ("Why?", "How?")):
        async with venue(tmp_path / str(len(texts))) as at:
            await with_board(at, approval=True)
            watcher, asking = await at.open(), await at.open()
            for number, text in enumerate(texts):
                await asking.ask_post(f"p{number}", text)
            await at.command("switch_reactions", on=True)
            heard: list[Message] = []
            while not heard or not heard[-1].get("reactions"):
                message = await watcher.receive()
                assert message is not None
                # Log indexes count whatever was recorded, and room codes are random.
                heard.append(message | {"at": 0, "as_of": 0, "epoch": "", "room": ""})
            transcripts.append(heard)
    assert transcripts[0] == transcripts[1]


async def test_the_commands_of_the_board_are_checked(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for body in (
            {"type": "switch_board", "on": True, "per_voter": 0},
            {"type": "switch_board", "on": True, "per_voter": 21},
            {"type": "judge_posts", "posts": [], "shown": True},
            {"type": "judge_posts", "posts": [1] * 501, "shown": True},
            {"type": "pin_post"},
        ):
            response = await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)
            assert response.code == 400
        assert (await at.try_command("judge_posts", posts=[7], shown=True)).code == 404
        assert (await at.try_command("pin_post", post=None)).code == 409


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ask", "id": "a b", "text": "Why?"},
        {"type": "ask", "id": "p1"},
        {"type": "ask", "id": "p1", "text": 1},
        {"type": "ask", "id": "p1", "text": "x" * 1001},
        {"type": "upvote", "id": "u1", "post": "3", "on": True},
        {"type": "upvote", "id": "u1", "post": 3},
        {"type": "react", "kind": "yawn"},
    ],
)
async def test_what_is_no_message_is_refused(tmp_path: Path, message: Message) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        page = await at.open()
        await page.send(message)
        answer = await page.until_type("rejected")
        assert (answer["code"], answer["id"]) == ("bad_message", message.get("id"))


async def test_a_socket_asks_and_upvotes_as_often_as_it_votes(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=2, vote_rate=0.001) as at:
        await with_board(at)
        page = await at.open()
        await page.ask_post("p1", "Why?")
        await page.upvote("u1", 3)
        answer = await page.upvote("u2", 3, on=False)
        assert (answer["type"], answer["code"]) == ("unknown", "too_fast")


async def test_the_host_does_not_ask(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        host = await at.open_host()
        assert (await host.ask_post("p1", "Why?"))["code"] == "not_a_voter"
        await host.send({"type": "react", "kind": "clap"})
        answer = await host.until_type("rejected")
        assert (answer["id"], answer["code"]) == (None, "not_a_voter")


async def test_reactions_reach_the_host_and_no_log(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host, page = await at.open_host(), await at.open()
        await page.send({"type": "react", "kind": "clap"})
        await at.command("switch_reactions", on=True)
        await page.until(lambda message: message["type"] == "state" and message["reactions"])
        for _ in range(3):
            await page.send({"type": "react", "kind": "clap"})
        await page.send({"type": "react", "kind": "slower"})
        pulse = await host.until(lambda message: message["type"] == "pulse" and message["counts"]["slower"] == 1)
        assert (pulse["counts"]["clap"], pulse["window_s"]) == (3, 30)
        room = at.server.registry.get(at.code)
        assert room is not None
        assert room.state.head == 2


async def test_whoever_claps_without_end_is_cut_short_and_can_vote_all_the_same(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=2, vote_rate=0.001) as at:
        await at.ask()
        await at.command("switch_reactions", on=True)
        host, page = await at.open_host(), await at.open()
        for _ in range(30):
            await page.send({"type": "react", "kind": "wow"})
        assert (await page.vote("v1", 0))["type"] == "recorded"
        pulse = await host.until(lambda message: message["type"] == "pulse" and message["counts"]["wow"] > 0)
        assert pulse["counts"]["wow"] < 10
        with suppress(WebSocketClosedError):  # once the server has had enough
            for _ in range(60):
                await page.send({"type": "react", "kind": "wow"})
        assert await page.closed() == 4429


async def test_i5_a_crowd_upvotes_in_few_batches_and_every_voter_counts_once(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        asking, host = await at.open(), await at.open_host()
        await asking.ask_post("p1", "Why?")
        pages = [await at.open() for _ in range(40)]
        answers = await asyncio.gather(*(page.upvote("u1", 3) for page in pages))
        assert {answer["type"] for answer in answers} == {"recorded"}
        await asyncio.gather(*(page.upvote("u2", 3, on=False) for page in pages[:10]))
        await board(host, ("Why?", 30))
        room = at.server.registry.get(at.code)
        assert room is not None
        assert room.state.board.posts[3].votes == 30
        assert room.state.head == 3 + 40 + 10
        assert at.server.services.writer.written.batches < 30, "upvotes of many voters share their fsyncs"


async def test_the_file_for_spreadsheets_runs_nothing(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await with_board(at)
        await (await at.open()).ask_post("p1", "=1+1")
        response = await at.fetch(
            f"/api/rooms/{at.code}/exports/board.csv", headers={"Authorization": f"Bearer {at.host_token}"}
        )
        assert b",'=1+1,0,shown,no," in response.body


def files_with(directory: Path, text: bytes) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_a_text_is_erased_for_good_and_the_log_verifies_before_and_after(tmp_path: Path) -> None:
    secret = "my neighbour is Zacharias"

    async def verified() -> int:
        reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
        [verdict] = verify_database(reader, tmp_path / "checkpoints")
        return verdict.records

    async with venue(tmp_path) as at:
        await with_board(at)
        cookie = await at.cookie()
        page = await at.open(cookie)
        recorded = await page.ask_post("p1", secret)
        await page.upvote("u1", recorded["post"])
    assert await verified() == 4
    assert files_with(tmp_path, b"Zacharias") == [tmp_path / "livevote.db"]
    done = await erase(config(tmp_path), at.code, recorded["post"], SystemClock())
    assert (done.recorded, done.left_in) == (5, None)
    assert await verified() == 5
    assert files_with(tmp_path, b"Zacharias") == []
    async with venue(tmp_path) as at:
        page = await at.open(cookie)
        assert (await page.until_type("board"))["posts"] == []
        assert [post["text"] for post in (await page.until_type("my_posts"))["posts"]] == [None]
        assert await page.ask_post("p1", secret) == recorded, "a retry is answered as before"
