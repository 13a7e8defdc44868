"""The two functions that are the vote: every refusal, every kind of broken log, and the promises I3, I6, I8 and I19."""

from collections.abc import Callable
from unittest.mock import ANY

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import ballots
from livevote.domain.about import MAX_TITLE_CHARS
from livevote.domain.audit import commitment
from livevote.domain.board import MAX_POSTS
from livevote.domain.cohosts import MAX_COHOSTS, MAX_NAME_CHARS, cohosts, is_cohost
from livevote.domain.commands import (
    AcceptRecovery,
    AddCohost,
    AddQuestion,
    AnswerPost,
    AsCohost,
    AskAgain,
    AskPost,
    CastBallot,
    CloseVoting,
    Command,
    CreateRoom,
    EditQuestion,
    EraseAnswer,
    EraseRoom,
    HideResults,
    IssueCodes,
    JudgePosts,
    JudgeTerms,
    LinkPseudonyms,
    OnQuestion,
    OpenVoting,
    OrderQuestions,
    PinPost,
    PublishReplay,
    RemoveName,
    RemoveQuestion,
    RevealResults,
    RevokeCohost,
    SetEmbedding,
    SetLanguage,
    SetTimer,
    ShowSolution,
    SwitchBoard,
    SwitchReactions,
    SwitchReceipts,
    UpvotePost,
    UseCode,
)
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.choice import Choices
from livevote.domain.questions import MAX_QUESTIONS, MAX_TEXT_CHARS
from livevote.domain.records import (
    AnswerErased,
    BallotCast,
    BoardSwitched,
    CohostAdded,
    CohostRevoked,
    Draft,
    EmbeddingSet,
    Entry,
    Opening,
    PostAnswered,
    PostAsked,
    PostErased,
    PostPinned,
    PostsJudged,
    PostUpvoted,
    QuestionDefined,
    ReactionsSwitched,
    ReceiptsSwitched,
    Record,
    RecoveryAccepted,
    ReplayPublished,
    ResultsHidden,
    ResultsRevealed,
    RoomCreated,
    TimerSet,
    VotingClosed,
    VotingOpened,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import (
    BrokenLogError,
    Decision,
    Repeat,
    apply,
    decide,
    fits,
)
from livevote.domain.state import Ballot
from livevote.domain.tally import fold
from tests.history import (
    AT,
    CODE,
    OPTIONS,
    SALT,
    History,
    answer,
    ask,
    ballot,
    by_code,
    cast,
    created,
    drafted,
    dump,
    linked,
    named,
    opened,
    quizzed,
    stored,
    upvote,
    with_board,
)

Case = tuple[History, Command]


def question(text: str = "Why?", *, options: tuple[str, ...] = ("a", "b"), kind: str = "single") -> AddQuestion:
    return AddQuestion(kind, text, options)


def closed() -> History:
    """Ann voted for Tea in round 1 of q1, which is closed."""
    return opened().did(cast("ann", 0), CloseVoting("q1"))


def again() -> History:
    """Like ``closed``, with round 2 open."""
    return closed().did(AskAgain("q1"))


def voted() -> History:
    """Ann voted for Tea in round 1 of q1, which is open; q2 is in draft."""
    return opened().did(cast("ann", 0), question())


def posted() -> History:
    """Ann and Bob have a post each on the board, 3 and 4."""
    return with_board().did(ask("ann", "Why?"), ask("bob", "How?"))


def recorded(decision: Decision) -> BallotCast:
    assert isinstance(decision, Draft)
    assert isinstance(decision.record, BallotCast)
    return decision.record


def timed() -> History:
    """Round 1 of q1 is open for a minute."""
    return drafted().did(OpenVoting("q1", seconds=60))


def helped() -> History:
    """The first co-host was revoked, the second one is there."""
    return created().did(AddCohost("Ann"), AddCohost("Bob"), RevokeCohost("c1"))


def _full_of_cohosts() -> Case:
    return created().did(*[AddCohost(f"Ann {number}") for number in range(MAX_COHOSTS)]), AddCohost("Bob")


def _full_of_questions() -> Case:
    return created().did(*[question(f"Why {number}?") for number in range(MAX_QUESTIONS)]), question()


def _full_of_posts() -> Case:
    history = with_board()
    return history.did(*[ask(f"voter {number}", "Why?") for number in range(MAX_POSTS)]), ask("ann", "Why?")


REFUSED: dict[Code, Callable[[], Case]] = {
    Code.ALREADY_SO: lambda: (created(), SwitchReceipts(on=True)),
    Code.NO_SUCH_BALLOT: lambda: (opened(), EraseAnswer(1)),
    Code.ALREADY_ERASED: lambda: (opened().did(cast("ann", 0), EraseAnswer(4)), EraseAnswer(4)),
    Code.NO_SOLUTION: lambda: (closed(), ShowSolution("q1")),
    Code.NOT_CLOSED: lambda: (created().did(quizzed(1)), ShowSolution("q1")),
    Code.ALREADY_SHOWN: lambda: (
        created().did(quizzed(1), OpenVoting("q1"), CloseVoting("q1"), ShowSolution("q1")),
        ShowSolution("q1"),
    ),
    Code.NOT_LINKED: lambda: (created(), named("ann", "Ann")),
    Code.TOO_LATE: lambda: (opened(), LinkPseudonyms()),
    Code.BAD_NAME: lambda: (linked(), named("ann", "")),
    Code.NAME_TAKEN: lambda: (linked().did(named("ann", "Ann")), named("bob", "Ann")),
    Code.TOO_MANY_NAMES: lambda: (linked().did(*(named("ann", str(each)) for each in range(5))), named("ann", "Ann")),
    Code.NO_SUCH_NAME: lambda: (linked(), RemoveName(2)),
    Code.UNKNOWN_QUESTION: lambda: (opened(), cast("ann", 0, question="q2")),
    Code.WRONG_ROUND: lambda: (again(), cast("bob", 0, round=1)),
    Code.NOT_OPEN: lambda: (drafted(), cast("ann", 0)),
    Code.CLOSED: lambda: (closed(), cast("bob", 0)),
    Code.BAD_ANSWER: lambda: (opened(), cast("ann", raw=b"[")),
    Code.OUT_OF_RANGE: lambda: (opened(), cast("ann", 3)),
    Code.DUPLICATE_CHOICE: lambda: (opened(), cast("ann", 1, 1)),
    Code.TOO_FEW: lambda: (opened(), cast("ann")),
    Code.TOO_MANY: lambda: (opened(), cast("ann", 0, 1)),
    Code.ALREADY_VOTED: lambda: (opened(changeable=False).did(cast("ann", 0)), cast("ann", 1)),
    Code.TOO_MANY_CHANGES: lambda: (changed_often(), cast("ann", 0, id="once more")),
    Code.CONFLICT: lambda: (opened().did(cast("ann", 0, id="x")), cast("ann", 1, id="x")),
    Code.BAD_TITLE: lambda: (History(), CreateRoom(CODE, " \u200b\n")),
    Code.BAD_QUESTION: lambda: (created(), question(" ")),
    Code.UNKNOWN_KIND: lambda: (created(), question(kind="guess")),
    Code.TOO_MANY_QUESTIONS: _full_of_questions,
    Code.ROOM_EXISTS: lambda: (created(), CreateRoom(CODE, "Welcome")),
    Code.ALREADY_OPENED: lambda: (opened(), OpenVoting("q1")),
    Code.ANOTHER_OPEN: lambda: (opened().did(question()), OpenVoting("q2")),
    Code.STILL_OPEN: lambda: (opened(), AskAgain("q1")),
    Code.ALREADY_REVEALED: lambda: (opened().did(RevealResults("q1")), RevealResults("q1")),
    Code.ALREADY_HIDDEN: lambda: (opened(), HideResults("q1")),
    Code.EMPTY_TEXT: lambda: (opened(kind="text", options=()), cast("ann", raw=b'{"text":" "}')),
    Code.TOO_LONG: lambda: (opened(kind="cloud", options=()), cast("ann", raw=b'{"terms":["%s"]}' % (b"x" * 31))),
    Code.BAD_TERMS: lambda: (opened(), JudgeTerms("q1", 1, ("0" * 32,), True)),
    Code.BAD_TIMER: lambda: (drafted(), OpenVoting("q1", seconds=4)),
    Code.TIMER_MOVED: lambda: (timed(), CloseVoting("q1", round=1, closes_at=AT)),
    Code.BAD_COHOST: lambda: (created(), AddCohost(" \u200b\n")),
    Code.TOO_MANY_COHOSTS: _full_of_cohosts,
    Code.NO_SUCH_COHOST: lambda: (helped(), RevokeCohost("c1")),
    Code.BAD_ORIGIN: lambda: (created(), SetEmbedding(("https://slides.example.org/talk",))),
    Code.OTHER_MEANING: lambda: (opened(), EditQuestion("q1", options=("Tea", "Milk"))),
    Code.WAS_ASKED: lambda: (opened(), RemoveQuestion("q1")),
    Code.BAD_ORDER: lambda: (drafted(), OrderQuestions(("q1", "q1"))),
    Code.UNKNOWN_LANGUAGE: lambda: (created(), SetLanguage("tlh")),
    Code.ROOM_ERASED: lambda: (closed().did(EraseRoom()), AskAgain("q1")),
    Code.NO_CODE: lambda: (by_code(), cast("ann", 0)),
    Code.CODE_USED: lambda: (by_code(), UseCode(1, 0, "other")),
    Code.UNKNOWN_CODE: lambda: (by_code(), UseCode(1, 5, "other")),
    Code.CODES_MISSING: lambda: (
        created().did(AddQuestion("single", "Who?", OPTIONS, level="code")),
        OpenVoting("q1"),
    ),
    Code.CODES_IN_USE: lambda: (by_code(), IssueCodes(3, "0b" * 32)),
    Code.BAD_CODES: lambda: (created(), IssueCodes(0, "0b" * 32)),
    Code.BOARD_OFF: lambda: (created(), ask("ann", "Why?")),
    Code.BAD_POST: lambda: (with_board(), ask("ann", " \u200b")),
    Code.TOO_MANY_POSTS: lambda: (with_board(per_voter=1).did(ask("ann", "Why?")), ask("ann", "How?")),
    Code.BOARD_FULL: _full_of_posts,
    Code.UNKNOWN_POST: lambda: (with_board(), upvote("ann", 3)),
    Code.SAME_UPVOTE: lambda: (with_board().did(ask("ann", "Why?")), upvote("ann", 3, on=False)),
    Code.TOO_MANY_UPVOTES: lambda: (
        with_board()
        .did(ask("ann", "Why?"))
        .did(*(upvote("bob", 3, on=number % 2 == 0, id=f"u{number}") for number in range(1000))),
        upvote("bob", 3, id="once more"),
    ),
}


def changed_often() -> History:
    """Ann has changed her answer as often as she may."""
    return opened().did(*(cast("ann", number % 2, id=f"v{number}") for number in range(ballots.MAX_CHANGES + 1)))


def test_a_voter_changes_an_answer_so_many_times_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    history = changed_often()
    assert history.round().tally.counts() == (1, 0, 0)
    assert isinstance(history.do(cast("ann", 1, id="v99")), Repeat), "the retry comes first"
    history.did(cast("bob", 1), CloseVoting("q1"), AskAgain("q1"), cast("ann", 1, round=2, id="next"))
    monkeypatch.setattr(ballots, "MAX_CHANGES", 1)
    assert dump(fold(stored(history.entries))) == dump(history.room), "a log from before the limit folds"


@pytest.mark.parametrize("code", Code)
def test_every_refusal_is_reached_and_changes_nothing(code: Code) -> None:
    history, command = REFUSED[code]()
    before = dump(history.state)
    assert history.decide(command) == Refusal(code, ANY)
    assert dump(history.state) == before


@pytest.mark.parametrize(
    ("history", "command", "code"),
    [
        (created, OpenVoting("q1"), Code.UNKNOWN_QUESTION),
        (drafted, AskAgain("q1"), Code.NOT_OPEN),
        (drafted, CloseVoting("q1"), Code.NOT_OPEN),
        (drafted, RevealResults("q1"), Code.NOT_OPEN),
        (drafted, HideResults("q1"), Code.NOT_OPEN),
        (closed, CloseVoting("q1"), Code.CLOSED),
        (closed, OpenVoting("q1"), Code.ALREADY_OPENED),
        (lambda: closed().did(question(), OpenVoting("q2")), AskAgain("q1"), Code.ANOTHER_OPEN),
        (opened, cast("ann", 0, round=0), Code.WRONG_ROUND),
        (opened, cast("ann", 0, round=-1), Code.WRONG_ROUND),
        (opened, cast("ann", 0, round=2), Code.WRONG_ROUND),
        (again, cast("ann", 1, id="new", round=1), Code.WRONG_ROUND),
        (History, CreateRoom(CODE, "x" * (MAX_TITLE_CHARS + 1)), Code.BAD_TITLE),
        (created, question("x" * (MAX_TEXT_CHARS + 1)), Code.BAD_QUESTION),
        (created, question(options=("a", "A")), Code.BAD_QUESTION),
        (drafted, OpenVoting("q1", seconds=86_401), Code.BAD_TIMER),
        (drafted, OpenVoting("q1", seconds=0), Code.BAD_TIMER),
        (drafted, OpenVoting("q1", seconds=-60), Code.BAD_TIMER),
        (closed, AskAgain("q1", seconds=4), Code.BAD_TIMER),
        (opened, SetTimer("q1", 4), Code.BAD_TIMER),
        (opened, SetTimer("q1", 86_401), Code.BAD_TIMER),
        (opened, SetTimer("q9", 60), Code.UNKNOWN_QUESTION),
        (drafted, SetTimer("q1", 60), Code.NOT_OPEN),
        (closed, SetTimer("q1", 60), Code.CLOSED),
        (opened, SetTimer("q1", None), Code.ALREADY_SO),
        (again, CloseVoting("q1", round=1), Code.WRONG_ROUND),
        (opened, CloseVoting("q1", round=2), Code.WRONG_ROUND),
        (opened, CloseVoting("q1", closes_at=AT), Code.TIMER_MOVED),
        (closed, CloseVoting("q1", round=1, closes_at=AT), Code.CLOSED),
        (created, AddCohost("x" * (MAX_NAME_CHARS + 1)), Code.BAD_COHOST),
        (created, RevokeCohost("c1"), Code.NO_SUCH_COHOST),
        (helped, RevokeCohost("c3"), Code.NO_SUCH_COHOST),
        (helped, AsCohost("c1", SwitchReceipts(on=False)), Code.NO_SUCH_COHOST),
        (helped, AsCohost("c3", SwitchReceipts(on=False)), Code.NO_SUCH_COHOST),
        (helped, AsCohost("", SwitchReceipts(on=False)), Code.NO_SUCH_COHOST),
        (helped, AsCohost("c2", SwitchReceipts(on=True)), Code.ALREADY_SO),
    ],
)
def test_refusals_have_other_causes_too(history: Callable[[], History], command: Command, code: Code) -> None:
    assert history().decide(command) == Refusal(code, ANY)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        (Code.BAD_TITLE, "a title has 1 to 200 characters"),
        (Code.UNKNOWN_KIND, "kinds are " + ", ".join(sorted(KINDS))),
        (Code.TOO_MANY_QUESTIONS, "a room has at most 200"),
        (Code.BAD_QUESTION, "a question's text has 1 to 500 characters"),
        (Code.WRONG_ROUND, "the question is in round 2"),
        (Code.BAD_TIMER, "it takes 5 to 86400 seconds"),
        (Code.BAD_COHOST, "a name has 1 to 60 characters"),
        (Code.TOO_MANY_COHOSTS, "a room has at most 20"),
    ],
)
def test_a_refusal_says_the_limit(code: Code, detail: str) -> None:
    history, command = REFUSED[code]()
    assert history.decide(command) == Refusal(code, detail)


@pytest.mark.parametrize("mine", [b"[", answer(9), answer(0, 0), answer()])
def test_a_closed_round_is_told_before_a_bad_answer(mine: bytes) -> None:
    assert closed().decide(cast("bob", raw=mine)) == Refusal(Code.CLOSED)


def test_a_refusal_for_an_open_question_names_it() -> None:
    refusal = opened().did(question()).decide(OpenVoting("q2"))
    assert isinstance(refusal, Refusal)
    assert "What to drink?" in refusal.detail


def test_a_room_is_created_with_its_cleaned_title() -> None:
    draft = decide(None, CreateRoom(CODE, " Cafe\u0301 \u202e\n crema "), at=AT)
    assert draft == Draft(CODE, RoomCreated(AT, CODE, "Caf\u00e9 crema"))


def test_titles_and_texts_may_be_as_long_as_their_limits() -> None:
    history = History().did(CreateRoom(CODE, "x" * MAX_TITLE_CHARS), question("y" * MAX_TEXT_CHARS))
    assert (history.room.title, history.question().text) == ("x" * MAX_TITLE_CHARS, "y" * MAX_TEXT_CHARS)


def test_questions_are_numbered_and_defined_with_cleaned_options_and_canonical_rules() -> None:
    history = drafted()
    draft = history.do(
        AddQuestion("multiple", " Which\u200b? ", (" a ", "e\u0301"), msgspec.Raw(b'{ "max": 1}'), False)
    )
    assert isinstance(draft, Draft)
    assert isinstance(draft.record, QuestionDefined)
    assert draft.room == CODE
    record = draft.record
    assert (record.id, record.kind, record.text, record.options) == ("q2", "multiple", "Which?", ("a", "\u00e9"))
    assert (bytes(record.rules), record.changeable) == (b'{"max":1,"min":1}', False)


def test_a_ballot_commits_to_its_canonical_answer() -> None:
    draft = opened(kind="multiple").decide(cast("ann", raw=b' {"choices": [2, 0], "x": 1}', id="b1"))
    opening = Opening(SALT, b'{"choices":[0,2]}')
    record = BallotCast(AT + 3, "b1", "ann", "q1", 1, 0, None, commitment(opening))
    assert draft == Draft(CODE, record, opening)


def test_only_a_room_can_decide_other_commands() -> None:
    with pytest.raises(AssertionError, match=r"^a command on a room that does not exist"):
        decide(None, OpenVoting("q1"), at=AT)


def test_a_round_keeps_what_its_records_say() -> None:
    history = opened().did(cast("ann", 1, id="b1"), CloseVoting("q1"))
    assert (history.room.code, history.room.title, history.room.created_at) == (CODE, "Welcome", AT)
    asked = history.round()
    assert (asked.number, asked.opened_at, asked.closed_at) == (1, AT + 2, AT + 4)
    assert asked.ballots == {"ann": Ballot("b1", 4, 0, AT + 3, Choices((1,)))}


@pytest.mark.parametrize("round", [0, 1, 3])
def test_a_refusal_for_a_wrong_round_names_the_right_one(round: int) -> None:
    assert again().decide(cast("bob", 0, round=round)) == Refusal(Code.WRONG_ROUND, "the question is in round 2")


def test_i3_changed_ballots_count_once_with_gap_free_revs() -> None:
    history = opened()
    indexes: list[int] = []
    for rev, choice in enumerate([0, 1, 1, 2]):
        record = recorded(history.do(cast("ann", choice, id=f"b{rev}")))
        assert (record.rev, record.supersedes) == (rev, indexes[-1] if indexes else None)
        indexes.append(history.room.head)
    assert history.round().tally.counts() == (0, 0, 1)
    assert [history.round().ballots["ann"].id, len(history.round().ballots)] == ["b3", 1]
    assert [earlier.index for earlier in history.round().superseded.values()] == indexes[:-1]


def test_i3_voters_do_not_share_ballot_ids() -> None:
    history = opened().did(cast("ann", 0, id="same"), cast("bob", 1, id="same"))
    assert history.round().tally.counts() == (1, 1, 0)


def test_i3_a_question_that_is_not_changeable_keeps_the_first_ballot() -> None:
    history = opened(changeable=False).did(cast("ann", 0))
    assert history.do(cast("ann", 1)) == Refusal(Code.ALREADY_VOTED)
    assert history.round().tally.counts() == (1, 0, 0)


@pytest.mark.parametrize(
    "since",
    [
        [],
        [cast("ann", 1)],
        [cast("ann", 1), cast("ann", 2), cast("bob", 2)],
        [CloseVoting("q1")],
        [CloseVoting("q1"), AskAgain("q1")],
        [cast("ann", 1), CloseVoting("q1"), AskAgain("q1"), cast("ann", 2, round=2)],
    ],
)
def test_i6_a_retry_is_answered_like_the_first_time(since: list[Command]) -> None:
    history = opened().did(cast("ann", 0, id="b1"))
    first = history.round().ballots["ann"]
    history.did(*since)
    assert history.decide(cast("ann", 0, id="b1")) == Repeat(first)
    assert history.decide(cast("ann", raw=b' { "choices" : [ 0 ] } ', id="b1")) == Repeat(first)


@pytest.mark.parametrize("since", [[], [cast("ann", 1)], [CloseVoting("q1")], [CloseVoting("q1"), AskAgain("q1")]])
@pytest.mark.parametrize("content", [answer(1), answer(9), answer(), b"["])
def test_i6_other_content_under_a_used_id_is_a_conflict(since: list[Command], content: bytes) -> None:
    history = opened().did(cast("ann", 0, id="b1"), *since)
    assert history.decide(cast("ann", raw=content, id="b1")) == Refusal(Code.CONFLICT)


def test_i6_a_retry_finds_its_ballot_although_answers_cannot_be_changed() -> None:
    history = opened(changeable=False).did(cast("ann", 0))
    assert history.decide(cast("ann", 0)) == Repeat(history.round().ballots["ann"])


def test_i6_a_retry_of_an_erased_ballot_is_repeated_whatever_it_says() -> None:
    history = opened()
    history.put(ballot("ann", 0), erased=True)
    erased = history.round().ballots["ann"]
    assert history.decide(cast("ann", 2, id=erased.id)) == Repeat(erased)


def test_i8_ballots_count_only_between_opened_and_closed() -> None:
    history = drafted()
    assert history.do(cast("ann", 0)) == Refusal(Code.NOT_OPEN)
    history.did(OpenVoting("q1"), cast("ann", 0), CloseVoting("q1"))
    assert history.do(cast("bob", 0)) == Refusal(Code.CLOSED)
    assert history.do(cast("ann", 1)) == Refusal(Code.CLOSED)
    assert history.round().tally.counts() == (1, 0, 0)


def test_i8_clocks_only_label() -> None:
    history = opened()
    draft = decide(history.room, cast("ann", 0), at=-5)
    assert isinstance(draft, Draft)
    assert history.put(draft).record.at == -5
    assert history.round().tally.counts() == (1, 0, 0)


def test_asking_again_starts_an_empty_hidden_round_and_keeps_the_old_one() -> None:
    history = opened().did(cast("ann", 0), RevealResults("q1"), CloseVoting("q1"), AskAgain("q1"))
    old, new = history.question().rounds
    assert (old.tally.counts(), old.revealed, list(old.ballots)) == ((1, 0, 0), True, ["ann"])
    assert (new.number, new.tally.counts(), new.revealed, new.ballots) == (2, (0, 0, 0), False, {})
    assert recorded(history.do(cast("ann", 1, round=2))).rev == 0
    assert (old.tally.counts(), new.tally.counts()) == ((1, 0, 0), (0, 1, 0))


def test_results_can_be_revealed_and_hidden_while_open_and_after() -> None:
    history = opened()
    reveal, hide = RevealResults("q1"), HideResults("q1")
    seen = []
    for command in (reveal, hide, reveal, CloseVoting("q1"), hide, reveal):
        history.did(command)
        seen.append(history.round().revealed)
    assert seen == [True, False, True, True, False, True]


def test_the_question_that_was_opened_last_is_current() -> None:
    history = drafted().did(question())
    seen = [history.room.current]
    for command in (OpenVoting("q1"), CloseVoting("q1"), OpenVoting("q2"), CloseVoting("q2"), AskAgain("q1")):
        seen.append(history.did(command).room.current)
    first, second = history.question("q1"), history.question("q2")
    assert seen == [None, first, first, second, second, first]


def test_an_erased_ballot_folds_without_a_count_and_can_still_be_replaced() -> None:
    history = opened()
    history.put(ballot("ann", 0), erased=True)
    assert (history.round().tally.counts(), len(history.round().ballots)) == ((0, 0, 0), 1)
    assert recorded(history.do(cast("ann", 2, id="new"))).rev == 1
    assert history.round().tally.counts() == (0, 0, 1)


def test_erasing_what_was_replaced_leaves_the_count() -> None:
    history = opened().did(cast("ann", 0, id="b1"), cast("ann", 1, id="b2"))
    entries = [msgspec.structs.replace(entry, opening=None) if entry.index == 4 else entry for entry in history.entries]
    room = fold(entries)
    assert room is not None
    assert room.questions["q1"].rounds[0].tally.counts() == (0, 1, 0)


def changed() -> History:
    """Ann changed her answer."""
    return opened().did(cast("ann", 0, id="a1"), cast("ann", 1, id="a2"))


def final() -> History:
    """Ann voted where nobody can change an answer."""
    return opened(changeable=False).did(cast("ann", 0))


def _defined(**other: object) -> QuestionDefined:
    record = QuestionDefined(AT, "q3", "single", "Why?", ("a", "b"), msgspec.Raw(b'{"max":1,"min":1}'), True)
    return msgspec.structs.replace(record, **other)


@pytest.mark.parametrize(
    ("history", "misfit"),
    [
        pytest.param(voted, RoomCreated(AT, CODE, "Welcome"), id="second creation"),
        pytest.param(voted, _defined(id="q1"), id="question defined twice"),
        pytest.param(voted, _defined(kind="guess"), id="kind that no version has"),
        pytest.param(voted, _defined(rules=msgspec.Raw(b"null")), id="rules that the kind cannot read"),
        pytest.param(voted, VotingOpened(AT, "q9", 1), id="opening of an unknown question"),
        pytest.param(voted, VotingOpened(AT, "q1", 2), id="opening of an open question"),
        pytest.param(closed, VotingOpened(AT, "q1", 1), id="round opened twice"),
        pytest.param(closed, VotingOpened(AT, "q1", 3), id="round left out"),
        pytest.param(voted, VotingClosed(AT, "q9", 1), id="closing of an unknown question"),
        pytest.param(voted, VotingClosed(AT, "q2", 1), id="closing of a draft"),
        pytest.param(voted, VotingClosed(AT, "q1", 2), id="closing of a round to come"),
        pytest.param(closed, VotingClosed(AT, "q1", 1), id="round closed twice"),
        pytest.param(again, VotingClosed(AT, "q1", 1), id="closing of an old round"),
        pytest.param(again, ResultsRevealed(AT, "q1", 1), id="revealing of an old round"),
        pytest.param(again, ResultsHidden(AT, "q1", 1), id="hiding of an old round"),
        pytest.param(voted, ResultsRevealed(AT, "q2", 1), id="revealing of a draft"),
        pytest.param(voted, ballot("bob", 0, question="q9"), id="ballot on an unknown question"),
        pytest.param(voted, ballot("bob", 0, question="q2"), id="ballot on a draft"),
        pytest.param(closed, ballot("bob", 0), id="ballot in a closed round"),
        pytest.param(again, ballot("bob", 0), id="ballot in an old round"),
        pytest.param(voted, ballot("bob", 0, round=2), id="ballot in a round to come"),
        pytest.param(voted, ballot("bob", 0, round=0), id="ballot in round 0"),
        pytest.param(again, ballot("bob", 0, round=-1), id="ballot in a negative round"),
        pytest.param(voted, ballot("bob", 0, rev=1), id="first ballot with a rev"),
        pytest.param(voted, ballot("bob", 0, supersedes=4), id="first ballot that replaces another's"),
        pytest.param(voted, ballot("ann", 0), id="second ballot with the rev of the first"),
        pytest.param(voted, ballot("ann", 0, rev=2, supersedes=4), id="gap in the revs"),
        pytest.param(voted, ballot("ann", 0, rev=1), id="second ballot that replaces none"),
        pytest.param(voted, ballot("ann", 0, rev=1, supersedes=3), id="second ballot that replaces another record"),
        pytest.param(changed, ballot("ann", 2, rev=2, supersedes=5, id="a1"), id="third ballot with the first's id"),
        pytest.param(changed, ballot("ann", 2, rev=2, supersedes=5, id="a2"), id="third ballot with the second's id"),
        pytest.param(final, ballot("ann", 1, rev=1, supersedes=4), id="second ballot where the first is final"),
        pytest.param(closed, TimerSet(AT, "q1", 1, AT), id="timer of a closed round"),
        pytest.param(again, TimerSet(AT, "q1", 1, AT), id="timer of an old round"),
        pytest.param(voted, TimerSet(AT, "q2", 1, AT), id="timer of a draft"),
        pytest.param(voted, TimerSet(AT, "q9", 1, AT), id="timer of an unknown question"),
        pytest.param(helped, CohostAdded(AT, "c2", "Bob"), id="co-host added twice"),
        pytest.param(helped, CohostAdded(AT, "c1", "Ann"), id="co-host with the id of one who was revoked"),
        pytest.param(helped, CohostAdded(AT, "c4", "Eve"), id="co-host left out"),
        pytest.param(helped, CohostRevoked(AT, "c1"), id="co-host revoked twice"),
        pytest.param(helped, CohostRevoked(AT, "c3"), id="unknown co-host revoked"),
        pytest.param(voted, ballot("bob", 3), id="answer that is out of range"),
        pytest.param(voted, ballot("bob", 0, 1), id="answer with too many choices"),
    ],
)
def test_a_record_that_does_not_fit_breaks_the_log_and_changes_nothing(
    history: Callable[[], History], misfit: Record | Draft
) -> None:
    built = history()
    before = dump(built.state)
    draft = misfit if isinstance(misfit, Draft) else Draft(CODE, misfit)
    with pytest.raises(BrokenLogError, match=f"room {CODE}: record {built.room.head + 1} does not fit"):
        built.put(draft)
    assert dump(built.state) == before


@pytest.mark.parametrize("taken", [("q2",), ("q1", "q3"), ("q2", "q1"), ("Q1", "q01"), ("first",), ("q1", "q2", "q3")])
def test_i19_a_question_gets_an_id_that_is_free_whatever_the_others_are_called(taken: tuple[str, ...]) -> None:
    history = created()
    for name in taken:
        history.put(Draft(CODE, _defined(id=name)))
    for _ in range(3):
        history.did(AddQuestion("single", "Why?", ("a", "b")))
    free = [name for name in ("q1", "q2", "q3", "q4", "q5", "q6") if name not in taken]
    assert list(history.room.questions) == [*taken, *free[:3]]


@pytest.mark.parametrize(
    ("history", "record", "expected"),
    [
        (History, RoomCreated(AT, CODE, "Welcome"), True),
        (History, _defined(), False),
        (voted, _defined(), True),
        (voted, _defined(id="q1"), False),
        (voted, _defined(kind="guess"), False),
        (voted, _defined(rules=msgspec.Raw(b"null")), False),
        (voted, VotingOpened(AT, "q2", 1), True),
        (voted, VotingOpened(AT, "q9", 1), False),
        (voted, VotingOpened(AT, "q1", 2), False),
        (voted, VotingClosed(AT, "q1", 1), True),
        (voted, VotingClosed(AT, "q2", 1), False),
        (closed, VotingClosed(AT, "q1", 1), False),
        (closed, VotingOpened(AT, "q1", 2), True),
        (closed, ResultsRevealed(AT, "q1", 1), True),
        (again, ResultsHidden(AT, "q1", 1), False),
        (voted, TimerSet(AT, "q1", 1, AT), True),
        (closed, TimerSet(AT, "q1", 1, None), False),
        (helped, CohostAdded(AT, "c3", "Eve"), True),
        (helped, CohostAdded(AT, "c2", "Bob"), False),
        (helped, CohostRevoked(AT, "c2"), True),
        (helped, CohostRevoked(AT, "c1"), False),
        (voted, RoomCreated(AT, CODE, "Welcome"), False),
        (voted, ReceiptsSwitched(AT, False), True),
        (voted, ReplayPublished(AT, True), True),
        (voted, EmbeddingSet(AT, ("*",)), True),
        (voted, EmbeddingSet(AT, ("https://x.org; script-src *",)), False),
        (voted, EmbeddingSet(AT, ("https://x.org",) * 11), False),
        (voted, RecoveryAccepted(AT, "livevote/x", 2, 9, "ff"), True),
        (changed, AnswerErased(AT, 4, "q1", 1, "ann"), True),
        (changed, AnswerErased(AT, 5, "q1", 1, "ann"), True),
        (changed, AnswerErased(AT, 3, "q1", 1, "ann"), False),
        (changed, AnswerErased(AT, 5, "q1", 0, "ann"), False),
        (changed, AnswerErased(AT, 5, "q1", 1, "bob"), False),
    ],
)
def test_i19_what_fits_is_what_the_fold_takes(history: Callable[[], History], record: Record, expected: bool) -> None:
    built = history()
    before = dump(built.state)
    assert fits(built.state, record) is expected
    assert dump(built.state) == before
    if expected:
        built.put(Draft(CODE, record))
    else:
        with pytest.raises(BrokenLogError):
            built.put(Draft(CODE, record))


@pytest.mark.parametrize("content", [b"[", b"", b"\xff", b'{"choices":["a"]}'])
def test_an_answer_that_does_not_parse_breaks_the_log(content: bytes) -> None:
    draft = ballot("bob", 0)
    with pytest.raises(BrokenLogError):
        voted().put(msgspec.structs.replace(draft, opening=Opening(SALT, content)))


@pytest.mark.parametrize("index", [0, 1, 2, 4, 5])
def test_a_record_at_the_wrong_index_breaks_the_log(index: int) -> None:
    history = drafted()
    entry = history.next(VotingOpened(AT, "q1", 1))
    with pytest.raises(BrokenLogError, match=f"record {index} follows record 2"):
        apply(history.state, msgspec.structs.replace(entry, index=index))


@pytest.mark.parametrize("record", [VotingOpened(AT, "q1", 1), _defined(), ballot("ann", 0).record])
def test_a_log_begins_with_the_creation_of_its_room(record: Record) -> None:
    with pytest.raises(BrokenLogError, match="begins with record 1, not with its creation"):
        apply(None, History().next(record))


@pytest.mark.parametrize("index", [0, 2, -1])
def test_a_log_begins_at_index_1(index: int) -> None:
    entry = History().next(RoomCreated(AT, CODE, "Welcome"))
    with pytest.raises(BrokenLogError, match=f"begins with record {index}"):
        apply(None, msgspec.structs.replace(entry, index=index))


names = st.sampled_from(["q1", "q2", "q3", "Q1", ""])
voters = st.sampled_from(["ann", "bob"])
contents = (
    st.lists(st.integers(-1, 4), max_size=4).map(lambda choices: answer(*choices))
    | st.binary(max_size=40)
    | st.builds(lambda head, tail: b'{"' + head + b'":' + tail + b"}", st.binary(max_size=9), st.binary(max_size=9))
    | st.sampled_from([b"[" * 4000, b'{"choices":' + b"[" * 4000, b'{"x":' + b"[" * 100_000, b'{"choices":[1e400]}'])
    | st.sampled_from([b'{"choices":[' + b"9" * 4301 + b"]}", b'{"min":' + b"9" * 4301 + b"}", b'{"max":1e400}'])
)
texts = st.text(max_size=12) | st.sampled_from(["Tea", "Coffee", "\ud800", "x" * 600, "\u202e"])
host_commands: list[type[OnQuestion]] = [OpenVoting, CloseVoting, RevealResults, HideResults, AskAgain]
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(CastBallot, voters, st.sampled_from("abc"), names, st.integers(-1, 3), contents, st.just(SALT)),
    st.builds(CastBallot, st.text(), st.text(), names | texts, st.integers(), contents, st.binary()),
    st.builds(
        AddQuestion,
        st.sampled_from(["single", "multiple", "other"]) | texts,
        texts,
        st.lists(texts, max_size=60).map(tuple) | st.just(OPTIONS),
        (contents | st.just(b"{}")).map(msgspec.Raw),
        st.booleans(),
    ),
    st.builds(lambda make, name: make(name), st.sampled_from(host_commands), names),
    st.builds(OpenVoting, names, st.none() | st.integers()),
    st.builds(AskAgain, names, st.none() | st.integers()),
    st.builds(SetTimer, names, st.none() | st.integers() | st.integers(5, 86_400)),
    st.builds(CloseVoting, names, st.none() | st.integers(-1, 3), st.none() | st.integers()),
    st.builds(AddCohost, texts),
    st.builds(RevokeCohost, st.sampled_from(["c1", "c2", "c3"]) | texts),
    st.builds(
        AsCohost, st.sampled_from(["c1", "c2", "c3"]) | texts, st.builds(SetTimer, names, st.none() | st.integers())
    ),
    st.builds(AskPost, voters | st.text(), st.sampled_from("abc"), texts, st.just(SALT)),
    st.builds(UpvotePost, voters | st.text(), st.sampled_from("abc"), st.integers(3, 9), st.booleans()),
    st.builds(SwitchBoard, st.booleans(), st.booleans(), st.integers(-1, 3)),
    st.builds(JudgePosts, st.lists(st.integers(3, 9), max_size=3).map(tuple), st.booleans()),
    st.builds(PinPost, st.none() | st.integers(3, 9)),
    st.builds(AnswerPost, st.integers(3, 9), st.booleans()),
    st.builds(EraseAnswer, st.integers(1, 9)),
    st.builds(CreateRoom, texts, texts),
)


@given(st.lists(commands, max_size=30))
def test_i19_decide_never_raises_and_apply_accepts_what_it_emits(given_commands: list[Command]) -> None:
    history = opened(kind="multiple")
    for command in given_commands:
        before = dump(history.state)
        decision = history.decide(command)
        assert dump(history.state) == before
        if isinstance(decision, Draft):
            history.put(decision)
    assert dump(fold(stored(history.entries))) == dump(history.state)


@given(texts, texts)
def test_i19_a_room_is_created_or_refused(code: str, title: str) -> None:
    decision = decide(None, CreateRoom(code, title), at=AT)
    if isinstance(decision, Draft):
        assert apply(None, Entry(code, 1, decision.record, b"", b"")).title
    else:
        assert decision == Refusal(Code.BAD_TITLE, ANY)


def test_i19_rules_that_are_no_utf_8_are_refused() -> None:
    command = AddQuestion("multiple", "Why?", ("a", "b"), msgspec.Raw(b'{"\xff":1}'))
    assert created().decide(command) == Refusal(Code.BAD_QUESTION, ANY)


records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        BallotCast,
        st.just(AT),
        st.sampled_from("ab"),
        voters,
        names,
        st.integers(-1, 3),
        st.integers(0, 2),
        st.none() | st.integers(0, 9),
        st.just("00"),
    ),
    st.builds(VotingOpened, st.just(AT), names, st.integers(0, 3), st.none() | st.integers()),
    st.builds(TimerSet, st.just(AT), names, st.integers(0, 3), st.none() | st.integers()),
    st.builds(CohostAdded, st.just(AT), st.sampled_from(["c1", "c2", "c3", ""]), texts),
    st.builds(CohostRevoked, st.just(AT), st.sampled_from(["c1", "c2", "c3", ""])),
    st.builds(VotingClosed, st.just(AT), names, st.integers(0, 3)),
    st.builds(ResultsRevealed, st.just(AT), names, st.integers(0, 3)),
    st.builds(ResultsHidden, st.just(AT), names, st.integers(0, 3)),
    st.builds(RoomCreated, st.just(AT), texts, texts),
    st.builds(AnswerErased, st.just(AT), st.integers(1, 9), names, st.integers(-1, 2), voters),
    st.builds(RecoveryAccepted, st.just(AT), texts, st.integers(0, 9), st.integers(0, 9), texts),
    st.builds(_defined, id=names, kind=texts | st.just("single"), rules=contents.map(msgspec.Raw)),
    st.builds(BoardSwitched, st.just(AT), st.just(True), st.booleans(), st.integers(-1, 3)),
    st.builds(PostAsked, st.just(AT), st.sampled_from("ab"), voters, st.just("00")),
    st.builds(PostUpvoted, st.just(AT), st.sampled_from("ab"), st.integers(4, 9), voters, st.booleans()),
    st.builds(PostsJudged, st.just(AT), st.lists(st.integers(4, 9), max_size=3).map(tuple), st.booleans()),
    st.builds(PostPinned, st.just(AT), st.none() | st.integers(4, 9)),
    st.builds(PostAnswered, st.just(AT), st.integers(4, 9), st.booleans()),
    st.builds(PostErased, st.just(AT), st.integers(4, 9)),
)
openings = st.none() | st.builds(Opening, st.just(SALT), contents)


@given(st.lists(st.tuples(records, openings), max_size=30))
def test_i19_apply_takes_a_record_or_says_that_the_log_is_broken(
    given_records: list[tuple[Record, Opening | None]],
) -> None:
    room = opened().state
    assert room is not None
    for record, opening in given_records:
        before = dump(room)
        # What ``fits`` looks at has no opening.
        fitting = isinstance(record, BallotCast) or fits(room, record)
        try:
            apply(room, Entry(CODE, room.head + 1, record, b"", b"", opening))
        except BrokenLogError:
            assert dump(room) == before
            assert isinstance(record, BallotCast) or (type(record) is PostAsked and opening) or not fitting
        else:
            assert fitting


@pytest.mark.parametrize(
    ("history", "command", "record"),
    [
        (created, SwitchReceipts(on=False), ReceiptsSwitched(AT + 1, False)),
        (created, PublishReplay(public=True), ReplayPublished(AT + 1, True)),
        (created, SetEmbedding(("file:",)), EmbeddingSet(AT + 1, ("file:",))),
        (created, SwitchReactions(on=True), ReactionsSwitched(AT + 1, True)),
        (created, SwitchBoard(on=True), BoardSwitched(AT + 1, True, True, 5)),
        (posted, EraseAnswer(3), PostErased(AT + 4, 3)),
        (posted, JudgePosts((3, 4, 3), shown=False), PostsJudged(AT + 4, (3, 4), False)),
        (posted, PinPost(4), PostPinned(AT + 4, 4)),
        (posted, AnswerPost(4, answered=True), PostAnswered(AT + 4, 4, True)),
        (posted, upvote("ann", 4, id="u"), PostUpvoted(AT + 4, "u", 4, "ann", True)),
        (drafted, OpenVoting("q1"), VotingOpened(AT + 2, "q1", 1)),
        (opened, CloseVoting("q1"), VotingClosed(AT + 3, "q1", 1)),
        (opened, RevealResults("q1"), ResultsRevealed(AT + 3, "q1", 1)),
        (lambda: opened().did(RevealResults("q1")), HideResults("q1"), ResultsHidden(AT + 4, "q1", 1)),
        (closed, AskAgain("q1"), VotingOpened(AT + 5, "q1", 2)),
        (closed, EraseAnswer(4), AnswerErased(AT + 5, 4, "q1", 1, "ann")),
        (created, AcceptRecovery("livevote/x", 2, 9, "ff"), RecoveryAccepted(AT + 1, "livevote/x", 2, 9, "ff")),
        (drafted, OpenVoting("q1", seconds=5), VotingOpened(AT + 2, "q1", 1, AT + 5_002)),
        (closed, AskAgain("q1", seconds=86_400), VotingOpened(AT + 5, "q1", 2, AT + 86_400_005)),
        (opened, SetTimer("q1", 60), TimerSet(AT + 3, "q1", 1, AT + 60_003)),
        (timed, SetTimer("q1", None), TimerSet(AT + 3, "q1", 1, None)),
        (timed, CloseVoting("q1", round=1, closes_at=AT + 60_002), VotingClosed(AT + 3, "q1", 1)),
        (created, AddCohost(" Zo\u0065\u0308 "), CohostAdded(AT + 1, "c1", "Zo\u00eb")),
        (helped, AddCohost("x" * MAX_NAME_CHARS), CohostAdded(AT + 4, "c3", "x" * MAX_NAME_CHARS)),
        (helped, RevokeCohost("c2"), CohostRevoked(AT + 4, "c2")),
        (helped, AsCohost("c2", SwitchReceipts(on=False)), ReceiptsSwitched(AT + 4, False)),
    ],
)
def test_what_is_asked_is_recorded_with_its_instant(
    history: Callable[[], History], command: Command, record: Record
) -> None:
    assert history().decide(command) == Draft(CODE, record)


def test_receipts_are_given_until_they_are_switched_off() -> None:
    history = created()
    assert history.room.receipts
    assert history.do(SwitchReceipts(on=True)) == Refusal(Code.ALREADY_SO)
    assert not history.did(SwitchReceipts(on=False)).room.receipts
    assert history.do(SwitchReceipts(on=False)) == Refusal(Code.ALREADY_SO)
    assert history.did(SwitchReceipts(on=True)).room.receipts


def test_a_round_has_the_end_that_was_planned_last_and_the_next_round_has_its_own() -> None:
    history = timed()
    planned = [history.round().closes_at]
    for seconds in (600, 5, None):
        planned.append(history.did(SetTimer("q1", seconds)).round().closes_at)
    assert planned == [AT + 60_002, AT + 600_003, AT + 5_004, None]
    assert history.did(SetTimer("q1", 30), CloseVoting("q1")).round().closes_at == AT + 30_006
    assert history.did(AskAgain("q1")).round().closes_at is None
    assert history.question().rounds[0].closes_at == AT + 30_006


def test_i8_a_planned_end_ends_nothing_by_itself() -> None:
    history = timed()
    assert isinstance(decide(history.state, cast("ann", 0), at=AT + 3_600_000), Draft)


def test_a_cohost_whose_id_was_revoked_never_comes_back() -> None:
    history = helped()
    assert (history.room.cohosts, cohosts(history.room)) == ({"c1": None, "c2": "Bob"}, {"c2": "Bob"})
    assert (is_cohost(history.room, "c1"), is_cohost(history.room, "c2")) == (False, True)
    history.did(RevokeCohost("c2"), AddCohost("Ann"))
    assert cohosts(history.room) == {"c3": "Ann"}


def test_a_room_that_was_full_of_cohosts_takes_one_for_each_that_is_revoked() -> None:
    history, one_more = _full_of_cohosts()
    history.did(RevokeCohost("c7"), one_more)
    assert history.do(one_more) == Refusal(Code.TOO_MANY_COHOSTS, ANY)


def test_a_replay_is_the_hosts_until_it_is_published() -> None:
    history = created()
    assert not history.room.replay_public
    assert history.do(PublishReplay(public=False)) == Refusal(Code.ALREADY_SO)
    assert history.did(PublishReplay(public=True)).room.replay_public
    assert history.do(PublishReplay(public=True)) == Refusal(Code.ALREADY_SO)
    assert not history.did(PublishReplay(public=False)).room.replay_public


def test_reactions_are_taken_once_the_host_says_so() -> None:
    history = created()
    assert not history.room.reactions
    assert history.do(SwitchReactions(on=False)) == Refusal(Code.ALREADY_SO)
    assert history.did(SwitchReactions(on=True)).room.reactions
    assert history.do(SwitchReactions(on=True)) == Refusal(Code.ALREADY_SO)
    assert not history.did(SwitchReactions(on=False)).room.reactions


def test_an_erased_answer_is_in_no_result_before_and_after_a_restart() -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), EraseAnswer(5))
    assert (history.round().tally.counts(), history.round().voters) == ((1, 0, 0), 1)
    assert history.round().ballots["bob"].answer is None
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_every_erased_answer_is_one_voter_less() -> None:
    history = opened().did(*[cast(voter, 0) for voter in "abcd"], EraseAnswer(4), EraseAnswer(6), EraseAnswer(7))
    assert (history.round().tally.counts(), history.round().voters) == ((1, 0, 0), 1)
    history.did(cast("a", 1, id="again"))
    assert (history.round().tally.counts(), history.round().voters) == ((1, 1, 0), 2)
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_an_erased_answer_that_was_replaced_changes_no_result() -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), cast("ann", 2))
    ann_first = history.round().superseded["ann", "ann-(0,)"].index
    history.did(EraseAnswer(ann_first))
    assert (history.round().tally.counts(), history.round().voters) == ((0, 1, 1), 2)
    assert history.round().superseded["ann", "ann-(0,)"].answer is None
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_whoever_replaces_an_erased_answer_counts_again() -> None:
    history = opened().did(cast("ann", 0), EraseAnswer(4), cast("ann", 2))
    assert (history.round().tally.counts(), history.round().voters) == ((0, 0, 1), 1)
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_only_ballots_are_erased_and_only_once() -> None:
    history = opened().did(cast("ann", 0), cast("ann", 1))
    assert history.do(EraseAnswer(2)) == Refusal(Code.NO_SUCH_BALLOT, "record 2 is none")
    assert history.do(EraseAnswer(99)) == Refusal(Code.NO_SUCH_BALLOT, "record 99 is none")
    for index in (4, 5):
        history.did(EraseAnswer(index))
        assert history.do(EraseAnswer(index)) == Refusal(Code.ALREADY_ERASED)


def test_a_retry_of_an_erased_ballot_is_answered_as_before() -> None:
    history = opened().did(cast("ann", 0), EraseAnswer(4))
    assert history.do(cast("ann", 0)) == Repeat(history.round().ballots["ann"])


def test_an_erasure_names_its_ballot_rightly() -> None:
    history = opened().did(cast("ann", 0), cast("ann", 1), cast("bob", 1))
    for index, round_, voter in [(4, 1, "bob"), (6, 1, "ann"), (9, 1, "ann"), (4, 0, "ann"), (4, 2, "ann")]:
        before = dump(history.state)
        with pytest.raises(BrokenLogError):
            history.put(Draft(CODE, AnswerErased(AT, index, "q1", round_, voter)))
        assert dump(history.state) == before


def test_a_second_erasure_of_one_ballot_changes_nothing() -> None:
    history = opened().did(cast("ann", 0), EraseAnswer(4))
    history.put(Draft(CODE, AnswerErased(AT, 4, "q1", 1, "ann")))
    assert (history.round().tally.counts(), history.round().voters) == ((0, 0, 0), 0)


def test_an_accepted_recovery_begins_a_new_incarnation() -> None:
    history = opened()
    before = history.room.origin
    assert before.startswith(f"livevote/{CODE}/")
    history.did(AcceptRecovery(before, kept=2, lost=9, root="ff"))
    assert history.room.origin.startswith(f"livevote/{CODE}/")
    assert history.room.origin != before
    assert history.room.recoveries == [RecoveryAccepted(AT + 3, before, 2, 9, "ff")]
