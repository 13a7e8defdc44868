"""The state of a room before and between its records."""

import msgspec
import pytest

from livevote.domain.commands import AskAgain, CloseVoting, OpenVoting
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.choice import ChoiceRules
from livevote.domain.records import QuestionDefined
from livevote.domain.state import Question, Room, Round
from tests.history import AT, drafted


def defined(kind: str = "multiple") -> QuestionDefined:
    return QuestionDefined(AT, "q1", kind, "Why?", ("a", "b"), msgspec.Raw(b'{"max":2,"min":0}'), False)


def test_a_question_is_made_of_its_record() -> None:
    question = Question(defined())
    assert (question.id, question.text, question.options, question.changeable) == ("q1", "Why?", ("a", "b"), False)
    assert question.kind is KINDS["multiple"]
    assert (question.rules, question.stored_rules) == (ChoiceRules(max=2, min=0), b'{"max":2,"min":0}')
    assert question.rounds == []


def test_a_question_of_an_unknown_kind_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        Question(defined(kind="guess"))


def test_phases_follow_the_latest_round() -> None:
    history = drafted()
    phases = [history.question().phase]
    for command in (OpenVoting("q1"), CloseVoting("q1"), AskAgain("q1"), CloseVoting("q1")):
        phases.append(history.did(command).question().phase)
    assert phases == ["draft", "open", "closed", "open", "closed"]


def test_a_round_begins_open_hidden_and_empty() -> None:
    asked = Round(number=1, opened_at=AT, tally=KINDS["single"].empty(2, ChoiceRules(max=1, min=1)))
    assert (asked.number, asked.opened_at, asked.voters, asked.tally.counts()) == (1, AT, 0, (0, 0))
    assert (asked.closed_at, asked.closes_at, asked.revealed) == (None, None, False)
    assert (asked.ballots, asked.superseded) == ({}, {})


def test_a_room_begins_empty() -> None:
    room = Room(code="ABC", title="Welcome", created_at=AT, origin="livevote/ABC/0")
    assert (room.code, room.title, room.created_at, room.head) == ("ABC", "Welcome", AT, 0)
    assert (room.questions, room.current, room.cohosts) == ({}, None, {})
    assert room.embedding == ()
    assert (room.origin, room.receipts, room.replay_public, room.recoveries) == ("livevote/ABC/0", True, False, [])
