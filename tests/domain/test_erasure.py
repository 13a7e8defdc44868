"""Deleting a room's answers: one record, and nothing of them is in the state for anybody to see."""

from io import BytesIO

import msgspec
import pytest

from livevote.domain.commands import (
    AcceptRecovery,
    AddQuestion,
    AskAgain,
    CloseVoting,
    Command,
    EraseAnswer,
    EraseRoom,
    JudgeTerms,
    OpenVoting,
    PinPost,
    RemoveQuestion,
    RenameRoom,
    ShowSolution,
    SwitchBoard,
    SwitchReactions,
)
from livevote.domain.erasure import blank, is_blank
from livevote.domain.freeze import differences, follow, freeze, thaw
from livevote.domain.kinds.written import key
from livevote.domain.records import COMMITTED, Draft, Entry, RoomErased, Solution, VotingOpened
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import BrokenLogError, Known, Repeat, fits
from livevote.domain.standings import Standings
from livevote.domain.state import Room
from livevote.domain.tally import fold
from livevote.log import finish
from tests.history import AT, CODE, History, ask, ballot, cast, dump, linked, named, opened, quizzed, stored

LONG = "a" * 22


def evening() -> History:
    """Two rounds; ann changed her mind, and one voter has an id as pages make them."""
    history = opened(kind="multiple").did(cast("ann", 0, id="a1"), cast("ann", 1, id="a2"), cast(LONG, 2, id="b" * 22))
    history.did(cast(LONG, 0, 1, id="c" * 22), CloseVoting("q1"), AskAgain("q1"), cast("bob", 1, round=2))
    return history.did(CloseVoting("q1"))


def erased() -> History:
    return evening().did(EraseRoom())


def emptied(history: History) -> list[Entry]:
    """The log after its openings are gone."""
    return [msgspec.structs.replace(entry, opening=None) for entry in stored(history.entries)]


def packed(entries: list[Entry], like: Room | None = None) -> Room:
    room: Room | None = None
    for entry in entries:
        room = follow(room, entry, salt=bytes(16), like=like)
    assert room is not None
    return room


def answers(room: Room) -> set[object]:
    rounds = [asked for question in room.questions.values() for asked in question.rounds]
    return {each.answer for asked in rounds for each in (*asked.ballots.values(), *asked.superseded.values())}


def test_no_round_shows_anything_any_more() -> None:
    history = erased()
    assert history.room.erased_at == AT + len(history.entries) - 1
    for asked in history.question().rounds:
        assert (asked.tally.counts(), asked.voters, asked.erased) == ((0, 0, 0), 0, len(asked.ballots))


def test_i4_the_log_folds_into_the_same_before_during_and_after_its_openings_go() -> None:
    history, whole = erased(), erased().entries
    empty = emptied(history)
    for cut in range(len(whole) + 1):
        assert dump(fold([*empty[:cut], *stored(whole)[cut:]])) == dump(history.state)
    assert "".join(differences(packed(empty), history.room)) == ""


def test_i6_a_retry_is_answered_as_before_whatever_it_says_now() -> None:
    history = erased()
    for choices in ((0,), (1, 2)):
        first = history.decide(cast("ann", *choices, id="a1"))
        second = history.decide(cast("bob", *choices, id="bob-(1,)", round=2))
        assert isinstance(first, Repeat)
        assert isinstance(second, Repeat)
        assert (first.ballot.index, second.ballot.index) == (4, 10)
    assert history.decide(cast("eve", 0, round=2)) == Refusal(Code.CLOSED)


@pytest.mark.parametrize("command", [EraseRoom(), RenameRoom("New"), AskAgain("q1"), EraseAnswer(4), OpenVoting("q9")])
def test_the_room_is_closed_for_good(command: object) -> None:
    assert erased().decide(command) == Refusal(Code.ROOM_ERASED)  # type: ignore[arg-type]


def test_nothing_is_deleted_while_people_vote() -> None:
    history = opened().did(cast("ann", 0))
    assert history.decide(EraseRoom()) == Refusal(Code.STILL_OPEN)
    assert not fits(history.state, RoomErased(AT))


def test_a_recovery_can_be_recorded_later_and_nothing_else() -> None:
    history = erased().did(AcceptRecovery("livevote/7KQ2MD/0", 3, 5, "00"))
    for draft in (Draft(CODE, VotingOpened(AT, "q1", 3)), Draft(CODE, RoomErased(AT))):
        assert not fits(history.state, draft.record)
        with pytest.raises(BrokenLogError):
            history.put(draft)
    with pytest.raises(BrokenLogError):
        history.put(ballot("eve", 0, round=2))


def test_answers_leave_memory_in_steps_and_nobody_notices() -> None:
    history = erased()
    before = dump(history.state)
    assert not is_blank(history.room)
    for _ in blank(history.room):
        assert dump(history.state) == before
    assert is_blank(history.room)
    assert answers(history.room) == {None}
    assert dump(history.state) == before


def test_a_large_round_takes_many_steps() -> None:
    history = opened().did(*(cast(f"voter{number}", 0) for number in range(250)), CloseVoting("q1"), EraseRoom())
    assert len(list(blank(history.room))) == 3


def test_a_packed_state_forgets_who_answered_the_same() -> None:
    room = packed(evening().entries)
    assert answers(room) != {None}
    room = follow(room, stored(erased().entries)[-1], salt=bytes(16), like=None)
    assert is_blank(room)
    assert answers(room) == {None}
    data = b"".join(freeze(room, bytes(32)))
    assert b"choices" not in data
    never = packed(emptied(erased()))
    assert data == b"".join(freeze(never, bytes(32))), "the same bytes as of a log that never had the answers"


def test_a_saved_state_of_an_erased_room_is_the_rooms() -> None:
    history = erased()
    data = b"".join(freeze(packed(emptied(history)), bytes(32)))
    frozen = finish(thaw(BytesIO(data).read))
    assert dump(frozen.room) == dump(history.state)
    assert is_blank(frozen.room)


def test_a_running_state_may_lose_its_answers_while_it_is_compared() -> None:
    history = evening()
    pieces = differences(packed(history.entries), history.room)
    assert next(pieces) == ""
    history.did(EraseRoom())
    for _ in blank(history.room):
        pass
    assert "".join(pieces) == ""


def test_a_draft_may_be_taken_away_while_states_are_compared() -> None:
    history = evening().did(AddQuestion("single", "Draft?", ("a", "b")))
    pieces = differences(packed(history.entries), history.room)
    assert next(pieces) == ""
    history.did(RemoveQuestion("q2"))
    assert "".join(pieces) == ""


def test_what_was_judged_goes_with_the_texts() -> None:
    history = opened(kind="cloud", options=()).did(cast("ann", raw=b'{"terms":["Tea"]}'), CloseVoting("q1"))
    history.did(JudgeTerms("q1", 1, (key("tea"),), False), EraseRoom())
    tally = history.room.questions["q1"].rounds[0].tally
    assert (tally.terms(), dict(tally.judged), tally.figures()) == ((), {}, {"terms": [], "more": 0})
    assert history.do(JudgeTerms("q1", 1, (key("tea"),), True)) == Refusal(Code.ROOM_ERASED)


def game() -> History:
    """A linked quiz with a board: a ballot, a name that was changed, two posts of which one is pinned."""
    history = linked().did(quizzed(1), OpenVoting("q1"), cast("ann", 1, linked=True), CloseVoting("q1"))
    history.did(named("ann", "Ann"), named("ann", "Anna"), ShowSolution("q1"), SwitchBoard(on=True, approval=False))
    history.did(ask("ann", "Why?"), ask("bob", "How?"), PinPost(11), SwitchReactions(True))
    return history


def test_posts_and_names_go_and_what_the_host_wrote_stays() -> None:
    history = game()
    standings = Standings()
    finish(standings.update(history.room))
    assert standings.players == 1
    history.did(EraseRoom())
    room = history.room
    assert not is_blank(room)
    assert [post.text for post in room.board.posts.values()] == [None, None]
    assert (room.board.on, room.board.pinned, room.reactions) == (False, None, False)
    assert ([name.text for name in room.names["ann"]], room.takers) == ([None, None], {})
    assert standings.behind(room)
    finish(standings.update(room))
    assert standings.players == 0
    assert history.round().wording.solution == Solution("", (1,))
    for _ in blank(room):
        pass
    assert is_blank(room)


def test_i4_a_room_with_posts_and_names_folds_into_the_same_before_during_and_after() -> None:
    whole = game().did(EraseRoom()).entries
    left = [
        msgspec.structs.replace(entry, opening=None) if isinstance(entry.record, COMMITTED) else entry
        for entry in stored(whole)
    ]
    for cut in range(len(whole) + 1):
        assert dump(fold([*left[:cut], *stored(whole)[cut:]])) == dump(fold(stored(whole)))
    assert "".join(differences(packed(left), fold(stored(whole)) or packed(left))) == ""


def test_i6_a_retry_of_a_post_or_a_name_is_answered_as_before_and_nothing_new_is_taken() -> None:
    history = game()
    sent: list[Command] = [named("ann", "Anna"), ask("ann", "Why?")]
    new: list[Command] = [named("bob", "Bob"), ask("bob", "When?")]
    before = [history.decide(command) for command in sent]
    history.did(EraseRoom())
    after = [history.decide(command) for command in sent]
    assert isinstance(after[0], Repeat)
    assert isinstance(before[0], Repeat)
    assert after[0].ballot.index == before[0].ballot.index
    assert isinstance(after[1], Known)
    assert after[1] == before[1]
    for command in new:
        assert history.decide(command) == Refusal(Code.ROOM_ERASED)


@pytest.mark.parametrize("command", [named("ann", "Ann"), SwitchBoard(on=True, approval=False)])
def test_texts_that_are_still_in_the_log_are_not_forgotten_where_nobody_voted(command: Command) -> None:
    history = linked().did(command)
    if isinstance(command, SwitchBoard):
        history.did(ask("ann", "Why?"))
    history.did(EraseRoom())
    found = fold(stored(history.entries))
    assert found is not None
    assert not is_blank(found)
    emptied_room = fold(emptied(history))
    assert emptied_room is not None
    assert is_blank(emptied_room)
