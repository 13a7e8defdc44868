"""The catalogs: every text that a page says, in every language, with the same places and all forms, and no other."""

import html
import json
import re
import unicodedata
from pathlib import Path
from unittest.mock import patch

import pytest

from livevote.failures import SetupError
from livevote.protocol.codes import CLOSE, CLOSES, REJECTED, UNKNOWN, Unsure
from livevote.web import catalogs
from livevote.web.assets import Pages
from livevote.web.languages import LANGUAGES
from livevote.web.picture_handlers import NO_SPACE
from tests.process import CHECKOUT

CATALOGS = catalogs.load()
ENGLISH = CATALOGS["en"]
SOURCES = {
    path.name: path.read_text()
    for path in (CHECKOUT / "client.html", *(CHECKOUT / "livevote" / "web" / "pages").iterdir())
}
FILES = {"results.csv", "results.html", "results.json"}
"""What pages say that looks like a key."""
SECTIONS = {key.partition(".")[0] for key in ENGLISH}

PLURALS = {
    "en": {"one", "other"},
    "id": {"other"},
    "es": {"one", "many", "other"},
    "de": {"one", "other"},
    "fr": {"one", "many", "other"},
    "pt": {"one", "many", "other"},
    "ja": {"other"},
    "ar": {"zero", "one", "two", "few", "many", "other"},
}
"""The forms of each language (CLDR, cardinals). A browser test compares them with ``Intl``."""

SCRIPTS = {"ar": r"[\u0600-\u06ff]", "ja": r"[\u3040-\u30ff\u4e00-\u9fff]"}

OTHERS = pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def forms(catalog: catalogs.Catalog) -> dict[str, set[str]]:
    """The texts that depend on a number, with the forms that they have."""
    found: dict[str, set[str]] = {}
    for key in catalog:
        if catalogs.stem(key) != key:
            found.setdefault(catalogs.stem(key), set()).add(key.rpartition(".")[2])
    return found


def test_every_text_is_said_somewhere_and_what_is_said_is_there() -> None:
    said: set[str] = set()
    for name, source in SOURCES.items():
        said |= {*catalogs.filled_keys(source), *catalogs.said_keys(source, ENGLISH)}
        families = re.findall(rf'"((?:{"|".join(SECTIONS)})\.[a-z_.]*)"', source)
        for family in families:
            if family in FILES:
                continue
            known = any(family in (key, catalogs.stem(key)) for key in ENGLISH)
            begun = family.endswith(".") and any(key.startswith(family) for key in ENGLISH)
            assert known or begun, f"{name} says {family}"
    assert said == set(ENGLISH)


@OTHERS
def test_a_language_has_the_texts_of_english_in_their_order(code: str) -> None:
    assert list(dict.fromkeys(map(catalogs.stem, CATALOGS[code]))) == list(dict.fromkeys(map(catalogs.stem, ENGLISH)))


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_text_that_counts_has_all_forms_of_its_language(code: str) -> None:
    assert forms(CATALOGS[code]) == dict.fromkeys(forms(ENGLISH), PLURALS[code])


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_text_has_the_places_of_the_english_one(code: str) -> None:
    for key, text in CATALOGS[code].items():
        wanted = places(ENGLISH.get(key) or ENGLISH[f"{catalogs.stem(key)}.other"])
        if key.endswith((".zero", ".one", ".two")):
            # The word may be the number: "one", or a dual.
            assert wanted - {"n"} <= places(text) <= wanted, key
        else:
            assert places(text) == wanted, key


@OTHERS
def test_a_text_is_in_its_language(code: str) -> None:
    for key, text in CATALOGS[code].items():
        english = ENGLISH.get(key, "")
        assert text != english or len(text) < 12, f"{key} was not translated"
        if len(english) > 12:
            assert re.search(SCRIPTS.get(code, r"[a-z]"), text), key


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_text_is_clean(code: str) -> None:
    for key, text in CATALOGS[code].items():
        assert unicodedata.is_normalized("NFC", text), key
        assert all(letter.isprintable() or letter == "\u00a0" for letter in text), key
        assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", text), "direction is the page's business"
        if key not in ("client.comma", "client.gap"):
            assert text, key
            assert text == text.strip(), key
            assert "  " not in text, key
        assert "{" not in re.sub(r"\{\w+\}", "", text), key


def test_codes_are_said_as_the_server_says_them() -> None:
    reasons: dict[str, str] = {str(code): text for table in (REJECTED, UNKNOWN) for code, text in table.items()}
    server = {f"code.{code}": text for code, text in reasons.items()}
    server |= {f"close.{close.name}": close.text for close in CLOSES}
    said = {key: text for key, text in ENGLISH.items() if key.startswith(("code.", "close."))}
    assert said == {key: server[key] for key in said}
    # Every reason to try again, and every close, can meet a voter.
    assert {f"code.{code}" for code in UNKNOWN} | {f"close.{close.name}" for close in CLOSES} <= set(said)


def test_the_host_is_told_of_refusals_as_the_server_tells_them() -> None:
    server: dict[str, str] = {str(code): text for code, text in REJECTED.items()}
    server |= {str(code): text.replace("The vote will be sent again.", "Try again.") for code, text in UNKNOWN.items()}
    server |= {
        Unsure.BUSY: "The server has more to do than it takes at once. Try again.",
        Unsure.TOO_FAST: "Too much at once. Try again in a minute.",
        "own_link_only": "Only the host's own link adds and revokes co-hosts.",
        "no_such_room": CLOSE["no_such_room"].text,
        **NO_SPACE,
    }
    said = {key: text for key, text in ENGLISH.items() if key.startswith("host.refused.")}
    assert said == {key: server[key.removeprefix("host.refused.")] for key in said}
    # What is special about a case stands behind the first colon.
    assert not [text for text in server.values() if ": " in text]


SOURCE = """<html lang="{{lang}}" dir="{{dir}}">
<!-- told to nobody -->
  <p title="{{a.quoted}}">{{a.plain}}</p>
{{languages}}
<script type="application/json">{{words}}</script>
<script>
// told to nobody
/* ---- told to nobody ---- */
  say("a.said"); say("a.count"); say("b." + name); // told

  address("https://example.org"); say("c.other");
</script>
"""
TEXTS = {
    "a.plain": "<1 & 2>",
    "a.quoted": 'a "word"',
    "a.said": "</script><b>",
    "a.count.one": "{n} one",
    "a.count.other": "{n}",
    "b.one_more": "family",
    "c.unsaid": "not sent",
}


def test_a_page_is_built_with_what_it_says() -> None:
    built = catalogs.build(catalogs.pack(SOURCE), LANGUAGES["ar"], TEXTS)
    lines = built.splitlines()
    assert lines[:2] == ['<html lang="ar" dir="rtl">', '<p title="a &quot;word&quot;">&lt;1 &amp; 2&gt;</p>']
    assert "told to nobody" not in built
    assert 'say("b." + name); // told\naddress("https://example.org");' in built, "only whole lines are comments"
    words = re.search('<script type="application/json">(.*?)</script>', built)
    assert words is not None
    assert json.loads(words[1]) == {key: TEXTS[key] for key in ("a.said", "a.count.one", "a.count.other", "b.one_more")}
    buttons = re.findall(r'<button type="button" class="quiet" lang="(\w+)" data-language="(\w+)"(.*?)>(.*?)<', built)
    assert [button[0] for button in buttons] == [button[1] for button in buttons] == list(LANGUAGES)
    assert [button[0] for button in buttons if button[2]] == ["ar"]
    assert [html.unescape(button[3]) for button in buttons] == [language.name for language in LANGUAGES.values()]


def test_a_text_that_is_missing_stops_the_start() -> None:
    with pytest.raises(SetupError, match=r"'a\.quoted', and words/de\.json does not have it"):
        catalogs.build(SOURCE, LANGUAGES["de"], {})


def test_a_catalog_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    with patch.object(catalogs, "_WORDS", tmp_path), pytest.raises(SetupError, match=r"words/en\.json cannot be read"):
        catalogs.load()


def test_a_source_that_names_no_language_is_one_page_for_all() -> None:
    pages = Pages('<html lang="en">', CATALOGS)
    assert {pages.find(code) for code in LANGUAGES} == {pages.find("ar")}
    assert pages.find("ar").language == "en"
    assert (
        len({pages_.find(code).etag for code in LANGUAGES for pages_ in [Pages(SOURCES["client.html"], CATALOGS)]}) == 8
    )
