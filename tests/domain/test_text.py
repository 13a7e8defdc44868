"""What becomes of the texts that people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.text import clean, is_one_spelling, plain


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Tea", "Tea"),
        ("", ""),
        ("  Tea \u00a0 or\u3000coffee? ", "Tea or coffee?"),
        ("Tea\r\nor\tcoffee\u2028or\u2029water", "Tea or coffee or water"),
        ("Tea\vor\fcoffee\x85or\x1fwater", "Tea or coffee or water"),
        ("\u200d", ""),
        ("a\u200d \u200c", "a"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("a\x00b\x07c\x7fd", "abcd"),
        ("a\ud800b\udfffc", "abc"),
        ("a\ue000b\U0010ffffc\u0378d", "abcd"),
        ("e\u200b\u0301", "\u00e9"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
    ],
)
def test_texts_are_one_visible_line(typed: str, kept: str) -> None:
    assert clean(typed) == kept


any_text = st.text(st.characters()) | st.text("a \u0301\u200b\u200d\u202e\n\u2028\ud800\u1100\u1161")


@given(any_text)
def test_a_cleaned_text_stays_as_it_is(typed: str) -> None:
    assert clean(clean(typed)) == clean(typed)


@given(any_text)
def test_a_cleaned_text_can_be_hashed_and_shown(typed: str) -> None:
    kept = clean(typed)
    kept.encode()
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == " ".join(kept.split())
    assert all(char in "\u200c\u200d" or unicodedata.category(char)[0] != "C" for char in kept)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("Caf\u00e9 \u65e5\u672c", "Caf\u00e9 \u65e5\u672c"),
        ("a\x1b[8m\nb\x07", "a\\x1b[8m\\x0ab\\x07"),
        ("a\x9b\u00ff\u202eb\U000e0001", "a\\x9b\u00ff\\u{202e}b\\u{e0001}"),
        ("a\udc80", "a\\u{dc80}"),
        ("\U0001f469\u200d\U0001f680\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f680\u0645\u06cc\u200c\u062e"),
    ],
)
def test_a_text_that_was_never_cleaned_writes_one_line_to_a_terminal(found: str, shown: str) -> None:
    assert plain(found) == shown


@given(any_text)
def test_a_cleaned_text_is_plain(typed: str) -> None:
    assert plain(clean(typed)) == clean(typed)


@given(any_text)
def test_a_cleaned_text_has_one_spelling(typed: str) -> None:
    assert is_one_spelling(clean(typed))


@pytest.mark.parametrize("text", ["e\u0301", "\u212b", "a\u0301\u0323"])
def test_a_text_that_looks_like_another_has_not(text: str) -> None:
    assert not is_one_spelling(text)
