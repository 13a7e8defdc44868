"""Pictures over HTTP: only the host uploads, large bodies are refused in words, and files never change."""

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from livevote.live.limits import Places
from livevote.pictures import MAX_BYTES, RESERVE_BYTES, PictureError
from livevote.web.picture_handlers import RoomPictures
from tests.client import Venue, eventually, venue


async def upload(at: Venue, body: bytes, *, key: str | None = None, code: str = "") -> HTTPResponse:
    headers = {"Authorization": f"Bearer {at.host_token if key is None else key}", "Content-Type": "image/png"}
    return await at.fetch(f"/api/rooms/{code or at.code}/pictures", method="POST", body=body, headers=headers)


def error(response: HTTPResponse) -> tuple[int, str]:
    return response.code, json.loads(response.body)["error"]["code"]


def picture(size: int = 40) -> bytes:
    library = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    made = io.BytesIO()
    library.effect_noise((size, size), 90).save(made, "PNG")
    return made.getvalue()


async def test_a_picture_goes_in_and_comes_out_for_everybody(tmp_path: Path) -> None:
    data = picture(700)
    assert len(data) > 64 * 1024, "more than other routes take"
    async with venue(tmp_path) as at:
        response = await upload(at, data)
        assert response.code == 201, response.body
        kept = json.loads(response.body)
        assert kept == {
            "picture": kept["picture"],
            "url": f"/pictures/{kept['picture']}.webp",
            "width": 700,
            "height": 700,
        }
        for method in ("GET", "HEAD"):
            file = await at.fetch(kept["url"], method=method)
            assert file.code == 200
            assert file.headers["Content-Type"] == "image/webp"
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert file.headers["X-Content-Type-Options"] == "nosniff"
            assert bool(file.body) is (method == "GET")
        unchanged = await at.fetch(kept["url"], headers={"If-None-Match": f'"{kept["picture"]}"'})
        assert unchanged.code == 304
        pictures = [kept["picture"], kept["picture"]]
        await at.ask("Cat", "Dog", kind="image", rules={"pictures": pictures})
        state = await (await at.open()).until_type("state")
        assert state["question"]["rules"]["pictures"] == pictures


async def test_only_the_host_of_the_room_uploads(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        assert error(await upload(at, b"x", key="wrong")) == (401, "no_key")
        assert error(await upload(at, b"x", code="222222")) == (404, "no_such_room")
        assert not (tmp_path / "pictures").exists()


async def test_what_is_too_large_is_refused_in_words(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        assert error(await upload(at, bytes(MAX_BYTES + 1))) == (413, "too_big")
        assert (await at.fetch("/healthz")).code == 200


async def test_what_is_no_picture_is_refused_with_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    async with venue(tmp_path) as at:
        response = await upload(at, b"%PDF-1.7")
        assert error(response) == (400, "bad_picture")
        assert "no picture of the formats" in json.loads(response.body)["error"]["message"]


async def test_a_server_without_the_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    async with venue(tmp_path) as at:
        assert error(await upload(at, b"x")) == (503, "no_pictures")


async def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with venue(tmp_path) as at:

        async def full(data: bytes) -> None:
            assert data == b"x"
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(at.server.services.pictures, "keep", full)
        assert error(await upload(at, b"x")) == (503, "cannot_write")


async def test_a_host_uploads_only_so_many_at_once(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        while at.server.services.picture_bucket.take():
            pass
        assert error(await upload(at, b"x")) == (429, "too_fast")


async def test_a_server_takes_so_many_pictures_and_says_what_to_do(tmp_path: Path) -> None:
    async with venue(tmp_path, picture_space=0) as at:
        response = await upload(at, picture())
        assert error(response) == (503, "pictures_full")
        assert "--picture-space" in json.loads(response.body)["error"]["message"]


async def test_a_disk_that_is_nearly_full_takes_no_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with venue(tmp_path) as at:
        monkeypatch.setattr(at.server.services.pictures, "_free_bytes", lambda _: RESERVE_BYTES)
        response = await upload(at, picture())
        assert error(response) == (503, "little_space")
        assert "for votes" in json.loads(response.body)["error"]["message"]


async def test_only_so_many_uploads_are_in_memory_at_once(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        uploads = at.server.services.uploads
        held = 0
        while uploads.take():
            held += 1
        assert error(await upload(at, picture())) == (429, "too_fast")
        uploads.give_back()
        for _ in range(2):
            assert (await upload(at, picture())).code == 201
        assert error(await upload(at, b"%PDF-1.7")) == (400, "bad_picture")
        path = f"/api/rooms/{at.code}/pictures"
        headers = {"Authorization": f"Bearer {at.host_token}"}
        assert (await at.fetch(path, method="PUT", body=b"x", headers=headers)).code == 405
        assert uploads.take(), "whatever became of it, the place is free again"
        assert not uploads.take()


async def test_an_upload_that_is_given_up_gives_its_place_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with venue(tmp_path) as at:
        uploads = at.server.services.uploads
        while uploads.take():
            pass
        head = (
            f"POST /api/rooms/{at.code}/pictures HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
            f"Authorization: Bearer {at.host_token}\r\n\r\n"
        )
        closed: list[object] = []
        close = RoomPictures.on_connection_close

        def noted(handler: RoomPictures) -> None:
            close(handler)
            closed.append(handler)

        monkeypatch.setattr(RoomPictures, "on_connection_close", noted)
        # In the middle of the body, and while the picture is being made.
        for body in (b"half", b"all of it"):
            keeping, answered = asyncio.Event(), asyncio.Event()

            async def keep(_: bytes, begun: asyncio.Event = keeping, end: asyncio.Event = answered) -> None:
                begun.set()
                await end.wait()
                raise PictureError("no")

            monkeypatch.setattr(at.server.services.pictures, "keep", keep)
            uploads.give_back()
            _, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
            writer.write(head.encode() + body)
            await eventually(lambda: _is_taken(uploads))
            if len(body) == 9:
                await keeping.wait()
            writer.close()
            await writer.wait_closed()
            await eventually(lambda: bool(closed))
            closed.clear()
            if len(body) == 9:
                assert _is_taken(uploads), "it is in memory still"
                answered.set()
            await eventually(lambda: uploads.take())
            assert not uploads.take()


async def test_an_upload_that_is_cut_off_gives_its_place_back(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        uploads = at.server.services.uploads
        while uploads.take():
            pass
        uploads.give_back()
        for length in ("Content-Length: 30000000", "Transfer-Encoding: chunked"):
            reader, writer = await asyncio.open_connection("127.0.0.1", at.server.port)
            head = f"POST /api/rooms/{at.code}/pictures HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n"
            writer.write(f"{head}Authorization: Bearer {at.host_token}\r\n\r\nno chunk\r\n".encode())
            assert not (await reader.read()).startswith(b"HTTP/1.1 2")
            writer.close()
            await writer.wait_closed()
            await eventually(lambda: not _is_taken(uploads))


def _is_taken(places: Places) -> bool:
    if places.take():
        places.give_back()
        return False
    return True


@pytest.mark.parametrize("name", ["0" * 64, "0" * 63, "A" * 64, "../livevote"])
async def test_there_is_nothing_else_below_pictures(tmp_path: Path, name: str) -> None:
    async with venue(tmp_path) as at:
        assert (await at.fetch(f"/pictures/{name}.webp")).code == 404


async def test_a_deleted_room_takes_the_pictures_along_that_no_other_room_shows(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        own, shared = [json.loads((await upload(at, picture(size))).body)["picture"] for size in (40, 50)]
        asked: dict[str, Any] = {"kind": "image", "text": "Which?", "options": ["a", "b"]}
        await at.command("add_question", **asked, rules={"pictures": [own, shared]})
        operator = at.server.services.operator_key
        other = json.loads((await at.post("/api/rooms", {"title": "Other"}, key=operator)).body)
        command = {"type": "add_question", **asked, "rules": {"pictures": [shared, shared]}}
        path = f"/api/rooms/{other['code']}/commands"
        assert (await at.post(path, command, key=other["host_token"])).code == 200
        assert (await at.post(f"/api/rooms/{at.code}/delete", {"code": at.code}, key=at.host_token)).code == 200
        await eventually(lambda: not at.server.registry.erasing)
        assert (await at.fetch(f"/pictures/{own}.webp")).code == 404
        assert (await at.fetch(f"/pictures/{shared}.webp")).code == 200
