"""Co-hosts over the wire: what their link opens, what it does not, and what is left once it is revoked: nothing."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.web import create_signed_value

from livevote.keys import CODE_CHARS
from livevote.live import codebook
from livevote.protocol.codes import CLOSE
from livevote.web import code_api, planning
from tests.client import Venue, eventually, venue


def error(response: Any) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


async def cohosts(at: Venue, **headers: str) -> Any:
    """The answer to who asks for the co-hosts' links."""
    return await at.fetch(
        f"/api/rooms/{at.code}/cohosts", headers=headers or {"Authorization": f"Bearer {at.host_token}"}
    )


async def invited(at: Venue, name: str = "Ann") -> str:
    """What stands behind the # of a new co-host's link."""
    await at.command("add_cohost", name=name)
    listed = json.loads((await cohosts(at)).body)["cohosts"]
    assert listed[-1]["name"] == name
    link, _, token = listed[-1]["url"].partition("#")
    assert link == f"{at.base}/host/{at.code}"
    assert token.startswith(f"c.{listed[-1]['id']}.")
    return str(token)


async def state(at: Venue, **headers: str) -> Any:
    return await at.fetch(f"/api/rooms/{at.code}", headers=headers)


async def act(at: Venue, command: Any, token: str = "", **headers: str) -> Any:
    return await at.post(f"/api/rooms/{at.code}/commands", command, key=token, **headers)


async def test_a_cohosts_link_hosts_the_room_by_token_by_cookie_and_over_a_socket(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        cookie = await at.host_cookie(token)
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": cookie}):
            told = json.loads((await state(at, **headers)).body)
            assert told["cohosts"] == [{"id": "c1", "name": "Ann"}]
            assert (await at.fetch(f"/api/rooms/{at.code}/ballots.csv", headers=headers)).code == 200
        question = {"type": "add_question", "kind": "single", "text": "?", "options": ["A", "B"]}
        assert (await act(at, question, token)).code == 200
        assert (await act(at, {"type": "open", "question": "q1"}, Cookie=cookie)).code == 200
        page = await at.open_host(token)
        assert (await page.until_type("state"))["questions"][0]["phase"] == "open"
        assert error(await act(at, {"type": "open", "question": "q1"}, token)) == (409, "already_opened")


async def test_no_state_holds_a_link(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = (await invited(at)).rpartition(".")[2]
        page, voter = await at.open_host(), await at.open()
        for message in (await page.until_type("state"), await voter.until_type("state")):
            assert token not in json.dumps(message)
        assert "cohosts" not in json.dumps(await (await at.open()).until_type("state"))
        log = (
            await at.fetch(
                f"/api/rooms/{at.code}/exports/records.jsonl", headers={"Authorization": f"Bearer {at.host_token}"}
            )
        ).body
        assert b"cohost_added/1" in log
        assert token.encode() not in log


async def test_only_the_hosts_own_link_adds_lists_and_revokes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        cookie = await at.host_cookie(token)
        for command in ({"type": "add_cohost", "name": "Eve"}, {"type": "revoke_cohost", "id": "c1"}):
            assert error(await act(at, command, token)) == (403, "own_link_only")
            assert error(await act(at, command, Cookie=cookie)) == (403, "own_link_only")
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": cookie}, {"Cookie": await at.cookie()}):
            assert error(await cohosts(at, **headers)) == (401, "no_key")
        own = await at.host_cookie()
        assert (await act(at, {"type": "add_cohost", "name": "Bob"}, Cookie=own)).code == 200
        assert len(json.loads((await cohosts(at, Cookie=own)).body)["cohosts"]) == 2


async def test_a_revoked_cohost_is_out_at_once_however_they_came_in(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token, other = await invited(at), await invited(at, "Bob")
        cookie = await at.host_cookie(token)
        pages = [await at.open_host(token) for _ in range(2)]
        kept, own = await at.open_host(other), await at.open_host()
        for page in (*pages, kept, own):
            await page.until_type("state")
        await at.command("revoke_cohost", id="c1")
        for page in pages:
            assert await page.closed() == CLOSE["not_the_host"].code
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": cookie}):
            assert error(await state(at, **headers)) == (401, "no_key")
            assert error(await act(at, {"type": "switch_receipts", "on": False}, **headers)) == (401, "no_key")
        assert error(await at.post(f"/api/rooms/{at.code}/host-session", {}, key=token)) == (401, "no_key")
        assert (
            await (await at.open(f"{await at.cookie()}; {cookie}", role="host")).closed() == CLOSE["not_the_host"].code
        )
        for page in (kept, own):
            assert (await page.until(lambda told: not [one for one in told["cohosts"] if one["id"] == "c1"]))["cohosts"]
        assert (await state(at, Authorization=f"Bearer {other}")).code == 200


async def test_a_command_of_a_cohost_that_comes_behind_the_revocation_does_nothing(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_question", kind="single", text="?", options=["A", "B"])
        token = await invited(at)
        path, opening = f"/api/rooms/{at.code}/commands", {"type": "open", "question": "q1"}
        # Neither is in the log when the server lets the second one in.
        revoked, opened = await asyncio.gather(
            at.post(path, {"type": "revoke_cohost", "id": "c1"}, key=at.host_token), at.post(path, opening, key=token)
        )
        assert revoked.code == 200
        room = at.server.registry.get(at.code)
        assert room is not None
        if opened.code == 200:
            assert json.loads(opened.body)["as_of"] < json.loads(revoked.body)["as_of"]
        else:
            assert opened.code in (401, 409)
            assert room.state.questions["q1"].phase == "draft"


async def test_who_is_added_after_a_revocation_gets_another_link(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        first = await invited(at)
        await at.command("revoke_cohost", id="c1")
        assert json.loads((await cohosts(at)).body) == {"cohosts": []}
        second = await invited(at)
        assert second.startswith("c.c2.")
        assert second.rpartition(".")[2] != first.rpartition(".")[2]


@pytest.mark.parametrize(
    "change", ["c1", "c", "", "c.c1", "c.c1.", "c.c2.{}", "x.c1.{}", "{}", "c.c1.{}.more", "C.c1.{}"]
)
async def test_a_token_that_is_nearly_right_is_wrong(tmp_path: Path, change: str) -> None:
    async with venue(tmp_path) as at:
        token = (await invited(at)).rpartition(".")[2]
        response = await state(at, Authorization=f"Bearer {change.format(token)}")
        assert error(response) == (401, "no_key")


async def test_a_cohost_of_one_room_is_none_of_another(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        cookie = await at.host_cookie(token)
        first = at.code
        await at.create_room("Other")
        await at.command("add_cohost", name="Bob")
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": cookie}):
            assert error(await state(at, **headers)) == (401, "no_key")
        both = (await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token, Cookie=cookie)).headers[
            "Set-Cookie"
        ]
        for code, allowed in ((first, 401), (at.code, 200)):
            at.code = code
            assert (await cohosts(at, Cookie=both.split(";")[0])).code == allowed
            assert (await state(at, Cookie=both.split(";")[0])).code == 200


async def test_the_host_who_tries_out_a_cohosts_link_stays_the_host(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        own = await at.host_cookie()
        tried = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=token, Cookie=own)
        assert (await cohosts(at, Cookie=tried.headers["Set-Cookie"].split(";")[0])).code == 200
        as_cohost = await at.host_cookie(token)
        again = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token, Cookie=as_cohost)
        assert (await cohosts(at, Cookie=again.headers["Set-Cookie"].split(";")[0])).code == 200


async def test_of_two_links_of_one_room_the_newest_counts(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        first, second = await invited(at), await invited(at, "Bob")
        cookie = await at.host_cookie(first)
        both = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=second, Cookie=cookie)
        newest = both.headers["Set-Cookie"].split(";")[0]
        await at.command("revoke_cohost", id="c1")
        assert (await state(at, Cookie=newest)).code == 200
        await at.command("revoke_cohost", id="c2")
        assert (await state(at, Cookie=newest)).code == 401


async def test_a_hosts_cookie_from_before_there_were_cohosts_still_counts(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        secret = at.server.services.keyring.cookie_secret
        value = f"{CODE_CHARS[:6]}.{at.code}.{CODE_CHARS[6:12]}"
        cookie = f"livevote-host={create_signed_value(secret, 'livevote-host', value).decode()}"
        assert (await state(at, Cookie=cookie)).code == 200
        assert (await cohosts(at, Cookie=cookie)).code == 200


async def test_links_hold_after_a_restart_and_so_do_revocations(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token, gone = await invited(at), await invited(at, "Bob")
        cookie = await at.host_cookie(gone)
        await at.command("revoke_cohost", id="c2")
    async with venue(tmp_path) as at:
        assert (await state(at, Authorization=f"Bearer {token}")).code == 200
        assert (await state(at, Cookie=cookie)).code == 401
        page = await at.open_host(token)
        await page.until_type("state")
        await at.command("revoke_cohost", id="c1")
        assert await page.closed() == CLOSE["not_the_host"].code
        room = at.server.registry.get(at.code)
        assert room is not None
        found = room
        await eventually(lambda: not found.channel.subscribers("host"))


Holding = Callable[[pytest.MonkeyPatch, Venue], Callable[[], object]]
"""Keeps a request waiting; what it returns lets it go on."""


def in_a_thread(module: Any, name: str) -> Holding:
    def hold(patch: pytest.MonkeyPatch, at: Venue) -> Callable[[], object]:  # noqa: ARG001
        goes_on, work = threading.Event(), getattr(module, name)

        def held(*arguments: Any) -> Any:
            assert goes_on.wait(10)
            return work(*arguments)

        patch.setattr(module, name, held)
        return goes_on.set

    return hold


def behind_others(patch: pytest.MonkeyPatch, at: Venue) -> Callable[[], object]:
    goes_on, seal = asyncio.Event(), at.server.services.notary.seal

    async def held() -> None:
        await goes_on.wait()
        await seal()

    patch.setattr(at.server.services.notary, "seal", held)
    return goes_on.set


def while_it_is_built(patch: pytest.MonkeyPatch, at: Venue) -> Callable[[], object]:
    goes_on, get = asyncio.Event(), at.server.services.replays.get

    async def held(*arguments: Any) -> bytes:
        await goes_on.wait()
        return await get(*arguments)

    patch.setattr(at.server.services.replays, "get", held)
    return goes_on.set


@pytest.mark.parametrize(
    ("path", "body", "hold", "refused"),
    [
        ("codes", {"count": 3}, in_a_thread(codebook, "hashed"), (409, "no_such_cohost")),
        ("codes", {"count": 3}, in_a_thread(code_api, "draw"), (409, "no_such_cohost")),
        ("codes/codes.csv", {"codes": ""}, in_a_thread(code_api, "read_codes"), (401, "no_key")),
        ("exports/records.jsonl", None, behind_others, (401, "no_key")),
        ("replay", None, while_it_is_built, (401, "no_key")),
        ("room.yaml", None, in_a_thread(planning, "room_yaml"), (401, "no_key")),
    ],
)
async def test_who_is_revoked_while_a_request_waits_gets_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
    hold: Holding,
    refused: tuple[int, str],
) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        headers = {"Authorization": f"Bearer {token}"}
        before = json.loads((await at.fetch(f"/api/rooms/{at.code}/codes", headers=headers)).body)
        go_on = hold(monkeypatch, at)
        address = f"/api/rooms/{at.code}/{path}"
        asked = asyncio.create_task(
            at.fetch(address, headers=headers) if body is None else at.post(address, body, key=token)
        )
        try:
            await at.command("revoke_cohost", id="c1")
            assert not asked.done()
        finally:
            go_on()
        assert error(await asked) == refused
        monkeypatch.undo()
        own = {"Authorization": f"Bearer {at.host_token}"}
        assert json.loads((await at.fetch(f"/api/rooms/{at.code}/codes", headers=own)).body) == before
        assert not (tmp_path / "keys" / "codes").exists()


async def test_who_is_revoked_gets_no_hosts_replay_where_everybody_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        await at.command("publish_replay", public=True)
        go_on = while_it_is_built(monkeypatch, at)
        path, headers = f"/api/rooms/{at.code}/replay", {"Authorization": f"Bearer {token}"}
        asked = [
            asyncio.create_task(at.fetch(f"{path}{query}", headers=headers)) for query in ("", "?audience=everybody")
        ]
        await at.command("revoke_cohost", id="c1")
        go_on()
        assert error(await asked[0]) == (401, "no_key")
        assert (await asked[1]).code == 200


async def test_a_picture_of_somebody_who_is_revoked_while_it_comes_in_is_not_kept(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        token = await invited(at)
        reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
        head = f"POST /api/rooms/{at.code}/pictures HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
        writer.write(f"{head}Authorization: Bearer {token}\r\n\r\nhalf".encode())
        places = at.server.services.uploads._left
        await eventually(lambda: at.server.services.uploads._left == places - 1)
        await at.command("revoke_cohost", id="c1")
        writer.write(b" of i")
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        writer.close()
        await writer.wait_closed()
