"""Rooms written down: what is read from such a file is the room again, to the letter."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from livevote.domain.commands import (
    AddQuestion,
    CloseVoting,
    Command,
    CreateRoom,
    EditQuestion,
    LinkPseudonyms,
    OpenVoting,
    Quiz,
    SetEmbedding,
    SwitchBoard,
    SwitchReactions,
)
from livevote.domain.records import Draft
from livevote.domain.refusals import Refusal
from livevote.plan import decoded, plan_of, read_room, room_yaml, sheet_csv, try_out, writing
from tests.export.test_kinds import ASKED
from tests.history import AT, CODE, OPTIONS, History, created
from tests.plan.cases import content, made, room

texts = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=40) | st.sampled_from(
    ["Yes", "no", "~", "null", "007", "1:30", "=1+1", "'=1", "''-", "- a", "a: b", "#", "x #y", '"', "@", "[]", "*"]
)  # fmt: skip
questions: st.SearchStrategy[Command] = st.builds(
    AddQuestion,
    st.sampled_from(["single", "multiple"]),
    texts,
    st.lists(texts, min_size=2, max_size=4).map(tuple),
    changeable=st.booleans(),
)


def again(data: bytes, name: str, *, title: str = "") -> History:
    text = decoded(data)
    assert isinstance(text, str)
    return made(read_room(name, text, title=title))


def test_a_room_file_is_made_for_people() -> None:
    assert room_yaml(room().room).decode() == (
        "title: Spring meeting\nlanguage: de\nreceipts: false\nreplay_public: true\nquestions:\n"
        "- kind: single\n  question: Tea or coffee?\n  options:\n  - 'Yes'\n  - 'No'\n  - '007'\n  - '1:30'\n  - '~'\n"
        "- kind: multiple\n  question: 'Which topics: all of them?'\n  options:\n  - Roof\n  - =1+1\n  - 'on'\n"
        "  rules:\n    max: 2\n    min: 0\n  changeable: false\n"
    )
    assert room_yaml(created().room) == b"title: Welcome\nquestions: []\n"


def test_a_sheet_opens_in_a_spreadsheet_and_runs_nothing() -> None:
    assert sheet_csv(room().room).decode() == (
        "\ufeffkind,question,option 1,option 2,option 3,option 4,option 5,rules,changeable\r\n"
        "single,Tea or coffee?,Yes,No,007,1:30,~,,\r\n"
        'multiple,Which topics: all of them?,Roof,\'=1+1,on,,,"{""max"":2,""min"":0}",false\r\n'
    )
    assert sheet_csv(created().room) == "\ufeffkind,question\r\n".encode()


@given(texts, st.lists(questions, max_size=5))
def test_what_was_written_is_read_as_it_was(title: str, given: list[Command]) -> None:
    history = History()
    assume(not isinstance(history.do(CreateRoom(CODE, title)), Refusal))
    for command in given:
        assert isinstance(history.do(command), Draft | Refusal)
    assert content(again(room_yaml(history.room), "r.yaml")) == content(history)
    if history.room.questions:
        named = again(sheet_csv(history.room), "s.csv", title=history.room.title)
        assert content(named) == content(history)


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ((), ""),
        (
            (LinkPseudonyms(), SwitchBoard(on=True), SwitchReactions(on=True)),
            "linked: true\nboard: true\nreactions: true\n",
        ),
        ((SwitchBoard(on=True, approval=False, per_voter=3),), "board:\n  approval: false\n  per_voter: 3\n"),
        (
            (SetEmbedding(("https://a.example", "*", "file:")),),
            "embedding:\n- https://a.example\n- '*'\n- 'file:'\n",
        ),
    ],
)
def test_a_copy_is_set_as_the_room(settings: tuple[Command, ...], written: str) -> None:
    history = created().did(*settings)
    data = room_yaml(history.room)
    assert data.decode() == f"title: Welcome\n{written}questions: []\n"
    assert content(again(data, "r.yaml")) == content(history)


def test_a_board_that_is_off_is_not_written_and_may_be_written_by_hand() -> None:
    history = created().did(SwitchBoard(on=True, per_voter=3), SwitchBoard(on=False, per_voter=3))
    assert room_yaml(history.room) == b"title: Welcome\nquestions: []\n"
    assert not again(b"title: T\nboard: no\n", "r.yaml").room.board.on


def test_a_list_of_no_sites_is_what_a_room_has_without_it() -> None:
    assert again(b"title: T\nembedding: []\n", "r.yaml").room.embedding == ()


def test_a_copy_has_the_questions_as_they_are_now_and_no_votes() -> None:
    history = created().did(AddQuestion("single", "Old?", OPTIONS), OpenVoting("q1"), CloseVoting("q1"))
    history.did(EditQuestion("q1", text="New?", options=(*OPTIONS, "Milk"), meaning=True))
    plan = plan_of(history.room, title="Copy")
    other = History().did(*try_out(plan, CODE, at=AT).commands)
    assert (other.room.title, other.question().text, other.question().phase) == ("Copy", "New?", "draft")
    assert other.question().options == (*OPTIONS, "Milk")
    assert plan_of(history.room).title == "Welcome"


def test_a_quiz_and_its_level_are_in_both_forms_of_file_and_sealed_anew() -> None:
    quiz = Quiz((1,), fading=True, explanation="Why not?")
    history = created().did(AddQuestion("single", "Q?", OPTIONS, level="code", quiz=quiz, salt=bytes(16)))
    assert b"  level: code\n  quiz:\n    right:\n    - 1\n    fading: true\n    explanation: Why not?\n" in room_yaml(
        history.room
    )
    for copied in (again(room_yaml(history.room), "r.yaml"), again(sheet_csv(history.room), "s.csv", title="Welcome")):
        found, before = copied.question(), history.question()
        assert (found.level, found.solution) == ("code", before.solution)
        assert found.quiz is not None
        assert before.quiz is not None
        assert (found.quiz.points, found.quiz.fading) == (before.quiz.points, before.quiz.fading)
        assert found.quiz.commitment != before.quiz.commitment


def test_a_question_without_options_has_none_in_a_file() -> None:
    assert writing._question(AddQuestion("single", "Q?")) == {"kind": "single", "question": "Q?"}


def test_values_of_fields_that_come_later_fit_into_a_cell() -> None:
    assert writing._cell({"right": [1], "explanation": "a, \u00e9"}) == '{"right":[1],"explanation":"a, \u00e9"}'


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "-", "'", "''", "a"])
def test_the_apostrophe_of_a_spreadsheet_comes_and_goes(text: str) -> None:
    history = created().did(AddQuestion("single", text, ("a", "b")))
    assert again(sheet_csv(history.room), "s.csv", title="T").question().text == text


@pytest.mark.parametrize(("kind", "options", "rules"), [(kind, options, rules) for kind, options, rules, _ in ASKED])
def test_every_kind_of_question_is_in_both_forms_of_file(
    kind: str, options: tuple[str, ...], rules: dict[str, object]
) -> None:
    history = created().did(AddQuestion(kind, "Q?", options, msgspec.Raw(msgspec.json.encode(rules))))
    assert content(again(room_yaml(history.room), "r.yaml")) == content(history)
    assert content(again(sheet_csv(history.room), "s.csv", title="Welcome")) == content(history)
