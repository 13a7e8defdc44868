"""``results.json``: every question and round with its counts, and the fingerprints of the log behind them.

Its shape is described by the types here and by nothing else.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from livevote.domain.kinds.base import Figures
from livevote.domain.records import Level
from livevote.domain.state import Question
from livevote.export.cells import instant
from livevote.export.results import Fold, Option, RoundResult, Solved, folded, told_rules
from livevote.export.source import Source


class RoomAbout(msgspec.Struct, frozen=True):
    """Which room it is."""

    code: str
    title: str
    created_at: str


class RecoveryAbout(msgspec.Struct, frozen=True):
    """At ``at`` the operator went on with a log that contradicted its checkpoints.

    It had ``by_checkpoints`` records by those; the ones after the first ``kept`` may be lost or changed.
    """

    at: str
    by_checkpoints: int
    kept: int


class About(msgspec.Struct, frozen=True):
    """What the results are of: the log ``origin`` up to its record ``as_of``, written at the instant ``at``.

    ``root`` and ``chain`` are its fingerprints in hex, as ``livevote verify`` prints them. ``questions`` follows.
    """

    room: RoomAbout
    as_of: int
    at: str
    origin: str
    root: str
    chain: str
    recoveries: tuple[RecoveryAbout, ...]


class RoundAbout(msgspec.Struct, frozen=True, omit_defaults=True):
    """One asking of a question. Instants are UTC in ISO 8601, ``revealed_at`` the first time; ``revealed``: now.

    ``closes_at`` is the end that was planned last, null where none was; ``closed_at`` is the end. ``options`` are the
    options, or the values that could be given; ``terms`` the texts that voters wrote and that are shown, ``withheld``
    how many others there are. ``figures`` are those of a ``tally``, see ``docs/protocol.md``. ``text`` and ``rules``
    are there where another question was asked than the one that the question became later, ``solution`` for a quiz
    whose solution was shown, and only then.
    """

    round: int
    opened_at: str
    closed_at: str | None
    closes_at: str | None
    revealed_at: str | None
    revealed: bool
    voters: int
    erased: int
    options: tuple[Option, ...]
    terms: tuple[Option, ...]
    withheld: int
    figures: Figures
    text: str = ""
    rules: msgspec.Raw | None = None
    solution: Solved | None = None


class QuestionAbout(msgspec.Struct, frozen=True):
    """A question with all its rounds; none where it was never asked."""

    id: str
    kind: str
    text: str
    options: tuple[str, ...]
    rules: msgspec.Raw
    changeable: bool
    level: Level
    rounds: tuple[RoundAbout, ...]


async def results_json(source: Source) -> AsyncGenerator[bytes, None]:
    """All results of a room as one JSON object, with one question a line."""
    fold = await folded(source)
    yield msgspec.json.encode(_about(fold))[:-1] + b',"questions":['
    separator = b"\n"
    for question in fold.room.questions.values():
        yield separator + msgspec.json.encode(_question(fold, question))
        separator = b",\n"
        await asyncio.sleep(0)
    yield b"\n]}\n"


def _about(fold: Fold) -> About:
    room = fold.room
    return About(
        room=RoomAbout(room.code, room.title, instant(room.created_at)),
        as_of=room.head,
        at=instant(fold.at),
        origin=room.origin,
        root=fold.root.hex(),
        chain=fold.chain.hex(),
        recoveries=tuple(RecoveryAbout(instant(each.at), each.lost, each.kept) for each in room.recoveries),
    )


def _question(fold: Fold, question: Question) -> QuestionAbout:
    return QuestionAbout(
        id=question.id,
        kind=question.kind.name,
        text=question.text,
        options=question.options,
        rules=msgspec.Raw(told_rules(question, question.wording)),
        changeable=question.changeable,
        level=question.level,
        rounds=tuple(_round(question, result) for result in fold.rounds(question)),
    )


def _round(question: Question, result: RoundResult) -> RoundAbout:
    usual = told_rules(question, question.wording)
    return RoundAbout(
        round=result.number,
        opened_at=instant(result.opened_at),
        closed_at=None if result.closed_at is None else instant(result.closed_at),
        closes_at=None if result.closes_at is None else instant(result.closes_at),
        revealed_at=None if result.revealed_at is None else instant(result.revealed_at),
        revealed=result.revealed,
        voters=result.voters,
        erased=result.erased,
        options=result.options,
        terms=result.terms,
        withheld=result.withheld,
        figures=result.figures,
        text="" if result.text == question.text else result.text,
        rules=None if result.stored_rules == usual else msgspec.Raw(result.stored_rules),
        solution=result.solution,
    )
