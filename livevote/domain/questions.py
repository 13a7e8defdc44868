"""Questions: adding one to a room, changing it, putting all in order, and taking a draft away."""

from itertools import chain, count
from typing import Any

import msgspec

from livevote.domain import quiz
from livevote.domain.commands import AddQuestion, EditQuestion, OrderQuestions, RemoveQuestion
from livevote.domain.kinds import KINDS
from livevote.domain.parts import Decide, Decision, Fold, OutOfOrderError, require
from livevote.domain.records import (
    Draft,
    Entry,
    Opening,
    QuestionDefined,
    QuestionEdited,
    QuestionRemoved,
    QuestionsOrdered,
    QuizTerms,
    Record,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Question, Room
from livevote.domain.text import clean

MAX_TEXT_CHARS = 500
MAX_QUESTIONS = 200
_MANY = 1000


def _add(room: Room, command: AddQuestion, at: int) -> Decision:
    if len(room.questions) >= MAX_QUESTIONS:
        return Refusal(Code.TOO_MANY_QUESTIONS, f"a room has at most {MAX_QUESTIONS}")
    found = _defined(_new_id(room), command, at)
    return found if isinstance(found, Refusal) else Draft(room.code, *found)


def _defined(
    id: str, command: AddQuestion, at: int, before: Question | None = None
) -> tuple[QuestionDefined, Opening | None] | Refusal:
    """The question as a record, and what that hides: nothing where its quiz is that of ``before``."""
    kind = KINDS.get(command.kind)
    if kind is None:
        return Refusal(Code.UNKNOWN_KIND, "kinds are " + ", ".join(sorted(KINDS)))
    text = clean(command.text)
    if not text or len(text) > MAX_TEXT_CHARS:
        return Refusal(Code.BAD_QUESTION, f"a question's text has 1 to {MAX_TEXT_CHARS} characters")
    options = tuple(clean(option) for option in command.options)
    rules = kind.define(options, bytes(command.rules))
    if isinstance(rules, Refusal):
        return rules
    terms: QuizTerms | None = None
    opening: Opening | None = None
    if command.quiz is not None:
        solution = quiz.solution(command.quiz, kind, options, rules)
        if isinstance(solution, Refusal):
            return solution
        if before is not None and before.solution is not None and quiz.is_kept(before, command.quiz, solution):
            # What is kept is opened by the record that it came with, and says as much as that one did.
            terms, solution = before.quiz, before.solution
        else:
            sealed = quiz.seal(solution, command.quiz, command.salt)
            if isinstance(sealed, Refusal):
                return sealed
            terms, opening = sealed
        rules = quiz.logged_rules(kind, rules, solution)
    defined = QuestionDefined(
        at=at,
        id=id,
        kind=kind.name,
        text=text,
        options=options,
        rules=msgspec.Raw(rules),
        changeable=command.changeable,
        level=command.level,
        quiz=terms,
    )
    return defined, opening


def _new_id(room: Room) -> str:
    """The first of q1, q2 ... that nothing was ever called, or another one where there were many: a room from elsewhere
    may have named its questions in any way, and a command that comes late shall meet none that it was not sent for."""
    named = len(room.questions) + len(room.removed)
    # A room may have seen thousands come and go. Nearly always they were called like this, and the next one is free.
    likely = () if named < _MANY else (named + 1,)
    names = (f"q{number}" for number in chain(likely, count(1)))
    return next(name for name in names if name not in room.questions and name not in room.removed)


def _edit(room: Room, command: EditQuestion, at: int) -> Decision:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    was_asked = bool(question.rounds)
    if was_asked and command.kind not in (None, question.kind.name):
        return Refusal(Code.WAS_ASKED, "its kind stays as well")
    if was_asked and command.level not in (None, question.level):
        # By it voters have their pseudonyms: with another one, who sends a ballot again would be somebody else.
        return Refusal(Code.WAS_ASKED, "its level stays as well")
    if was_asked and command.meaning and question.phase == "open":
        return Refusal(Code.STILL_OPEN)
    wanted = _wanted(question, command)
    found = _defined(question.id, wanted, at, question)
    if isinstance(found, Refusal):
        return found
    defined, opening = found
    kept = defined.quiz is not None and opening is None
    is_other = (was_asked and command.meaning) or _other_answers(question, defined)
    if defined.quiz is not None and command.quiz is msgspec.UNSET and (is_other or not kept):
        return Refusal(Code.BAD_QUESTION, "what is right may be something else now: give a quiz as well, or null")
    if was_asked and not command.meaning and (other := _other_meaning(question.defined, defined)):
        return Refusal(Code.OTHER_MEANING, other)
    version = question.version + (was_asked and command.meaning)
    edited = QuestionEdited(**msgspec.structs.asdict(defined), version=version, kept=kept)
    if _content(edited) == _content(question.defined):
        return Refusal(Code.ALREADY_SO)
    return Draft(room.code, edited, opening)


def as_added(question: Question) -> AddQuestion:
    """The command that adds the question as it is now to another room."""
    return _wanted(question, EditQuestion(question.id))


def _wanted(question: Question, command: EditQuestion) -> AddQuestion:
    """The question as if it were added now: what the command leaves out is as it was."""
    asked_for = {name: getattr(command, name, None) for name in AddQuestion.__struct_fields__}
    wanted = quiz.of(question) if command.quiz is msgspec.UNSET else command.quiz
    if not bytes(command.rules):
        asked_for["rules"] = msgspec.Raw(question.stored_rules)
        # Those of another kind nobody can read, and those that came by themselves come anew: "all options" stays all.
        is_default = question.stored_rules == question.kind.define(question.options, b"{}")
        is_other = command.kind not in (None, question.kind.name)
        if is_default or is_other:
            asked_for["rules"] = msgspec.Raw(b"{}")
    return AddQuestion(
        **{
            name: getattr(question.defined, name) if value is None else value
            for name, value in asked_for.items()
            if name != "quiz" and (value is not None or hasattr(question.defined, name))
        },
        quiz=wanted,
    )


def _content(defined: QuestionDefined) -> dict[str, Any]:
    """All that a record says of its question."""
    content = {name: getattr(defined, name) for name in QuestionDefined.__struct_fields__ if name != "at"}
    return content | {"rules": bytes(defined.rules)}


def _rest(defined: QuestionDefined) -> dict[str, Any]:
    """All but the wording: what ballots are read and counted by."""
    return _content(defined) | {"text": "", "options": len(defined.options)}


def _other_meaning(before: QuestionDefined, after: QuestionDefined) -> str:
    """Why ballots for ``before`` would say something else for ``after``; empty where only wording differs."""
    if len(before.options) != len(after.options):
        return "the number of options"
    if _rest(before) != _rest(after):
        return "more than the wording"
    moved = _moved(before, after)
    return "" if moved is None else f"option '{moved}' has another place"


def _moved(before: QuestionDefined, after: QuestionDefined) -> str | None:
    """An option that has another place than before."""
    places = {text: place for place, text in enumerate(before.options)}
    return next((text for place, text in enumerate(after.options) if places.get(text, place) != place), None)


def _other_answers(question: Question, after: QuestionDefined) -> bool:
    """Whether what is right among the answers may not be so among those that there are now."""
    before = question.defined
    same = (before.kind, bytes(before.rules), len(before.options)) == (
        after.kind,
        bytes(after.rules),
        len(after.options),
    )
    return not same or _moved(before, after) is not None


def _remove(room: Room, command: RemoveQuestion, at: int) -> Record | Refusal:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    return Refusal(Code.WAS_ASKED) if question.rounds else QuestionRemoved(at=at, question=question.id)


def _order(room: Room, command: OrderQuestions, at: int) -> Record | Refusal:
    if command.questions == tuple(room.questions):
        return Refusal(Code.ALREADY_SO)
    if not _names_all(room, command.questions):
        return Refusal(Code.BAD_ORDER)
    return QuestionsOrdered(at=at, questions=command.questions)


def _names_all(room: Room, questions: tuple[str, ...]) -> bool:
    return len(questions) == len(room.questions) and set(questions) == set(room.questions)


def copied(question: Question, at: int, salt: bytes) -> tuple[QuestionDefined, Opening | None]:
    """The question as it is now, as a record of the instant ``at`` for another room, and what it hides with ``salt``.

    Browsers answer the copy: another room has none of the codes that this one gave out.
    """
    rules, terms, opening = quiz.sealed_again(question, salt)
    record = QuestionDefined(
        at=at,
        id=question.id,
        kind=question.kind.name,
        text=question.text,
        options=question.options,
        rules=msgspec.Raw(rules),
        changeable=question.changeable,
        quiz=terms,
    )
    return record, opening


def _require_new(room: Room, record: QuestionDefined) -> None:
    require(record.id not in room.questions)
    Question(record)  # which reads its kind and its rules


def _define(room: Room, entry: Entry, record: QuestionDefined) -> None:
    room.questions[record.id] = Question(record, None if record.quiz is None else quiz.opened(record, entry.opening))


def _require_next_version(room: Room, record: QuestionEdited) -> None:
    question = room.questions[record.id]
    Question(record)
    if record.kept:
        require(record.quiz == question.quiz)
        if question.solution is None:
            raise OutOfOrderError
        quiz.check(record, question.solution)
    if question.rounds:
        grows = record.version == question.version + 1
        require(record.kind == question.kind.name and record.level == question.level)
        require(not grows or question.phase != "open")
        require(grows or (record.version == question.version and _rest(record) == _rest(question.defined)))
    else:
        require(record.version == question.version)


def _redefine(room: Room, entry: Entry, record: QuestionEdited) -> None:
    question = room.questions[record.id]
    solution = question.solution if record.kept else None
    if record.quiz is not None and not record.kept:
        solution = quiz.opened(record, entry.opening)
    question.define(record, solution)


def _require_draft(room: Room, record: QuestionRemoved) -> None:
    require(not room.questions[record.question].rounds)


def _take_away(room: Room, entry: Entry, record: QuestionRemoved) -> None:  # noqa: ARG001
    del room.questions[record.question]
    room.removed.add(record.question)


def _require_all(room: Room, record: QuestionsOrdered) -> None:
    require(_names_all(room, record.questions))


def _put_in_order(room: Room, entry: Entry, record: QuestionsOrdered) -> None:  # noqa: ARG001
    room.questions = {name: room.questions[name] for name in record.questions}


DECIDE: dict[type, Decide] = {
    AddQuestion: _add,
    EditQuestion: _edit,
    RemoveQuestion: _remove,
    OrderQuestions: _order,
}
FOLD: dict[type, Fold] = {
    QuestionDefined: Fold(_define, _require_new),
    QuestionEdited: Fold(_redefine, _require_next_version),
    QuestionRemoved: Fold(_take_away, _require_draft),
    QuestionsOrdered: Fold(_put_in_order, _require_all),
}
