"""The test of phones on a server that really listens: its page, and the verdicts that hosts are told."""

import json
import re
from pathlib import Path

from livevote.live.room import LiveRoom
from livevote.protocol.codes import CLOSES
from livevote.web import catalogs
from livevote.web.languages import LANGUAGES
from tests.client import Message, Page, Venue, venue


def verdict(*, ok: bool, delay_ms: int = 40, offset_ms: int = -3) -> Message:
    return {"type": "check", "ok": ok, "delay_ms": delay_ms, "offset_ms": offset_ms}


def live(at: Venue) -> LiveRoom:
    room = at.server.registry.get(at.code)
    assert room is not None
    return room


async def settled(page: Page) -> None:
    """The server has read all that was sent before: it answers in order."""
    assert (await page.vote("none", 0, question="none"))["code"] == "unknown_question"


def counted(at: Venue) -> tuple[int, int]:
    checks = live(at).vitals.checks
    return checks.ok, checks.failed


async def test_the_page_comes_with_a_session_in_the_language_of_the_browser(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for code in LANGUAGES:
            found = await at.fetch(f"/check/{at.code.lower()}?seconds=10", headers={"Accept-Language": code})
            assert (found.code, found.headers["Content-Language"]) == (200, code)
            assert found.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self' 'sha256-")
            cookie = found.headers["Set-Cookie"].split(";")[0]
            headers = {"Accept-Language": code, "Cookie": cookie, "If-None-Match": found.headers["Etag"]}
            assert (await at.fetch(f"/check/{at.code}", headers=headers)).code == 304
            headers["If-None-Match"] = '"another"'
            again = await at.fetch(f"/check/{at.code}", headers=headers)
            assert (again.code, again.headers.get_list("Set-Cookie")) == (200, [])
        missing = await at.fetch("/check/XXXXXX")
        assert (missing.code, missing.headers.get_list("Set-Cookie")) == (404, [])


async def test_hosts_are_told_verdicts_and_the_log_is_not(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        head = live(at).state.head
        host, cookie = await at.open_host(), await at.cookie()
        first = await at.open(cookie)
        await first.send(verdict(ok=False))
        await settled(first)
        assert counted(at) == (0, 1)
        second, other = await at.open(cookie), await at.open()
        await second.send(verdict(ok=True, delay_ms=50))
        await other.send(verdict(ok=True))
        for page in (second, other):
            await settled(page)
        # What the server does every second.
        live(at).show_health()
        told = await host.until(lambda told: told["health"]["checks"]["ok"] == 2)
        assert told["health"]["checks"] == {"ok": 2, "failed": 0, "delay_ms": 45, "offset_ms": -3}
        assert live(at).state.head == head


async def test_only_voters_have_a_verdict(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for page in (await at.open_host(), await at.open(role="wall")):
            await page.send(verdict(ok=True))
            refused = await page.until_type("rejected")
            assert (refused["id"], refused["code"]) == (None, "not_a_voter")
        assert counted(at) == (0, 0)


async def test_verdicts_beyond_the_rate_of_a_socket_count_nothing(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=2, vote_rate=0.0) as at:
        page = await at.open()
        for ok in (True, True, False):
            await page.send(verdict(ok=ok))
        assert (await page.vote("v1", 0))["code"] == "too_fast"
        assert counted(at) == (1, 0)


def test_the_page_knows_after_which_closes_no_phone_comes_back() -> None:
    page = (Path(catalogs.__file__).parent / "pages" / "check.html").read_text()
    found = re.search(r"/\* final-codes \*/(.*?)/\* end final-codes \*/", page, flags=re.DOTALL)
    assert found is not None
    assert json.loads(found[1]) == {str(close.code): close.name for close in CLOSES if not close.retry}
