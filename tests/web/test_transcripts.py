"""What pages are sent in the course of an evening, whatever is asked: nothing too early, and nothing too little."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.client import Message, Page, Venue, eventually, venue
from tests.web.test_pictures import picture, upload

pytestmark = pytest.mark.long

OPTIONS = ("A", "B", "C")
NUMBERS = count()
KINDS: dict[str, tuple[Message, tuple[Message, ...], tuple[Message, ...]]] = {
    "single": ({}, ({"choices": [0]}, {"choices": [0]}, {"choices": [1]}), ({"choices": [2]},) * 3),
    "multiple": (
        {},
        ({"choices": [0]}, {"choices": [0, 2]}, {"choices": [1]}),
        ({"choices": [0, 1, 2]}, {"choices": [1]}, {"choices": [2]}),
    ),
    "approval": ({}, ({"choices": []}, {"choices": [0]}, {"choices": [1]}), ({"choices": [0, 1, 2]},) * 3),
    "yesno": (
        {"options": [], "rules": {"majority": "two_thirds", "eligible": 4, "quorum_percent": 50}},
        ({"choices": [0]}, {"choices": [0]}, {"choices": [2]}),
        ({"choices": [1]},) * 3,
    ),
    "rating": ({"options": []}, ({"value": 1}, {"value": 2}, {"value": 1}), ({"value": 5},) * 3),
    "estimate": (
        {"options": [], "rules": {"min": 0, "max": 1000, "truth": 7}},
        ({"value": 0}, {"value": 7}, {"value": 999}),
        ({"value": 500},) * 3,
    ),
    "ranking": (
        {"rules": {"top": 1}},
        ({"order": [0, 1, 2]}, {"order": [0]}, {"order": [1, 0]}),
        ({"order": [2, 1, 0]},) * 3,
    ),
    "text": ({"options": []}, ({"text": "Bread"}, {"text": "bread"}, {"text": "Salt"}), ({"text": "Water"},) * 3),
    "cloud": (
        {"options": [], "rules": {"approval": True}},
        ({"terms": ["Rain"]}, {"terms": ["Rain", "Sun"]}, {"terms": ["Hail"]}),
        ({"terms": ["Wind", "Snow", "Fog"]},) * 3,
    ),
    "image": (
        {"options": OPTIONS[:2]},
        ({"choices": [0]}, {"choices": [0]}, {"choices": [1]}),
        ({"choices": [1]},) * 3,
    ),
}
"""What a question of each kind has, how three voters answer it, and how they could as well."""


async def ask(at: Venue, kind: str, **more: Any) -> str:
    """Add a question of this kind and open it; its id."""
    fields = KINDS[kind][0]
    if kind == "image":
        fields = {**fields, "rules": {"pictures": [json.loads((await upload(at, picture())).body)["picture"]] * 2}}
    body = {"options": OPTIONS, **fields, "kind": kind, "text": "Which?", **more}
    question: str = (await at.command("add_question", **body))["question"]
    await at.command("open", question)
    return question


async def answer(page: Page, question: str, given: Message, *, round_: int = 1) -> None:
    told = {"type": "vote", "id": f"v{next(NUMBERS)}", "question": question, "round": round_, "answer": given}
    recorded = await page.tell(told)
    assert recorded["type"] == "recorded", recorded


async def judge(at: Venue, question: str, *, round_: int = 1) -> None:
    """Let everybody see what waits for that."""
    state = json.loads((await at.fetch(f"/api/rooms/{at.code}", headers=bearer(at))).body)
    (found,) = (each for each in state["questions"] if each["id"] == question)
    if keys := [key for key, _, _ in found["pending"]]:
        await at.command("judge_terms", question, round=round_, keys=keys, shown=True)


def bearer(at: Venue) -> dict[str, str]:
    return {"Authorization": f"Bearer {at.host_token}"}


def without_chance(message: Message) -> Message:
    """A message without clocks, positions and what is random in every room."""
    known = {"at": 0, "as_of": 0, "epoch": "", "room": "", "join_url": "", "fingerprint": None}
    question = message.get("question")
    if isinstance(question, dict) and "pictures" in question["rules"]:
        message = {**message, "question": {**question, "rules": "each room has pictures of its own here"}}
    return {**message, **{name: value for name, value in known.items() if name in message}}


@pytest.mark.parametrize("kind", KINDS)
async def test_i12_until_the_reveal_no_byte_depends_on_the_answers(kind: str, tmp_path: Path) -> None:
    """Two rounds of which the second is revealed: until then voters and wall hear the same, whatever was answered."""
    transcripts: list[str] = []
    results = set()
    for case in (1, 2):
        async with venue(tmp_path / str(case)) as at:
            answers: tuple[Message, ...] = KINDS[kind][case]  # type: ignore[assignment]
            voters = [await at.open() for _ in answers]
            wall, watcher = await at.open("", role="wall"), await at.open()
            heard: dict[str, list[Message]] = {"wall": [], "watcher": []}

            async def hear(
                page: Page, name: str, wanted: Callable[[Message], bool], heard: dict[str, list[Message]] = heard
            ) -> None:
                """Note what comes up to what is wanted. How often the same comes is a matter of time."""
                while True:
                    message = await page.receive()
                    assert message is not None
                    if without_chance(message) not in heard[name]:
                        heard[name].append(without_chance(message))
                    if wanted(message):
                        return

            question = await ask(at, kind)
            for round_ in (1, 2):
                # Or the first vote may come into the tick that shows the round, and nobody hears of none.
                await hear(wall, "wall", _has(round_, "open", 0))
                for voted, (voter, given) in enumerate(zip(voters, answers, strict=True), 1):
                    await answer(voter, question, given, round_=round_)
                    await hear(wall, "wall", _has(round_, "open", voted))
                # The first changes the answer, the texts of all are judged.
                await answer(voters[0], question, answers[-1], round_=round_)
                if kind in ("text", "cloud"):
                    # How many texts there are to judge decides nothing that others see.
                    await judge(at, question, round_=round_)
                await at.command("close", question)
                await hear(wall, "wall", _has(round_, "closed", len(answers)))
                await hear(watcher, "watcher", _has(round_, "closed"))
                if round_ == 1:
                    await at.command("ask_again", question)
            transcripts.append(json.dumps(heard))
            await at.command("reveal", question)
            shown = await watcher.until(lambda message: message["type"] == "state" and message["tally"] is not None)
            results.add(json.dumps([shown["tally"]["counts"], shown["tally"]["figures"]]))
    assert transcripts[0] == transcripts[1]
    assert "counts" not in transcripts[0]
    assert len(results) == 2, "answers of which none can be told from the result"


def _has(round_: int, phase: str, voted: int | None = None) -> Callable[[Message], bool]:
    def has(message: Message) -> bool:
        question = message.get("question") if message["type"] == "state" else None
        if question is None:
            return False
        return (question["round"], question["phase"], message.get("voted")) == (round_, phase, voted)

    return has


class View:
    """What a page knows from all that it was sent, as pages put it together."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._state: Message = {}
        self._parts: dict[str, Message] = {}
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        while (message := await self._page.receive()) is not None:
            type_ = message["type"]
            if type_ == "state":
                self._state = message
            elif type_ == "tally":
                self._take(message)
            elif type_ in ("mine", "place", "board", "my_posts"):
                self._parts[type_] = message

    async def aclose(self) -> None:
        """Close the page. Nobody else may read from it."""
        self._page.close()
        await self._reader

    def _take(self, tally: Message) -> None:
        if self._state["role"] != "host":
            self._state = {**self._state, "tally": tally}

    def shown(self) -> Message:
        """All of it, without when it was sent."""
        parts = dict(self._parts)
        asked = self._state.get("question") or {}
        mine = parts.get("mine", {})
        if mine.get("index") is None or (mine["question"], mine["round"]) != (asked.get("id"), asked.get("round")):
            parts.pop("mine", None)
        # What is empty when a page opens is not sent when it begins to be possible: pages take both for nothing.
        if parts.get("place", {}).get("rank") is None and not parts.get("place", {}).get("name"):
            parts.pop("place", None)
        if not any(parts.get("my_posts", {}).get(name) for name in ("posts", "upvoted")):
            parts.pop("my_posts", None)
        # Where the board is switched off nobody sees it.
        board = self._state.get("board")
        if not (board["on"] if isinstance(board, dict) else board):
            parts = {name: part for name, part in parts.items() if name not in ("board", "my_posts")}
        # What was earned is shown with the solution, how many votes a post has on the board.
        if "place" in parts and not asked.get("solution"):
            parts["place"] = {**parts["place"], "earned": None}
        if "my_posts" in parts:
            parts["my_posts"] = {
                **parts["my_posts"],
                "posts": [each | {"votes": 0} for each in parts["my_posts"]["posts"]],
            }
        found = {**parts, "state": {**self._state, "health": None, "recoveries": None}}
        without: Message = json.loads(json.dumps(found), object_hook=_timeless)
        return without


def _timeless(fields: Message) -> Message:
    # The state says until when it is true, and where nothing changed none is sent.
    moments = ("as_of", "at") if "epoch" in fields or fields.get("type") in ("tally", "board", "place") else ()
    return {name: value for name, value in fields.items() if name not in moments}


class Watch:
    """Pages of two voters, a wall and the host that were there from the beginning."""

    def __init__(self, at: Venue) -> None:
        self.at = at
        self._doors: dict[str, tuple[str, str]] = {}
        self._first: dict[str, View] = {}

    async def begin(self) -> tuple[Page, Page]:
        """Open all of them; other tabs of both voters."""
        ann, bob = await self.at.cookie(), await self.at.cookie()
        host = f"{await self.at.cookie()}; {await self.at.host_cookie()}"
        self._doors = {"Ann": (ann, ""), "Bob": (bob, ""), "the wall": ("", "wall"), "the host": (host, "host")}
        tabs = await self.at.open(ann), await self.at.open(bob)
        for name, (cookie, role) in self._doors.items():
            self._first[name] = View(await self.at.open(cookie, role=role))
        return tabs

    async def agree(self, action: str) -> None:
        """Pages that open now are told what the first ones have put together."""
        for name, (cookie, role) in self._doors.items():
            first, fresh = self._first[name], View(await self.at.open(cookie, role=role))
            try:
                await eventually(partial(_same, first, fresh))
            except AssertionError:
                assert first.shown() == fresh.shown(), f"{name} after {action}"
            finally:
                await fresh.aclose()

    async def aclose(self) -> None:
        for view in self._first.values():
            await view.aclose()

    async def do(self, type_: str, question: str = "q1", **fields: Any) -> None:
        """A host's command."""
        await self.at.command(type_, question, **fields)
        await self.agree(type_)


@asynccontextmanager
async def watching(data: Path) -> AsyncIterator[tuple[Watch, Page, Page]]:
    """A room in which everything is watched, and tabs of its two voters."""
    async with venue(data) as at:
        watch = Watch(at)
        try:
            yield (watch, *await watch.begin())
        finally:
            await watch.aclose()


def _same(first: View, fresh: View) -> bool:
    return first.shown() == fresh.shown()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_sent_of_a_vote_equals_a_fresh_snapshot_after_every_action(kind: str, tmp_path: Path) -> None:
    async with watching(tmp_path) as (watch, ann, bob):
        question = await ask(watch.at, kind)
        await watch.agree("the opening")
        for page, given in zip((ann, bob), KINDS[kind][1], strict=False):
            await answer(page, question, given)
            await watch.agree("an answer")
        await watch.do("reveal", question)
        await answer(ann, question, KINDS[kind][2][0])
        await watch.agree("a change while it is revealed")
        if kind in ("text", "cloud"):
            await judge(watch.at, question)
            await watch.agree("what was judged")
        await watch.do("hide", question)
        await watch.do("close", question)
        await watch.do("reveal", question)
        await watch.do("ask_again", question)
        await answer(bob, question, KINDS[kind][1][2], round_=2)
        await watch.agree("an answer in the second round")


@pytest.mark.parametrize("kind", ["single", "estimate"])
async def test_what_was_sent_of_a_quiz_equals_a_fresh_snapshot_after_every_action(kind: str, tmp_path: Path) -> None:
    async with watching(tmp_path) as (watch, ann, bob):
        await watch.do("link_pseudonyms")
        await ann.name("n1", "Ann")
        await watch.agree("a name")
        question = await ask(watch.at, kind, quiz={"right": [1]} if kind == "single" else {})
        for page, given in zip((ann, bob), KINDS[kind][1], strict=False):
            await answer(page, question, given)
        await watch.do("set_timer", question, seconds=600)
        await watch.do("close", question)
        await watch.do("show_solution", question)
        await watch.do("reveal", question)
        await watch.do("show_leaderboard", on=True)
        await watch.do("show_leaderboard", on=False)
        await watch.do("ask_again", question)


async def test_what_was_sent_of_the_room_equals_a_fresh_snapshot_after_every_action(tmp_path: Path) -> None:
    async with watching(tmp_path) as (watch, ann, bob):
        await watch.agree("nothing")
        await watch.do("switch_board", on=True, approval=True)
        await watch.do("switch_reactions", on=True)
        post = (await ann.ask_post("p1", "Why?"))["post"]
        await watch.agree("a post")
        await watch.do("judge_posts", posts=[post], shown=True)
        await bob.upvote("u1", post)
        await watch.agree("an upvote")
        await watch.do("pin_post", post=post)
        await watch.do("answer_post", post=post, answered=True)
        await bob.upvote("u2", post, on=False)
        await watch.agree("an upvote that was taken back")
        await watch.do("judge_posts", posts=[post], shown=False)
        await ask(watch.at, "single")
        await watch.do("rename_room", title="Another")
        await watch.do("set_language", language="ar")
        await watch.do("edit_question", text="Which one?")
        await watch.do("switch_receipts", on=False)
        await watch.do("publish_replay", public=True)
        await watch.do("set_embedding", ancestors=["https://slides.example.org"])
        await watch.do("switch_board", on=False)
        await watch.do("switch_reactions", on=False)
