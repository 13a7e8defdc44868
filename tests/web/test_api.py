"""The HTTP API: what a host can do, who may, what is refused, and that its description is the truth."""

import asyncio
import io
import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import segno
from openapi_spec_validator import validate
from tornado.web import RequestHandler

from livevote.export import FORMATS
from livevote.keys import CODE_CHARS
from livevote.web.app import API, OpenApi, described
from tests.client import venue


def error(response: Any) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


async def test_a_room_is_made_with_the_operator_key_and_hosted_with_its_token(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        key = at.server.services.operator_key
        response = await at.post("/api/rooms", {"title": "  Works \u202ecouncil "}, key=key)
        assert response.code == 201
        made = json.loads(response.body)
        assert len(made["code"]) == 6
        assert set(made["code"]) <= set(CODE_CHARS)
        assert made["join_url"] == f"{at.base}/{made['code']}"
        assert made["host_url"] == f"{at.base}/host/{made['code']}#{made['host_token']}"
        state = await at.fetch(f"/api/rooms/{made['code']}", headers={"Authorization": f"Bearer {made['host_token']}"})
        assert json.loads(state.body)["room"] == {"code": made["code"], "title": "Works council"}


async def test_every_command_of_a_host(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        added = await at.command(
            "add_question", kind="multiple", text="Which?", options=["A", "B", "C"], rules={"max": 2}, changeable=False
        )
        assert added == {"as_of": 2, "question": "q1"}
        for as_of, command in enumerate(("open", "reveal", "hide", "close", "reveal", "ask_again"), 3):
            assert await at.command(command) == {"as_of": as_of, "question": "q1"}
        response = await at.fetch(f"/api/rooms/{at.code}", headers={"Authorization": f"Bearer {at.host_token}"})
        assert json.loads(response.body)["questions"] == [
            {
                "id": "q1", "kind": "multiple", "text": "Which?", "options": ["A", "B", "C"], "bins": [],
                "rules": {"max": 2, "min": 1}, "changeable": False, "round": 2, "phase": "open", "revealed": False,
                "closes_at": None, "level": "browser", "solution": None, "counts": [0, 0, 0], "voters": 0,
                "figures": {}, "shown": [], "pending": [], "hidden": [], "edited": None, "quiz": None,
                "rounds": [{"round": 1, "counts": [0, 0, 0], "voters": 0, "figures": {}, "wording": None}],
            }
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"type": "open", "question": "q9"}, 404, "unknown_question"),
        ({"type": "close", "question": "q1"}, 409, "not_open"),
        ({"type": "add_question", "kind": "poem", "text": "?", "options": []}, 409, "unknown_kind"),
        ({"type": "add_question", "kind": "single", "text": "", "options": ["A", "B"]}, 409, "bad_question"),
        ({"type": "add_question", "kind": "single", "text": "?", "options": ["A", "a"]}, 409, "bad_question"),
        ({"type": "add_question", "kind": "single", "text": "?", "options": "AB"}, 400, "bad_message"),
        ({"type": "open", "question": "q1", "seconds": 4}, 409, "bad_timer"),
        ({"type": "open", "question": "q1", "seconds": 30.5}, 400, "bad_message"),
        ({"type": "open", "question": "q1", "seconds": True}, 400, "bad_message"),
        ({"type": "set_timer", "question": "q1", "seconds": 60}, 409, "not_open"),
        ({"type": "set_timer", "question": "q1"}, 400, "bad_message"),
        ({"type": "add_cohost", "name": " "}, 409, "bad_cohost"),
        ({"type": "add_cohost"}, 400, "bad_message"),
        ({"type": "revoke_cohost", "id": "c1"}, 409, "no_such_cohost"),
        ({"type": "dance"}, 400, "bad_message"),
        ({}, 400, "bad_message"),
    ],
)
async def test_a_bad_command_is_refused_with_the_reason(
    tmp_path: Path, body: dict[str, Any], status: int, code: str
) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_question", kind="single", text="Which?", options=["A", "B"])
        response = await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)
        assert error(response) == (status, code)


async def test_a_refusal_names_what_to_do(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("A", "B")
        await at.command("add_question", kind="single", text="Next?", options=["A", "B"])
        response = await at.try_command("open", "q2")
        assert error(response) == (409, "another_open")
        assert "close 'Which?' first" in json.loads(response.body)["error"]["message"]


async def test_without_the_right_key_nothing_is_told_or_done(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        other = await at.create_room("Other")
        token = at.host_token
        at.code = next(room.code for room in at.server.registry.all() if room.code != other)
        for key in ("", "wrong", token, at.server.services.operator_key, "\u00e9"):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            assert error(await at.fetch(f"/api/rooms/{at.code}", headers=headers)) == (401, "no_key")
            for name in (*(f"exports/{name}" for name in FORMATS), "ballots.csv", "exports/no.such"):
                assert (await at.fetch(f"/api/rooms/{at.code}/{name}", headers=headers)).code == 401
            for path in (f"/api/rooms/{at.code}/commands", f"/api/rooms/{at.code}/host-session"):
                assert error(await at.post(path, {}, key=key)) == (401, "no_key")
        for key in ("", "wrong", token):
            for path in ("/api/rooms", "/api/operator-session"):
                assert error(await at.post(path, {"title": "X"}, key=key)) == (401, "no_key")
        assert error(await at.fetch("/api/rooms/XXXXXX")) == (404, "no_such_room")


async def test_keys_are_exchanged_for_cookies_that_pages_can_use(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.post("/api/operator-session", {}, key=at.server.services.operator_key)
        operator = response.headers["Set-Cookie"]
        assert response.code == 204
        assert "HttpOnly" in operator
        assert "SameSite=Strict" in operator
        made = await at.post("/api/rooms", {"title": "By cookie"}, Cookie=operator.split(";")[0])
        assert made.code == 201
        response = await at.post(f"/api/rooms/{at.code}/host-session", {}, key=at.host_token)
        host = response.headers["Set-Cookie"].split(";")[0]
        assert (await at.fetch(f"/api/rooms/{at.code}", headers={"Cookie": host})).code == 200
        foreign = json.loads(made.body)["code"]
        assert (await at.fetch(f"/api/rooms/{foreign}", headers={"Cookie": host})).code == 401
        forged = host.replace(b64encode(at.code.encode()).decode(), b64encode(foreign.encode()).decode())
        assert forged != host
        assert (await at.fetch(f"/api/rooms/{foreign}", headers={"Cookie": forged})).code == 401


async def test_open_hosting_lifts_the_operator_key(tmp_path: Path) -> None:
    async with venue(tmp_path, open_hosting=True) as at:
        assert (await at.post("/api/rooms", {"title": "Anybody's"})).code == 201
        assert error(await at.post("/api/rooms", {"title": " "})) == (409, "bad_title")
        assert error(await at.post("/api/rooms", {"titel": "X"})) == (400, "bad_message")


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
async def test_requests_of_foreign_pages_are_refused(tmp_path: Path, origin: str) -> None:
    async with venue(tmp_path, open_hosting=True) as at:
        response = await at.post("/api/rooms", {"title": "X"}, Origin=origin)
        assert response.code == 403
        response = await at.post("/api/rooms", {"title": "X"}, Origin=at.base)
        assert response.code == 201


async def test_the_qr_code_leads_to_the_room(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/api/rooms/{at.code}/qr.svg")
        assert response.headers["Content-Type"] == "image/svg+xml"
        assert response.body.startswith(b"<?xml")
        expected = io.BytesIO()
        segno.make(f"{at.base}/{at.code}", micro=False).save(expected, kind="svg", border=4)
        drawn = re.compile(rb' d="([^"]+)"')
        assert drawn.findall(response.body)[-1:] == drawn.findall(expected.getvalue())[-1:] != []


async def test_a_flood_of_requests_for_the_qr_code_has_it_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = segno.make, []

    def noted(content: str, **more: Any) -> segno.QRCode:
        made.append(content)
        return make(content, **more)

    monkeypatch.setattr(segno, "make", noted)
    async with venue(tmp_path) as at:
        bodies = {(await at.fetch(f"/api/rooms/{at.code}/qr.svg")).body for _ in range(5)}
        assert made == [f"{at.base}/{at.code}"]
        assert len(bodies) == 1


async def test_health_is_ok_until_a_write_fails(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch("/healthz")
        assert (response.code, json.loads(response.body)) == (200, {"status": "ok"})
        at.server.services.writer._fail()
        response = await at.fetch("/healthz")
        assert (response.code, json.loads(response.body)) == (503, {"status": "failed"})
        assert error(await at.try_command("open")) == (503, "failed")


async def test_the_operator_sees_how_many_records_share_an_fsync(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        pages = [await at.open() for _ in range(5)]
        await asyncio.gather(*(page.vote(f"v{number}", 1) for number, page in enumerate(pages)))
        response = await at.fetch(
            "/api/metrics", headers={"Authorization": f"Bearer {at.server.services.operator_key}"}
        )
        found = json.loads(response.body)
        assert found["records"] == 3 + 5
        assert 4 <= found["batches"] <= 8
        assert found["records_per_batch"] == round(8 / found["batches"], 2)
        assert 1 <= found["newest_batch"] <= found["largest_batch"] <= 5
        assert found["waiting"] == 0
        assert error(await at.fetch("/api/metrics")) == (401, "no_key")


async def test_the_api_describes_itself_completely(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        document = json.loads((await at.fetch("/api/openapi.json")).body)
    validate(document)
    described_methods = {(path, method) for path, item in document["paths"].items() for method in item}
    methods = {
        (path, method)
        for path, handler in described().items()
        for method in ("get", "post", "put", "patch", "delete")
        if getattr(handler, method) is not getattr(RequestHandler, method)
    }
    assert described_methods == methods
    assert described() == {**API, "/api/openapi.json": OpenApi}
    answers = document["paths"]["/api/rooms/{code}/rehearsal"]["get"]["responses"]
    assert set(answers) == {"200", "204", "default"}
    commands = document["paths"]["/api/rooms/{code}/commands"]["post"]["requestBody"]["content"]["application/json"]
    mapping = commands["schema"]["discriminator"]["mapping"]
    assert set(mapping) == {
        "add_question",
        "open",
        "close",
        "reveal",
        "hide",
        "ask_again",
        "switch_receipts",
        "publish_replay",
        "judge_terms",
        "set_timer",
        "add_cohost",
        "revoke_cohost",
        "set_embedding",
        "edit_question",
        "remove_question",
        "order_questions",
        "rename_room",
        "set_language",
        "link_pseudonyms",
        "show_solution",
        "show_leaderboard",
        "remove_name",
        "switch_board",
        "judge_posts",
        "pin_post",
        "answer_post",
        "switch_reactions",
    }


async def test_a_refused_room_leaves_no_key_behind(tmp_path: Path) -> None:
    async with venue(tmp_path, open_hosting=True) as at:
        before = sorted((tmp_path / "keys" / "rooms").iterdir())
        for title in ("", "x" * 300, "\u202e"):
            assert error(await at.post("/api/rooms", {"title": title})) == (409, "bad_title")
        assert sorted((tmp_path / "keys" / "rooms").iterdir()) == before


async def test_rooms_are_not_made_without_limit(tmp_path: Path) -> None:
    async with venue(tmp_path, open_hosting=True) as at:
        codes = [(await at.post("/api/rooms", {"title": "X"})).code for _ in range(40)]
        assert codes.count(201) >= 25
        assert error(await at.post("/api/rooms", {"title": "X"})) == (429, "too_fast")


async def test_a_host_of_many_rooms_carries_one_cookie(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        cookie = ""
        for number in range(23):
            code = await at.create_room(f"Room {number}")
            response = await at.post(f"/api/rooms/{code}/host-session", {}, key=at.host_token, Cookie=cookie)
            cookie = response.headers["Set-Cookie"].split(";")[0]
        assert len(cookie) < 500
        hosted = [room.code for room in at.server.registry.all() if room.state.title != "Test"]
        statuses = [(await at.fetch(f"/api/rooms/{code}", headers={"Cookie": cookie})).code for code in hosted]
        assert sorted(statuses) == [200] * 20 + [401] * 3
