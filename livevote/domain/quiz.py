"""Quizzes: what is right, the points that follow from it, and the names of those who play.

Apart from ``voting``, because points are a second result of the same ballots: they never touch the first one.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from livevote.domain.audit import SALT_BYTES, commitment
from livevote.domain.commands import LinkPseudonyms, NamePlayer, Quiz, RemoveName, ShowLeaderboard, ShowSolution
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.base import Answer, Kind, Rules
from livevote.domain.kinds.choice import Choices
from livevote.domain.kinds.estimate import EstimateRules
from livevote.domain.kinds.value import Value
from livevote.domain.parts import Decide, Decision, Fold, OutOfOrderError, Repeat, require
from livevote.domain.records import (
    Draft,
    Entry,
    LeaderboardShown,
    NameErased,
    Opening,
    PlayerName,
    PlayerNamed,
    PseudonymsLinked,
    QuestionDefined,
    QuizTerms,
    Record,
    Solution,
    SolutionShown,
    encode,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Ballot, Name, Question, Room, Round, Wording
from livevote.domain.text import clean

CHOICES = ("single", "multiple", "image", "yesno")
"""The kinds whose answers are right or wrong."""
ESTIMATE = "estimate"
"""The kind whose answers are more or less right: hosts give its truth among its rules, and its record hides it."""

MAX_POINTS = 10_000
MAX_EXPLANATION_CHARS = 500
MAX_NAME_CHARS = 24
MAX_NAMES = 5
"""How many names one voter may have had."""
FADING_MS = 30_000
"""How long points fall in a round without a timer."""

T = TypeVar("T")


def solution(wanted: Quiz, kind: Kind, options: tuple[str, ...], rules: bytes) -> Solution | Refusal:
    """What is right in a question that is to be a quiz, by all of its ``rules``; or why it cannot be one."""
    explanation, right = clean(wanted.explanation), tuple(sorted(wanted.right))
    if not 1 <= wanted.points <= MAX_POINTS:
        return Refusal(Code.BAD_QUESTION, f"a right answer earns 1 to {MAX_POINTS} points")
    if len(explanation) > MAX_EXPLANATION_CHARS:
        return Refusal(Code.BAD_QUESTION, f"an explanation has at most {MAX_EXPLANATION_CHARS} characters")
    read = kind.rules(rules)
    found = _right_answer(kind, len(options), read, right)
    if isinstance(found, Refusal):
        return found
    return Solution(explanation, right, found.truth if isinstance(found, EstimateRules) else None)


def seal(found: Solution, wanted: Quiz, salt: bytes) -> tuple[QuizTerms, Opening] | Refusal:
    """What a question's record says about its quiz, and the opening that hides the solution."""
    if len(salt) != SALT_BYTES:
        return Refusal(Code.BAD_QUESTION, f"what is right is hidden with a salt of {SALT_BYTES} bytes")
    opening = Opening(salt, encode(found))
    return QuizTerms(commitment(opening), wanted.fading, wanted.points), opening


def is_kept(question: Question, wanted: Quiz, found: Solution) -> bool:
    """Whether a question that is changed stays the same quiz: its record then keeps what was sealed before."""
    terms = question.quiz
    return terms is not None and (terms.fading, terms.points, whole(question.wording)) == (
        wanted.fading,
        wanted.points,
        found,
    )


def logged_rules(kind: Kind, rules: bytes, found: Solution) -> bytes:
    """All ``rules`` of a question as the record says them that hides the solution."""
    return rules if found.truth is None else encode(kind.public_rules(kind.rules(rules)))


def sealed_again(question: Question, salt: bytes) -> tuple[bytes, QuizTerms | None, Opening | None]:
    """For a copy of the question: its rules as a record says them, and the same quiz hidden with another ``salt``."""
    found = whole(question.wording)
    if question.quiz is None or found is None:
        return question.stored_rules, None, None
    opening = Opening(salt, encode(found))
    terms = QuizTerms(commitment(opening), question.quiz.fading, question.quiz.points)
    return logged_rules(question.kind, question.stored_rules, found), terms, opening


def whole(wording: Wording) -> Solution | None:
    """What is right, with the truth of an estimate wherever its log has it."""
    if wording.solution is None:
        return None
    return msgspec.structs.replace(wording.solution, truth=truth(wording))


def _right_answer(kind: Kind, options: int, read: Rules, right: tuple[int, ...]) -> Answer | EstimateRules | Refusal:
    """The one right answer, or what an estimate is measured by; a refusal where there is neither."""
    if isinstance(read, EstimateRules):
        if right or read.truth is None:
            return Refusal(Code.BAD_QUESTION, "what is right about an estimate is the truth among its rules")
        return read
    if kind.name not in CHOICES:
        return Refusal(Code.BAD_QUESTION, "a quiz is of one of the kinds " + ", ".join((*CHOICES, ESTIMATE)))
    if not right:
        return Refusal(Code.BAD_QUESTION, "a quiz has at least one right option")
    # By the kind's own rules: whatever nobody could answer cannot be right.
    answer = kind.parse(encode(Choices(right)), options, read)
    if isinstance(answer, Refusal):
        why = answer.detail or str(answer.code)
        return Refusal(Code.BAD_QUESTION, f"the right options are an answer that voters can give ({why})")
    return answer


def of(question: Question) -> Quiz | None:
    """The quiz that a question is."""
    terms, found = question.quiz, question.solution
    if terms is None or found is None:
        return None
    return Quiz(found.right, terms.points, terms.fading, found.explanation)


def opened(record: QuestionDefined, opening: Opening | None) -> Solution:
    """What the record of a quiz question hides. Raises one of ``MISFITS``."""
    found = _read(opening, Solution)
    require(list(found.right) == sorted(found.right))
    check(record, found)
    return found


def check(record: QuestionDefined, found: Solution) -> None:
    """Raise one of ``MISFITS`` where the solution is no answer to the question."""
    kind = KINDS[record.kind]
    said = kind.rules(bytes(record.rules))
    full = kind.full_rules(said, found.truth)
    # A truth is hidden or not, and only estimates have one.
    require(found.truth is None or (full != said and kind.public_rules(said) == said))
    require(not isinstance(_right_answer(kind, len(record.options), full, found.right), Refusal))


def _read(opening: Opening | None, shape: type[T]) -> T:
    if opening is None:
        raise OutOfOrderError
    try:
        return msgspec.json.decode(opening.answer, type=shape)
    except UnicodeError as error:
        raise OutOfOrderError from error


def truth(wording: Wording) -> int | None:
    """The right value of an estimate, scaled as its answers are; None for every other question."""
    return wording.rules.truth if isinstance(wording.rules, EstimateRules) else None


def scored(room: Room) -> Iterator[tuple[Question, Round]]:
    """The rounds whose points count: of every quiz question the newest one whose solution was shown.

    Of those that browsers answer: nothing links who answers with a one-time code to a player.
    """
    if room.erased_at is not None:
        return  # answers that are still in memory are nobody's
    for question in room.questions.values():
        for asked in reversed(question.rounds):
            if asked.solved and question.level == "browser":
                yield question, asked
                break


def scorer(question: Question, asked: Round) -> Callable[[Ballot | None], int]:
    """How many points a ballot of this round earns: 0 for none, and for one whose answer was erased."""
    wording = asked.wording
    terms, found = wording.quiz, wording.solution
    assert terms is not None, "only a quiz has points"
    assert found is not None, "every quiz has a solution"
    points, fading, opened_at = terms.points, terms.fading, asked.opened_at
    right = _right_answer(question.kind, len(wording.options), wording.rules, found.right)
    window = FADING_MS if asked.closes_at is None else max(1, asked.closes_at - opened_at)

    def worth(answer: Answer) -> int:
        if not isinstance(right, EstimateRules):
            return points if answer == right else 0
        assert right.truth is not None, "an estimate without a truth is no quiz"
        assert isinstance(answer, Value)
        span = max(1, right.max - right.min)
        return points * max(0, span - abs(answer.value - right.truth)) // span

    def earned(ballot: Ballot | None) -> int:
        if ballot is None or ballot.answer is None:
            return 0
        full = worth(ballot.answer)
        # The clock is a label and may have jumped.
        late = min(max(0, ballot.at - opened_at), window) if fading else 0
        return full - full * late // (2 * window)

    return earned


def name_of(room: Room, voter: str) -> str | None:
    """The voter's name, if there is one."""
    names = room.names.get(voter)
    return names[-1].text if names else None


def alike(name: str) -> str:
    """The spelling in which two names of a room must differ."""
    return clean(name.casefold())


def _link(room: Room, command: LinkPseudonyms, at: int) -> Record | Refusal:  # noqa: ARG001
    if room.linked:
        return Refusal(Code.ALREADY_SO)
    return Refusal(Code.TOO_LATE) if room.current is not None else PseudonymsLinked(at=at)


def _show_solution(room: Room, command: ShowSolution, at: int) -> Record | Refusal:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    # That of the latest round: the question may have become another one since.
    if (question.rounds[-1].wording if question.rounds else question).quiz is None:
        return Refusal(Code.NO_SOLUTION)
    if question.phase != "closed":
        return Refusal(Code.NOT_CLOSED)
    asked = question.rounds[-1]
    return (
        Refusal(Code.ALREADY_SHOWN) if asked.solved else SolutionShown(at=at, question=question.id, round=asked.number)
    )


def _show_leaderboard(room: Room, command: ShowLeaderboard, at: int) -> Record | Refusal:
    if not room.linked:
        return Refusal(Code.NOT_LINKED)
    return Refusal(Code.ALREADY_SO) if command.on is room.leaderboard else LeaderboardShown(at=at, on=command.on)


def _name(room: Room, command: NamePlayer, at: int) -> Decision:
    if not room.linked:
        return Refusal(Code.NOT_LINKED)
    name = clean(command.name)
    mine = room.names.get(command.voter, [])
    # The retry comes first, as with ballots.
    for rev, known in enumerate(mine):
        if known.id == command.id:
            same = known.text in (None, name)
            return Repeat(Ballot(known.id, known.index, rev, known.at, None)) if same else Refusal(Code.CONFLICT)
    if not name or len(name) > MAX_NAME_CHARS:
        return Refusal(Code.BAD_NAME, f"a name has 1 to {MAX_NAME_CHARS} characters")
    if room.takers.get(alike(name), command.voter) != command.voter:
        return Refusal(Code.NAME_TAKEN)
    if len(mine) >= MAX_NAMES:
        return Refusal(Code.TOO_MANY_NAMES)
    opening = Opening(command.salt, encode(PlayerName(name)))
    return Draft(room.code, PlayerNamed(at, command.id, command.voter, commitment(opening)), opening)


def erase(room: Room, index: int, at: int) -> Record | Refusal | None:
    """The record that erases the name at log index ``index``; None where no name stands there."""
    for voter, names in room.names.items():
        for known in names:
            if known.index == index:
                erased = known.text is None
                return Refusal(Code.ALREADY_ERASED) if erased else NameErased(at=at, index=index, voter=voter)
    return None


def _remove_name(room: Room, command: RemoveName, at: int) -> Record | Refusal:
    return erase(room, command.index, at) or Refusal(Code.NO_SUCH_NAME, f"record {command.index} is none")


def _require_nothing_asked(room: Room, record: PseudonymsLinked) -> None:  # noqa: ARG001
    require(not room.linked and room.current is None)


def _set_linked(room: Room, entry: Entry, record: PseudonymsLinked) -> None:  # noqa: ARG001
    room.linked = True


def _require_closed_quiz(room: Room, record: SolutionShown) -> None:
    question = room.questions[record.question]
    asked = question.rounds[-1]
    require(asked.wording.quiz is not None and asked.number == record.round and asked.closed_at is not None)


def _solve(room: Room, entry: Entry, record: SolutionShown) -> None:  # noqa: ARG001
    room.questions[record.question].rounds[-1].solved = True


def _require_new_name(room: Room, record: PlayerNamed) -> None:
    require(room.linked and all(known.id != record.id for known in room.names.get(record.voter, ())))


def _set_name(room: Room, entry: Entry, record: PlayerNamed) -> None:
    # In a log that is read again an erased name has never been there.
    name = None if entry.opening is None else _read(entry.opening, PlayerName).name
    mine = room.names.setdefault(record.voter, [])
    if mine:
        _free(room, record.voter, mine[-1])
    mine.append(Name(record.id, entry.index, record.at, name))
    if name is not None:
        room.takers[alike(name)] = record.voter


def _free(room: Room, voter: str, name: Name) -> None:
    """Let others have the voter's name."""
    if name.text is not None and room.takers.get(alike(name.text)) == voter:
        del room.takers[alike(name.text)]


def _named_at(room: Room, record: NameErased) -> int:
    for place, known in enumerate(room.names[record.voter]):
        if known.index == record.index:
            return place
    raise OutOfOrderError


def _require_name(room: Room, record: NameErased) -> None:
    _named_at(room, record)


def _forget_name(room: Room, entry: Entry, record: NameErased) -> None:  # noqa: ARG001
    mine, place = room.names[record.voter], _named_at(room, record)
    if place == len(mine) - 1:
        _free(room, record.voter, mine[place])
    mine[place] = msgspec.structs.replace(mine[place], text=None)


def _set_leaderboard(room: Room, entry: Entry, record: LeaderboardShown) -> None:  # noqa: ARG001
    room.leaderboard = record.on


def _require_linked(room: Room, record: LeaderboardShown) -> None:  # noqa: ARG001
    require(room.linked)


DECIDE: dict[type, Decide] = {
    LinkPseudonyms: _link,
    ShowSolution: _show_solution,
    ShowLeaderboard: _show_leaderboard,
    NamePlayer: _name,
    RemoveName: _remove_name,
}
FOLD: dict[type, Fold] = {
    PseudonymsLinked: Fold(_set_linked, _require_nothing_asked),
    SolutionShown: Fold(_solve, _require_closed_quiz),
    PlayerNamed: Fold(_set_name, _require_new_name),
    NameErased: Fold(_forget_name, _require_name),
    LeaderboardShown: Fold(_set_leaderboard, _require_linked),
}
