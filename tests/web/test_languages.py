"""Which language a browser gets, and that everybody gets it alike."""

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import about
from livevote.domain.commands import SetLanguage
from livevote.live.room import LiveRoom
from livevote.web.languages import COOKIE, LANGUAGES, choose, language_of
from tests.history import created


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, de;q=0.9, en;q=0.8", "de"),
        ("zh-Hant-TW,zh;q=0.9,ja;q=0.5", "ja"),
        ("en;q=0.5, fr;q=0.7", "fr"),
        ("en;q=0.5 , fr ; q=0.7", "fr"),
        ("PT-br", "pt"),
        ("in-ID", "id"),
        ("de;q=0, es;q=0.1", "es"),
        ("de;q=0.000", "en"),
        ("*", "en"),
        ("*;q=0.5, ar;q=0.1", "ar"),
        ("nl, sv", "en"),
        ("de;q=2, es", "es"),
        ("de;level=1, es;q=0.1", "es"),
        ("fr, de", "fr"),
        (f"{'x' * 300}, de", "en"),
    ],
)
def test_the_best_of_what_a_browser_asks_for(accepted: str, wanted: str) -> None:
    assert choose(cookies="", accepted=accepted) == wanted


@pytest.mark.parametrize(
    ("cookies", "room", "wanted"),
    [
        ("", "", "ar"),
        ("", "ja", "ja"),
        (f"{COOKIE}=de", "ja", "de"),
        (f'theme=dark; {COOKIE}="de"; livevote.a=b', "ja", "de"),
        (f"theme=dark;{COOKIE}=de ", "", "de"),
        (f"{COOKIE}=nl", "ja", "ja"),
        (f"{COOKIE}=", "", "ar"),
        (f"{COOKIE}=de-AT", "", "ar"),
        (f"x{COOKIE}=de", "", "ar"),
        (f"{COOKIE}x=de", "", "ar"),
        ("", "nl", "ar"),
    ],
)
def test_a_choice_goes_before_the_room_and_that_before_the_browser(cookies: str, room: str, wanted: str) -> None:
    assert choose(cookies=cookies, accepted="ar", room=room) == wanted


@given(cookies=st.text(), accepted=st.text(), room=st.text())
def test_whatever_is_sent_there_is_a_language(cookies: str, accepted: str, room: str) -> None:
    assert choose(cookies=cookies, accepted=accepted, room=room) in LANGUAGES


def test_a_room_has_the_language_that_its_host_has_set() -> None:
    history = created()
    room = cast(LiveRoom, SimpleNamespace(state=history.room))
    assert language_of(room) == ""
    history.did(SetLanguage("de"))
    assert language_of(room) == "de"
    assert language_of(None) == ""


def test_a_host_may_choose_every_language_of_the_pages_and_no_other() -> None:
    assert set(about.LANGUAGES) == set(LANGUAGES)
