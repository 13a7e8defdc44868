"""A quiz against a server that really listens: names, points, places, and what nobody may see before its time."""

import asyncio
import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from livevote.live import views
from livevote.live.room import LiveRoom
from tests.client import Message, Page, Venue, ballot, eventually, venue

pytestmark = pytest.mark.usefixtures("wire")


def room_of(at: Venue) -> LiveRoom:
    room = at.server.registry.get(at.code)
    assert room is not None
    return room


async def ask(at: Venue, *right: int, **quiz: Any) -> str:
    """Add a quiz and open it; its id."""
    return await at.ask(quiz={"right": right, **quiz})


async def solve(at: Venue, question: str = "q1") -> None:
    await at.command("close", question)
    await at.command("show_solution", question)


async def place(page: Page, *, points: int) -> Message:
    """The first place with these points."""
    return await page.until(lambda message: message["type"] == "place" and message["points"] == points)


async def test_a_whole_quiz(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host = await at.open_host()
        await at.command("link_pseudonyms")
        ann, bob = await at.open(), await at.open()
        assert (await ann.until(lambda message: message.get("linked", False)))["question"] is None
        assert (await ann.name("n1", " Ann ")) | {"at": 0} == {
            "type": "recorded", "id": "n1", "question": "", "round": 0, "index": 3, "rev": 0, "at": 0, "receipt": None
        }  # fmt: skip
        assert (await ann.until_type("place"))["name"] == "Ann"
        assert (await bob.name("n1", "ANN"))["code"] == "name_taken"
        await ask(at, 1, points=100, explanation="Because.")
        await ann.vote("v1", 1)
        await bob.vote("v1", 2)
        await solve(at)
        shown = await bob.until(lambda message: message["type"] == "state" and message["question"]["solution"])
        assert shown["question"]["solution"] == {
            "right": [1], "truth": None, "points": 100, "fading": False, "explanation": "Because."
        }  # fmt: skip
        mine = await place(ann, points=100)
        assert mine | {"as_of": 0} == {
            "type": "place", "as_of": 0, "name": "Ann", "rank": 1, "of": 2, "points": 100, "earned": 100
        }  # fmt: skip
        theirs = await bob.until(lambda message: message["type"] == "place" and message["of"] == 2)
        assert (theirs["name"], theirs["rank"], theirs["points"], theirs["earned"]) == (None, 2, 0, 0)
        await ask(at, 0, points=50)
        assert (await bob.vote("v2", 0, question="q2"))["type"] == "recorded"
        await solve(at, "q2")
        await place(bob, points=50)
        await at.command("show_leaderboard", on=True)
        board = await host.until(lambda message: message["leaderboard_shown"])
        assert board["leaderboard"] == {
            "of": 2,
            "places": [
                {"rank": 1, "name": "Ann", "index": 3, "points": 100},
                {"rank": 2, "name": None, "index": None, "points": 50},
            ],
        }
        again = await place(ann, points=100)
        assert (again["rank"], again["earned"]) == (1, 0), "nothing in the second question, which ann did not answer"


async def test_a_page_that_opens_later_or_after_a_restart_gets_its_place(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        ann = await at.cookie()
        page = await at.open(ann)
        await page.name("n1", "Ann")
        await ask(at, 1)
        await page.vote("v1", 1)
        await solve(at)
        await place(page, points=1000)
        late = await at.open(ann)
        received = [await late.receive() for _ in range(3)]
        assert [message["type"] for message in received if message] == ["state", "mine", "place"]
    async with venue(tmp_path) as at:
        page, host = await at.open(ann), await at.open_host()
        assert (await place(page, points=1000))["name"] == "Ann"
        assert (await page.name("n1", "Ann"))["index"] == 3
        board = await host.until(lambda message: message["leaderboard"] is not None)
        assert board["leaderboard"]["places"] == [{"rank": 1, "name": "Ann", "index": 3, "points": 1000}]
        response = await at.fetch(f"/api/rooms/{at.code}", headers={"Authorization": f"Bearer {at.host_token}"})
        assert json.loads(response.body)["leaderboard"] == board["leaderboard"]


async def test_two_tabs_are_one_player(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        cookie = await at.cookie()
        one, other = await at.open(cookie), await at.open(cookie)
        await one.name("n1", "Ann")
        await other.until(lambda message: message["type"] == "place" and message["name"] == "Ann")
        await ask(at, 1)
        await one.vote("v1", 0)
        mine = await other.until(lambda message: message["type"] == "mine" and message["id"] is not None)
        assert mine["id"] == "v1"
        assert (await other.vote("v2", 1))["rev"] == 1
        await solve(at)
        for page in (one, other):
            assert (await place(page, points=1000))["of"] == 1


async def test_a_removed_name_is_gone_from_every_page_and_from_the_log(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host = await at.open_host()
        await at.command("link_pseudonyms")
        page = await at.open()
        await page.name("n1", "Rude word")
        await ask(at, 1)
        await page.vote("v1", 1)
        await solve(at)
        await place(page, points=1000)
        await at.command("remove_name", index=3)
        gone = await page.until(lambda message: message["type"] == "place" and message["name"] is None)
        assert gone["points"] == 1000
        board = await host.until(lambda message: bool(message["leaderboard"]) and message["as_of"] >= gone["as_of"])
        assert board["leaderboard"]["places"] == [{"rank": 1, "name": None, "index": None, "points": 1000}]
        assert room_of(at).erased == gone["as_of"]
        response = await at.fetch(
            f"/api/rooms/{at.code}/exports/records.jsonl", headers={"Authorization": f"Bearer {at.host_token}"}
        )
        assert b"Rude" not in response.body
        assert (await at.try_command("remove_name", index=3)).code == 409


async def test_i3_a_vote_that_was_sent_before_the_link_is_no_second_vote(tmp_path: Path) -> None:
    """A page that votes before anything is asked cannot put a ballot under another pseudonym into a linked room."""
    async with venue(tmp_path) as at:
        await at.command("add_question", kind="single", text="Which?", options=("A", "B"))
        page = await at.open()
        assert (await page.vote("early", 0))["code"] == "not_open"
        room = room_of(at)
        old = room.pseudonym("s", "q1")
        await at.command("link_pseudonyms")
        assert room.pseudonym("s", "q1") == room.pseudonym("s", "q2") == room.key.player("s") != old
        await at.command("open")
        await page.vote("v1", 0)
        (voter,) = room.state.questions["q1"].rounds[0].ballots
        session = next(iter(room._sessions))
        assert voter == room.key.player(session), "not the pseudonym that the page had used before"
        assert (await page.vote("v2", 1))["rev"] == 1


async def test_i14_a_room_that_chose_nothing_links_nothing(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open()
        assert not (await page.until_type("state"))["linked"]
        assert (await page.name("n1", "Ann"))["code"] == "not_linked"
        for number in (1, 2):
            question = await ask(at, 1)
            await page.vote(f"v{number}", 1, question=question, round_=1)
            await solve(at, question)
        questions = room_of(at).state.questions
        assert not questions["q1"].rounds[0].ballots.keys() & questions["q2"].rounds[0].ballots.keys()
        await page.send({"type": "sync"})
        await page.until(lambda message: message.get("question", {}).get("solution") is not None)
        assert (await at.try_command("show_leaderboard", on=True)).code == 409
        assert (await at.try_command("link_pseudonyms")).code == 409


async def test_names_are_refused_like_votes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        host = await at.open_host()
        assert (await host.name("n1", "Host"))["code"] == "not_a_voter"
        page = await at.open()
        assert (await page.name("n1", " \u202e"))["code"] == "bad_name"
        assert (await page.name("not an id", "Ann"))["code"] == "bad_message"
        assert (await page.name("n2", "Ann"))["type"] == "recorded"
        assert (await page.name("n2", "Bob"))["code"] == "conflict"
        assert (await page.name("n2", "Ann"))["rev"] == 0
        at.server.services.writer.stop()
        assert (await page.name("n3", "Eve"))["type"] == "unknown"


@pytest.mark.timeout(seconds=60)
async def test_i12_before_the_solution_no_byte_depends_on_what_is_right(tmp_path: Path) -> None:
    """The whole way of a quiz with each of the options right, through every message and every page of a voter."""
    transcripts = []
    for number, right in enumerate(permutations((0, 1, 2), 2)):
        async with venue(tmp_path / str(number)) as at:
            await at.command("link_pseudonyms")
            room = room_of(at)
            heard: list[bytes] = []
            page, watcher = await at.open(), await at.open()
            for name, option in zip(("q1", "q2"), right, strict=True):
                await ask(at, option, explanation=f"Because of {option}.")
                recorded = await page.vote(f"v{name}", 1, question=name)
                heard.append(_without_chance(recorded))
                await at.command("close", name)
                await watcher.until(closed(name))
                await watcher.send({"type": "sync"})
                for type_ in ("state", "mine", "place"):
                    heard.append(_without_chance(await watcher.until_type(type_)))
            for path in (f"/{at.code}", f"/replay/{at.code}"):
                heard.append((await at.fetch(path)).body.replace(at.code.encode(), b"").replace(at.base.encode(), b""))
            heard.append(str((await at.fetch(f"/api/rooms/{at.code}/replay")).code).encode())
            # What is hashed holds a commitment: 32 bytes that nobody can tell from chance without the salt.
            assert room.state.questions["q1"].quiz is not None
            heard.append(_body(at, room, "q1"))
            await at.command("show_solution", "q2")
            shown = await watcher.until(lambda message: bool(message.get("question", {}).get("solution")))
            assert shown["question"]["solution"]["right"] == [right[1]]
            transcripts.append(heard)
    assert all(transcript == transcripts[0] for transcript in transcripts)


def closed(question: str) -> Callable[[Message], bool]:
    def is_closed(message: Message) -> bool:
        shown = message.get("question") if message["type"] == "state" else None
        return shown is not None and (shown["id"], shown["phase"]) == (question, "closed")

    return is_closed


def _without_chance(message: Message) -> bytes:
    """What is left of a message without clocks, positions, and values that begin with something random."""
    receipt = message.get("receipt")
    known = {"at": 0, "as_of": 0, "epoch": "", "room": "", "index": 0}
    kept = {name: known.get(name, value) for name, value in message.items() if name != "receipt"}
    return json.dumps([kept, sorted(receipt) if receipt else None], sort_keys=True).encode()


def _body(at: Venue, room: LiveRoom, question: str) -> bytes:
    """The bytes of a question's record without its instant and its commitment."""
    terms = room.state.questions[question].quiz
    assert terms is not None
    (body,) = (
        entry.body for entry in at.server.services.log.scan(at.code) if b'"question_defined/1"' in entry.body
        and f'"id":"{question}"'.encode() in entry.body
    )  # fmt: skip
    assert b"right" not in body
    assert b"Because" not in body
    fields = json.loads(body) | {"at": 0}
    assert fields["quiz"].pop("commitment") == terms.commitment
    return json.dumps(fields).encode()


async def test_a_crowd_gets_one_frame_for_everybody_and_a_place_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path, sockets_per_session=5) as at:
        await at.command("link_pseudonyms")
        await ask(at, 1)
        pages = [await at.open() for _ in range(20)]
        await asyncio.gather(*(page.send(ballot("v", number % 2)) for number, page in enumerate(pages)))
        room = room_of(at)
        await eventually(lambda: room.state.questions["q1"].rounds[0].voters == 20)
        states = 0
        build = views.voter_state

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal states
            states += 1
            return build(*args, **kwargs)

        await at.command("close")
        for page in pages:
            await page.until(lambda message: message["type"] == "state" and message["question"]["phase"] == "closed")
        monkeypatch.setattr(views, "voter_state", counted)
        await at.command("show_solution")
        found = [await page.until(lambda message: message["type"] == "place" and message["of"] == 20) for page in pages]
        assert [(each["rank"], each["points"]) for each in found] == [(11, 0), (1, 1000)] * 10
        assert states == 1
