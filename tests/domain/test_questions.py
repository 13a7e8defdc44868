"""Changing a question: wording at any time, meaning only as another version, and rounds keep what they asked."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import quiz
from livevote.domain.audit import SALT_BYTES, commitment
from livevote.domain.commands import (
    AddQuestion,
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    OpenVoting,
    OrderQuestions,
    Quiz,
    RemoveQuestion,
    ShowSolution,
)
from livevote.domain.freeze import follow, freeze, thaw
from livevote.domain.questions import as_added, copied
from livevote.domain.records import (
    Draft,
    QuestionDefined,
    QuestionEdited,
    QuestionRemoved,
    QuestionsOrdered,
    Record,
    Solution,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, Repeat, fits
from livevote.domain.state import Question
from livevote.domain.tally import fold, snapshot
from livevote.log import finish
from tests.domain.kinds.test_laws import Sample, every_sample
from tests.history import AT, CODE, OPTIONS, SALT, History, cast, created, drafted, dump, opened, stored

MORE = (*OPTIONS, "Milk")


def closed() -> History:
    """Ann voted for Tea in round 1 of q1, which is closed."""
    return opened().did(cast("ann", 0, id="a1"), CloseVoting("q1"))


def meant() -> History:
    """Like ``closed``, with another option since."""
    return closed().did(EditQuestion("q1", text="And now?", options=MORE, meaning=True))


def test_a_draft_changes_freely_and_what_is_left_out_stays() -> None:
    history = drafted().did(EditQuestion("q1", kind="multiple", text=" New? ", options=("a", "b", "c", "d")))
    question = history.question()
    assert (question.kind.name, question.text, question.options) == ("multiple", "New?", ("a", "b", "c", "d"))
    assert (question.stored_rules, question.changeable, question.version) == (b'{"max":4,"min":1}', True, 1)
    history.did(EditQuestion("q1", rules=msgspec.Raw(b'{"max":2}'), changeable=False, meaning=True))
    assert (question.stored_rules, question.changeable, question.version) == (b'{"max":2,"min":1}', False, 1)
    assert (question.text, question.options) == ("New?", ("a", "b", "c", "d"))


def test_wording_changes_while_voting_is_open_and_ballots_stay() -> None:
    history = opened().did(cast("ann", 0), EditQuestion("q1", text="Drink?", options=("Black tea", "Coffee", "Water")))
    assert history.round().tally.counts() == (1, 0, 0)
    assert history.round().wording.options[0] == "Black tea"
    assert history.did(cast("bob", 2)).round().tally.counts() == (1, 0, 1)
    assert (history.question().version, history.question().text) == (1, "Drink?")


@pytest.mark.parametrize(
    ("edit", "detail"),
    [
        (EditQuestion("q1", options=("Tea", "Milk")), "the number of options"),
        (EditQuestion("q1", options=("Coffee", "Tea", "Water")), "option 'Coffee' has another place"),
        (EditQuestion("q1", options=("Milk", "Tea", "Water")), "option 'Tea' has another place"),
        (EditQuestion("q1", changeable=False), "more than the wording"),
        (EditQuestion("q1", rules=msgspec.Raw(b'{"max":2}')), "more than the wording"),
    ],
)
def test_meaning_does_not_change_by_mistake(edit: EditQuestion, detail: str) -> None:
    history = opened(kind="multiple")
    assert history.decide(edit) == Refusal(Code.OTHER_MEANING, detail)


def test_another_meaning_counts_from_the_next_round_on() -> None:
    history = meant()
    question = history.question()
    assert (question.version, question.options, question.text) == (2, MORE, "And now?")
    first = question.rounds[0]
    assert (first.wording.version, first.wording.options, first.wording.text) == (1, OPTIONS, "What to drink?")
    history.did(AskAgain("q1"), cast("ann", 3, round=2))
    assert [asked.tally.counts() for asked in question.rounds] == [(1, 0, 0), (0, 0, 0, 1)]
    assert question.rounds[1].wording == question.wording
    history.did(EditQuestion("q1", text="And then?"))
    assert [asked.wording.text for asked in question.rounds] == ["What to drink?", "And then?"]


def test_a_retry_is_read_by_the_rules_of_its_own_round() -> None:
    history = closed().did(EditQuestion("q1", options=("Tea", "Coffee"), meaning=True))
    history.did(AskAgain("q1"))
    assert isinstance(history.decide(cast("ann", 0, id="a1")), Repeat)
    assert history.decide(cast("ann", 2, id="a1")) == Refusal(Code.CONFLICT)
    assert history.decide(cast("bob", 2, round=2)) == Refusal(Code.OUT_OF_RANGE, "options count from 0 to 1")


@pytest.mark.parametrize(
    ("history", "command", "code"),
    [
        (created, EditQuestion("q1"), Code.UNKNOWN_QUESTION),
        (opened, EditQuestion("q1", text="?", meaning=True), Code.STILL_OPEN),
        (closed, EditQuestion("q1", kind="multiple", meaning=True), Code.WAS_ASKED),
        (drafted, EditQuestion("q1", text=" "), Code.BAD_QUESTION),
        (drafted, EditQuestion("q1", options=("a",)), Code.BAD_QUESTION),
        (drafted, EditQuestion("q1", kind="guess"), Code.UNKNOWN_KIND),
        (drafted, EditQuestion("q1"), Code.ALREADY_SO),
        (drafted, EditQuestion("q1", text="What to drink? "), Code.ALREADY_SO),
        (drafted, EditQuestion("q1", meaning=True), Code.ALREADY_SO),
        (created, RemoveQuestion("q1"), Code.UNKNOWN_QUESTION),
        (closed, RemoveQuestion("q1"), Code.WAS_ASKED),
        (drafted, OrderQuestions(("q1",)), Code.ALREADY_SO),
        (drafted, OrderQuestions(()), Code.BAD_ORDER),
        (drafted, OrderQuestions(("q2",)), Code.BAD_ORDER),
        (drafted, OrderQuestions(("q1", "q1")), Code.BAD_ORDER),
    ],
)
def test_what_cannot_be_changed(history: Callable[[], History], command: Command, code: Code) -> None:
    decision = history().decide(command)
    assert isinstance(decision, Refusal)
    assert decision.code == code


def test_a_question_that_is_taken_away_leaves_its_id_unused() -> None:
    history = drafted().did(AddQuestion("single", "Second?", OPTIONS), RemoveQuestion("q2"))
    assert list(history.room.questions) == ["q1"]
    history.did(AddQuestion("single", "Third?", OPTIONS))
    assert list(history.room.questions) == ["q1", "q3"]
    history.did(RemoveQuestion("q1"), AddQuestion("single", "Fourth?", OPTIONS))
    assert list(history.room.questions) == ["q3", "q4"]


def test_questions_stand_in_the_order_that_was_given() -> None:
    history = drafted().did(AddQuestion("single", "Second?", OPTIONS), OrderQuestions(("q2", "q1")))
    assert list(history.room.questions) == ["q2", "q1"]
    assert history.did(OpenVoting("q1")).room.current is history.question("q1")


def test_a_question_is_added_elsewhere_as_it_is_now() -> None:
    history = drafted(kind="multiple", rules=b'{"max":2}', changeable=False).did(EditQuestion("q1", text="New?"))
    command = as_added(history.question())
    other = created().did(command)
    assert other.question().wording == msgspec.structs.replace(history.question().wording, version=1)
    assert other.question().changeable is False


def edited(*, version: int, text: str = "?", options: tuple[str, ...] = OPTIONS, **changes: object) -> QuestionEdited:
    rules = msgspec.Raw(b'{"max":1,"min":1}')
    record = QuestionEdited(AT, "q1", "single", text, options, rules, True, version=version)
    return msgspec.structs.replace(record, **changes)


@pytest.mark.parametrize(
    ("history", "record"),
    [
        (drafted, edited(version=2)),
        (drafted, edited(version=0)),
        (drafted, edited(version=1, id="q2")),
        (drafted, edited(version=1, kind="guess")),
        (drafted, edited(version=1, rules=msgspec.Raw(b"[]"))),
        (opened, edited(version=2)),
        (opened, edited(version=1, options=MORE)),
        (opened, edited(version=1, changeable=False)),
        (closed, edited(version=3)),
        (closed, edited(version=2, kind="multiple")),
        (meant, edited(version=1)),
        (closed, QuestionRemoved(AT, "q1")),
        (drafted, QuestionRemoved(AT, "q2")),
        (drafted, QuestionsOrdered(AT, ("q2",))),
        (drafted, QuestionsOrdered(AT, ("q1", "q1"))),
    ],
)
def test_i19_a_change_that_nobody_may_make_does_not_fold(history: Callable[[], History], record: Record) -> None:
    grown = history()
    before = dump(grown.state)
    assert not fits(grown.state, record)
    with pytest.raises(BrokenLogError):
        grown.put(Draft(CODE, record))
    assert dump(grown.state) == before


@pytest.mark.parametrize(
    ("history", "record"),
    [
        (drafted, edited(version=1, options=MORE, kind="multiple", changeable=False)),
        (opened, edited(version=1)),
        (closed, edited(version=1)),
        (closed, edited(version=2, options=MORE, changeable=False)),
    ],
)
def test_i19_what_may_be_changed_folds(history: Callable[[], History], record: QuestionDefined) -> None:
    grown = history()
    assert fits(grown.state, record)
    grown.put(Draft(CODE, record))
    assert grown.question().options == record.options


names = st.sampled_from(["q1", "q2", "q3", "q4"])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        EditQuestion,
        names,
        text=st.none() | st.sampled_from(["One?", "Two?"]),
        options=st.none() | st.sampled_from([OPTIONS, MORE, OPTIONS[:2], ("x", "y", "z"), OPTIONS[::-1]]),
        changeable=st.none() | st.booleans(),
        meaning=st.booleans(),
    ),
    st.builds(RemoveQuestion, names),
    st.builds(OrderQuestions, st.permutations(["q1", "q2", "q3"]).map(tuple)),
    st.builds(lambda text: AddQuestion("single", text, OPTIONS), st.sampled_from(["A?", "B?"])),
    *(st.builds(action, names) for action in (OpenVoting, CloseVoting, AskAgain)),
    st.builds(
        lambda voter, choice, question, round: cast(voter, choice, question=question, round=round),
        *(st.sampled_from("abc"), st.integers(0, 3), names, st.integers(1, 3)),
    ),
)


@given(st.lists(commands, max_size=40))
def test_i4_i5_whatever_is_changed_rounds_keep_their_sums_and_the_log_folds_into_the_state(
    given: list[Command],
) -> None:
    history = opened()
    seen: dict[tuple[str, int], tuple[object, ...]] = {}
    for command in given:
        history.do(command)
        for question in history.room.questions.values():
            for asked in question.rounds:
                counts, wording = asked.tally.counts(), asked.wording
                assert len(counts) == len(wording.options)
                assert question.kind.conserved(counts, asked.voters, wording.rules)
                key = question.id, asked.number
                meaning = (wording.version, len(wording.options), wording.rules)
                assert seen.setdefault(key, meaning) == meaning
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_a_round_is_counted_and_saved_by_the_rules_that_it_was_asked_with() -> None:
    first, later = msgspec.Raw(b'{"max":5,"min":0,"truth":3}'), msgspec.Raw(b'{"max":30,"min":-30,"truth":7}')
    sealed = AddQuestion("estimate", "How many?", (), first, quiz=Quiz(explanation="Three."), salt=SALT)
    history = created().did(sealed, OpenVoting("q1"), cast("ann", raw=b'{"value":5}'), CloseVoting("q1"))
    refused = history.do(EditQuestion("q1", rules=later, meaning=True))
    assert isinstance(refused, Refusal)
    assert refused.code == "bad_question"
    history.did(EditQuestion("q1", rules=later, meaning=True, quiz=Quiz(explanation="Seven."), salt=SALT))
    # The solution of what was asked then, and not of what will be asked.
    history.did(ShowSolution("q1"), AskAgain("q1"), cast("ann", raw=b'{"value":-30}', round=2))
    history.did(CloseVoting("q1"), ShowSolution("q1"))
    room = None
    for entry in stored(history.entries):
        room = follow(room, entry, salt=bytes(16), like=None)
    assert room is not None
    saved = finish(thaw(BytesIO(b"".join(freeze(room, bytes(32)))).read)).room
    assert dump(saved) == dump(history.state)
    for state in (room, saved):
        question = state.questions["q1"]
        found = [snapshot(state, question, asked) for asked in question.rounds]
        assert [each.counts for each in found] == [(0, 0, 0, 0, 0, 1), (1, *[0] * 19)]
        assert [(each.figures["low"], each.figures["truth"]) for each in found] == [(5, 3), (-30, 7)]
        solutions = [asked.wording.solution for asked in question.rounds]
        assert [each.explanation for each in solutions if each is not None] == ["Three.", "Seven."]


def test_a_quiz_keeps_its_seal_until_what_is_right_may_be_something_else() -> None:
    sealed = AddQuestion("single", "Which?", ("a", "b"), quiz=Quiz((1,)), salt=SALT)
    history = created().did(sealed, EditQuestion("q1", options=("a", "bee"), salt=bytes(16)))
    edited = history.entries[-1]
    assert isinstance(edited.record, QuestionEdited)
    assert edited.record.kept
    assert (edited.opening, edited.record.quiz) == (None, history.question().quiz)
    assert history.question().solution == Solution("", (1,))
    for command in (
        EditQuestion("q1", options=("bee", "a")),
        EditQuestion("q1", options=("a", "bee", "c")),
        EditQuestion("q1", kind="multiple"),
        EditQuestion("q1", quiz=Quiz((2,)), salt=SALT),
    ):
        refused = history.do(command)
        assert isinstance(refused, Refusal)
        assert refused.code == "bad_question"
    history.did(EditQuestion("q1", options=("bee", "a"), quiz=Quiz((0,)), salt=SALT))
    assert history.question().solution == Solution("", (0,))
    assert history.question().level == "browser"
    history.did(EditQuestion("q1", quiz=None, level="code"))
    assert (history.question().quiz, history.question().solution) == (None, None)
    assert history.question().level == "code"
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_a_record_keeps_only_the_quiz_that_was_there() -> None:
    sealed = AddQuestion("single", "Which?", ("a", "b"), quiz=Quiz((1,)), salt=SALT)
    history = created().did(sealed)
    defined = history.entries[-1].record
    assert isinstance(defined, QuestionDefined)
    assert defined.quiz is not None

    def kept(**changes: Any) -> QuestionEdited:
        return QuestionEdited(**(msgspec.structs.asdict(defined) | {"version": 1, "kept": True} | changes))

    assert fits(history.room, kept())
    assert not fits(history.room, kept(quiz=msgspec.structs.replace(defined.quiz, points=1)))
    assert not fits(history.room, kept(quiz=None))
    assert not fits(history.room, kept(options=("a",)))
    history.did(EditQuestion("q1", quiz=None))
    assert not fits(history.room, kept(quiz=None))


def test_an_id_of_a_removed_question_is_not_used_again_whatever_the_others_are_called() -> None:
    history = created()
    for name in ("q1", "q3"):
        history.put(Draft(CODE, msgspec.structs.replace(drafted().room.questions["q1"].defined, id=name)))
    history.did(AddQuestion("text", "Why?"), RemoveQuestion("q2"), AddQuestion("text", "Why?"))
    assert list(history.room.questions) == ["q1", "q3", "q4"]
    history.did(RemoveQuestion("q4"), AddQuestion("text", "Why?"))
    assert list(history.room.questions) == ["q1", "q3", "q5"]


@pytest.mark.parametrize("foreign", [(), ("q1002",)])
def test_an_id_is_found_at_once_also_where_thousands_of_questions_came_and_went(foreign: tuple[str, ...]) -> None:
    history = created()
    looked = 0

    class Counted(set[str]):
        def __contains__(self, name: object) -> bool:
            nonlocal looked
            looked += 1
            return super().__contains__(name)

    for name in foreign:
        history.put(Draft(CODE, msgspec.structs.replace(drafted().room.questions["q1"].defined, id=name)))
    removed = {f"q{number}" for number in range(1, 1001)}
    history.room.removed = Counted(removed)
    history.did(AddQuestion("text", "Why?"))
    added = list(history.room.questions)[-1]
    assert added not in (*removed, *foreign)
    assert looked == (1 if not foreign else 1001), "where names are foreign it takes longer, and is right"


@pytest.mark.parametrize("meaning", [True, False])
def test_the_level_of_a_question_that_was_asked_stays(meaning: bool) -> None:
    history = closed()
    refused = history.decide(EditQuestion("q1", text="By code?", level="code", meaning=meaning))
    assert isinstance(refused, Refusal)
    assert refused.code == "was_asked"
    history.did(EditQuestion("q1", text="By browser?", level="browser", meaning=meaning))
    edited = history.entries[-1].record
    assert isinstance(edited, QuestionEdited)
    version = edited.version + 1
    assert fits(history.room, msgspec.structs.replace(edited, version=version))
    assert not fits(history.room, msgspec.structs.replace(edited, version=version, level="code"))


@every_sample
@pytest.mark.parametrize("changeable", [True, False])
def test_the_copy_of_a_question_is_the_record_it_was_made_from(name: str, sample: Sample, changeable: bool) -> None:
    rules = msgspec.Raw(msgspec.json.encode(sample.rules))
    history = created().did(AddQuestion(name, "Which?", sample.options, rules, changeable), OpenVoting("q1"))
    record = history.entries[1].record
    assert copied(history.question(), record.at, SALT) == (record, None)
    later = msgspec.structs.replace(record, at=AT + 99)
    assert copied(history.question(), AT + 99, SALT) == (later, None)


def test_a_copy_has_no_rounds_and_needs_no_codes() -> None:
    asked = opened().did(cast("ann", 1)).question()
    assert (len(asked.rounds), Question(copied(asked, AT, SALT)[0]).rounds) == (1, [])
    by_code = created().did(AddQuestion("single", "Which?", OPTIONS, level="code")).question()
    assert copied(by_code, AT, SALT)[0].level == "browser"


def test_the_copy_of_a_quiz_hides_the_same_under_another_salt() -> None:
    wanted = Quiz(right=(1,), points=500, fading=True, explanation="Because.")
    question = created().did(AddQuestion("single", "Which?", OPTIONS, quiz=wanted, salt=bytes(SALT_BYTES))).question()
    record, opening = copied(question, AT, SALT)
    assert opening is not None
    assert record.quiz is not None
    assert record.quiz.commitment == commitment(opening) != question.defined.quiz.commitment  # type: ignore[union-attr]
    assert quiz.of(Question(record, quiz.opened(record, opening))) == wanted


def test_whoever_adds_a_field_to_a_definition_has_to_copy_it() -> None:
    assert QuestionDefined.__struct_fields__ == (
        "at",
        "id",
        "kind",
        "text",
        "options",
        "rules",
        "changeable",
        "level",
        "quiz",
    )
