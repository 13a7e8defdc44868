"""The replay of a room as one document: what was asked when, and what every record did to a result.

Apart from its players, because the page and the terminal play the same document; and because what it leaves out for
whom (I12) is decided here and nowhere else.
"""

import asyncio
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from livevote.domain.audit import GENESIS, TamperedError, check
from livevote.domain.kinds.base import Figures
from livevote.domain.records import (
    AnswerErased,
    BallotCast,
    Entry,
    RecoveryAccepted,
    ResultsHidden,
    ResultsRevealed,
    RoomErased,
    TimerSet,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.room import apply
from livevote.domain.state import Question, Room, Round
from livevote.domain.tally import figures
from livevote.failures import CorruptError
from livevote.log import Reader
from livevote.protocol.messages import RoomInfo

PAUSE_MS = 5_000
"""The longest that nothing happens in a replay: what took longer between two records is shown in this time."""

_FARTHEST_MS = 2**63 - 1
"""Where ``at`` ends in a replay: nobody's clock shows it, but a log from elsewhere may hold any integer."""

_SLICE = 100  # records between two turns of the loop, about half a millisecond

Audience = Literal["host", "everybody"]
What = Literal["opened", "asked_again", "timer_set", "closed", "revealed", "hidden", "erased", "recovered", "deleted"]


class ReplayQuestion(msgspec.Struct, frozen=True):
    """A question that was asked. ``options`` are the names of its result's numbers: the options, or values."""

    id: str
    kind: str
    text: str
    options: tuple[str, ...]


class ReplayRound(msgspec.Struct, frozen=True):
    """One asking: the place of its question in ``questions``, its number, and how many numbers its result has.

    What is no such number is here as it is at the end: ``figures``, those of a ``tally``, and ``told``, the same as
    people read it. Texts that voters wrote are among the figures as far as they are shown.
    """

    question: int
    round: int
    counts: int
    figures: Figures
    told: tuple[tuple[str, str], ...]


class Mark(msgspec.Struct, frozen=True):
    """Something other than a ballot: ``round`` is its round's place in ``rounds``, None for what is about the room.

    ``ballot`` is the log index of the ballot whose answer was erased, and None for everything else. ``closes_at`` is
    the planned end from then on, None where there was none.
    """

    as_of: int
    at: int
    what: What
    round: int | None
    ballot: int | None = None
    closes_at: int | None = None


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What a record did to the result of a round (its place in ``rounds``): to the number of voters and the counts.

    ``counts`` are pairs: place, difference, place, difference ... Other places stay as they were.
    """

    round: int
    voters: int
    counts: tuple[int, ...]


class Steps(msgspec.Struct, frozen=True):
    """Every record that changed a result, in the order of the log, as three lists of the same length.

    ``as_of`` and ``at`` are differences to the step before (the first ones to 0), ``change`` are places in ``changes``.
    """

    as_of: tuple[int, ...]
    at: tuple[int, ...]
    change: tuple[int, ...]


class Replay(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="replay"):
    """A whole evening as of log index ``as_of``. Instants are ms since 1970 and label the order, which is the log's.

    Pauses of more than ``pause_ms`` between two records are to be shown as that long.
    """

    epoch: str
    as_of: int
    audience: Audience
    room: RoomInfo
    pause_ms: int
    questions: tuple[ReplayQuestion, ...]
    rounds: tuple[ReplayRound, ...]
    marks: tuple[Mark, ...]
    changes: tuple[Change, ...]
    steps: Steps


_Result = tuple[tuple[int, ...], int]


class Fold:
    """Folds a room's log, by the same ``apply`` as everybody, and notes what each record changed."""

    def __init__(self) -> None:
        self._room: Room | None = None
        self._rounds: dict[tuple[str, int], int] = {}
        self._asked: list[tuple[Question, Round]] = []
        self._results: list[_Result] = []
        self._marks: list[Mark] = []
        self._changes: dict[tuple[int, int, tuple[int, ...]], int] = {}
        self._as_of = array("q")
        self._at = array("q")
        self._change = array("L")

    def add(self, entry: Entry) -> None:
        """Fold the next entry of the room. Raises ``BrokenLogError`` for one that cannot come next."""
        self._room = apply(self._room, entry)
        record = entry.record
        if isinstance(record, BallotCast):
            self._step(entry, self._rounds[record.question, record.round])
        elif isinstance(record, VotingOpened):
            place = self._begin(self._room.questions[record.question], record.round)
            what: What = "opened" if record.round == 1 else "asked_again"
            self._mark(entry, what, place, closes_at=record.closes_at)
        elif isinstance(record, TimerSet):
            place = self._rounds[record.question, record.round]
            self._mark(entry, "timer_set", place, closes_at=record.closes_at)
        elif isinstance(record, VotingClosed | ResultsRevealed | ResultsHidden):
            self._mark(entry, _NAMES[type(record)], self._rounds[record.question, record.round])
        elif isinstance(record, AnswerErased):
            place = self._rounds[record.question, record.round]
            self._step(entry, place)
            self._mark(entry, "erased", place, ballot=record.index)
        elif isinstance(record, RoomErased):
            for place in range(len(self._asked)):
                self._step(entry, place)
            self._mark(entry, "deleted", None)
        elif isinstance(record, RecoveryAccepted):
            self._mark(entry, "recovered", None)

    def _begin(self, question: Question, number: int) -> int:
        place = self._rounds[question.id, number] = len(self._asked)
        asked = question.rounds[-1]
        self._asked.append((question, asked))
        self._results.append((asked.tally.counts(), 0))
        return place

    def _mark(
        self, entry: Entry, what: What, place: int | None, *, ballot: int | None = None, closes_at: int | None = None
    ) -> None:
        planned = None if closes_at is None else _within(closes_at)
        self._marks.append(Mark(entry.index, _within(entry.record.at), what, place, ballot, planned))

    def _step(self, entry: Entry, place: int) -> None:
        asked = self._asked[place][1]
        before, voters = self._results[place]
        after = asked.tally.counts()
        if (after, asked.voters) == (before, voters):
            return
        self._results[place] = after, asked.voters
        key = place, asked.voters - voters, _differences(before, after)
        self._as_of.append(entry.index)
        self._at.append(_within(entry.record.at))
        self._change.append(self._changes.setdefault(key, len(self._changes)))

    def document(self, audience: Audience) -> Replay:
        """What there is to see for ``audience``, of a log with at least one record.

        The host sees all. Everybody sees the rounds that are over and whose results are revealed now. Of the others
        only gaps are left, in the numbers of questions, rounds and records: how often people voted may show there, and
        never what, so what everybody gets does not depend on any answer that is hidden.
        """
        room = self._room
        assert room is not None, "a room's log begins with its creation"
        shown = [
            place
            for place, (_, asked) in enumerate(self._asked)
            if audience == "host" or (asked.closed_at is not None and asked.revealed)
        ]
        new_place: dict[int | None, int | None] = {old: new for new, old in enumerate(shown)}
        new_place[None] = None
        # A question that was changed in between is two of them.
        asked_as = {place: (self._asked[place][0], self._asked[place][1].wording) for place in shown}
        questions = list(dict.fromkeys((each.id, wording.version) for each, wording in asked_as.values()))
        wordings = {(each.id, wording.version): (each, wording) for each, wording in asked_as.values()}
        marks = [
            msgspec.structs.replace(mark, round=new_place[mark.round])
            for mark in self._marks
            if mark.round in new_place
        ]
        changes, steps = self._pack(shown)
        last = max((marks[-1].as_of if marks else 0, sum(steps.as_of)))
        return Replay(
            epoch=room.origin.rpartition("/")[2],
            as_of=room.head if audience == "host" else last,
            audience=audience,
            room=RoomInfo(room.code, room.title),
            pause_ms=PAUSE_MS,
            questions=tuple(
                ReplayQuestion(each.id, each.kind.name, wording.text, each.kind.bins(wording.options, wording.rules))
                for each, wording in (wordings[name] for name in questions)
            ),
            rounds=tuple(
                _round(questions.index((question.id, asked.wording.version)), question, asked)
                for question, asked in (self._asked[place] for place in shown)
            ),
            marks=tuple(marks),
            changes=changes,
            steps=steps,
        )

    def _pack(self, shown: list[int]) -> tuple[tuple[Change, ...], Steps]:
        new_place = {old: new for new, old in enumerate(shown)}
        kept = [key for key in self._changes if key[0] in new_place]
        new_change = {self._changes[key]: number for number, key in enumerate(kept)}
        rows = [row for row, change in enumerate(self._change) if change in new_change]
        return (
            tuple(Change(new_place[place], voters, counts) for place, voters, counts in kept),
            Steps(
                as_of=_gaps([self._as_of[row] for row in rows]),
                at=_gaps([self._at[row] for row in rows]),
                change=tuple(new_change[self._change[row]] for row in rows),
            ),
        )


_NAMES: dict[type, What] = {VotingClosed: "closed", ResultsRevealed: "revealed", ResultsHidden: "hidden"}


def _round(place: int, question: Question, asked: Round) -> ReplayRound:
    found = figures(question, asked)
    told = question.kind.told(found, asked.wording.options, asked.wording.rules)
    return ReplayRound(
        place, asked.number, len(asked.tally.counts()), found, tuple((name, str(value)) for name, value in told)
    )


def _within(at: int) -> int:
    return max(-_FARTHEST_MS, min(at, _FARTHEST_MS))


def _differences(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    pairs: list[int] = []
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            pairs += place, new - old
    return tuple(pairs)


def _gaps(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(later - earlier for earlier, later in pairwise((0, *values)))


async def read(reader: Reader, code: str, *, upto: int) -> Fold:
    """The fold of a room's first ``upto`` records, in slices, so that whoever else runs on this loop is not held up.

    Raises ``CorruptError`` at a record or an answer that is not what was sealed.
    """
    fold, chain = Fold(), GENESIS
    async for entries in reader.read(code, upto=upto):
        for number, entry in enumerate(entries):
            try:
                _, chain = check(entry, chain)
            except TamperedError as error:
                raise CorruptError(
                    f"The log was changed: {error}. Restore a backup; 'livevote verify' says more."
                ) from error
            fold.add(entry)
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
    return fold
