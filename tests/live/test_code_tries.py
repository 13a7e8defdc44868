"""How many wrong codes may be tried: people are hardly ever told to wait, whoever guesses is."""

import pytest

from livevote.clock import ManualClock
from livevote.live import code_tries
from livevote.live.code_tries import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    ROOM_TRIES,
    ROOM_TRIES_PER_S,
    SESSION_TRIES,
    CodeTries,
)


def test_a_browser_that_guesses_waits_twice_as_long_each_time() -> None:
    clock = ManualClock()
    tries = CodeTries(clock)
    assert [tries.begin("ROOM22", "ann") for _ in range(SESSION_TRIES)] == [0] * SESSION_TRIES
    waits = []
    for _ in range(8):
        wait_s = tries.begin("ROOM22", "ann")
        waits.append(wait_s)
        clock.advance(wait_s - 0.5)
        assert tries.begin("ROOM22", "ann") == 1
        clock.advance(0.5)
        assert tries.begin("ROOM22", "ann") == 0
    assert waits == [FIRST_PAUSE_S * 2**number for number in range(5)] + [LONGEST_PAUSE_S] * 3


def test_others_do_not_wait_for_a_browser_that_guesses_and_other_rooms_do_not_either() -> None:
    tries = CodeTries(ManualClock())
    for _ in range(SESSION_TRIES):
        tries.begin("ROOM22", "ann")
    assert tries.begin("ROOM22", "ann") > 0
    assert tries.begin("ROOM22", "bob") == 0
    assert tries.begin("ROOM33", "ann") == 0


def test_a_right_code_wipes_out_the_wrong_ones() -> None:
    tries = CodeTries(ManualClock())
    for _ in range(3):
        for _ in range(SESSION_TRIES):
            assert tries.begin("ROOM22", "ann") == 0
        tries.was_right("ROOM22", "ann")


def test_the_own_code_once_more_neither_counts_nor_excuses_guesses() -> None:
    clock = ManualClock()
    tries = CodeTries(clock)
    for _ in range(3 * SESSION_TRIES):
        assert tries.begin("ROOM22", "ann") == 0
        tries.was_known("ROOM22", "ann")
    for _ in range(SESSION_TRIES):
        assert tries.begin("ROOM22", "ann") == 0
        tries.was_known("ROOM22", "ann")
        assert tries.begin("ROOM22", "ann") == 0  # and this was a guess
    assert tries.begin("ROOM22", "ann") == FIRST_PAUSE_S
    assert tries.begin("ROOM22", "bob") == 0


def test_a_session_that_was_forgotten_can_still_be_told_that_it_knew_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_tries, "_SESSIONS", 1)
    tries = CodeTries(ManualClock())
    assert tries.begin("ROOM22", "ann") == 0
    assert tries.begin("ROOM22", "bob") == 0
    tries.was_known("ROOM22", "ann")
    assert tries._rooms["ROOM22"].wrong == 1


def test_a_try_that_nobody_could_judge_counts_for_the_room_alone() -> None:
    tries = CodeTries(ManualClock())
    for _ in range(ROOM_TRIES):
        assert tries.begin("ROOM22", "ann") == 0
        tries.was_not_looked_at("ROOM22", "ann")
    assert tries.begin("ROOM22", "bob") == 1


def test_a_thousand_right_codes_at_once_are_no_guesses() -> None:
    tries = CodeTries(ManualClock())
    for number in range(5 * ROOM_TRIES):
        assert tries.begin("ROOM22", f"browser{number}") == 0
        tries.was_right("ROOM22", f"browser{number}")


def test_a_room_bounds_the_guesses_of_ever_new_browsers() -> None:
    clock = ManualClock()
    tries = CodeTries(clock)
    assert [tries.begin("ROOM22", f"{number}") for number in range(ROOM_TRIES)] == [0] * ROOM_TRIES
    assert tries.begin("ROOM22", "new") == 1
    assert tries.begin("ROOM33", "new") == 0
    clock.advance(10)
    passed = sum(tries.begin("ROOM22", f"later{number}") == 0 for number in range(1000))
    assert passed == 10 * ROOM_TRIES_PER_S
    clock.advance(24 * 60 * 60)
    assert sum(tries.begin("ROOM22", f"last{number}") == 0 for number in range(2 * ROOM_TRIES)) == ROOM_TRIES


def test_what_is_remembered_is_bounded() -> None:
    tries = CodeTries(ManualClock())
    for number in range(code_tries._SESSIONS + 10):
        tries.begin(f"ROOM{number % 30}", f"{number}")
    assert len(tries._sessions) == code_tries._SESSIONS
    assert ("ROOM0", "0") not in tries._sessions
