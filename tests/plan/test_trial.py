"""The trial: it says what would be refused, and leaves everything as it is."""

import pytest

from livevote.domain.commands import AddQuestion, CreateRoom, OpenVoting
from livevote.domain.questions import MAX_QUESTIONS
from livevote.plan import Plan, Planned, try_out
from tests.history import AT, CODE, OPTIONS, cast, dump, opened

QUESTION = Planned(AddQuestion("single", "More?", OPTIONS), 3, 3)


def test_a_room_that_is_there_gets_the_questions_and_nothing_else() -> None:
    history = opened().did(cast("ann", 0))
    before = dump(history.state)
    plan = Plan(title="Other", language="de", receipts=False, questions=(QUESTION, QUESTION))
    trial = try_out(plan, CODE, at=AT, room=history.room)
    assert trial.commands == (QUESTION.command, QUESTION.command)
    assert dump(history.state) == before
    assert list(history.did(*trial.commands).room.questions) == ["q1", "q2", "q3"]


def test_one_question_too_many_is_named_and_none_is_added() -> None:
    plan = Plan(
        title="", questions=tuple(Planned(QUESTION.command, line, line) for line in range(1, MAX_QUESTIONS + 1))
    )
    trial = try_out(plan, CODE, at=AT, room=opened().room)
    assert trial.commands == ()
    assert [(each.line, each.text) for each in trial.errors] == [
        (MAX_QUESTIONS, "The room is full of questions. Create another room: a room has at most 200.")
    ]


@pytest.mark.parametrize("open_first", [True, False])
def test_the_first_question_can_be_opened_at_once(open_first: bool) -> None:
    plan = Plan(title="T", questions=(QUESTION, QUESTION))
    trial = try_out(plan, CODE, at=AT, open_first=open_first)
    opening = (OpenVoting("q1"),) if open_first else ()
    assert trial.commands == (CreateRoom(CODE, "T"), QUESTION.command, QUESTION.command, *opening)


def test_a_room_without_questions_has_none_to_open() -> None:
    assert try_out(Plan(title="T"), CODE, at=AT, open_first=True).commands == (CreateRoom(CODE, "T"),)
