"""One-time codes over HTTP and sockets: issuing and printing them, entering one, and voting with it."""

import asyncio
import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import segno
from tornado.httpclient import HTTPResponse

from livevote.domain.code_text import shown
from livevote.domain.records import BallotCast, CodeUsed, PostAsked
from livevote.export import FORMATS
from livevote.live.code_tries import FIRST_PAUSE_S, SESSION_TRIES
from livevote.live.codebook import CodeBook, draw
from livevote.live.room import HeldCode, LiveRoom
from livevote.log import open_reader
from tests.client import Page, Venue, eventually, venue


def error(response: HTTPResponse) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


async def make(at: Venue, count: int = 3) -> list[str]:
    """New codes of the room."""
    response = await at.post(f"/api/rooms/{at.code}/codes", {"count": count}, key=at.host_token)
    assert response.code == 201, response.body
    codes: list[str] = json.loads(response.body)["codes"]
    return codes


async def lists(at: Venue) -> list[dict[str, Any]]:
    response = await at.fetch(f"/api/rooms/{at.code}/codes", headers={"Authorization": f"Bearer {at.host_token}"})
    found: list[dict[str, Any]] = json.loads(response.body)["lists"]
    return found


async def enter(at: Venue, cookie: str, code: str) -> HTTPResponse:
    return await at.post(f"/api/rooms/{at.code}/code", {"code": code}, Cookie=cookie)


async def entered(at: Venue, code: str, cookie: str = "") -> str:
    """The cookies of a browser that has entered ``code``."""
    cookie = cookie or await at.cookie()
    response = await enter(at, cookie, code)
    assert (response.code, json.loads(response.body)) == (200, {"held": True}), response.body
    return f"{cookie}; {response.headers['Set-Cookie'].split(';')[0]}"


async def holds(at: Venue, cookie: str) -> bool:
    response = await at.fetch(f"/api/rooms/{at.code}/code", headers={"Cookie": cookie})
    held: bool = json.loads(response.body)["held"]
    return held


def counts(at: Venue, question: str = "q1") -> tuple[int, ...]:
    room = at.server.registry.get(at.code)
    assert room is not None
    return room.state.questions[question].rounds[-1].tally.counts()


async def mine(page: Page) -> dict[str, Any]:
    return await page.until_type("mine")


async def test_a_host_makes_codes_and_sees_how_many_were_entered(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.post(f"/api/rooms/{at.code}/codes", {"count": 4}, key=at.host_token)
        made = json.loads(response.body)
        assert (made["list"], made["count"], len(set(made["codes"]))) == (1, 4, 4)
        assert all(re.fullmatch("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}", code) for code in made["codes"])
        own = draw(2)
        brought = await at.post(
            f"/api/rooms/{at.code}/codes", {"codes": f"{shown(own[0])}\r\n{own[1].lower()},"}, key=at.host_token
        )
        assert (brought.code, json.loads(brought.body)["codes"]) == (201, [])
        await entered(at, made["codes"][0])
        await entered(at, own[0])
        now = at.server.services.clock.now_ms()
        first, second = await lists(at)
        assert (first["list"], first["count"], first["root"], first["used"]) == (1, 4, made["root"], 1)
        assert (second["list"], second["count"], second["used"]) == (2, 2, 1)
        assert now - 60_000 < first["at"] <= second["at"] <= now
        host = await (await at.open_host()).until_type("state")
        assert host["codes"] == {"issued": 6, "used": 2}


async def test_the_host_sees_codes_come_in_and_voters_get_nothing_of_it(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, _ = await make(at, 2)
        host, voter = await at.open_host(), await at.open()
        await host.until_type("state")
        await voter.until_type("state")
        await entered(at, code)
        await host.until(lambda message: message.get("codes") == {"issued": 2, "used": 1})
        await at.command("add_question", kind="single", text="Next?", options=["A", "B"])
        next_message = await voter.receive()
        assert next_message is not None
        assert next_message["as_of"] == 4, "nothing came in between"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "bad_message")),
        ({"count": 3, "codes": "x"}, (400, "bad_message")),
        ({"count": 0}, (400, "bad_message")),
        ({"count": 5001}, (400, "bad_message")),
        ({"codes": "0000-0000-000 0000-0000-001"}, (400, "bad_code")),
        ({"codes": " "}, (409, "bad_codes")),
        ({"codes": "0000-0000-000 00000000000"}, (409, "bad_codes")),
    ],
)
async def test_codes_that_cannot_be_issued(tmp_path: Path, body: dict[str, Any], expected: tuple[int, str]) -> None:
    async with venue(tmp_path) as at:
        response = await at.post(f"/api/rooms/{at.code}/codes", body, key=at.host_token)
        assert error(response) == expected
        assert not list((tmp_path / "keys").glob("codes/*"))


async def test_the_first_wrong_code_is_named_by_its_number(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        body = {"codes": "0000-0000-000, 0000-0000-001"}
        response = await at.post(f"/api/rooms/{at.code}/codes", body, key=at.host_token)
        assert "Number 2 is" in json.loads(response.body)["error"]["message"]


async def test_codes_are_the_hosts_and_entering_one_is_a_voters(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        (code,) = await make(at, 1)
        for path in ("codes", "codes/sheet.html", "codes/codes.csv"):
            body = {"codes": code}
            assert error(await at.post(f"/api/rooms/{at.code}/{path}", body, Cookie=await at.cookie())) == (
                401,
                "no_key",
            )
        assert error(await at.fetch(f"/api/rooms/{at.code}/codes")) == (401, "no_key")
        assert error(await at.fetch(f"/api/rooms/{at.code}/code")) == (401, "no_key")
        assert error(await at.post(f"/api/rooms/{at.code}/code", {"code": code})) == (401, "no_key")
        assert error(await at.post("/api/rooms/XXXXXX/code", {"code": code}, Cookie=await at.cookie()))[0] == 404
        foreign = await at.post(
            f"/api/rooms/{at.code}/code", {"code": code}, Cookie=await at.cookie(), Origin="http://evil.example"
        )
        assert foreign.code == 403
        assert [each["used"] for each in await lists(at)] == [0]


async def test_voting_with_a_code_and_without_one(tmp_path: Path, wire: str) -> None:  # noqa: ARG001
    async with venue(tmp_path) as at:
        code, _ = await make(at, 2)
        await at.ask("A", "B", level="code", reveal=True)
        without = await at.open()
        assert (await without.until_type("state"))["question"]["level"] == "code"
        answer = await without.vote("none", 0)
        assert (answer["type"], answer["code"]) == ("rejected", "no_code")
        cookie = await entered(at, code)
        page = await at.open(cookie)
        assert (await mine(page))["id"] is None
        recorded = await page.vote("v1", 1)
        assert (recorded["type"], recorded["rev"]) == ("recorded", 0)
        assert recorded["receipt"]["voter"]
        assert (await page.vote("v2", 0))["rev"] == 1
        assert (await page.vote("v1", 1))["rev"] == 0, "I6: a retry is answered as the first time"
        assert counts(at) == (1, 0)
        assert (await mine(await at.open(cookie)))["id"] == "v2"


async def test_an_open_page_votes_with_a_code_that_is_entered_beside_it(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, _ = await make(at, 2)
        await at.ask("A", "B", level="code")
        cookie = await at.cookie()
        page, tab = await at.open(cookie), await at.open(cookie)
        assert (await page.vote("v1", 0))["type"] == "rejected"
        await mine(tab)
        await entered(at, code, cookie)
        assert (await page.vote("v2", 0))["type"] == "recorded"
        await tab.until(lambda message: message["type"] == "mine" and message["id"] == "v2")


async def test_a_page_that_knew_the_question_before_it_took_codes_is_the_same_voter_as_its_code(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, _ = await make(at, 2)
        await at.command("add_question", kind="single", text="Which?", options=("A", "B"))
        cookie = await at.cookie()
        page = await at.open(cookie)
        assert (await page.vote("early", 0))["code"] == "not_open"
        await at.command("edit_question", level="code")
        await at.command("open")
        held = await entered(at, code, cookie)
        assert (await page.vote("v1", 0))["type"] == "recorded"
        assert (await (await at.open(held)).vote("v2", 1))["rev"] == 1
        assert counts(at) == (0, 1)


async def test_the_pseudonym_is_the_codes_and_another_one_for_every_question(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, _ = await make(at, 2)
        first = await entered(at, code)
        for name in ("q1", "q2"):
            await at.ask("A", "B", level="code", reveal=True)
            page = await at.open(first)
            assert (await page.vote(name, 0, question=name))["type"] == "recorded"
            await at.command("close", name)
        await at.ask("A", "B")
        assert (await (await at.open(first)).vote("q3", 0, question="q3"))["type"] == "recorded"
        reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
        voters = [entry.record.voter for entry in reader.scan(at.code) if isinstance(entry.record, BallotCast)]
        assert len(set(voters)) == 3
        room = at.server.registry.get(at.code)
        assert room is not None
        session = at.server.services.sessions._open(*first.split("; ")[0].replace('"', "").split("=", 1))
        assert session is not None
        assert [voter == room.key.pseudonym(session, f"q{n}") for n, voter in enumerate(voters, 1)] == [
            False,
            False,
            True,
        ]


async def test_i14_nothing_links_a_code_in_a_room_that_links_pseudonyms(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        await at.command("switch_board", on=True, approval=False)
        code, _ = await make(at, 2)
        page = await at.open(await entered(at, code))
        for name, level in (("q1", "browser"), ("q2", "code"), ("q3", "browser"), ("q4", "code")):
            await at.ask("A", "B", level=level, quiz={"right": [0]})
            assert (await page.vote(name, 0, question=name))["type"] == "recorded"
            assert (await page.ask_post(f"p-{name}", name))["type"] == "recorded"
            await at.command("close", name)
            await at.command("show_solution", name)
        place = await page.until(lambda message: message["type"] == "place" and message["points"] == 2000)
        assert (place["rank"], place["of"]) == (1, 1)
        reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
        records = [entry.record for entry in reader.scan(at.code)]
        first, second, third, fourth = (record.voter for record in records if isinstance(record, BallotCast))
        assert first == third, "the player"
        on_board = {record.voter for record in records if isinstance(record, PostAsked)}
        used = {record.by for record in records if isinstance(record, CodeUsed)}
        assert len({first, second, fourth} | on_board | used) == 5, "the player, two by code, the board, the entry"


async def test_the_same_code_from_two_browsers_at_once_gives_one_voter(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        codes = await make(at, 10)
        await at.ask("A", "B", level="code", reveal=True)
        for code in codes:
            one, other = await at.cookie(), await at.cookie()
            answers = await asyncio.gather(*(enter(at, cookie, code) for cookie in (one, other)))
            assert sorted(answer.code for answer in answers) == [200, 409]
            for cookie, answer in zip((one, other), answers, strict=True):
                page = await at.open(
                    "; ".join([cookie, *(each.split(";")[0] for each in answer.headers.get_list("Set-Cookie"))])
                )
                said = await page.vote("v", 0)
                if answer.code == 200:
                    assert said["type"] == "recorded"
                else:
                    assert error(answer) == (409, "code_used")
                    assert (said["type"], said["code"]) == ("rejected", "no_code")
        assert counts(at) == (10, 0)
        assert [each["used"] for each in await lists(at)] == [10]


async def test_a_browser_that_was_not_told_enters_its_code_again(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, other = await make(at, 2)
        await at.ask("A", "B", level="code")
        cookie = await at.cookie()
        answers = await asyncio.gather(*(enter(at, cookie, code) for _ in range(2)))
        assert [answer.code for answer in answers] == [200] * 2
        first = await entered(at, code, cookie)
        assert (await (await at.open(first)).vote("v1", 0))["type"] == "recorded"
        second = await entered(at, code, cookie)
        assert (await mine(await at.open(second)))["id"] == "v1"
        # Two people with one phone: the later code counts, and the earlier one can be taken up again.
        both = await entered(at, other, cookie)
        page = await at.open(both)
        assert (await mine(page))["id"] is None
        assert (await page.vote("v2", 1))["type"] == "recorded"
        back = await entered(at, code, cookie)
        await page.until(lambda message: message["type"] == "mine" and message["id"] == "v1")
        assert (await mine(await at.open(back)))["id"] == "v1"
        assert counts(at) == (1, 1)


async def test_the_cookie_of_a_code_is_none_in_another_room_and_none_if_it_was_changed(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        first = at.code
        (code,) = await make(at, 1)
        await at.ask("A", "B", level="code")
        cookie = await entered(at, code)
        session, held = cookie.split("; ")
        await at.create_room("Other")
        await make(at, 1)
        await at.ask("A", "B", level="code")
        renamed = held.replace(f"code-{first}", f"code-{at.code}")
        assert renamed != held
        for replayed in (cookie, f"{session}; {renamed}", renamed):
            page = await at.open(replayed if session in replayed else f"{await at.cookie()}; {replayed}")
            answer = await page.vote("v1", 0)
            assert (answer["type"], answer["code"]) == ("rejected", "no_code")
            assert not await holds(at, f"{session}; {replayed}")
        assert error(await enter(at, session, code)) == (409, "unknown_code")
        at.code = first
        for changed in (held.replace("=", "=x", 1), held[:-4] + '0000"', f"livevote-code-{first}=1.0.x"):
            assert not await holds(at, f"{session}; {changed}")
        assert await holds(at, cookie)


async def test_a_restart_keeps_codes_cookies_and_ballots(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, later = await make(at, 2)
        await at.ask("A", "B", level="code", reveal=True)
        cookie = await entered(at, code)
        assert (await (await at.open(cookie)).vote("v1", 0))["type"] == "recorded"
    async with venue(tmp_path) as at:
        page = await at.open(cookie)
        assert (await mine(page))["id"] == "v1"
        assert (await page.vote("v2", 1))["rev"] == 1
        assert error(await enter(at, await at.cookie(), code)) == (409, "code_used")
        assert (await enter(at, cookie.split("; ")[0], code)).code == 200
        assert (await (await at.open(await entered(at, later))).vote("v3", 1))["type"] == "recorded"
        assert counts(at) == (0, 2)
        assert [(each["count"], each["used"]) for each in await lists(at)] == [(2, 2)]


async def test_who_clears_cookies_keeps_the_ballot_and_loses_the_code_and_the_host_can_issue_another(
    tmp_path: Path,
) -> None:
    async with venue(tmp_path) as at:
        (code,) = await make(at, 1)
        await at.ask("A", "B", level="code", reveal=True)
        assert (await (await at.open(await entered(at, code))).vote("v1", 0))["type"] == "recorded"
        cleared = await at.cookie()
        assert error(await enter(at, cleared, code)) == (409, "code_used")
        assert (await (await at.open(cleared)).vote("v2", 1))["code"] == "no_code"
        assert counts(at) == (1, 0), "the ballot stays"
        spare = await at.post(f"/api/rooms/{at.code}/codes", {"count": 1}, key=at.host_token)
        assert error(spare) == (409, "codes_in_use")
        await at.command("close")
        (other,) = await make(at, 1)
        await at.ask("A", "B", level="code", reveal=True)
        page = await at.open(await entered(at, other, cleared))
        assert (await page.vote("v3", 1, question="q2"))["type"] == "recorded"
        assert [each["count"] for each in await lists(at)] == [1, 1]


async def test_voting_by_code_opens_only_in_a_room_with_codes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_question", kind="single", text="Who?", options=["A", "B"], level="code")
        assert error(await at.try_command("open")) == (409, "codes_missing")
        await make(at, 1)
        await at.command("open")
        bad = {"type": "add_question", "kind": "single", "text": "?", "options": ["A", "B"], "level": "passport"}
        assert error(await at.post(f"/api/rooms/{at.code}/commands", bad, key=at.host_token)) == (400, "bad_message")


async def test_who_guesses_has_to_wait_and_nobody_else_does(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, other = await make(at, 2)
        guesser = await at.cookie()
        assert error(await enter(at, guesser, "0000-0000-001")) == (400, "bad_code")
        assert error(await enter(at, guesser, "x" * 1000)) == (400, "bad_code")
        for wrong in draw(SESSION_TRIES):
            assert error(await enter(at, guesser, wrong)) == (409, "unknown_code")
        refused = await enter(at, guesser, code)
        assert error(refused) == (429, "too_fast")
        assert 0 < int(refused.headers["Retry-After"]) <= FIRST_PAUSE_S
        assert not refused.headers.get_list("Set-Cookie")
        # From the same address, in the same room.
        await entered(at, other)


async def test_who_holds_a_code_cannot_guess_others_by_entering_it_in_between(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        (code,) = await make(at, 1)
        guesser = await at.cookie()
        await entered(at, code, guesser)
        for wrong in draw(SESSION_TRIES):
            assert (await enter(at, guesser, code)).code == 200
            assert error(await enter(at, guesser, wrong)) == (409, "unknown_code")
        assert error(await enter(at, guesser, draw(1)[0])) == (429, "too_fast")


async def test_many_guesses_at_once_are_as_many_guesses(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        used = await make(at, 20)
        for code in used:
            await entered(at, code)
        guesser = await at.cookie()
        answers = await asyncio.gather(*(enter(at, guesser, code) for code in used))
        assert sorted(answer.code for answer in answers) == [409] * SESSION_TRIES + [429] * (20 - SESSION_TRIES)


async def test_a_lost_file_of_codes_is_said_and_stops_nobody_who_has_a_code(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        code, later = await make(at, 2)
        await at.ask("A", "B", level="code")
        cookie = await entered(at, code)
    for path in (tmp_path / "keys" / "codes").iterdir():
        path.unlink()
    async with venue(tmp_path) as at:
        assert error(await enter(at, await at.cookie(), later)) == (503, "codes_unreadable")
        assert (await (await at.open(cookie)).vote("v1", 0))["type"] == "recorded"
        await at.command("close")
        response = await at.post(f"/api/rooms/{at.code}/codes", {"count": 1}, key=at.host_token)
        assert error(response) == (503, "codes_unreadable")


async def test_a_browser_is_not_held_up_because_the_server_could_not_read_its_codes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        (code,) = await make(at, 1)
    (kept,) = (tmp_path / "keys" / "codes").iterdir()
    away = kept.rename(tmp_path / "away")
    async with venue(tmp_path) as at:
        cookie = await at.cookie()
        for _ in range(2 * SESSION_TRIES):
            assert error(await enter(at, cookie, code)) == (503, "codes_unreadable")
        away.rename(kept)
        await entered(at, code, cookie)


async def test_the_sheet_is_a_page_of_this_server_without_anything_but_the_codes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.create_room("<b>Chess & Go</b> {codes} {address}")
        codes = await make(at, 4)
        host = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token)
        cookie = host.headers["Set-Cookie"].split(";")[0]
        form = await at.fetch(
            f"/api/rooms/{at.code}/codes/sheet.html",
            method="POST",
            body="codes=" + "+".join(code.replace("-", "") for code in codes),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie},
        )
        posted = await at.post(f"/api/rooms/{at.code}/codes/sheet.html", {"codes": "\n".join(codes)}, key=at.host_token)
        assert (form.code, posted.code) == (200, 200)
        assert form.body == posted.body
        page = form.body.decode()
        assert form.headers["Content-Type"] == "text/html; charset=utf-8"
        assert form.headers["Cache-Control"] == "no-store"
        policy = form.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "<script" not in page
        assert "style=" not in page
        assert re.findall("<li>.*?<b>(.*?)</b>", page) == codes
        assert page.count("<svg ") == 4
        leads_to = f"{at.server.services.base_url()}/{at.code}#k={codes[0].replace('-', '')}"
        picture = segno.make(leads_to, micro=False).svg_inline(border=4, omitsize=True, svgclass=None, lineclass=None)
        assert picture in page
        assert page.count("&lt;b&gt;Chess &amp; Go&lt;/b&gt; {codes} {address}") == 6
        assert f"127.0.0.1:{at.server.port}/{at.code}" in page
        assert at.host_token not in page
        assert cookie not in page
        await at.command("set_language", language="de")
        body = {"codes": codes[0]}
        german = await at.post(f"/api/rooms/{at.code}/codes/sheet.html", body, key=at.host_token)
        assert b'<html lang="de" dir="ltr">' in german.body
        assert "Drucken Sie diese Seite jetzt" in german.body.decode()
        assert german.headers["Content-Language"] == "de"


async def test_a_form_is_refused_by_a_page_for_people(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        host = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token)
        cookie = host.headers["Set-Cookie"].split(";")[0]
        await at.command("set_language", language="de")
        for body, key, status, said in (
            ("codes=%3Cb%3E", cookie, 400, "Number 1 is not written like a code"),
            (f"codes={draw(1)[0]}", cookie, 409, "Number 1 is no code of this room."),
            ("codes=x", "", 401, "This needs the room&#x27;s host token, or its cookie."),
        ):
            response = await at.fetch(
                f"/api/rooms/{at.code}/codes/sheet.html",
                method="POST",
                body=body,
                headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": key},
            )
            page = response.body.decode()
            assert response.code == status
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert (response.headers["Content-Language"], response.headers["Cache-Control"]) == ("de", "no-store")
            assert response.headers["Content-Security-Policy"].startswith(
                "default-src 'none'; script-src 'self'; style-"
            )
            assert "<h1>Der Bogen wurde nicht erstellt</h1>" in page
            assert said in page
            assert "{message}" not in page
        strange = await at.fetch(
            "/api/rooms/XXXXXX/codes/sheet.html",
            method="POST",
            body="codes=x",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "ar"},
        )
        assert strange.code == 404
        assert '<html lang="ar" dir="rtl">' in strange.body.decode()


async def test_the_codes_as_csv(tmp_path: Path) -> None:
    async with venue(tmp_path, url="https://vote.example.org") as at:
        codes = await make(at, 3)
        response = await at.post(f"/api/rooms/{at.code}/codes/codes.csv", {"codes": " ".join(codes)}, key=at.host_token)
        rows = list(csv.DictReader(io.StringIO(response.body.decode())))
        assert [row["code"] for row in rows] == codes
        plain = codes[0].replace("-", "")
        assert rows[0]["link"] == f"https://vote.example.org/{at.code}#k={plain}"
        assert "attachment" in response.headers["Content-Disposition"]


async def test_votes_are_taken_while_codes_are_looked_up_for_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, Counter[int]()
    find = CodeBook.find

    async def noted(self: CodeBook, room: LiveRoom, code: str) -> HeldCode | None:
        seen[turns] += 1
        return await find(self, room, code)

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with venue(tmp_path) as at:
        codes = await make(at, 500)
        monkeypatch.setattr(CodeBook, "find", noted)
        counting = asyncio.create_task(count())
        body = {"codes": " ".join(codes)}
        response = await at.post(f"/api/rooms/{at.code}/codes/codes.csv", body, key=at.host_token)
        counting.cancel()
        assert response.code == 200
        assert seen.total() == 500
        assert max(seen.values()) <= 100


async def test_only_codes_of_the_room_are_printed(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        (code,) = await make(at, 1)
        for body, expected in (
            ({"codes": f"{code} {draw(1)[0]}"}, (409, "unknown_code")),
            ({"codes": "hello"}, (400, "bad_code")),
            ({}, (400, "bad_message")),
        ):
            assert error(await at.post(f"/api/rooms/{at.code}/codes/sheet.html", body, key=at.host_token)) == expected
        other = await at.post(f"/api/rooms/{at.code}/codes/other.html", {"codes": code}, key=at.host_token)
        assert error(other) == (404, "no_such_route")


async def test_i13_no_code_is_in_a_log_an_export_or_what_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with venue(tmp_path / "data") as at:
        codes = await make(at, 5)
        await at.ask("A", "B", level="code", reveal=True)
        for code in codes[:3]:
            await (await at.open(await entered(at, code))).vote("v", 0)
        for body in ({"code": codes[4], "more": 1}, {"code": 5}, {"codes": codes[4]}):
            await at.post(f"/api/rooms/{at.code}/code", body, Cookie=await at.cookie())
        exported = [
            (
                await at.fetch(
                    f"/api/rooms/{at.code}/exports/{name}", headers={"Authorization": f"Bearer {at.host_token}"}
                )
            ).body
            for name in FORMATS
        ]
        room = at.server.registry.get(at.code)
        assert room is not None
        secrets = [each for code in codes for each in (code, code.replace("-", ""))]
        hashes = [room.key.code_hash(code.replace("-", "")) for code in codes]
        secrets += [each.hex() for each in hashes]
    printed = capfd.readouterr()
    texts = [*exported, printed.out.encode(), printed.err.encode(), caplog.text.encode()]
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    outside = [path.read_bytes() for path in kept if "keys" not in path.parts]
    for text in (*texts, *outside):
        assert not any(secret.encode() in text for secret in secrets)
        assert not any(each in text for each in hashes)


async def test_a_crowd_enters_its_codes_in_few_batches(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        codes = await make(at, 60)
        await at.ask("A", "B", level="code")
        cookies = [await at.cookie() for _ in codes]
        before = at.server.services.writer.written.batches
        answers = await asyncio.gather(*(enter(at, *each) for each in zip(cookies, codes, strict=True)))
        assert {answer.code for answer in answers} == {200}
        assert at.server.services.writer.written.batches - before < 60
        room = at.server.registry.get(at.code)
        assert room is not None
        await eventually(lambda: len(room.state.used_codes) == 60)
