"""Questions: adding one to a room."""

from itertools import count

import msgspec

from livevote.domain.commands import AddQuestion
from livevote.domain.kinds import KINDS
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import Entry, QuestionDefined, Record
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Question, Room
from livevote.domain.text import clean

MAX_TEXT_CHARS = 500
MAX_QUESTIONS = 200


def _add(room: Room, command: AddQuestion, at: int) -> Record | Refusal:
    kind = KINDS.get(command.kind)
    if kind is None:
        return Refusal(Code.UNKNOWN_KIND, "kinds are " + ", ".join(sorted(KINDS)))
    if len(room.questions) >= MAX_QUESTIONS:
        return Refusal(Code.TOO_MANY_QUESTIONS, f"a room has at most {MAX_QUESTIONS}")
    text = clean(command.text)
    if not text or len(text) > MAX_TEXT_CHARS:
        return Refusal(Code.BAD_QUESTION, f"a question's text has 1 to {MAX_TEXT_CHARS} characters")
    options = tuple(clean(option) for option in command.options)
    rules = kind.define(options, bytes(command.rules))
    if isinstance(rules, Refusal):
        return rules
    return QuestionDefined(
        at=at,
        id=_free_id(room),
        kind=kind.name,
        text=text,
        options=options,
        rules=msgspec.Raw(rules),
        changeable=command.changeable,
    )


def _free_id(room: Room) -> str:
    """The first of q1, q2 ... that is free: a room from elsewhere may have named its questions in any way."""
    return next(name for number in count(1) if (name := f"q{number}") not in room.questions)


def definition(question: Question, at: int) -> QuestionDefined:
    """The question as it is now, as a record of the instant ``at`` for another room."""
    return QuestionDefined(
        at=at,
        id=question.id,
        kind=question.kind.name,
        text=question.text,
        options=question.options,
        rules=msgspec.Raw(question.stored_rules),
        changeable=question.changeable,
    )


def _require_new(room: Room, record: QuestionDefined) -> None:
    require(record.id not in room.questions)
    Question(record)  # which reads its kind and its rules


def _define(room: Room, entry: Entry, record: QuestionDefined) -> None:  # noqa: ARG001
    room.questions[record.id] = Question(record)


DECIDE: dict[type, Decide] = {AddQuestion: _add}
FOLD: dict[type, Fold] = {QuestionDefined: Fold(_define, _require_new)}
