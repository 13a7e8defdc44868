"""Cookies: one browser is one voter, whatever order its pages arrive in and whatever the clocks say."""

from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from tornado.web import create_signed_value

from livevote.web.session import _MAX_STRANGERS
from tests.client import Venue, venue

YEAR_S = 365 * 24 * 60 * 60


async def test_of_several_sessions_the_first_that_the_browser_got_is_the_voter(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(changeable=False)
        # Two pages on a first visit: neither request had a cookie, and both answers bring one.
        first, second = await at.cookie(), await at.cookie()
        assert first.split("=")[0] != second.split("=")[0], "the later would replace the earlier"
        early = await at.open(first)
        late = await at.open(f"other=1; {first}; {second}")
        assert (await early.vote("v1", 0))["type"] == "recorded"
        assert (await late.vote("v2", 1))["code"] == "already_voted"
        again = await at.fetch(f"/{at.code}", headers={"Cookie": f"{first}; {second}"})
        assert "Set-Cookie" not in again.headers


async def test_a_cookie_that_is_not_ours_does_not_hide_one_that_is(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(changeable=False)
        own = await at.cookie()
        alone, beside = await at.open(own), await at.open(f"livevote.zzzzzzzz=forged; {own}")
        assert (await alone.vote("v1", 0))["type"] == "recorded"
        assert (await beside.vote("v2", 1))["code"] == "already_voted"


async def test_cookies_of_other_data_directories_do_not_pile_up(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        strangers = [f"livevote.other{number:03}" for number in range(_MAX_STRANGERS + 2)]
        cookies = "; ".join(f"{name}=forged" for name in strangers)
        response = await at.fetch(f"/{at.code}", headers={"Cookie": cookies})
        set_: SimpleCookie = SimpleCookie()
        for header in response.headers.get_list("Set-Cookie"):
            set_.load(header)
        assert [name for name, morsel in set_.items() if morsel.value == ""] == strangers[:2]
        assert len(set_) == 3, "and one of its own"


async def signed_at(at: Venue, instant: float) -> str:
    """The cookie that this server would have set at that instant."""
    name = "livevote.12345678"
    secret = at.server.services.keyring.cookie_secret
    return f"{name}={create_signed_value(secret, name, 'a-session', clock=lambda: instant).decode()}"


@pytest.mark.parametrize("instant", [0.0, 100 * YEAR_S])
async def test_a_voter_of_a_server_with_a_wrong_clock_stays_one_when_it_is_right(
    tmp_path: Path, instant: float
) -> None:
    async with venue(tmp_path) as at:
        await at.ask(changeable=False)
        cookie = await signed_at(at, instant)
        response = await at.fetch(f"/{at.code}", headers={"Cookie": cookie})
        assert "Set-Cookie" not in response.headers
        page = await at.open(cookie)
        assert (await page.vote("v1", 0))["type"] == "recorded"
        assert (await page.vote("v2", 0))["code"] == "already_voted"


async def test_browsers_are_told_an_age_and_not_a_date(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        cookie = (await at.fetch(f"/{at.code}")).headers["Set-Cookie"]
        assert f"Max-Age={400 * 24 * 60 * 60}" in cookie
        assert "expires" not in cookie.lower()
