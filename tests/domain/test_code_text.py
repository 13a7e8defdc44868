"""How one-time codes are written: what people type, what is a code, and which typing errors are seen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.code_text import ALPHABET, check_character, shown, spelled

secrets = st.text(ALPHABET, min_size=10, max_size=10).filter(lambda secret: check_character(secret) is not None)
codes = secrets.map(lambda secret: f"{secret}{check_character(secret)}")


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("0000000000", 0),
        ("000000000Z", 31),
        ("0000000010", 32),
        ("0000000014", 36),
        ("0000000015", 0),
        ("ZZZZZZZZZZ", 29),
    ],
)
def test_the_check_character_is_the_number_modulo_37(secret: str, value: int) -> None:
    number = int("".join(f"{ALPHABET.index(char):05b}" for char in secret), 2)
    assert number % 37 == value
    assert check_character(secret) == (ALPHABET[value] if value < 32 else None)


@given(codes)
def test_a_code_is_read_as_it_is_shown_and_as_people_type_it(code: str) -> None:
    assert spelled(code) == code
    assert re.fullmatch("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}", shown(code))
    assert spelled(shown(code)) == code
    assert spelled(f" {shown(code).lower().replace('-', ' ')}\n") == code
    assert spelled(code.replace("0", "o").replace("1", "l")) == code
    assert spelled(code.replace("0", "O").replace("1", "i")) == code


@given(codes, st.integers(0, 10), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_seen(code: str, place: int, char: str) -> None:
    typed = code[:place] + char + code[place + 1 :]
    assert spelled(typed) == (code if typed == code else None)


@given(codes, st.integers(0, 9))
def test_two_neighbours_that_changed_places_are_seen(code: str, place: int) -> None:
    typed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert spelled(typed) == (code if typed == code else None)


@pytest.mark.parametrize(
    "typed", ["", "0", "0" * 10, "0" * 12, "U0000000000", "0000000000*", "\u0660" * 11, "0" * 5000]
)
def test_what_is_no_code(typed: str) -> None:
    assert spelled(typed) is None


def test_a_secret_whose_check_is_no_letter_makes_no_code() -> None:
    assert all(spelled(f"0000000010{char}") is None for char in ALPHABET)
