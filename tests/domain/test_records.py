"""Canonical bytes: what ``encode`` writes is RFC 8785, and what was written once is read for ever."""

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.kinds.choice import ChoiceRules, Choices
from livevote.domain.records import (
    AnswerErased,
    BallotCast,
    BoardSwitched,
    CodesIssued,
    CodeUsed,
    CohostAdded,
    CohostRevoked,
    EmbeddingSet,
    LanguageSet,
    LeaderboardShown,
    NameErased,
    PlayerName,
    PlayerNamed,
    PostAnswered,
    PostAsked,
    PostErased,
    PostPinned,
    PostsJudged,
    PostUpvoted,
    PseudonymsLinked,
    QuestionDefined,
    QuestionEdited,
    QuestionRemoved,
    QuestionsOrdered,
    QuizTerms,
    ReactionsSwitched,
    ReceiptsSwitched,
    Record,
    RecoveryAccepted,
    ReplayPublished,
    ResultsHidden,
    ResultsRevealed,
    RoomCreated,
    RoomErased,
    RoomRenamed,
    Solution,
    SolutionShown,
    TermsJudged,
    TimerSet,
    VotingClosed,
    VotingOpened,
    committed,
    decode,
    encode,
)
from tests.history import AT

LARGEST = 2**53 - 1  # the largest integer of RFC 8785

integers = st.integers(-LARGEST, LARGEST)
texts = st.text() | st.sampled_from(["e\u0301", "\u212b", '"\\/\b\f\n\r\t\x00\x1f\x7f', "\u2028\u2029", "\U0001f600"])
rules = st.dictionaries(texts, integers | texts | st.none() | st.booleans()).map(
    lambda value: msgspec.Raw(rfc8785.dumps(value))
)
levels = st.sampled_from(["browser", "code"])
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(RoomCreated, integers, texts, texts),
    st.builds(
        QuestionDefined,
        integers,
        texts,
        texts,
        texts,
        st.lists(texts).map(tuple),
        rules,
        st.booleans(),
        levels,
        st.none() | st.builds(QuizTerms, texts, st.booleans(), integers),
    ),
    st.builds(VotingOpened, integers, texts, integers, st.none() | integers),
    st.builds(VotingClosed, integers, texts, integers),
    st.builds(ResultsRevealed, integers, texts, integers),
    st.builds(ResultsHidden, integers, texts, integers),
    st.builds(BallotCast, integers, texts, texts, texts, integers, integers, st.none() | integers, texts),
    st.builds(AnswerErased, integers, integers, texts, integers, texts),
    st.builds(ReceiptsSwitched, integers, st.booleans()),
    st.builds(ReplayPublished, integers, st.booleans()),
    st.builds(RecoveryAccepted, integers, texts, integers, integers, texts),
    st.builds(TermsJudged, integers, texts, integers, st.lists(texts).map(tuple), st.booleans()),
    st.builds(TimerSet, integers, texts, integers, st.none() | integers),
    st.builds(CohostAdded, integers, texts, texts),
    st.builds(CohostRevoked, integers, texts),
    st.builds(EmbeddingSet, integers, st.lists(texts).map(tuple)),
    st.builds(
        QuestionEdited,
        *(integers, texts, texts, texts, st.lists(texts).map(tuple), rules, st.booleans()),
        version=integers,
        kept=st.booleans(),
    ),
    st.builds(QuestionRemoved, integers, texts),
    st.builds(QuestionsOrdered, integers, st.lists(texts).map(tuple)),
    st.builds(RoomRenamed, integers, texts),
    st.builds(LanguageSet, integers, texts),
    st.builds(RoomErased, integers),
    st.builds(CodesIssued, integers, integers, integers, texts),
    st.builds(CodeUsed, integers, integers, integers, texts),
    st.builds(PseudonymsLinked, integers),
    st.builds(SolutionShown, integers, texts, integers),
    st.builds(PlayerNamed, integers, texts, texts, texts),
    st.builds(NameErased, integers, integers, texts),
    st.builds(LeaderboardShown, integers, st.booleans()),
    st.builds(BoardSwitched, integers, st.booleans(), st.booleans(), integers),
    st.builds(PostAsked, integers, texts, texts, texts),
    st.builds(PostUpvoted, integers, texts, integers, texts, st.booleans()),
    st.builds(PostsJudged, integers, st.lists(integers).map(tuple), st.booleans()),
    st.builds(PostPinned, integers, st.none() | integers),
    st.builds(PostAnswered, integers, integers, st.booleans()),
    st.builds(PostErased, integers, integers),
    st.builds(ReactionsSwitched, integers, st.booleans()),
)

# Logs hold these bytes. A change of any of them makes a record that old logs do not have: give it a new tag.
WRITTEN: list[tuple[Record, bytes]] = [
    (
        RoomCreated(AT, "7KQ2MD", "Caf\u00e9"),
        b'{"@type":"room_created/1","at":1790000000000,"code":"7KQ2MD","title":"Caf\xc3\xa9"}',
    ),
    (
        QuestionDefined(AT, "q1", "single", "Why?", ("a", "b"), msgspec.Raw(b'{"max":1,"min":1}'), True),
        b'{"@type":"question_defined/1","at":1790000000000,"changeable":true,"id":"q1","kind":"single",'
        b'"options":["a","b"],"rules":{"max":1,"min":1},"text":"Why?"}',
    ),
    (VotingOpened(AT, "q1", 1), b'{"@type":"voting_opened/1","at":1790000000000,"question":"q1","round":1}'),
    (VotingClosed(AT, "q1", 1), b'{"@type":"voting_closed/1","at":1790000000000,"question":"q1","round":1}'),
    (ResultsRevealed(AT, "q1", 1), b'{"@type":"results_revealed/1","at":1790000000000,"question":"q1","round":1}'),
    (ResultsHidden(AT, "q1", 1), b'{"@type":"results_hidden/1","at":1790000000000,"question":"q1","round":1}'),
    (
        BallotCast(AT, "b1", "ann", "q1", 1, 0, None, "00ff"),
        b'{"@type":"ballot_cast/1","at":1790000000000,"commitment":"00ff","id":"b1","question":"q1","rev":0,'
        b'"round":1,"supersedes":null,"voter":"ann"}',
    ),
    (
        AnswerErased(AT, 5, "q1", 1, "ann"),
        b'{"@type":"answer_erased/1","at":1790000000000,"index":5,"question":"q1","round":1,"voter":"ann"}',
    ),
    (ReceiptsSwitched(AT, False), b'{"@type":"receipts_switched/1","at":1790000000000,"on":false}'),
    (ReplayPublished(AT, True), b'{"@type":"replay_published/1","at":1790000000000,"public":true}'),
    (
        RecoveryAccepted(AT, "livevote/7KQ2MD/00ff", 5, 9, "ff00"),
        b'{"@type":"recovery_accepted/1","at":1790000000000,"kept":5,"lost":9,"origin":"livevote/7KQ2MD/00ff",'
        b'"root":"ff00"}',
    ),
    (
        TermsJudged(AT, "q1", 1, ("00ff", "ff00"), True),
        b'{"@type":"terms_judged/1","at":1790000000000,"keys":["00ff","ff00"],"question":"q1","round":1,"shown":true}',
    ),
    (
        VotingOpened(AT, "q1", 1, AT + 60_000),
        b'{"@type":"voting_opened/1","at":1790000000000,"closes_at":1790000060000,"question":"q1","round":1}',
    ),
    (
        TimerSet(AT, "q1", 1, AT + 60_000),
        b'{"@type":"timer_set/1","at":1790000000000,"closes_at":1790000060000,"question":"q1","round":1}',
    ),
    (
        TimerSet(AT, "q1", 1, None),
        b'{"@type":"timer_set/1","at":1790000000000,"closes_at":null,"question":"q1","round":1}',
    ),
    (
        CohostAdded(AT, "c1", "Ann"),
        b'{"@type":"cohost_added/1","at":1790000000000,"id":"c1","name":"Ann"}',
    ),
    (CohostRevoked(AT, "c1"), b'{"@type":"cohost_revoked/1","at":1790000000000,"id":"c1"}'),
    (
        EmbeddingSet(AT, ("https://slides.example.org", "file:")),
        b'{"@type":"embedding_set/1","ancestors":["https://slides.example.org","file:"],"at":1790000000000}',
    ),
    (
        QuestionEdited(AT, "q1", "single", "Why?", ("a", "b"), msgspec.Raw(b'{"max":1,"min":1}'), True, version=2),
        b'{"@type":"question_edited/1","at":1790000000000,"changeable":true,"id":"q1","kind":"single",'
        b'"options":["a","b"],"rules":{"max":1,"min":1},"text":"Why?","version":2}',
    ),
    (QuestionRemoved(AT, "q1"), b'{"@type":"question_removed/1","at":1790000000000,"question":"q1"}'),
    (
        QuestionsOrdered(AT, ("q2", "q1")),
        b'{"@type":"questions_ordered/1","at":1790000000000,"questions":["q2","q1"]}',
    ),
    (RoomRenamed(AT, "Caf\u00e9"), b'{"@type":"room_renamed/1","at":1790000000000,"title":"Caf\xc3\xa9"}'),
    (LanguageSet(AT, "de"), b'{"@type":"language_set/1","at":1790000000000,"language":"de"}'),
    (RoomErased(AT), b'{"@type":"room_erased/1","at":1790000000000}'),
    (
        QuestionDefined(AT, "q1", "single", "Why?", ("a",), msgspec.Raw(b"{}"), True, level="code"),
        b'{"@type":"question_defined/1","at":1790000000000,"changeable":true,"id":"q1","kind":"single","level":"code",'
        b'"options":["a"],"rules":{},"text":"Why?"}',
    ),
    (
        CodesIssued(AT, 1, 300, "00ff"),
        b'{"@type":"codes_issued/1","at":1790000000000,"count":300,"list":1,"root":"00ff"}',
    ),
    (CodeUsed(AT, 1, 7, "ann"), b'{"@type":"code_used/1","at":1790000000000,"by":"ann","list":1,"place":7}'),
    (
        QuestionDefined(
            AT,
            "q1",
            "single",
            "Why?",
            ("a", "b"),
            msgspec.Raw(b'{"max":1,"min":1}'),
            True,
            quiz=QuizTerms("00ff", False, 9),
        ),
        b'{"@type":"question_defined/1","at":1790000000000,"changeable":true,"id":"q1","kind":"single",'
        b'"options":["a","b"],"quiz":{"commitment":"00ff","fading":false,"points":9},"rules":{"max":1,"min":1},'
        b'"text":"Why?"}',
    ),
    (PseudonymsLinked(AT), b'{"@type":"pseudonyms_linked/1","at":1790000000000}'),
    (SolutionShown(AT, "q1", 1), b'{"@type":"solution_shown/1","at":1790000000000,"question":"q1","round":1}'),
    (
        PlayerNamed(AT, "n1", "ann", "00ff"),
        b'{"@type":"player_named/1","at":1790000000000,"commitment":"00ff","id":"n1","voter":"ann"}',
    ),
    (NameErased(AT, 5, "ann"), b'{"@type":"name_erased/1","at":1790000000000,"index":5,"voter":"ann"}'),
    (LeaderboardShown(AT, True), b'{"@type":"leaderboard_shown/1","at":1790000000000,"on":true}'),
    (
        BoardSwitched(AT, True, False, 5),
        b'{"@type":"board_switched/1","approval":false,"at":1790000000000,"on":true,"per_voter":5}',
    ),
    (
        PostAsked(AT, "p1", "ann", "00ff"),
        b'{"@type":"post_asked/1","at":1790000000000,"commitment":"00ff","id":"p1","voter":"ann"}',
    ),
    (
        PostUpvoted(AT, "u1", 3, "bob", True),
        b'{"@type":"post_upvoted/1","at":1790000000000,"id":"u1","on":true,"post":3,"voter":"bob"}',
    ),
    (
        PostsJudged(AT, (3, 4), False),
        b'{"@type":"posts_judged/1","at":1790000000000,"posts":[3,4],"shown":false}',
    ),
    (PostPinned(AT, None), b'{"@type":"post_pinned/1","at":1790000000000,"post":null}'),
    (PostAnswered(AT, 3, True), b'{"@type":"post_answered/1","answered":true,"at":1790000000000,"post":3}'),
    (PostErased(AT, 3), b'{"@type":"post_erased/1","at":1790000000000,"index":3}'),
    (ReactionsSwitched(AT, True), b'{"@type":"reactions_switched/1","at":1790000000000,"on":true}'),
]


def as_json(record: Record) -> dict[str, Any]:
    """The record as the plain values that any JSON library writes."""
    fields: dict[str, Any] = msgspec.structs.asdict(record)
    if isinstance(record, QuestionDefined):
        fields |= {"rules": json.loads(bytes(record.rules)), "options": list(record.options)}
        # What records of older logs do not have is written where it says something.
        if record.level == "browser":
            del fields["level"]
        terms = fields.pop("quiz")
        if terms is not None:
            fields["quiz"] = msgspec.structs.asdict(terms)
        if not fields.get("kept", True):
            del fields["kept"]
    if isinstance(record, TermsJudged):
        fields["keys"] = list(record.keys)
    if isinstance(record, VotingOpened) and record.closes_at is None:
        del fields["closes_at"]  # as in every log from before there were timers
    if isinstance(record, EmbeddingSet):
        fields |= {"ancestors": list(record.ancestors)}
    if isinstance(record, PostsJudged):
        fields |= {"posts": list(record.posts)}
    return {"@type": record.__struct_config__.tag, **fields}


@given(records)
def test_records_are_written_as_rfc_8785_has_it(record: Record) -> None:
    assert encode(record) == rfc8785.dumps(as_json(record))


@given(records)
def test_records_are_read_as_they_were_written(record: Record) -> None:
    body = encode(record)
    again = decode(body)
    assert type(again) is type(record)
    assert encode(again) == body


@given(st.lists(integers).map(tuple), integers, integers)
def test_answers_and_rules_are_written_as_rfc_8785_has_it(choices: tuple[int, ...], low: int, high: int) -> None:
    assert encode(Choices(choices)) == rfc8785.dumps({"choices": list(choices)})
    assert encode(ChoiceRules(max=high, min=low)) == rfc8785.dumps({"min": low, "max": high})


@given(st.lists(integers).map(tuple), texts)
def test_what_a_quiz_and_a_name_hide_is_written_as_rfc_8785_has_it(right: tuple[int, ...], text: str) -> None:
    assert encode(Solution(text, right)) == rfc8785.dumps({"explanation": text, "right": list(right)})
    assert encode(PlayerName(text)) == rfc8785.dumps({"name": text})


def test_ballots_posts_names_and_quizzes_hide_something_and_nothing_else_does() -> None:
    hiding = [type(record).__name__ for record, _ in WRITTEN if committed(record) == "00ff"]
    assert sorted(hiding) == ["BallotCast", "PlayerNamed", "PostAsked", "QuestionDefined"]
    assert sum(committed(record) is None for record, _ in WRITTEN) == len(WRITTEN) - 4


@given(records)
def test_fields_are_in_order(record: Record) -> None:
    names = [name for name, _ in json.loads(encode(record), object_pairs_hook=list)]
    assert names == sorted(names)


@pytest.mark.parametrize(("record", "body"), WRITTEN)
def test_the_bytes_of_every_record_stay_what_they_are(record: Record, body: bytes) -> None:
    assert encode(record) == body
    assert as_json(decode(body)) == as_json(record)


def test_every_record_is_among_those_that_stay() -> None:
    assert {type(record) for record, _ in WRITTEN} == set(Record.__args__)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"@type":"ballot_cast/2"}',
        b'{"@type":"\xff"}',
        b'{"@type":"voting_opened/1","at":1,"question":"q1"}',
        b'{"@type":"voting_opened/1","at":1,"question":"q1","round":"1"}',
        b'{"@type":"room_created/1","at":1,"code":"\xff","title":""}',
        b'{"@type":"room_created/1","at":1,"code":"","title":"","more":' + b"[" * 100_000,
    ],
)
def test_bytes_that_no_version_wrote_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_what_is_wrong_with_the_bytes_is_said() -> None:
    with pytest.raises(msgspec.DecodeError, match="'utf-8' codec can't decode byte 0xff"):
        decode(b'{"@type":"\xff"}')


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        decode(body)
    except msgspec.DecodeError:
        return
