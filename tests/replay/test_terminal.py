"""The replay on a terminal: what it prints, which times it reads, and that it plays to the end."""

import io
import time
from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest
from rich.console import Console

from livevote.clock import ManualClock
from livevote.domain.commands import (
    AcceptRecovery,
    AskAgain,
    CloseVoting,
    EraseAnswer,
    OpenVoting,
    RevealResults,
    SetTimer,
)
from livevote.replay import terminal
from livevote.replay.document import Replay
from livevote.replay.playhead import Playhead
from tests.history import AT, cast, created, drafted, opened
from tests.replay.test_document import document

HOSTILE: dict[str, dict[str, object]] = {
    "RoomCreated": {"title": "Hi\x1b]0;room\x07"},
    "QuestionDefined": {"text": "Well\x1b[8m?", "options": ("Tea\x1b[2J", "Coffee", "Water")},
}


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests know the time zone: AT is 16:13:20 on 21 September 2026 there."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def screen(*, is_terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=72, color_system=None, legacy_windows=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def evening() -> Replay:
    history = opened(options=("Tea [red]", "Coffee", "Water"))
    history.did(cast("ada", 0), cast("bob", 0), cast("eve", 1), CloseVoting("q1"), RevealResults("q1"), EraseAnswer(5))
    return document(history.did(AskAgain("q1"), AcceptRecovery("x", 1, 2, "00")).entries)


def test_what_is_no_count_is_told_when_the_round_is_over() -> None:
    history = opened(kind="text", options=(), rules=b'{"approval":false}')
    history.did(*(cast(f"v{number}", raw=b'{"text":"text %03d"}' % number) for number in range(102)))
    replay = document(history.did(CloseVoting("q1")).entries)
    assert terminal.text(replay, Playhead(replay).to_index(105)).endswith("(round 1, open, hidden, 102 voted)")
    lines = terminal.text(replay, Playhead(replay).to_index(106)).splitlines()[2:]
    assert lines[:2] == ["What to drink? (round 1, closed, hidden, 102 voted)", "        1         text 000"]
    assert lines[-2:] == ["        1         text 099", "           and 2 more"]


def test_points_have_no_share_and_figures_follow() -> None:
    history = opened(kind="ranking")
    replay = document(history.did(cast("ada", raw=b'{"order":[2,1,0]}'), CloseVoting("q1")).entries)
    moment = Playhead(replay).to_index(5)
    assert terminal.text(replay, moment).splitlines()[2:] == [
        "What to drink? (round 1, closed, hidden, 1 voted)",
        "        0         Tea",
        "        1         Coffee",
        "        2         Water",
        "most points: Water",
        "winner of the run-off: Water",
        "run-off, round 1: Tea 0; Coffee 0; Water 1",
    ]
    console = screen()
    terminal.say(replay, moment, console)
    assert "most points: Water" in printed(console)
    assert "%" not in printed(console)


def test_a_moment_as_text() -> None:
    replay = evening()
    assert terminal.text(replay, Playhead(replay).to_index(8)) == (
        "Room 7KQ2MD  Welcome\n"
        "2026-09-21 16:13:20 CEST  record 8 of 11\n"
        "What to drink? (round 1, closed, revealed, 2 voted)\n"
        "        1   50 %  Tea [red]\n"
        "        1   50 %  Coffee\n"
        "        0    0 %  Water"
    )
    assert terminal.text(replay, Playhead(replay).to_index(1)) == "Room 7KQ2MD  Welcome\nNothing had been asked yet."


@pytest.mark.parametrize("is_terminal", [True, False])
def test_texts_of_an_imported_room_write_nothing_else_to_the_terminal(is_terminal: bool) -> None:
    history = opened()
    history.did(cast("ada", 0), CloseVoting("q1"))
    entries = [
        msgspec.structs.replace(entry, record=msgspec.structs.replace(entry.record, **hostile))
        if (hostile := HOSTILE.get(type(entry.record).__name__))
        else entry
        for entry in history.entries
    ]
    replay = document(entries)
    console = screen(is_terminal=is_terminal)
    terminal.say(replay, Playhead(replay).to_index(5), console)
    terminal.tell(replay, console)
    shown = printed(console)
    for text in ("Room 7KQ2MD  Hi\\x1b]0;room\\x07", "Well\\x1b[8m? (round 1", "Tea\\x1b[2J", "opened: Well\\x1b[8m?"):
        assert text in shown
    assert not any(text in shown for text in ("\x1b]", "\x1b[8m", "\x1b[2J", "\x07"))


def test_times_that_no_calendar_has_are_numbers() -> None:
    replay = evening()
    late = msgspec.structs.replace(
        replay, marks=tuple(msgspec.structs.replace(mark, at=10**18) for mark in replay.marks)
    )
    console = screen(is_terminal=False)
    terminal.tell(late, console)
    assert f"{10**18} ms" in printed(console)


def test_timers_are_told() -> None:
    history = drafted().did(OpenVoting("q1", seconds=60), SetTimer("q1", 90), SetTimer("q1", None))
    console = screen(is_terminal=False)
    terminal.tell(document(history.entries), console)
    lines = [line for line in printed(console).splitlines() if line.endswith(": What to drink?")]
    assert [line.partition("  ")[2] for line in lines] == [
        "Voting opened, until 16:14:20: What to drink?",
        "Timer set, until 16:14:50: What to drink?",
        "Timer taken off: What to drink?",
    ]


def test_a_moment_has_bars_on_a_terminal_and_none_elsewhere() -> None:
    replay = evening()
    moment = Playhead(replay).to_index(6)
    console, file = screen(), screen(is_terminal=False)
    terminal.say(replay, moment, console)
    terminal.say(replay, moment, file)
    assert "\u2588" in printed(console)
    assert "Tea [red]" in printed(console), "what people type is no markup"
    assert printed(file) == terminal.text(replay, moment) + "\n"
    terminal.say(replay, Playhead(replay).to_index(1), console)
    assert "Nothing had been asked yet." in printed(console)


def test_an_evening_without_a_terminal_is_its_marks() -> None:
    console = screen(is_terminal=False)
    terminal.tell(evening(), console)
    lines = printed(console).splitlines()
    assert [line[10:] for line in lines if line[2:3] == ":"] == [
        "Voting opened: What to drink?",
        "Voting closed: What to drink?",
        "Results revealed: What to drink?",
        "An answer was erased (ballot 5): What to drink?",
        "Asked again: What to drink? (round 2)",
        "The log was recovered",
    ]


def test_it_plays_to_the_end_at_its_speed() -> None:
    clock = ManualClock()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)

    history = opened().did(cast("ada", 1))
    clock_entries = history.entries
    replay = document(clock_entries)
    console = screen()
    terminal.play(replay, console, speed=0.001, clock=clock, sleep=sleep)
    length_s = Playhead(replay).length_ms / 0.001 / 1000
    assert length_s <= sum(slept) < length_s + 0.2
    assert "1 voted" in printed(console)
    assert "Voting opened: What to drink?" in printed(console)
    terminal.play(document(created().entries), console, speed=1, clock=clock, sleep=sleep)
    assert "Nothing had been asked yet." in printed(console)


@pytest.mark.parametrize(
    ("typed", "instant"),
    [
        ("16:13:20", "2026-09-21T16:13:20+02:00"),
        ("16:14", "2026-09-21T16:14:00+02:00"),
        ("00:15:00", "2026-09-22T00:15:00+02:00"),
        ("2026-09-21T18:00", "2026-09-21T18:00:00+02:00"),
        ("2026-09-21 16:00:00+00:00", "2026-09-21T18:00:00+02:00"),
        ("2026-09-21", "2026-09-21T00:00:00+02:00"),
    ],
)
def test_times_that_people_type(typed: str, instant: str) -> None:
    wanted = round(datetime.fromisoformat(instant).timestamp() * 1000)
    assert terminal.instant(typed, begins=AT) == wanted


@pytest.mark.parametrize("typed", ["", "noon", "25:00:00", "16:13:20:00", "2026-13-01"])
def test_what_is_no_time(typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        terminal.instant(typed, begins=AT)
