"""What a room is called and which language it speaks."""

import pytest

from livevote.domain.about import LANGUAGES, MAX_TITLE_CHARS
from livevote.domain.commands import Command, RenameRoom, SetLanguage
from livevote.domain.refusals import Code, Refusal
from tests.history import created


def test_a_room_is_renamed_with_a_cleaned_title() -> None:
    assert created().did(RenameRoom("  Works \u202ecouncil ")).room.title == "Works council"


def test_a_room_speaks_every_language_of_the_pages_and_again_that_of_the_browser() -> None:
    history = created()
    assert history.room.language == ""
    for language in (*LANGUAGES, ""):
        assert history.did(SetLanguage(language)).room.language == language


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (RenameRoom("Welcome "), Code.ALREADY_SO),
        (RenameRoom(""), Code.BAD_TITLE),
        (RenameRoom("x" * (MAX_TITLE_CHARS + 1)), Code.BAD_TITLE),
        (SetLanguage(""), Code.ALREADY_SO),
        (SetLanguage("EN"), Code.UNKNOWN_LANGUAGE),
    ],
)
def test_what_is_refused(command: Command, code: Code) -> None:
    decision = created().decide(command)
    assert isinstance(decision, Refusal)
    assert decision.code == code
