"""The rules with one promise broken on purpose, to show that the state machine finds it.

Each function is a mutant: it breaks what its docstring says until the patch is undone. They wrap the rules and do not
repeat them, so that they keep their meaning when the rules grow.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
import pytest

from livevote.domain import ballots, questions, quiz, standings, voting
from livevote.domain import room as rules
from livevote.domain.commands import AsCohost, CastBallot, CloseVoting, OpenVoting, ShowSolution
from livevote.domain.kinds import choice
from livevote.domain.kinds.multiple import Multiple
from livevote.domain.records import (
    BallotCast,
    CohostRevoked,
    Draft,
    Entry,
    QuestionDefined,
    Record,
    ResultsHidden,
    Solution,
    TimerSet,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import Decision, Repeat
from livevote.domain.state import Ballot, Question, Room, Round
from tests import history

Patch = pytest.MonkeyPatch


def _cast(patch: Patch, broken: Callable[[Callable[..., Decision], Room, CastBallot, int], Decision]) -> None:
    """Let ``broken`` decide ballots; it is given the rule that it breaks."""
    original = ballots.cast
    patch.setattr(ballots, "cast", lambda room, command, at: broken(original, room, command, at))


@contextmanager
def _with(thing: Any, **values: object) -> Iterator[None]:
    """``thing`` with other attributes for a moment."""
    before = {name: getattr(thing, name) for name in values}
    for name, value in values.items():
        setattr(thing, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)


def _asked(room: Room, question: str, number: int) -> Round | None:
    rounds = room.questions[question].rounds if question in room.questions else []
    return rounds[number - 1] if 1 <= number <= len(rounds) else None


def no_uniqueness(patch: Patch) -> None:
    """I3: another ballot id is another voter."""
    _cast(
        patch,
        lambda cast, room, command, at: cast(
            room, msgspec.structs.replace(command, voter=f"{command.voter} {command.id}"), at
        ),
    )


def rev_not_incremented(patch: Patch) -> None:
    """I3, I19: a changed vote is written down as a first one."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        decision = cast(room, command, at)
        if isinstance(decision, Draft):
            first = msgspec.structs.replace(decision.record, rev=0)
            return msgspec.structs.replace(decision, record=first)
        return decision

    _cast(patch, broken)


def vote_after_the_close(patch: Patch) -> None:
    """I8: a closed round still takes ballots, and the fold counts them."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        asked = _asked(room, command.question, command.round)
        if asked is None:
            return cast(room, command, at)
        with _with(asked, closed_at=None):
            return cast(room, command, at)

    count_ = ballots.count

    def counted(question: Question, entry: Entry, record: BallotCast) -> None:
        with _with(question.rounds[-1], closed_at=None):
            count_(question, entry, record)

    _cast(patch, broken)
    patch.setattr(ballots, "count", counted)


def vote_in_an_old_round(patch: Patch) -> None:
    """I8: a ballot for an earlier round is taken for the one that is open."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        question = room.questions.get(command.question)
        latest = len(question.rounds) if question is not None and command.round >= 1 else command.round
        return cast(room, msgspec.structs.replace(command, round=latest), at)

    _cast(patch, broken)


def replaced_answer_still_counted(patch: Patch) -> None:
    """I4, I5: a changed vote leaves its earlier answer in the tally."""
    patch.setattr(choice.ChoiceTally, "remove", lambda tally, answer: None)  # noqa: ARG005


def other_content_accepted(patch: Patch) -> None:
    """I6: another answer under a used id is answered like the first one."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        decision = cast(room, command, at)
        if decision == Refusal(Code.CONFLICT):
            return Repeat(room.questions[command.question].rounds[command.round - 1].ballots[command.voter])
        return decision

    _cast(patch, broken)


def late_retry_forgotten(patch: Patch) -> None:
    """I6: only the ballot that counts is known by its id, and not the one that it replaced."""

    def newest(asked: Round, command: CastBallot, mine: Ballot) -> Ballot | None:  # noqa: ARG001
        return mine if mine.id == command.id else None

    patch.setattr(ballots, "_by_id", newest)


def retry_answered_with_the_newest(patch: Patch) -> None:
    """I6: the retry of a replaced ballot is answered with the one that replaced it."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        decision = cast(room, command, at)
        if isinstance(decision, Repeat):
            return Repeat(room.questions[command.question].rounds[command.round - 1].ballots[command.voter])
        return decision

    _cast(patch, broken)


def final_answer_changed(patch: Patch) -> None:
    """I3: a question that takes one answer takes another one."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        question = room.questions.get(command.question)
        if question is None:
            return cast(room, command, at)
        with _with(question, changeable=True):
            return cast(room, command, at)

    _cast(patch, broken)


def any_number_of_choices(patch: Patch) -> None:
    """I5: nobody looks how many options were chosen."""
    anything = choice.ChoiceRules(max=50, min=0)
    patch.setattr(Multiple, "parse", staticmethod(lambda answer, options, _: choice.parse(answer, options, anything)))


def two_questions_open(patch: Patch) -> None:
    """I8: a question opens although another one is open."""
    original = voting.DECIDE[OpenVoting]

    def broken(room: Room, command: OpenVoting, at: int) -> Decision | Record:
        with _with(room, current=None):
            return original(room, command, at)

    patch.setitem(rules.DECIDE, OpenVoting, broken)


def late_timer_closes_the_next_round(patch: Patch) -> None:
    """I8: a timer closes whatever round is open when it rings."""

    def broken(room: Room, command: CloseVoting, at: int) -> Decision | Record:
        return original(room, CloseVoting(command.question), at)

    original = voting.DECIDE[CloseVoting]
    patch.setitem(rules.DECIDE, CloseVoting, broken)


def revoked_cohost_may_go_on(patch: Patch) -> None:
    """What a co-host sends counts although a revocation is before it."""
    original = rules.decide

    def broken(room: Room | None, command: Any, *, at: int) -> Decision:
        return original(room, command.command if isinstance(command, AsCohost) else command, at=at)

    patch.setattr(history, "decide", broken)


def _fold(patch: Patch, broken: Callable[[Room, Record], None]) -> None:
    """Let ``broken`` do something more after a record that is no ballot was folded."""
    original = rules._fold

    def fold(room: Room, entry: Entry) -> None:
        original(room, entry)
        broken(room, entry.record)

    patch.setattr(rules, "_fold", fold)


def next_round_revealed(patch: Patch) -> None:
    """A new round shows its results if the last one did."""

    def broken(room: Room, record: Record) -> None:
        if isinstance(record, VotingOpened) and record.round > 1:
            rounds = room.questions[record.question].rounds
            rounds[-1].revealed = rounds[-2].revealed

    _fold(patch, broken)


def hide_shows(patch: Patch) -> None:
    """What was revealed stays so."""

    def broken(room: Room, record: Record) -> None:
        if isinstance(record, ResultsHidden):
            room.questions[record.question].rounds[-1].revealed = True

    _fold(patch, broken)


def timer_stays_as_it_was_set_first(patch: Patch) -> None:
    """A round ends when it was planned at first."""
    moved: dict[int, int | None] = {}

    def broken(room: Room, record: Record) -> None:
        if isinstance(record, VotingOpened):
            moved[id(room)] = record.closes_at
        elif isinstance(record, TimerSet):
            room.questions[record.question].rounds[-1].closes_at = moved.get(id(room))

    _fold(patch, broken)


def revoked_cohost_is_forgotten(patch: Patch) -> None:
    """The id of a co-host who was revoked, and with it the token, comes to somebody else."""

    def broken(room: Room, record: Record) -> None:
        if isinstance(record, CohostRevoked):
            del room.cohosts[record.id]

    _fold(patch, broken)


def solution_of_an_open_round(patch: Patch) -> None:
    """I12: what is right can be shown while people still vote."""
    original = quiz.DECIDE[ShowSolution]

    def broken(room: Room, command: ShowSolution, at: int) -> Decision | Record:
        asked = _asked(room, command.question, len(getattr(room.questions.get(command.question), "rounds", ())))
        if asked is None or asked.closed_at is not None:
            return original(room, command, at)
        with _with(asked, closed_at=at):
            return original(room, command, at)

    patch.setitem(rules.DECIDE, ShowSolution, broken)


def first_round_counts(patch: Patch) -> None:
    """A question that was asked again goes on to count with its first round."""

    def scored(room: Room) -> Iterator[tuple[Question, Round]]:
        for question in room.questions.values():
            yield from [(question, asked) for asked in question.rounds if asked.solved][:1]

    patch.setattr(standings, "scored", scored)


def names_as_they_are_written(patch: Patch) -> None:
    """Two voters have names that nobody can tell apart by ear."""
    patch.setattr(quiz, "alike", lambda name: name)


def fold_depends_on_the_moment(patch: Patch) -> None:
    """I4, I19: the same log folds into another state the next time."""
    moments = count()

    def broken(room: Room, record: Record) -> None:
        if isinstance(record, VotingClosed):
            room.questions[record.question].rounds[-1].closed_at = next(moments)

    _fold(patch, broken)


def decide_changes_the_state(patch: Patch) -> None:
    """I9: a ballot that is decided counts before it is in the log."""

    def broken(cast: Callable[..., Decision], room: Room, command: CastBallot, at: int) -> Decision:
        decision = cast(room, command, at)
        if isinstance(decision, Draft) and decision.opening is not None:
            question = room.questions[command.question]
            answer = question.kind.parse(decision.opening.answer, len(question.options), question.rules)
            assert not isinstance(answer, Refusal)
            question.rounds[-1].tally.add(answer)
        return decision

    _cast(patch, broken)


def every_round_says_what_is_asked_now(patch: Patch) -> None:
    """I4: a change of meaning reaches the rounds before it."""
    define = Question.define

    def broken(question: Question, defined: QuestionDefined, solution: Solution | None) -> None:
        define(question, defined, solution)
        for asked in question.rounds:
            asked.wording = question.wording

    patch.setattr(Question, "define", broken)


def an_id_is_used_again(patch: Patch) -> None:
    """I6: a command for a question that was removed meets the next one."""
    patch.setattr(
        questions, "_new_id", lambda room: next(name for n in count(1) if (name := f"q{n}") not in room.questions)
    )


MUTANTS: tuple[Callable[[Patch], None], ...] = (
    no_uniqueness,
    rev_not_incremented,
    vote_after_the_close,
    vote_in_an_old_round,
    replaced_answer_still_counted,
    other_content_accepted,
    late_retry_forgotten,
    retry_answered_with_the_newest,
    final_answer_changed,
    any_number_of_choices,
    two_questions_open,
    next_round_revealed,
    hide_shows,
    late_timer_closes_the_next_round,
    revoked_cohost_may_go_on,
    timer_stays_as_it_was_set_first,
    revoked_cohost_is_forgotten,
    solution_of_an_open_round,
    first_round_counts,
    names_as_they_are_written,
    fold_depends_on_the_moment,
    decide_changes_the_state,
    every_round_says_what_is_asked_now,
    an_id_is_used_again,
)
