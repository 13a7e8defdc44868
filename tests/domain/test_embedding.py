"""Which sites may show the wall: what is taken, in which form, and that nothing else gets into a page's policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.commands import SetEmbedding
from livevote.domain.embedding import MAX_ANCESTORS
from livevote.domain.records import EmbeddingSet
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import fits
from tests.history import AT, created

GOOD = [
    "https://slides.example.org",
    "http://localhost:8000",
    "http://192.168.1.7",
    "https://[::1]:8443",
    "https://*.example.org",
    "*",
    "file:",
]
BAD = [
    "",
    "slides.example.org",
    "https://",
    "https://slides.example.org/talk",
    "https://a.org https://b.org",
    "https://a.org;script-src *",
    "https://a.org,",
    "https://a.org\r\nX-Y: z",
    "https://a..org",
    "https://a.org:123456",
    "https://user@a.org",
    "'self'",
    "data:",
    "https:",
    "ftp://a.org",
    "https://*",
    "https://b\u00fccher.example",
    f"https://{'a' * 200}.org",
]


@pytest.mark.parametrize("site", GOOD)
def test_a_site_is_named_by_its_origin(site: str) -> None:
    history = created()
    assert history.room.embedding == ()
    assert history.did(SetEmbedding((site,))).room.embedding == (site,)
    assert history.do(SetEmbedding((site,))) == Refusal(Code.ALREADY_SO)
    assert history.did(SetEmbedding(())).room.embedding == ()


@pytest.mark.parametrize("site", BAD)
def test_what_is_no_origin_is_refused_and_does_not_fold(site: str) -> None:
    history = created()
    refusal = history.decide(SetEmbedding(("https://good.example", site)))
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.BAD_ORIGIN
    assert "site 2" in refusal.detail
    assert not fits(history.state, EmbeddingSet(AT, (site,)))


def test_sites_are_written_as_browsers_write_them_and_once() -> None:
    sites = (" HTTPS://Slides.Example.org/ ", "https://slides.example.org", "*")
    assert created().did(SetEmbedding(sites)).room.embedding == ("https://slides.example.org", "*")


def test_there_is_an_end_to_the_list() -> None:
    sites = tuple(f"https://s{number}.example" for number in range(MAX_ANCESTORS + 1))
    assert created().decide(SetEmbedding(sites)) == Refusal(Code.BAD_ORIGIN, "a room names at most 10 sites")
    assert created().did(SetEmbedding(sites[1:])).room.embedding == sites[1:]


@given(st.lists(st.text() | st.sampled_from([*GOOD, *BAD])))
def test_whatever_is_taken_is_a_list_of_words_without_separators(sites: list[str]) -> None:
    history = created()
    history.do(SetEmbedding(tuple(sites)))
    for each in history.room.embedding:
        assert not set(each) & set(" ;,\r\n\t'\"")
        assert each.isascii()
