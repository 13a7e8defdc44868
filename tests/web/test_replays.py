"""Who gets a replay and what of it, and that it is built once for however many."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from livevote.live.seal import Seal
from livevote.replay.document import read as read_log
from livevote.web import replays
from tests.client import Message, Venue, venue
from tests.web.test_api import error


async def publish(at: Venue, *, public: bool = True) -> None:
    body = {"type": "publish_replay", "public": public}
    assert (await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)).code == 200


async def host_cookie(at: Venue) -> str:
    response = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token)
    return response.headers["Set-Cookie"].split(";")[0]


async def get(at: Venue, query: str = "", **headers: str) -> HTTPResponse:
    return await at.fetch(f"/api/rooms/{at.code}/replay{query}", headers=headers)


def read(response: HTTPResponse) -> Message:
    assert response.code == 200, response.body
    message: Message = json.loads(response.body)
    return message


async def test_who_may_watch_what(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        other = at.code
        other_host = await host_cookie(at)
        await at.create_room("Another")
        await at.ask(reveal=True)
        await (await at.open()).vote("v1", 1)
        await at.command("close")
        await at.ask("x", "y")
        strangers: list[dict[str, str]] = [
            {}, {"Cookie": await at.cookie()}, {"Cookie": other_host}, {"Authorization": "Bearer wrong"},
        ]  # fmt: skip
        hosts = [{"Cookie": await host_cookie(at)}, {"Authorization": f"Bearer {at.host_token}"}]
        assert other != at.code
        for headers in strangers:
            response = await get(at, **headers)
            assert error(response) == (401, "no_key")
            assert "until the host has published it" in json.loads(response.body)["error"]["message"]
        for headers in hosts:
            whole = read(await get(at, **headers))
            assert (whole["audience"], len(whole["rounds"])) == ("host", 2)
            preview = read(await get(at, "?audience=everybody", **headers))
            assert (preview["audience"], len(preview["rounds"])) == ("everybody", 1)
        await publish(at)
        for headers in strangers:
            for query in ("", "?audience=host", "?audience=everybody"):
                response = await get(at, query, **headers)
                assert read(response) == preview
                assert response.headers["Cache-Control"] == "no-store"
        assert read(await get(at, **hosts[0]))["audience"] == "host"
        for headers in (*strangers, *hosts):
            for query in ("?audience=Everybody", "?audience=", "?audience=host&audience=wall"):
                refused = await get(at, query, **headers)
                assert error(refused) == (400, "bad_message")
                assert json.loads(refused.body)["error"]["message"] == "'audience' is host or everybody."
        await publish(at, public=False)
        for headers in strangers:
            assert error(await get(at, **headers)) == (401, "no_key")
        assert error(await at.fetch("/api/rooms/XXXXXX/replay")) == (404, "no_such_room")


async def test_no_byte_for_everybody_depends_on_an_open_or_hidden_round(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await publish(at)
        await at.ask()
        voters = [await at.open() for _ in range(3)]
        before = (await get(at)).body
        for number, voter in enumerate(voters):
            await voter.vote(f"v{number}", number)
            assert (await get(at)).body == before
        await at.command("close")
        assert (await get(at)).body == before
        await at.command("reveal")
        assert len(read(await get(at))["rounds"]) == 1
        await at.command("hide")
        assert (await get(at)).body == before
        await at.command("reveal")
        await at.command("ask_again")
        open_again = read(await get(at))
        await voters[0].vote("w0", 2, round_=2)
        await at.command("reveal")
        assert read(await get(at)) == open_again, "a round that is open is not over, revealed or not"


async def test_it_is_compressed_for_those_who_take_it(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        path = f"/api/rooms/{at.code}/replay"
        key = {"Authorization": f"Bearer {at.host_token}"}
        packed = await at.fetch(path, decompress_response=False, headers={**key, "Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        plain = await at.fetch(path, decompress_response=False, headers=key)
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.body) == plain.body
        for response in (packed, plain):
            assert response.headers["Content-Type"] == "application/json; charset=utf-8"
            assert response.headers["Vary"] == "Accept-Encoding"


async def test_a_log_that_is_still_being_checked_is_not_shown(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        await publish(at)
        room = at.server.registry.get(at.code)
        assert room is not None
        seal = room.seal
        room.seal = Seal(seal.sign_here(origin=room.state.origin, at=0)[1], seal.chain)
        assert error(await get(at)) == (503, "checking")
        room.seal = seal
        assert read(await get(at))


async def test_a_room_full_of_people_costs_one_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folds = 0

    async def count(*args: Any, **kwargs: Any) -> Any:
        nonlocal folds
        folds += 1
        return await read_log(*args, **kwargs)

    monkeypatch.setattr(replays, "read", count)
    async with venue(tmp_path) as at:
        await at.ask()
        await publish(at)
        bodies = {response.body for response in await asyncio.gather(*(get(at) for _ in range(30)))}
        assert (len(bodies), folds) == (1, 1)
        voter = await at.open()
        await voter.vote("v1", 1)
        await get(at)
        assert folds == 1, "a ballot is in no round that is over"
        key = {"Authorization": f"Bearer {at.host_token}"}
        assert read(await get(at, **key))["as_of"] == read(await get(at, **key))["as_of"] == 5
        assert folds == 2
        await voter.vote("v2", 2)
        assert read(await get(at, **key))["as_of"] == 6
        assert folds == 3
        await at.command("close")
        await get(at)
        assert folds == 4


async def test_what_was_read_of_answers_that_are_deleted_meanwhile_is_neither_sent_nor_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        key = {"Authorization": f"Bearer {at.host_token}"}

        async def deleted_meanwhile(*args: Any, **kwargs: Any) -> Any:
            fold = await read_log(*args, **kwargs)
            answer = await at.post(f"/api/rooms/{at.code}/delete", {"code": at.code}, key=at.host_token)
            assert answer.code == 200
            return fold

        assert read(await get(at, **key))
        assert at.server.services.replays._kept
        await publish(at)
        monkeypatch.setattr(replays, "read", deleted_meanwhile)
        assert error(await get(at, **key)) == (503, "erasing")
        assert not at.server.services.replays._kept


async def test_no_document_of_a_deleted_room_is_kept(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        other = at.code
        await publish(at)
        assert read(await get(at))
        await at.create_room("Another")
        for query in ("", "?audience=everybody"):
            assert read(await get(at, query, Authorization=f"Bearer {at.host_token}"))
        answer = await at.post(f"/api/rooms/{at.code}/delete", {"code": at.code}, key=at.host_token)
        assert answer.code == 200
        assert [code for code, _ in at.server.services.replays._kept] == [other]


async def test_not_every_document_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "_KEPT", 2)
    async with venue(tmp_path) as at:
        for number in range(4):
            await at.create_room(f"Room {number}")
            await publish(at)
            assert read(await get(at))["room"]["title"] == f"Room {number}"
        assert len(at.server.services.replays._kept) == 2


async def test_the_page_is_for_everybody_and_makes_nobody_a_voter(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/replay/{at.code.lower()}")
        assert response.code == 200
        assert "Set-Cookie" not in response.headers
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert (await at.fetch("/replay/XXXXXX")).code == 404
