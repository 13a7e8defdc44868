"""Rounds of voting: opening, closing, revealing, hiding, asking again, and their planned ends.

A planned end ends nothing: who watches the clock sends a command like everybody else, and the log's order decides.
"""

from livevote.domain.commands import (
    AskAgain,
    CloseVoting,
    HideResults,
    OnQuestion,
    OpenVoting,
    RevealResults,
    SetTimer,
)
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import (
    Entry,
    Record,
    ResultsHidden,
    ResultsRevealed,
    TimerSet,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Question, Room, Round

MIN_TIMER_S = 5
MAX_TIMER_S = 86_400
"""Nobody reads a question in less, and nobody plans a round of more than a day to the second."""


def _planned(seconds: int | None, at: int) -> int | Refusal | None:
    """The planned end of a round that has so many seconds left at the instant ``at``."""
    if seconds is None:
        return None
    if not MIN_TIMER_S <= seconds <= MAX_TIMER_S:
        return Refusal(Code.BAD_TIMER, f"it takes {MIN_TIMER_S} to {MAX_TIMER_S} seconds")
    return at + 1000 * seconds


def _next_round(room: Room, command: OpenVoting | AskAgain, at: int) -> Record | Refusal:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    if isinstance(command, OpenVoting) and question.rounds:
        return Refusal(Code.ALREADY_OPENED)
    if isinstance(command, AskAgain) and not question.rounds:
        return Refusal(Code.NOT_OPEN)
    if question.phase == "open":
        return Refusal(Code.STILL_OPEN)
    if question.level == "code" and not room.code_lists:
        return Refusal(Code.CODES_MISSING)
    if room.current is not None and room.current.phase == "open":
        return Refusal(Code.ANOTHER_OPEN, f"close '{room.current.text}' first")
    closes_at = _planned(command.seconds, at)
    if isinstance(closes_at, Refusal):
        return closes_at
    return VotingOpened(at=at, question=question.id, round=len(question.rounds) + 1, closes_at=closes_at)


def _asked(room: Room, command: OnQuestion) -> tuple[Question, Round] | Refusal:
    """The question that a command is about, and its latest round."""
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    return (question, question.rounds[-1]) if question.rounds else Refusal(Code.NOT_OPEN)


def _close(room: Room, command: CloseVoting, at: int) -> Record | Refusal:
    found = _asked(room, command)
    if isinstance(found, Refusal):
        return found
    question, asked = found
    if command.round not in (None, asked.number):
        return Refusal(Code.WRONG_ROUND, f"the question is in round {asked.number}")
    if asked.closed_at is not None:
        return Refusal(Code.CLOSED)
    if command.closes_at not in (None, asked.closes_at):
        return Refusal(Code.TIMER_MOVED)
    return VotingClosed(at=at, question=question.id, round=asked.number)


def _set_timer(room: Room, command: SetTimer, at: int) -> Record | Refusal:
    found = _asked(room, command)
    if isinstance(found, Refusal):
        return found
    question, asked = found
    if asked.closed_at is not None:
        return Refusal(Code.CLOSED)
    closes_at = _planned(command.seconds, at)
    if isinstance(closes_at, Refusal):
        return closes_at
    if closes_at == asked.closes_at:
        return Refusal(Code.ALREADY_SO)
    return TimerSet(at=at, question=question.id, round=asked.number, closes_at=closes_at)


def _reveal(room: Room, command: RevealResults, at: int) -> Record | Refusal:
    found = _asked(room, command)
    if isinstance(found, Refusal):
        return found
    question, asked = found
    if asked.revealed:
        return Refusal(Code.ALREADY_REVEALED)
    return ResultsRevealed(at=at, question=question.id, round=asked.number)


def _hide(room: Room, command: HideResults, at: int) -> Record | Refusal:
    found = _asked(room, command)
    if isinstance(found, Refusal):
        return found
    question, asked = found
    if not asked.revealed:
        return Refusal(Code.ALREADY_HIDDEN)
    return ResultsHidden(at=at, question=question.id, round=asked.number)


def _require_next(room: Room, record: VotingOpened) -> None:
    question = room.questions[record.question]
    require(record.round == len(question.rounds) + 1 and question.phase != "open")
    require(question.level == "browser" or bool(room.code_lists))


def _begin(room: Room, entry: Entry, record: VotingOpened) -> None:  # noqa: ARG001
    question = room.questions[record.question]
    wording = question.wording
    tally = question.kind.empty(len(wording.options), wording.rules)
    question.rounds.append(
        Round(number=record.round, opened_at=record.at, tally=tally, wording=wording, closes_at=record.closes_at)
    )
    room.current = question


def _require_latest(room: Room, record: VotingClosed | ResultsRevealed | ResultsHidden | TimerSet) -> None:
    asked = room.questions[record.question].rounds[-1]
    require(asked.number == record.round)
    require(asked.closed_at is None or not isinstance(record, VotingClosed | TimerSet))


def _end(room: Room, entry: Entry, record: VotingClosed) -> None:  # noqa: ARG001
    room.questions[record.question].rounds[-1].closed_at = record.at


def _show(room: Room, entry: Entry, record: ResultsRevealed | ResultsHidden) -> None:  # noqa: ARG001
    room.questions[record.question].rounds[-1].revealed = isinstance(record, ResultsRevealed)


def _plan(room: Room, entry: Entry, record: TimerSet) -> None:  # noqa: ARG001
    room.questions[record.question].rounds[-1].closes_at = record.closes_at


DECIDE: dict[type, Decide] = {
    OpenVoting: _next_round,
    AskAgain: _next_round,
    SetTimer: _set_timer,
    CloseVoting: _close,
    RevealResults: _reveal,
    HideResults: _hide,
}
FOLD: dict[type, Fold] = {
    VotingOpened: Fold(_begin, _require_next),
    VotingClosed: Fold(_end, _require_latest),
    ResultsRevealed: Fold(_show, _require_latest),
    ResultsHidden: Fold(_show, _require_latest),
    TimerSet: Fold(_plan, _require_latest),
}
