"""Quizzes: what may be one, what an answer earns, who stands where, and who is called what."""

import itertools
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.audit import commitment
from livevote.domain.commands import (
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    EraseAnswer,
    IssueCodes,
    LinkPseudonyms,
    OpenVoting,
    Quiz,
    RemoveName,
    RevealResults,
    SetTimer,
    ShowLeaderboard,
    ShowSolution,
    UseCode,
)
from livevote.domain.kinds.choice import Choices
from livevote.domain.kinds.value import Value
from livevote.domain.questions import copied
from livevote.domain.quiz import (
    FADING_MS,
    MAX_EXPLANATION_CHARS,
    MAX_NAME_CHARS,
    MAX_NAMES,
    MAX_POINTS,
    name_of,
    scored,
    scorer,
    truth,
)
from livevote.domain.records import (
    Draft,
    LeaderboardShown,
    NameErased,
    Opening,
    PlayerNamed,
    PseudonymsLinked,
    QuestionDefined,
    QuestionEdited,
    QuizTerms,
    Record,
    Solution,
    SolutionShown,
    encode,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, Repeat, apply, fits
from livevote.domain.standings import TOP, Standings
from livevote.domain.state import Ballot, Room
from livevote.domain.tally import fold
from livevote.log import finish
from tests.history import AT, CODE, SALT, History, cast, created, drafted, dump, linked, named, quizzed, stored

GIVEN = "the right options are an answer that voters can give "


def vote(voter: str, *choices: int, question: str = "q1", round: int = 1, id: str | None = None) -> Command:
    return cast(voter, *choices, question=question, round=round, id=id, linked=True)


def refused(history: History, command: Command) -> tuple[Code, str]:
    """Why the command is refused, which leaves nothing behind."""
    before = dump(history.state)
    decision = history.do(command)
    assert isinstance(decision, Refusal), decision
    assert dump(history.state) == before
    return decision.code, decision.detail


def points(history: History, *voters: str, question: str = "q1") -> list[int]:
    asked = history.question(question)
    earned = scorer(asked, asked.rounds[-1])
    return [earned(asked.rounds[-1].ballots.get(voter)) for voter in voters]


def standings(room: Room | None) -> Standings:
    assert room is not None
    found = Standings()
    finish(found.update(room))
    return found


def places(found: Standings) -> list[tuple[int | None, int, str]]:
    return [(found.rank(voter), total, voter) for total, voters in found.ranked() for voter in voters]


def unfit(history: History, record: Record, opening: Opening | None = None) -> None:
    """The record cannot come next, which ``fits`` knows unless its opening is what is wrong."""
    before = dump(history.state)
    assert opening is not None or not fits(history.state, record)
    with pytest.raises(BrokenLogError):
        history.put(Draft(CODE, record, opening))
    assert dump(history.state) == before


def closed(*, kind: str = "single", right: tuple[int, ...] = (1,), fading: bool = False) -> History:
    """A linked room with a quiz that was asked: ann is right, bob is wrong, cem did not vote."""
    rules = b'{"max":3}' if kind == "multiple" else b"{}"
    history = linked().did(quizzed(*right, kind=kind, rules=rules, fading=fading), OpenVoting("q1"))
    return history.did(vote("ann", *right), vote("bob", 0), CloseVoting("q1"))


def test_what_is_right_stands_in_the_opening_and_not_in_the_record() -> None:
    history = created().did(quizzed(2, 1, kind="multiple", explanation=" Be\u00adcause\nit is "))
    entry = history.entries[-1]
    assert entry.opening == Opening(SALT, b'{"explanation":"Because it is","right":[1,2]}')
    other = created().did(quizzed(0, kind="multiple")).entries[-1]
    hidden = {entry.body.replace(commitment(each.opening).encode(), b"") for each in (entry,) if each.opening}
    assert other.opening is not None
    assert hidden == {other.body.replace(commitment(other.opening).encode(), b"")}
    assert history.question().solution == Solution("Because it is", (1, 2))
    assert history.question().quiz == QuizTerms(commitment(entry.opening), False, 1000)
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_a_question_without_a_quiz_has_no_opening() -> None:
    assert drafted().entries[-1].opening is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (quizzed(), "a quiz has at least one right option"),
        (quizzed(kind="multiple", rules=b'{"min":0}'), "a quiz has at least one right option"),
        (quizzed(3), GIVEN + "(options count from 0 to 2)"),
        (quizzed(-1), GIVEN + "(options count from 0 to 2)"),
        (quizzed(1, 1, kind="multiple"), GIVEN + "(duplicate_choice)"),
        (quizzed(0, 1), GIVEN + "(at most 1)"),
        (quizzed(0, kind="multiple", rules=b'{"min":2}'), GIVEN + "(at least 2)"),
        (quizzed(0, points=0), f"a right answer earns 1 to {MAX_POINTS} points"),
        (quizzed(0, points=MAX_POINTS + 1), f"a right answer earns 1 to {MAX_POINTS} points"),
        (quizzed(0, explanation="x" * 501), f"an explanation has at most {MAX_EXPLANATION_CHARS} characters"),
        (msgspec.structs.replace(quizzed(0), salt=b""), "what is right is hidden with a salt of 16 bytes"),
    ],
)  # fmt: skip
def test_a_quiz_that_nobody_could_win_is_refused(command: Command, why: str) -> None:
    assert refused(created(), command) == (Code.BAD_QUESTION, why)


def test_the_limits_themselves_are_allowed() -> None:
    history = created().did(quizzed(0, points=1), quizzed(0, points=MAX_POINTS))
    assert isinstance(history.do(quizzed(0, explanation="x" * MAX_EXPLANATION_CHARS)), Draft)


def test_only_some_kinds_can_be_a_quiz() -> None:
    code, why = refused(created(), quizzed(0, kind="approval"))
    assert (code, why) == (Code.BAD_QUESTION, "a quiz is of one of the kinds single, multiple, image, yesno, estimate")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\xff",
        b'{"explanation":"\xff","right":[1]}',
        b'{"explanation":""}',
        b'{"explanation":"","right":[]}',
        b'{"explanation":"","right":[1,0]}',
        b'{"explanation":"","right":[3]}',
    ],
)
def test_a_quiz_of_a_log_has_a_solution_that_fits(answer: bytes | None) -> None:
    rules = msgspec.Raw(b'{"max":2,"min":1}')
    terms = QuizTerms("00", False, 1)
    record = QuestionDefined(AT, "q1", "multiple", "?", ("a", "b", "c"), rules, True, quiz=terms)
    history = created()
    with pytest.raises(BrokenLogError):
        history.put(Draft(CODE, record, None if answer is None else Opening(SALT, answer)))
    assert not history.room.questions


def test_all_right_options_and_no_wrong_one_earn_the_points() -> None:
    history = linked().did(quizzed(0, 2, kind="multiple", points=7), OpenVoting("q1"))
    history.did(vote("ann", 2, 0), vote("bob", 0), vote("cem", 0, 1, 2), vote("dee", 1))
    assert points(history, "ann", "bob", "cem", "dee", "eve") == [7, 0, 0, 0, 0]
    history.did(vote("bob", 0, 2), vote("ann", 1))
    assert points(history, "ann", "bob") == [0, 7]


@pytest.mark.parametrize(
    ("late", "closes_at", "earned"),
    [
        (0, None, 1001),
        (1, None, 1001),
        (FADING_MS // 2, None, 751),
        (FADING_MS, None, 501),
        (FADING_MS + 1, None, 501),
        (-5, None, 1001),
        (5_000, 10_000, 751),
        (10_000, 10_000, 501),
        (20_000, 10_000, 501),
        (0, 0, 1001),
        (0, -5, 1001),
        (1, 0, 501),
    ],
)
def test_points_fade_to_their_half(late: int, closes_at: int | None, earned: int) -> None:
    history = created().did(quizzed(1, points=1001, fading=True), OpenVoting("q1"), cast("ann", 1))
    question, asked = history.question(), history.round()
    timed: Any = SimpleNamespace(
        wording=question.wording, opened_at=AT, closes_at=None if closes_at is None else AT + closes_at
    )
    ballot = msgspec.structs.replace(asked.ballots["ann"], at=AT + late)
    assert scorer(question, timed)(ballot) == earned


def test_a_round_without_a_timer_fades_in_thirty_seconds() -> None:
    history = created().did(quizzed(1, fading=True), OpenVoting("q1"), cast("ann", 1))
    asked = history.round()
    ballot = msgspec.structs.replace(asked.ballots["ann"], at=asked.opened_at + 15_000)
    assert scorer(history.question(), asked)(ballot) == 750


@given(st.integers(1, MAX_POINTS), st.integers(-10, 50_000), st.integers(0, 5_000), st.booleans())
def test_points_are_whole_and_never_rise_with_time(most: int, late: int, later: int, fading: bool) -> None:
    history = created().did(quizzed(1, points=most, fading=fading), OpenVoting("q1"), cast("ann", 1))
    earned, ballot = scorer(history.question(), history.round()), history.round().ballots["ann"]
    first, second = (
        earned(msgspec.structs.replace(ballot, at=history.round().opened_at + at)) for at in (late, late + later)
    )
    assert type(first) is int
    assert most / 2 <= second <= first <= most


@pytest.mark.parametrize(
    ("value", "earned"), [(30, 1000), (31, 990), (80, 500), (29, 990), (0, 700), (130, 0), (999, 0)]
)
def test_an_estimate_earns_by_its_distance(value: int, earned: int) -> None:
    history = linked().did(quizzed(kind="estimate", rules=b'{"max":100,"min":0,"truth":30}'), OpenVoting("q1"))
    question, asked = history.question(), history.round()
    assert scorer(question, asked)(Ballot("1", 5, 0, AT, Value(value))) == earned
    assert truth(question.wording) == 30
    assert truth(created().did(quizzed(1)).question().wording) is None


def older(*, rules: bytes = b'{"decimals":0,"max":9,"min":0,"truth":7,"unit":""}') -> History:
    """A room with an estimate as it was logged when its truth still stood among the rules."""
    opening = Opening(SALT, encode(Solution("", ())))
    terms = QuizTerms(commitment(opening), fading=False, points=1000)
    history = created()
    record = QuestionDefined(AT, "q1", "estimate", "How many?", (), msgspec.Raw(rules), True, quiz=terms)
    history.put(Draft(CODE, record, opening))
    return history


def in_the_log(history: History) -> tuple[bytes, bytes | None]:
    """The rules and the solution of the newest record."""
    entry = history.entries[-1]
    assert isinstance(entry.record, QuestionDefined)
    return bytes(entry.record.rules), None if entry.opening is None else entry.opening.answer


def test_the_truth_of_an_estimate_is_hidden_with_its_solution() -> None:
    one, other = (
        created().did(quizzed(kind="estimate", rules=b'{"max":9,"min":0,"truth":%d}' % truth)) for truth in (7, 8)
    )
    rules = b'{"decimals":0,"max":9,"min":0,"truth":null,"unit":""}'
    assert in_the_log(one) == (rules, b'{"explanation":"","right":[],"truth":7}')
    assert in_the_log(other) == (rules, b'{"explanation":"","right":[],"truth":8}')
    question = one.question()
    assert truth(question.wording) == 7
    assert question.stored_rules == rules.replace(b"null", b"7") == encode(question.rules)
    assert dump(fold(stored(one.entries))) == dump(one.state)


def test_an_older_estimate_has_its_truth_among_the_rules() -> None:
    history = older().did(OpenVoting("q1"), cast("ann", raw=b'{"value":7}'), cast("bob", raw=b'{"value":0}'))
    assert truth(history.round().wording) == 7
    assert points(history, "ann", "bob") == [1000, 222]
    history.did(EditQuestion("q1", text="How many are there?"))
    edited = history.entries[-1]
    assert isinstance(edited.record, QuestionEdited)
    assert edited.record.kept
    assert in_the_log(history) == (bytes(older().question().defined.rules), None)
    history.did(CloseVoting("q1"))
    history.did(EditQuestion("q1", text="How many?", meaning=True, quiz=Quiz(), salt=SALT))
    assert in_the_log(history) == (bytes(older().question().defined.rules), None), "the same quiz keeps its seal"
    history.did(EditQuestion("q1", meaning=True, quiz=Quiz(points=5), salt=SALT))
    assert in_the_log(history)[1] == b'{"explanation":"","right":[],"truth":7}'
    assert truth(history.question().wording) == truth(history.round().wording) == 7
    assert dump(fold(stored(history.entries))) == dump(history.state)


@pytest.mark.parametrize(
    "history", [older(), created().did(quizzed(kind="estimate", rules=b'{"max":9,"min":0,"truth":7}'))]
)
def test_a_copy_of_an_estimate_hides_its_truth(history: History) -> None:
    record, opening = copied(history.question(), AT, bytes(range(16)))
    assert opening == Opening(bytes(range(16)), b'{"explanation":"","right":[],"truth":7}')
    assert b'"truth":null' in bytes(record.rules)
    copy = created()
    copy.put(Draft(CODE, record, opening))
    assert copy.question().rules == history.question().rules


def test_another_truth_is_another_quiz() -> None:
    history = created().did(quizzed(kind="estimate", rules=b'{"max":9,"min":0,"truth":7}'))
    other = msgspec.Raw(b'{"max":9,"min":0,"truth":8}')
    assert refused(history, EditQuestion("q1")) == (Code.ALREADY_SO, "")
    assert refused(history, EditQuestion("q1", quiz=Quiz())) == (Code.ALREADY_SO, "")
    code, why = refused(history, EditQuestion("q1", rules=other, salt=SALT))
    assert (code, why) == (Code.BAD_QUESTION, "what is right may be something else now: give a quiz as well, or null")
    assert refused(history, EditQuestion("q1", rules=other, quiz=Quiz()))[0] == Code.BAD_QUESTION, "it needs a salt"
    history.did(EditQuestion("q1", rules=other, quiz=Quiz(), salt=SALT))
    assert truth(history.question().wording) == 8
    history.did(EditQuestion("q1", quiz=None))
    assert truth(history.question().wording) == 8
    assert b'"truth":8' in in_the_log(history)[0], "nobody is to guess any more"
    history.did(EditQuestion("q1", quiz=Quiz(), salt=SALT), OpenVoting("q1"))
    assert b'"truth":null' in in_the_log(created().did(quizzed(kind="estimate", rules=bytes(other))))[0]
    assert (
        refused(history, EditQuestion("q1", rules=msgspec.Raw(b'{"max":9,"min":0,"truth":1}'), quiz=Quiz(), salt=SALT))[
            0
        ]
        == Code.OTHER_MEANING
    )


@pytest.mark.parametrize(
    ("kind", "rules", "answer"),
    [
        ("estimate", b'{"max":9,"min":0,"truth":7}', b'{"explanation":"","right":[],"truth":7}'),
        ("estimate", b'{"max":9,"min":0,"truth":7}', b'{"explanation":"","right":[],"truth":8}'),
        ("estimate", b'{"max":9,"min":0}', b'{"explanation":"","right":[]}'),
        ("estimate", b'{"max":9,"min":0}', b'{"explanation":"","right":[0],"truth":7}'),
        ("estimate", b'{"max":9,"min":0}', b'{"explanation":"","right":[],"truth":9007199254740992}'),
        ("yesno", b'{"majority":"simple"}', b'{"explanation":"","right":[0],"truth":7}'),
    ],
)
def test_a_truth_of_a_log_stands_in_one_place(kind: str, rules: bytes, answer: bytes) -> None:
    opening = Opening(SALT, answer)
    terms = QuizTerms(commitment(opening), fading=False, points=1)
    unfit(created(), QuestionDefined(AT, "q1", kind, "?", (), msgspec.Raw(rules), True, quiz=terms), opening)


def test_an_estimate_of_one_possible_value_divides_by_nothing() -> None:
    # No host could define it, and a log from elsewhere may hold it.
    history = older(rules=b'{"decimals":0,"max":5,"min":5,"truth":5,"unit":""}').did(OpenVoting("q1"))
    earned = scorer(history.question(), history.round())
    assert [earned(Ballot("1", 5, 0, AT, Value(value))) for value in (5, 6)] == [1000, 0]


@pytest.mark.parametrize(
    "command",
    [
        quizzed(kind="estimate", rules=b'{"max":100,"min":0}'),
        quizzed(kind="estimate", rules=b'{"max":100,"min":0,"truth":null}'),
        quizzed(1, kind="estimate", rules=b'{"max":100,"min":0,"truth":30}'),
    ],
)
def test_an_estimate_is_a_quiz_by_its_truth_alone(command: Command) -> None:
    why = "what is right about an estimate is the truth among its rules"
    assert refused(created(), command) == (Code.BAD_QUESTION, why)


def test_a_motion_and_a_picture_can_be_right() -> None:
    pictures = b'{"pictures":["%s","%s","%s"]}' % tuple(digit * 64 for digit in (b"0", b"1", b"2"))
    for kind, rules in (("yesno", b"{}"), ("image", pictures)):
        history = linked().did(quizzed(2, kind=kind, rules=rules), OpenVoting("q1"), vote("ann", 2), vote("bob", 0))
        assert points(history.did(CloseVoting("q1"), ShowSolution("q1")), "ann", "bob") == [1000, 0]
        assert refused(created(), quizzed(3, kind=kind, rules=rules))[0] is Code.BAD_QUESTION
        assert refused(created(), quizzed(0, 1, kind=kind, rules=rules))[0] is Code.BAD_QUESTION


def test_points_fall_until_the_timer_ends() -> None:
    history = linked().did(quizzed(1, fading=True), OpenVoting("q1", seconds=10))
    asked = history.round()

    def earned(late_ms: int) -> int:
        return scorer(history.question(), asked)(Ballot("1", 5, 0, asked.opened_at + late_ms, Choices((1,))))

    assert [earned(late) for late in (0, 5_000, 10_000, 99_000)] == [1000, 750, 500, 500]
    history.did(SetTimer("q1", 20))
    assert earned(10_000) > 750
    history.did(SetTimer("q1", None))
    assert earned(FADING_MS) == 500
    assert earned(FADING_MS // 2) == 750


def test_a_solution_is_shown_once_for_a_closed_round() -> None:
    history = linked().did(quizzed(1), quizzed(2))
    assert refused(history, ShowSolution("q9")) == (Code.UNKNOWN_QUESTION, "")
    assert refused(history, ShowSolution("q1")) == (Code.NOT_CLOSED, "")
    history.did(OpenVoting("q1"))
    assert refused(history, ShowSolution("q1")) == (Code.NOT_CLOSED, "")
    unfit(history, SolutionShown(AT, "q1", 1))
    history.did(CloseVoting("q1"), ShowSolution("q1"))
    assert history.round().solved
    assert refused(history, ShowSolution("q1")) == (Code.ALREADY_SHOWN, "")
    history.did(AskAgain("q1"))
    assert not history.round().solved
    assert refused(history, ShowSolution("q1")) == (Code.NOT_CLOSED, "")
    unfit(history, SolutionShown(AT, "q1", 1))
    unfit(history, SolutionShown(AT, "q2", 1))
    unfit(history, SolutionShown(AT, "q9", 1))


def test_a_question_that_is_no_quiz_has_no_solution() -> None:
    history = drafted().did(OpenVoting("q1"), CloseVoting("q1"))
    assert refused(history, ShowSolution("q1")) == (Code.NO_SOLUTION, "")
    unfit(history, SolutionShown(AT, "q1", 1))


def test_pseudonyms_are_linked_once_and_before_anything_is_asked() -> None:
    history = drafted()
    before = history.room.linked
    history.did(LinkPseudonyms())
    assert (before, history.room.linked) == (False, True)
    assert refused(history, LinkPseudonyms()) == (Code.ALREADY_SO, "")
    unfit(history, PseudonymsLinked(AT))
    asked = drafted().did(OpenVoting("q1"), CloseVoting("q1"))
    assert refused(asked, LinkPseudonyms()) == (Code.TOO_LATE, "")
    unfit(asked, PseudonymsLinked(AT))


def test_a_ballot_from_before_the_link_is_nobodys() -> None:
    history = linked().did(quizzed(1), OpenVoting("q1"))
    assert refused(history, cast("ann", 1)) == (Code.NOT_OPEN, "")
    history.did(vote("ann", 1))
    unlinked = drafted().did(OpenVoting("q1"))
    assert refused(unlinked, vote("ann", 1)) == (Code.NOT_OPEN, "")


def test_a_leaderboard_is_for_linked_rooms() -> None:
    assert refused(created(), ShowLeaderboard(True)) == (Code.NOT_LINKED, "")
    unfit(created(), LeaderboardShown(AT, True))
    history = linked()
    assert refused(history, ShowLeaderboard(False)) == (Code.ALREADY_SO, "")
    assert history.did(ShowLeaderboard(True)).room.leaderboard
    assert refused(history, ShowLeaderboard(True)) == (Code.ALREADY_SO, "")
    assert not history.did(ShowLeaderboard(False)).room.leaderboard


def test_points_of_codes_are_nobodys() -> None:
    history = closed().did(ShowSolution("q1"))
    by_code = msgspec.structs.replace(quizzed(1), level="code")
    history.did(by_code, IssueCodes(1, "0a" * 32), UseCode(1, 0, "browser"), OpenVoting("q2"))
    history.did(cast("code", 1, question="q2", code=(1, 0), linked=True), CloseVoting("q2"), ShowSolution("q2"))
    assert history.question("q2").rounds[-1].solved
    assert places(standings(history.state)) == [(1, 1000, "ann"), (2, 0, "bob")]


def test_points_count_from_the_solution_on() -> None:
    history = closed()
    assert (standings(history.state).players, list(scored(history.room))) == (0, [])
    history.did(RevealResults("q1"))
    assert standings(history.state).players == 0
    found = standings(history.did(ShowSolution("q1")).state)
    assert places(found) == [(1, 1000, "ann"), (2, 0, "bob")]
    assert (found.players, found.rank("cem"), found.points("cem")) == (2, None, 0)


def test_a_second_round_replaces_the_points_of_the_first_when_its_solution_is_shown() -> None:
    history = closed().did(ShowSolution("q1"))
    kept = standings(history.state)
    history.did(AskAgain("q1"), vote("bob", 1, round=2), vote("cem", 2, round=2), CloseVoting("q1"))
    for found in (standings(history.state), kept):
        assert not found.behind(history.room)
        assert places(found) == [(1, 1000, "ann"), (2, 0, "bob")]
    history.did(ShowSolution("q1"))
    assert kept.behind(history.room)
    finish(kept.update(history.room))
    for found in (standings(history.state), kept):
        assert places(found) == [(1, 1000, "bob"), (2, 0, "cem")]


def test_a_changed_ballot_counts_once() -> None:
    history = linked().did(quizzed(1), OpenVoting("q1"))
    history.did(vote("ann", 1), vote("ann", 0), vote("ann", 1, id="again"), vote("bob", 1), vote("bob", 2))
    history.did(CloseVoting("q1"), ShowSolution("q1"))
    assert places(standings(history.state)) == [(1, 1000, "ann"), (2, 0, "bob")]


def test_an_erased_answer_takes_its_points_along() -> None:
    history = closed().did(ShowSolution("q1"))
    kept = standings(history.state)
    history.did(EraseAnswer(5))
    assert kept.behind(history.room)
    finish(kept.update(history.room))
    for found in (kept, standings(history.state), standings(fold(stored(history.entries)))):
        assert places(found) == [(1, 0, "bob")]


def test_the_same_points_share_a_place_and_the_next_one_is_left_out() -> None:
    history = linked().did(quizzed(1), OpenVoting("q1"))
    voters = [f"v{number:02}" for number in range(2 * TOP)]
    history.did(*(vote(voter, int(number % 2 == 0)) for number, voter in enumerate(reversed(voters))))
    found = standings(history.did(CloseVoting("q1"), ShowSolution("q1")).state)
    right, wrong = voters[1::2], voters[0::2]
    assert places(found) == [(1, 1000, voter) for voter in right] + [(TOP + 1, 0, voter) for voter in wrong]
    assert found.top == [(-1000, voter) for voter in right]


def test_places_are_found_in_small_pieces_and_begun_again_where_nobody_finished_them() -> None:
    history = linked().did(quizzed(1, points=MAX_POINTS, fading=True), OpenVoting("q1"))
    history.did(*(vote(f"v{number}", 1) for number in range(900)), CloseVoting("q1"), ShowSolution("q1"))
    whole, torn = standings(history.state), Standings()
    pieces = len(list(Standings().update(history.room)))
    assert pieces == 2 * (900 // 128) + 1 + 1, "the ballots, the voters, and 150 different sums of points, twice"
    for stop in range(1, pieces + 1):
        assert len(list(itertools.islice(torn.update(history.room), min(stop, 8)))) == min(stop, 8)
        assert torn.behind(history.room)
    finish(torn.update(history.room))
    assert not torn.behind(history.room)
    assert places(torn) == places(whole)
    assert torn.top == whole.top == sorted(whole.top)[:TOP]


def test_as_many_sums_as_voters_are_put_in_order_in_small_pieces() -> None:
    crowd = 3000
    found = Standings()
    found._totals = {f"v{number}": number * 7919 % 30_011 for number in range(crowd)}
    pieces = len(list(found._rank()))
    assert pieces == 2 * (crowd // 128) + -(-crowd // 1024)
    points = sorted(found._totals.values(), reverse=True)
    assert [found.rank(voter) for voter in found._totals] == [points.index(mine) + 1 for mine in found._totals.values()]
    assert [-minus for minus, _ in found.top] == points[:TOP]


def test_a_room_that_links_nothing_is_never_behind() -> None:
    history = created().did(quizzed(1), OpenVoting("q1"), cast("ann", 1), CloseVoting("q1"), ShowSolution("q1"))
    assert not Standings().behind(history.room)


voters = st.sampled_from("abcde")
# For each question in each of its rounds: who chose what, in order.
asked = st.lists(st.tuples(voters, st.integers(0, 2)), max_size=8)
evenings = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 50), st.lists(asked, min_size=1, max_size=3)), max_size=4
)


def played(evening: list[tuple[int, int, list[list[tuple[str, int]]]]], order: list[int]) -> History:
    """The evening with its questions defined and asked in this order."""
    history = linked()
    for number in order:
        right, worth, rounds = evening[number]
        name = history.did(quizzed(right, points=worth)).entries[-1].record
        assert isinstance(name, QuestionDefined)
        for place, ballots in enumerate(rounds, 1):
            history.did(OpenVoting(name.id) if place == 1 else AskAgain(name.id))
            for voter, choice in ballots:
                sent = vote(voter, choice, question=name.id, round=place, id=f"{len(history.entries)}")
                history.did(sent)
            history.did(CloseVoting(name.id), ShowSolution(name.id))
    return history


@given(evenings, st.randoms())
def test_points_are_those_of_the_last_round_and_do_not_depend_on_the_order_of_questions(
    evening: list[tuple[int, int, list[list[tuple[str, int]]]]], random: Any
) -> None:
    model: dict[str, int] = {}
    for right, worth, rounds in evening:
        for voter, choice in dict(rounds[-1]).items():
            model[voter] = model.get(voter, 0) + (worth if choice == right else 0)
    order = list(range(len(evening)))
    other = random.sample(order, len(order))
    for found in (standings(played(evening, order).state), standings(played(evening, other).state)):
        assert {voter: found.points(voter) for _, _, voter in places(found)} == model
        assert [(rank, total) for rank, total, _ in places(found)] == [
            (1 + sum(better > total for better in model.values()), total)
            for total in sorted(model.values(), reverse=True)
        ]


@given(evenings)
def test_places_that_grow_with_the_log_are_those_of_the_whole_log(
    evening: list[tuple[int, int, list[list[tuple[str, int]]]]],
) -> None:
    growing = Standings()
    state: Any = None
    for entry in played(evening, list(range(len(evening)))).entries:
        state = fold([entry]) if state is None else apply(state, entry)
        if growing.behind(state):
            finish(growing.update(state))
        whole = standings(state)
        assert (places(growing), growing.top, growing.players) == (places(whole), whole.top, whole.players)


def test_a_name_is_cleaned_and_stands_in_the_opening() -> None:
    history = linked().did(named("ann", " A\u200bnn\n e\u0301 "))
    entry = history.entries[-1]
    assert entry.opening == Opening(SALT, '{"name":"Ann \u00e9"}'.encode())
    assert entry.record == PlayerNamed(entry.record.at, "ann- A\u200bnn\n e\u0301 ", "ann", commitment(entry.opening))
    assert (name_of(history.room, "ann"), name_of(history.room, "bob")) == ("Ann \u00e9", None)


@pytest.mark.parametrize("name", ["", " \u202e\n", "x" * (MAX_NAME_CHARS + 1)])
def test_a_name_has_some_characters_and_not_too_many(name: str) -> None:
    history = linked()
    assert refused(history, named("ann", name)) == (Code.BAD_NAME, f"a name has 1 to {MAX_NAME_CHARS} characters")
    history.did(named("ann", "x" * MAX_NAME_CHARS))


def test_names_are_for_linked_rooms() -> None:
    assert refused(created(), named("ann", "Ann")) == (Code.NOT_LINKED, "")
    unfit(created(), PlayerNamed(AT, "1", "ann", "00"))


def test_a_name_is_somebodys_until_another_one_is_taken() -> None:
    history = linked().did(named("ann", "Stra\u00dfe"))
    assert refused(history, named("bob", "STRASSE")) == (Code.NAME_TAKEN, "")
    history.did(named("ann", "STRASSE"), named("ann", "Ann"), named("bob", "strasse"))
    assert refused(history, named("ann", "Strasse")) == (Code.NAME_TAKEN, "")
    assert (name_of(history.room, "ann"), name_of(history.room, "bob")) == ("Ann", "strasse")
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_a_retried_name_is_answered_as_the_first_time() -> None:
    history = linked().did(named("ann", "Ann", id="1"), named("ann", "Anna", id="2"))
    for index, (id, name, rev) in enumerate([("1", "Ann", 0), ("2", "Anna", 1)], 3):
        at = history.entries[index - 1].record.at
        assert history.do(named("ann", name, id=id)) == Repeat(Ballot(id, index, rev, at, None))
    assert refused(history, named("ann", "Other", id="1")) == (Code.CONFLICT, "")
    history.did(RemoveName(3))
    decision = history.do(named("ann", "Ann", id="1"))
    assert isinstance(decision, Repeat)
    unfit(history, PlayerNamed(AT, "1", "ann", "00"))


def test_a_voter_has_so_many_names_and_no_more() -> None:
    history = linked().did(*(named("ann", f"Ann {number}") for number in range(MAX_NAMES)))
    assert refused(history, named("ann", "Anna")) == (Code.TOO_MANY_NAMES, "")
    history.did(named("bob", "Anna"))


@pytest.mark.parametrize("command", [RemoveName(3), EraseAnswer(3)])
def test_an_erased_name_is_gone_and_free(command: Command) -> None:
    history = linked().did(named("ann", "Ann"), command)
    assert history.entries[2].opening is None
    assert isinstance(history.entries[-1].record, NameErased)
    assert name_of(history.room, "ann") is None
    code = refused(history, command)[0]
    assert code is Code.ALREADY_ERASED
    history.did(named("bob", "ann"))
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_erasing_an_earlier_name_leaves_the_newest() -> None:
    history = linked().did(named("ann", "Ann"), named("ann", "Anna"), RemoveName(3))
    assert name_of(history.room, "ann") == "Anna"
    assert refused(history, named("bob", "Anna")) == (Code.NAME_TAKEN, "")
    history.did(named("bob", "Ann"), RemoveName(4))
    assert name_of(history.room, "ann") is None
    assert name_of(history.room, "bob") == "Ann"
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_what_is_no_name_cannot_be_removed() -> None:
    history = closed().did(named("ann", "Ann"))
    assert refused(history, RemoveName(5)) == (Code.NO_SUCH_NAME, "record 5 is none")
    assert refused(history, EraseAnswer(2)) == (Code.NO_SUCH_BALLOT, "record 2 is none")
    unfit(history, NameErased(AT, 5, "ann"))
    unfit(history, NameErased(AT, 8, "bob"))


def test_two_with_one_name_in_a_log_from_elsewhere_leave_it_to_the_later() -> None:
    history = linked()
    for voter, id in (("ann", "1"), ("bob", "2"), ("ann", "3")):
        opening = Opening(SALT, b'{"name":"Ann"}' if id != "3" else b'{"name":"Anna"}')
        history.put(Draft(CODE, PlayerNamed(AT, id, voter, commitment(opening)), opening))
    assert history.room.takers == {"ann": "bob", "anna": "ann"}
    unfit(history, PlayerNamed(AT, "4", "ann", "00"), Opening(SALT, b"{}"))


def test_encoding_a_solution_is_canonical() -> None:
    assert encode(Solution("\u00e9", (0, 1))) == '{"explanation":"\u00e9","right":[0,1]}'.encode()
