"""Rehearsals over the wire: real phones may try them, nothing of them is kept, and the room itself never notices."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from livevote.clock import ManualClock, SystemClock
from livevote.domain.kinds import KINDS
from livevote.live.crowd import Crowd
from livevote.protocol.codes import CLOSE
from livevote.web import session
from livevote.web.app import API
from livevote.web.base import Handler
from tests.client import Message, Page, Venue, eventually, venue
from tests.domain.kinds.test_laws import SAMPLES


def error(response: Any) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


class Rehearsal:
    """A rehearsal as its host and its voters meet it."""

    def __init__(self, at: Venue, made: Message) -> None:
        self.at = at
        self.made = made
        self.code: str = made["code"]
        self.token: str = made["host_token"]
        self.path = f"/api/rooms/{self.code}"

    async def command(self, type_: str, **fields: Any) -> Message:
        """A command of its host that must succeed."""
        response = await self.at.post(f"{self.path}/commands", {"type": type_, **fields}, key=self.token)
        assert response.code == 200, response.body
        answer: Message = json.loads(response.body)
        return answer

    async def state(self) -> Message:
        response = await self.at.fetch(self.path, headers={"Authorization": f"Bearer {self.token}"})
        assert response.code == 200, response.body
        told: Message = json.loads(response.body)
        return told

    async def voted(self, question: str, least: int) -> Message:
        """The question, once so many have voted."""
        while True:
            found: Message = next(each for each in (await self.state())["questions"] if each["id"] == question)
            if found["voters"] >= least:
                return found

    async def page(self, role: str = "") -> Page:
        if role != "host":
            return await self.at.open(code=self.code, role=role)
        signed_in = await self.at.post(f"{self.path}/host-session", {}, key=self.token)
        cookie = signed_in.headers["Set-Cookie"].split(";")[0]
        return await self.at.open(f"{await self.at.cookie()}; {cookie}", code=self.code, role="host")


async def begin(at: Venue, voters: int = 5) -> Rehearsal:
    response = await at.post(f"/api/rooms/{at.code}/rehearsal", {"voters": voters}, key=at.host_token)
    assert response.code == 201, response.body
    return Rehearsal(at, json.loads(response.body))


async def end(at: Venue, code: str = "", key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {key or at.host_token}"}
    return await at.fetch(f"/api/rooms/{code or at.code}/rehearsal", method="DELETE", headers=headers)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated voters for whom time goes by a hundred times as fast."""

    class Hasty(SystemClock):
        def monotonic_s(self) -> float:
            return 100 * SystemClock.monotonic_s()

    made = Crowd.__init__

    def with_hasty_clock(self: Crowd, **arguments: Any) -> None:
        made(self, **{**arguments, "clock": Hasty()})

    monkeypatch.setattr(Crowd, "__init__", with_hasty_clock)
    step = Crowd.step
    monkeypatch.setattr(Crowd, "step", lambda self: step(self) / 100)


def on_disk(data: Path) -> dict[str, str]:
    """Every file below a data directory with the hash of its bytes, the database and its write-ahead log among them.

    All but ``-shm``, which SQLite maps into memory for its locks, and which holds no record.
    """
    return {
        str(path.relative_to(data)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def files_that_name(data: Path, code: str) -> list[Path]:
    """The files of a data directory in whose bytes or name a code is."""
    files = [path for path in data.rglob("*") if path.is_file()]
    return [path for path in files if code in path.name or code.encode() in path.read_bytes()]


@asynccontextmanager
async def every_kind(data: Path) -> AsyncIterator[Venue]:
    """A venue whose room has a question of each kind, in the order of ``KINDS``."""
    async with venue(data) as at:
        for kind in KINDS:
            sample = SAMPLES[kind][0]
            await at.command("add_question", kind=kind, text=f"{kind}?", options=sample.options, rules=sample.rules)
        yield at


async def settled(at: Venue) -> None:
    """Wait until the notary has written what there is to write."""
    await eventually(lambda: not at.server.registry.unsealed)
    await at.server.services.notary.seal()


@pytest.mark.usefixtures("hasty")
async def test_a_host_rehearses_the_room_with_real_phones_beside_simulated_ones(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=20)
        assert on.made == {
            "code": on.code,
            "join_url": f"{at.base}/{on.code}",
            "host_url": f"{at.base}/host/{on.code}#{on.token}",
            "host_token": on.token,
            "voters": 20,
            "ends_at": on.made["ends_at"],
            "asked": False,
        }
        assert on.code != at.code
        pages = {role: await on.page(role) for role in ("", "wall", "host")}
        for page in pages.values():
            assert (await page.until_type("state"))["rehearsal"] is True
        await on.command("open", question="q1")
        await pages[""].until(lambda told: told["type"] == "state" and told["question"] is not None)
        answer = await pages[""].vote("mine", 0)
        assert (answer["type"], answer["receipt"]) == ("recorded", None)
        again = await pages[""].vote("mine", 0)
        assert again == answer
        question = await on.voted("q1", 16)
        assert question["voters"] <= 21
        listed = await at.fetch(f"/api/rooms/{at.code}/rehearsal", headers={"Authorization": f"Bearer {at.host_token}"})
        assert json.loads(listed.body) == {
            **{name: on.made[name] for name in ("code", "join_url", "voters", "ends_at")},
            "asked": True,
        }


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("number", range(len(KINDS)), ids=list(KINDS))
async def test_every_kind_is_answered_over_the_whole_way(tmp_path: Path, number: int) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=10)
        question = f"q{number + 1}"
        await on.command("open", question=question)
        found = await on.voted(question, 6)
        assert found["kind"] == list(KINDS)[number]
        await on.command("close", question=question)
        closed = await on.voted(question, 6)
        assert len(closed["counts"]) == len(closed["bins"] or closed["options"]) or closed["shown"] or closed["pending"]


@pytest.mark.usefixtures("hasty")
async def test_nothing_of_it_reaches_the_disk(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        await at.command("open", "q1")
        await (await at.open()).vote("real", 0)
        await settled(at)
        before = on_disk(tmp_path)
        assert {name.partition("/")[0] for name in before} >= {"livevote.db", "checkpoints", "keys"}
        on = await begin(at, voters=50)
        voter = await on.page()
        for question in ("q1", "q2"):
            await on.command("open", question=question, seconds=3600)
            await on.voted(question, 30)
            await on.command("reveal", question=question)
            await on.command("close", question=question)
        await on.command("add_question", kind="single", text="Spontaneous?", options=["A", "B"])
        await on.command("add_cohost", name="Ann")
        await at.server.services.notary.seal()
        assert on_disk(tmp_path) == before
        assert (await end(at)).code == 204
        await at.server.services.notary.seal()
        assert on_disk(tmp_path) == before
        await voter.closed()
    # Not at the end of the server either, when the last states are saved and the log is closed.
    assert files_that_name(tmp_path, on.code) == []
    assert files_that_name(tmp_path, at.code) != []


async def test_the_check_of_the_disk_would_notice_a_record(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        await settled(at)
        before = on_disk(tmp_path)
        await at.command("open", "q1")
        assert on_disk(tmp_path) != before


@pytest.mark.usefixtures("hasty")
async def test_real_ballots_are_counted_meanwhile_and_only_they(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=30)
        real = question_of("single")
        await at.command("open", real)
        await on.command("open", question=real)
        await on.voted(real, 20)
        pages = [await at.open() for _ in range(3)]
        answers = [await page.vote(f"ballot{number}", 1, question=real) for number, page in enumerate(pages)]
        assert [answer["type"] for answer in answers] == ["recorded"] * 3
        assert [answer["index"] for answer in answers] == list(range(answers[0]["index"], answers[0]["index"] + 3))
        assert all(answer["receipt"] for answer in answers)
        told = json.loads((await at.fetch(f"/api/rooms/{at.code}", headers=bearer(at))).body)
        counted = next(each for each in told["questions"] if each["id"] == real)
        assert (counted["counts"], counted["voters"]) == ([0, 3, 0, 0], 3)
        assert (told["rehearsal"], told["online"]) == (False, 3)
        assert (await end(at)).code == 204
        assert (await pages[0].vote("again", 0, question=real))["type"] == "recorded"
        csv = (await at.fetch(f"/api/rooms/{at.code}/ballots.csv", headers=bearer(at))).body.decode("utf-8-sig")
        assert len(csv.splitlines()) == 1 + 4


def question_of(kind: str) -> str:
    return f"q{list(KINDS).index(kind) + 1}"


def bearer(at: Venue, key: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {key or at.host_token}"}


@pytest.mark.usefixtures("hasty")
async def test_a_restart_forgets_it(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at)
        await on.command("open", question="q1")
        await on.voted("q1", 1)
        page = await on.page()
        await page.until_type("state")
        told = asyncio.gather(page.closed())
        at.forget_pages()
    assert list(await told) == [CLOSE["rehearsal_over"].code]
    page.close()
    async with venue(tmp_path) as again:
        assert again.code == at.code
        assert len(again.server.registry) == 1
        assert error(await again.fetch(on.path, headers=bearer(again, on.token))) == (404, "no_such_room")
        assert (await again.fetch(f"/api/rooms/{at.code}/rehearsal", headers=bearer(again))).code == 204
        assert (await again.fetch(f"/{on.code}")).code == 404
        told = json.loads((await again.fetch(f"/api/rooms/{at.code}", headers=bearer(again))).body)
        assert {each["phase"] for each in told["questions"]} == {"draft"}


async def test_its_end_sends_pages_away_and_answers_like_no_room(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at)
        pages = [await on.page(role) for role in ("", "wall", "host")]
        real = await at.open()
        for page in (*pages, real):
            await page.until_type("state")
        for path in (f"/{on.code}", f"/wall/{on.code}", f"/host/{on.code}", f"/{on.code.lower()}"):
            assert (await at.fetch(path)).code == 200
        assert (await at.fetch(f"/{on.code}", headers={"Accept-Encoding": "gzip"})).code == 200
        assert (await end(at)).code == 204
        for page in pages:
            assert await page.closed() == CLOSE["rehearsal_over"].code
        for path in (f"/{on.code}", f"/wall/{on.code}", f"/host/{on.code}"):
            assert (await at.fetch(path)).code == 404
        assert (await at.fetch(f"/{on.code}", headers={"Accept-Encoding": "gzip"})).code == 404
        assert error(await at.fetch(f"{on.path}/qr.svg")) == (404, "no_such_room")
        assert error(await at.fetch(on.path, headers=bearer(at, on.token))) == (404, "no_such_room")
        assert error(await at.post(f"{on.path}/commands", {"type": "open", "question": "q1"}, key=on.token)) == (
            404,
            "no_such_room",
        )
        assert await (await at.open(code=on.code)).closed() == CLOSE["no_such_room"].code
        assert error(await end(at)) == (404, "no_rehearsal")
        await real.send({"type": "sync"})
        assert (await real.until_type("state"))["rehearsal"] is False


async def test_only_a_host_of_the_room_begins_and_ends_one_and_its_token_is_its_own(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        path = f"/api/rooms/{at.code}/rehearsal"
        for response in (
            await at.post(path, {"voters": 5}),
            await at.post(path, {"voters": 5}, key="x"),
            await at.fetch(path, method="DELETE"),
            await at.fetch(path),
        ):
            assert error(response) == (401, "no_key")
        on = await begin(at)
        for key in (at.host_token, at.server.services.operator_key, ""):
            assert error(await at.fetch(on.path, headers=bearer(at, key or "x"))) == (401, "no_key")
        assert error(await at.fetch(f"/api/rooms/{at.code}", headers=bearer(at, on.token))) == (401, "no_key")
        stranger = await at.open(f"{await at.cookie()}; {await at.host_cookie()}", code=on.code, role="host")
        assert await stranger.closed() == CLOSE["not_the_host"].code
        told = [await (await on.page(role)).until_type("state") for role in ("", "wall", "host")]
        assert on.token not in json.dumps(told)
        shown = await at.fetch(path, headers=bearer(at))
        assert on.token.encode() not in shown.body


async def test_a_room_has_one_rehearsal_and_a_rehearsal_none(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at)
        path = f"/api/rooms/{at.code}/rehearsal"
        assert error(await at.post(path, {"voters": 5}, key=at.host_token)) == (409, "rehearsed_already")
        assert error(await at.post(f"{on.path}/rehearsal", {"voters": 5}, key=on.token)) == (409, "rehearsed_already")
        assert (await end(at, on.code, on.token)).code == 204, "its own host may end it as well"
        assert (await begin(at)).code != on.code


@pytest.mark.parametrize("voters", [0, 201, -1, 2.5, "5", None])
async def test_a_rehearsal_has_1_to_200_voters(tmp_path: Path, voters: Any) -> None:
    async with venue(tmp_path) as at:
        path = f"/api/rooms/{at.code}/rehearsal"
        assert error(await at.post(path, {"voters": voters}, key=at.host_token)) == (400, "bad_message")
        assert error(await at.post(path, {}, key=at.host_token)) == (400, "bad_message")
        assert len(at.server.services.rehearsals) == 0


async def test_as_many_rehearsals_as_the_server_takes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for _ in range(10):
            await begin(at, voters=1)
            await at.create_room()
        response = await at.post(f"/api/rooms/{at.code}/rehearsal", {"voters": 1}, key=at.host_token)
        assert error(response) == (503, "too_many_rehearsals")


async def test_beginning_and_ending_without_a_pause_is_slowed_down(tmp_path: Path) -> None:
    async with venue(tmp_path, clock=ManualClock()) as at:
        for _ in range(40):
            response = await at.post(f"/api/rooms/{at.code}/rehearsal", {"voters": 1}, key=at.host_token)
            if response.code == 429:
                return
            assert (await end(at)).code == 204
        raise AssertionError("forty in a row")


REHEARSED = {
    "/api/rooms/{code}",
    "/api/rooms/{code}/commands",
    "/api/rooms/{code}/board",
    "/api/rooms/{code}/qr.svg",
    "/api/rooms/{code}/host-session",
    "/api/rooms/{code}/cohosts",
    "/api/rooms/{code}/rehearsal",
}


async def test_whatever_keeps_something_of_a_room_is_closed_to_a_rehearsal(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at)
        closed = [path for path in API if "{code}" in path and path not in REHEARSED]
        assert len(closed) >= 5
        asks = bearer(at, on.token) | {"Cookie": await at.cookie()}
        for path in closed:
            for method in API[path].operations:
                where = path.replace("{code}", on.code).replace("{name}", "bundle.jsonl")
                body = {"body": b"{}"} if method in ("post", "put") else {}
                response = await at.fetch(where, method=method.upper(), headers=asks, **body)
                assert error(response) == (409, "rehearsal"), path
        assert on_disk(tmp_path).keys() & {"pictures"} == set()
        assert (await at.fetch(f"/replay/{on.code}")).code == 404


def test_a_route_is_closed_to_rehearsals_unless_it_says_otherwise() -> None:
    assert Handler.rehearses is False
    assert {path for path, handler in API.items() if handler.rehearses} == REHEARSED


@pytest.mark.usefixtures("hasty")
async def test_i12_what_a_rehearsal_hides_is_hidden(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=30)
        voter = await on.page()
        await on.command("open", question=question_of("single"))
        told = await voter.until(lambda told: told["type"] == "state" and told["question"] is not None)
        await on.voted(question_of("single"), 20)
        await on.command("switch_receipts", on=True)
        after = await voter.until(lambda message: message["type"] == "state" and message["as_of"] > told["as_of"])
        assert (after["tally"], told["tally"]) == (None, None)
        # Between the two nothing was sent, although twenty people voted.
        assert {name for name in after if after[name] != told[name]} == {"as_of", "at"}
        await on.command("reveal", question=question_of("single"))
        assert (await voter.until(lambda message: bool(message.get("tally"))))["tally"]["voters"] >= 20


async def test_i6_a_retry_is_answered_from_the_log_of_the_rehearsal(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=1)
        await on.command("switch_receipts", on=True)
        await on.command("open", question=question_of("single"))
        page = await on.page()
        first = await page.vote("mine", 0, question=question_of("single"))
        assert first["receipt"]["salt"]
        assert await page.vote("mine", 0, question=question_of("single")) == first
        await on.command("close", question=question_of("single"))
        assert await page.vote("mine", 0, question=question_of("single")) == first


async def test_limits_hold_in_a_rehearsal(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=2, vote_rate=0.001, sockets_per_session=1) as at:
        await at.command("add_question", kind="single", text="?", options=["A", "B"])
        on = await begin(at, voters=1)
        await on.command("open", question="q1")
        cookie = await at.cookie()
        first = await at.open(cookie, code=on.code)
        page = await at.open(cookie, code=on.code)
        assert await first.closed() == CLOSE["too_many_sockets"].code
        assert [(await page.vote(f"b{number}", 0)).get("code", "") for number in range(3)] == ["", "", "too_fast"]
        assert (await page.vote("b9", 0, question="q9"))["type"] == "unknown"


async def test_any_number_of_rehearsals_pushes_no_room_out_of_the_hosts_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_MAX_HOSTED", 2)
    async with venue(tmp_path) as at:
        jar: dict[str, str] = {}

        async def sign_in(code: str, token: str) -> None:
            headers = {"Cookie": "; ".join(jar.values()), "Authorization": f"Bearer {token}"}
            path = f"/api/rooms/{code}/host-session"
            response = await at.fetch(path, method="POST", body="{}", headers=headers)
            assert response.code == 204
            for cookie in response.headers.get_list("Set-Cookie"):
                name, value = cookie.split(";")[0].split("=", 1)
                jar[name] = f"{name}={value}"

        async def hosts(code: str) -> bool:
            response = await at.fetch(f"/api/rooms/{code}", headers={"Cookie": "; ".join(jar.values())})
            return bool(response.code == 200)

        await sign_in(at.code, at.host_token)
        for _ in range(3):
            rehearsal = await begin(at)
            await sign_in(rehearsal.code, rehearsal.token)
            assert await hosts(rehearsal.code)
            assert (await end(at)).code == 204
        assert await hosts(at.code)


async def test_a_cohost_may_rehearse(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        await at.command("add_cohost", name="Ann")
        links = json.loads((await at.fetch(f"/api/rooms/{at.code}/cohosts", headers=bearer(at))).body)
        token = links["cohosts"][0]["url"].partition("#")[2]
        made = await at.post(f"/api/rooms/{at.code}/rehearsal", {"voters": 5}, key=token)
        assert made.code == 201
        assert (await end(at, key=token)).code == 204


async def test_a_stop_ends_all_rehearsals_in_time(tmp_path: Path) -> None:
    async with every_kind(tmp_path) as at:
        on = await begin(at, voters=200)
        await on.command("open", question="q1")
        pages = [await on.page(role) for role in ("", "", "wall", "host")]
        await at.create_room()
        other = await begin(at, voters=200)
        pages.append(await other.page())
        told = asyncio.gather(*(page.closed() for page in pages))
        at.forget_pages()
        stopped_s = time.monotonic()
    assert time.monotonic() - stopped_s < 5
    assert list(await told) == [CLOSE["rehearsal_over"].code] * 5
    for page in pages:
        page.close()
    assert len(at.server.services.rehearsals) == 0
    assert [task for task in asyncio.all_tasks() if "rehearsal" in task.get_name()] == []
