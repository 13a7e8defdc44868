"""A room's state as bytes, so that a start need not fold again what was folded before, and how two states differ.

Apart from ``packed``, which holds ballots and knows no rooms. The bytes are a cache of the log for the program that
wrote them: whoever reads them has to know that they are its own, and to compare them with a fold of the log in the end.
"""

import struct
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec

from livevote.domain import board
from livevote.domain.erasure import blank
from livevote.domain.kinds.base import Answer
from livevote.domain.packed import ROW_BYTES, Answers, Packed, PackedBallots, PackedSuperseded, buckets_for
from livevote.domain.records import (
    CodesIssued,
    Entry,
    QuestionDefined,
    QuestionEdited,
    QuizTerms,
    RecoveryAccepted,
    RoomErased,
    Solution,
    VotingOpened,
    encode,
)
from livevote.domain.refusals import Refusal
from livevote.domain.room import apply
from livevote.domain.state import Ballot, Name, Question, Room, Round, Wording

K = TypeVar("K")

FORMAT = b"livevote state 4\n"

_GROUP = 128  # buckets in one piece: some hundred KiB and a tenth of a millisecond
_VOTERS = 100  # ballots that are compared in one piece
_ANSWERS = 100  # answers that are read or counted in one piece
_ACTS = 500  # what was done on the board, in one piece


class ThawError(ValueError):
    """Bytes that are no frozen state of this version."""


class Frozen(msgspec.Struct, frozen=True):
    """A state and where it stands: ``chain`` is the log's chain value at ``index``, the state's head."""

    room: Room
    index: int
    chain: bytes


# Voter, id as part of a superseded ballot's key, id, index, rev, at, number of the answer.
_Row = tuple[str, str, str, int, int, int, int]


class _Ballots(msgspec.Struct, array_like=True):
    buckets: int
    salt: bytes
    others: list[_Row]


class _Round(msgspec.Struct, array_like=True):
    wording: tuple[int, str, tuple[str, ...], bytes, QuizTerms | None, bytes | None]
    number: int
    opened_at: int
    closed_at: int | None
    closes_at: int | None
    revealed: bool
    counts: tuple[int, ...]
    erased: int
    judged: dict[str, bool]
    answers: list[bytes]
    ballots: _Ballots
    superseded: _Ballots
    solved: bool


class _Question(msgspec.Struct, array_like=True):
    defined: bytes
    rounds: list[_Round]
    solution: bytes | None


# Id, index, at, text.
_Name = tuple[str, int, int, str | None]


class _Room(msgspec.Struct, array_like=True):
    code: str
    title: str
    created_at: int
    origin: str
    head: int
    chain: bytes
    receipts: bool
    replay_public: bool
    reactions: bool
    recoveries: list[bytes]
    questions: list[_Question]
    removed: list[str]
    current: str | None
    cohosts: dict[str, str | None]
    embedding: tuple[str, ...]
    language: str
    erased_at: int | None
    code_lists: list[bytes]
    used_codes: list[tuple[int, int, str]]
    linked: bool
    leaderboard: bool
    names: dict[str, list[_Name]]
    takers: dict[str, str]
    board: board.FrozenBoard


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Room)
_acts = msgspec.msgpack.Decoder(list[board.Row])
_LENGTH_BYTES = 4


def follow(room: Room | None, entry: Entry, *, salt: bytes, like: Room | None) -> Room:
    """``apply`` for a state that is to be frozen: its rounds are packed from the first ballot on.

    ``like`` is a state of the same log, as far as there is one: it says for how many ballots there has to be room.
    """
    room = apply(room, entry)
    if isinstance(entry.record, VotingOpened):
        question, place = entry.record.question, entry.record.round - 1
        known = None if like is None else like.questions.get(question)
        other = known.rounds[place] if known is not None and place < len(known.rounds) else None
        asked, answers = room.questions[question].rounds[place], Answers()
        ballots, superseded = (0, 0) if other is None else (len(other.ballots), len(other.superseded))
        asked.ballots = PackedBallots(answers, salt=salt, buckets=buckets_for(ballots))
        asked.superseded = PackedSuperseded(answers, salt=salt, buckets=buckets_for(superseded))
    elif isinstance(entry.record, RoomErased):
        # Nothing of an answer may come into a file any more. A log that is read now has none left, as a rule.
        for _ in blank(room):
            pass
    return room


def freeze(room: Room, chain: bytes) -> Iterator[bytes]:
    """The bytes of a state that ``follow`` or ``thaw`` has made, in pieces of up to some hundred KiB."""
    mappings: list[Packed[str] | Packed[tuple[str, str]]] = []
    head = _encoder.encode(_head(room, chain, mappings))
    yield FORMAT + _with_length(head)
    rows = board.rows(room.board)
    while piece := list(islice(rows, _ACTS)):
        yield _with_length(_encoder.encode(piece))
    for packed in mappings:
        yield packed.sizes()
        for start in range(0, len(packed.buckets), _GROUP):
            group = [bucket for bucket in packed.buckets[start : start + _GROUP] if bucket is not None]
            yield b"".join([part for keys, rows in group for part in (keys, rows)])


def _with_length(piece: bytes) -> bytes:
    return len(piece).to_bytes(_LENGTH_BYTES, "little") + piece


def _read_piece(read: Callable[[int], bytes]) -> bytes:
    return read(int.from_bytes(read(_LENGTH_BYTES), "little"))


def _head(room: Room, chain: bytes, mappings: list[Packed[str] | Packed[tuple[str, str]]]) -> _Room:
    return _Room(
        code=room.code,
        title=room.title,
        created_at=room.created_at,
        origin=room.origin,
        head=room.head,
        chain=chain,
        receipts=room.receipts,
        replay_public=room.replay_public,
        reactions=room.reactions,
        recoveries=[encode(recovery) for recovery in room.recoveries],
        questions=[_freeze_question(question, mappings) for question in room.questions.values()],
        removed=sorted(room.removed),
        current=None if room.current is None else room.current.id,
        cohosts=room.cohosts,
        embedding=room.embedding,
        language=room.language,
        erased_at=room.erased_at,
        code_lists=[encode(issued) for issued in room.code_lists],
        used_codes=[(list_, place, by) for (list_, place), by in room.used_codes.items()],
        linked=room.linked,
        leaderboard=room.leaderboard,
        names={
            voter: [(each.id, each.index, each.at, each.text) for each in names] for voter, names in room.names.items()
        },
        takers=room.takers,
        board=board.freeze(room.board),
    )


def _freeze_question(question: Question, mappings: list[Packed[str] | Packed[tuple[str, str]]]) -> _Question:
    rounds = []
    for asked in question.rounds:
        ballots, superseded = asked.ballots, asked.superseded
        assert isinstance(ballots, PackedBallots), "follow packs every round"
        assert isinstance(superseded, PackedSuperseded), "follow packs every round"
        number = ballots.answers.number
        plain = (((voter, ""), ballot) for voter, ballot in ballots.others.items())
        rounds.append(
            _Round(
                wording=(
                    asked.wording.version,
                    asked.wording.text,
                    asked.wording.options,
                    asked.wording.stored_rules,
                    asked.wording.quiz,
                    _encoded(asked.wording.solution),
                ),
                number=asked.number,
                opened_at=asked.opened_at,
                closed_at=asked.closed_at,
                closes_at=asked.closes_at,
                revealed=asked.revealed,
                counts=asked.tally.counts(),
                erased=asked.erased,
                judged=dict(asked.tally.judged),
                ballots=_Ballots(len(ballots.buckets), ballots.salt, _rows(plain, number)),
                superseded=_Ballots(len(superseded.buckets), superseded.salt, _rows(superseded.others.items(), number)),
                solved=asked.solved,
                # Last, because rows number answers.
                answers=[encode(answer) for answer in ballots.answers.all[1:] if answer is not None],
            )
        )
        mappings += [ballots, superseded]
    # The record once more, because a question is made from it.
    return _Question(encode(question.defined), rounds, _encoded(question.solution))


def _encoded(solution: Solution | None) -> bytes | None:
    return None if solution is None else encode(solution)


def _decoded(solution: bytes | None) -> Solution | None:
    return None if solution is None else msgspec.json.decode(solution, type=Solution)


def _rows(items: Iterable[tuple[tuple[str, str], Ballot]], number: Callable[[Answer | None], int]) -> list[_Row]:
    return [
        (voter, name, ballot.id, ballot.index, ballot.rev, ballot.at, number(ballot.answer))
        for (voter, name), ballot in items
    ]


def thaw(read: Callable[[int], bytes]) -> Generator[None, None, Frozen]:
    """The state of which ``read`` gives the next so many bytes, or fewer where they end.

    Returns it after steps of about a millisecond. Raises ``ThawError``.
    """
    if read(len(FORMAT)) != FORMAT:
        raise ThawError("these are no state of this version")
    try:
        head = _decoder.decode(_read_piece(read))
        room = Room(code=head.code, title=head.title, created_at=head.created_at, origin=head.origin)
        room.head, room.receipts, room.replay_public = head.head, head.receipts, head.replay_public
        room.embedding = head.embedding
        room.removed, room.language, room.erased_at = set(head.removed), head.language, head.erased_at
        room.reactions, room.board = head.reactions, board.thaw(head.board)
        room.recoveries = [msgspec.json.decode(recovery, type=RecoveryAccepted) for recovery in head.recoveries]
        for _ in range(0, head.board.acts, _ACTS):
            for row in _acts.decode(_read_piece(read)):
                board.restore(room.board, row)
            yield
        for frozen in head.questions:
            defined = msgspec.json.decode(frozen.defined, type=QuestionDefined | QuestionEdited)
            question = Question(defined, _decoded(frozen.solution))
            room.questions[question.id] = question
            for asked in frozen.rounds:
                question.rounds.append((yield from _thaw_round(question, asked, read)))
        room.current = None if head.current is None else room.questions[head.current]
        room.cohosts = head.cohosts
        room.code_lists = [msgspec.json.decode(issued, type=CodesIssued) for issued in head.code_lists]
        room.used_codes = {(list_, place): by for list_, place, by in head.used_codes}
        room.linked, room.leaderboard, room.takers = head.linked, head.leaderboard, head.takers
        room.names = {voter: [Name(*each) for each in names] for voter, names in head.names.items()}
    except (msgspec.DecodeError, struct.error, LookupError) as error:
        raise ThawError(f"these are not the bytes that were written ({error!r})") from error
    return Frozen(room, head.head, head.chain)


def _thaw_round(question: Question, frozen: _Round, read: Callable[[int], bytes]) -> Generator[None, None, Round]:
    version, text, options, stored_rules, quiz, solution = frozen.wording
    kind = question.kind
    rules = kind.rules(stored_rules)
    shown = kind.tally(frozen.counts, rules)
    tally = kind.empty(len(options), rules) if shown is None else shown
    asked = Round(
        number=frozen.number,
        opened_at=frozen.opened_at,
        tally=tally,
        wording=Wording(version, text, options, stored_rules, rules, quiz, _decoded(solution)),
        closes_at=frozen.closes_at,
    )
    asked.closed_at, asked.revealed, asked.erased = frozen.closed_at, frozen.revealed, frozen.erased
    asked.solved = frozen.solved
    given: list[Answer | None] = [None]
    for number, spelled in enumerate(frozen.answers, 1):
        answer = kind.parse(spelled, len(options), rules)
        if isinstance(answer, Refusal):
            raise ThawError("these are not the answers that were written")
        given.append(answer)
        if number % _ANSWERS == 0:
            yield
    answers = Answers(given)
    ballots = PackedBallots(answers, salt=frozen.ballots.salt, buckets=frozen.ballots.buckets)
    ballots.others = {row[0]: _ballot(row, answers) for row in frozen.ballots.others}
    yield from _fill(ballots, read)
    superseded = PackedSuperseded(answers, salt=frozen.superseded.salt, buckets=frozen.superseded.buckets)
    superseded.others = {row[:2]: _ballot(row, answers) for row in frozen.superseded.others}
    yield from _fill(superseded, read)
    asked.ballots, asked.superseded = ballots, superseded
    if shown is None:
        yield from _count(asked)
    for key, is_shown in frozen.judged.items():
        tally.judge([key], shown=is_shown)
    return asked


def _count(asked: Round) -> Generator[None, None, None]:
    """Add up a tally whose counts do not say enough to go on from."""
    for number, ballot in enumerate(asked.ballots.values(), 1):
        if ballot.answer is not None:
            asked.tally.add(ballot.answer)
        if number % _ANSWERS == 0:
            yield


def _ballot(row: _Row, answers: Answers) -> Ballot:
    _, _, name, index, rev, at, answer = row
    return Ballot(name, index, rev, at, answers.all[answer])


def _fill(packed: Packed[K], read: Callable[[int], bytes]) -> Generator[None, None, None]:
    buckets, width = len(packed.buckets), packed.width
    sizes = struct.unpack(f"<{buckets}I", read(4 * buckets))
    for start in range(0, buckets, _GROUP):
        group = sizes[start : start + _GROUP]
        data, at = read(sum(group) * (width + ROW_BYTES)), 0
        for number, size in enumerate(group, start):
            if size:
                between, end = at + size * width, at + size * (width + ROW_BYTES)
                packed.fill(number, data[at:between], data[between:end])
                at = end
        yield


def differences(fresh: Room, running: Room) -> Iterator[str]:
    """Compare the state that a log folds into with one that goes on meanwhile, and stands where ``fresh`` stands now.

    Gives "" after every piece in which nothing differs, and else what does. All that changes in place is compared in
    the first piece; for the rest it is enough that a ballot, once recorded, is either its voter's or superseded.
    """
    if _outline(fresh) != _outline(running):
        yield "the results"
        return
    yield ""

    def same(one: Ballot | None, other: Ballot) -> bool:
        # Answers of a room that was erased go by and by.
        if one is None or running.erased_at is None:
            return one == other
        return one == msgspec.structs.replace(other, answer=one.answer)

    for compared, (voter, id, *act) in enumerate(board.rows(fresh.board), 1):
        other_act = running.board.acts.get(voter, {}).get(id)
        if other_act is None or [*msgspec.structs.astuple(other_act)] != act:
            yield f"record {act[0]}"
            return
        if compared % _VOTERS == 0:
            yield ""
    for question in fresh.questions.values():
        if not question.rounds:
            continue  # a draft, which may have been taken away meanwhile
        for asked, other in zip(question.rounds, running.questions[question.id].rounds, strict=False):
            compared = 0
            for voter, ballot in asked.ballots.items():
                if not same(other.ballots.get(voter), ballot) and not same(
                    other.superseded.get((voter, ballot.id)), ballot
                ):
                    yield f"record {ballot.index}"
                    return
                compared += 1
                if compared % _VOTERS == 0:
                    yield ""
            for key, ballot in asked.superseded.items():
                if not same(other.superseded.get(key), ballot):
                    yield f"record {ballot.index}"
                    return
                compared += 1
                if compared % _VOTERS == 0:
                    yield ""


def _outline(room: Room) -> object:
    """All of a state but its ballots, of which it says how many there are."""
    return (
        (room.code, room.title, room.created_at, room.origin, room.head, room.receipts, room.replay_public),
        (room.recoveries, None if room.current is None else room.current.id, room.cohosts, room.embedding),
        (room.removed, room.language, room.erased_at),
        (room.code_lists, room.used_codes, room.reactions),
        (room.linked, room.leaderboard, room.names, room.takers),
        (board.freeze(room.board), room.board.taken, room.board.upvoted),
        [
            (
                (question.id, question.kind.name, question.defined, question.wording, question.changeable),
                (question.text, question.options, question.stored_rules, question.rules, question.version),
                (question.level, question.quiz, question.solution),
                [
                    (
                        asked.wording,
                        (asked.number, asked.opened_at, asked.closed_at, asked.closes_at, asked.revealed),
                        (asked.tally.counts(), asked.erased, len(asked.ballots), len(asked.superseded), asked.solved),
                        (asked.tally.figures(), asked.tally.terms(), dict(asked.tally.judged)),
                    )
                    for asked in question.rounds
                ],
            )
            for question in room.questions.values()
        ],
    )
