"""The board: its rules one by one, and any order of them against a model that is written from their words."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from livevote.domain import board as rules
from livevote.domain.audit import GENESIS, TamperedError, check, commitment
from livevote.domain.board import MAX_POST_CHARS, PostText
from livevote.domain.commands import (
    AnswerPost,
    Command,
    EraseAnswer,
    JudgePosts,
    PinPost,
    SwitchBoard,
    UpvotePost,
)
from livevote.domain.records import (
    Draft,
    Opening,
    PostAnswered,
    PostAsked,
    PostErased,
    PostPinned,
    PostsJudged,
    PostUpvoted,
    encode,
)
from livevote.domain.refusals import Code, Refusal
from livevote.domain.room import DECIDE, FOLD, BrokenLogError, Decision, Known, fits
from livevote.domain.state import Post
from livevote.domain.tally import fold
from livevote.domain.text import is_one_spelling
from tests.history import AT, CODE, SALT, History, ask, created, dump, stored, upvote, with_board


def posted(*, approval: bool = False) -> History:
    """Ann and Bob have a post each on the board, 3 and 4."""
    return with_board(approval=approval).did(ask("ann", "Why?"), ask("bob", "How?"))


def post(history: History, index: int) -> Post:
    return history.room.board.posts[index]


def refused(history: History, command: Command) -> Code:
    decision = history.do(command)
    assert isinstance(decision, Refusal)
    return decision.code


def test_a_room_has_no_board_until_the_host_says_so() -> None:
    history = created()
    assert refused(history, ask("ann", "Why?")) == Code.BOARD_OFF
    assert refused(history, SwitchBoard(on=False)) == Code.ALREADY_SO
    history.did(SwitchBoard(on=True, approval=False), ask("ann", "Why?"), SwitchBoard(on=False, approval=False))
    assert refused(history, ask("bob", "How?")) == Code.BOARD_OFF
    assert refused(history, upvote("bob", 3)) == Code.BOARD_OFF
    assert history.do(ask("ann", "Why?")) == Known(3, AT + 2), "what is recorded stays so"


def test_a_text_is_cleaned_and_stands_beside_the_record_and_not_in_it() -> None:
    history = with_board().did(ask("ann", "  Why\u202e\n e\u0301? ", id="1"))
    entry = history.entries[-1]
    assert post(history, 3).text == "Why \u00e9?"
    assert entry.opening == Opening(SALT, '{"text":"Why \u00e9?"}'.encode())
    assert isinstance(entry.record, PostAsked)
    assert entry.record.commitment == commitment(entry.opening)
    assert b"Why" not in entry.body


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "x" * (MAX_POST_CHARS + 1)])
def test_a_post_has_some_text_and_not_too_much(text: str) -> None:
    assert refused(with_board(), ask("ann", text)) == Code.BAD_POST
    with_board().did(ask("ann", "x" * MAX_POST_CHARS))


@given(st.text(max_size=400))
def test_any_text_is_refused_or_kept_in_one_spelling(text: str) -> None:
    history = with_board()
    if isinstance(history.do(ask("ann", text, id="1")), Draft):
        kept = post(history, 3).text
        assert kept
        assert is_one_spelling(kept)
        assert dump(fold(stored(history.entries))) == dump(history.state)


def test_i6_a_retry_is_answered_as_the_first_time_and_other_content_is_a_conflict() -> None:
    history = posted().did(upvote("ann", 4, id="u"))
    assert history.do(ask("ann", " Why?", id="ann-Why?")) == Known(3, AT + 2)
    assert refused(history, ask("ann", "How?", id="ann-Why?")) == Code.CONFLICT
    assert history.do(upvote("ann", 4, id="u")) == Known(5, AT + 4)
    for other in (upvote("ann", 4, on=False, id="u"), upvote("ann", 3, id="u"), upvote("ann", 3, id="ann-Why?")):
        assert refused(history, other) == Code.CONFLICT
    assert refused(history, ask("ann", "Why?", id="u")) == Code.CONFLICT
    history.did(upvote("ann", 4, on=False, id="v"))
    assert history.do(upvote("ann", 4, id="u")) == Known(5, AT + 4), "and it is not given again"
    assert post(history, 4).votes == 0
    history.did(EraseAnswer(3))
    assert history.do(ask("ann", "anything", id="ann-Why?")) == Known(3, AT + 2)


def test_a_voter_has_one_upvote_for_each_post() -> None:
    history = posted().did(upvote("ann", 3), upvote("ann", 4), upvote("bob", 4))
    assert [post(history, index).votes for index in (3, 4)] == [1, 2]
    assert refused(history, upvote("ann", 4, id="new")) == Code.SAME_UPVOTE
    history.did(upvote("ann", 4, on=False))
    assert refused(history, upvote("ann", 4, on=False, id="new")) == Code.SAME_UPVOTE
    assert [post(history, index).votes for index in (3, 4)] == [1, 1]
    assert history.room.board.upvoted == {"ann": {3}, "bob": {4}}


def test_a_voter_gives_and_takes_back_upvotes_so_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_ACTS", 4)
    toggles = [upvote("bob", 3, on=number % 2 == 0, id=f"u{number}") for number in range(4)]
    history = posted().did(*toggles[:3])  # and bob's own post
    assert history.do(toggles[3]) == Refusal(Code.TOO_MANY_UPVOTES)
    assert history.do(toggles[2]) == Known(7, AT + 6), "the retry comes first"
    history.did(ask("bob", "Where?"), upvote("ann", 3))
    monkeypatch.undo()
    history.did(toggles[3])
    monkeypatch.setattr(rules, "MAX_ACTS", 1)
    assert dump(fold(stored(history.entries))) == dump(history.room), "a log from before the limit folds"


def test_nobody_learns_which_posts_wait_or_are_hidden() -> None:
    history = posted(approval=True)
    answers = {str(history.decide(upvote("eve", index))) for index in (3, 99)}
    history.did(JudgePosts((3,), shown=False))
    answers |= {str(history.decide(upvote("eve", index))) for index in (3, 4, 99, 1)}
    assert len(answers) == 1


def test_with_approval_a_post_waits_for_the_host() -> None:
    history = posted(approval=True)
    assert [post(history, index).standing for index in (3, 4)] == ["pending", "pending"]
    history.did(JudgePosts((3, 4), shown=True), JudgePosts((4,), shown=False))
    assert [post(history, index).standing for index in (3, 4)] == ["shown", "hidden"]
    assert refused(history, JudgePosts((3,), shown=True)) == Code.ALREADY_SO
    assert refused(history, JudgePosts((3, 5), shown=True)) == Code.UNKNOWN_POST
    history.did(SwitchBoard(on=True, approval=False), ask("eve", "Who?"))
    assert post(history, 8).standing == "shown"


def test_a_voter_may_have_so_many_posts_that_are_not_answered() -> None:
    history = with_board(per_voter=2).did(ask("ann", "1"), ask("ann", "2"))
    history.did(JudgePosts((3,), shown=False), upvote("ann", 4))
    assert refused(history, ask("ann", "3")) == Code.TOO_MANY_POSTS, "also where the host hides them"
    history.did(ask("bob", "3"), AnswerPost(4, answered=True), ask("ann", "3"))
    assert refused(history, ask("ann", "4")) == Code.TOO_MANY_POSTS
    assert refused(history, AnswerPost(4, answered=True)) == Code.ALREADY_SO
    assert refused(history, AnswerPost(99, answered=True)) == Code.UNKNOWN_POST


def test_the_host_makes_room_by_hiding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_POSTS", 2)
    history = posted()
    assert refused(history, ask("eve", "Who?")) == Code.BOARD_FULL
    history.did(JudgePosts((3,), shown=False), ask("eve", "Who?"), JudgePosts((3,), shown=True))
    assert history.room.board.taken == 3


def test_one_post_that_is_shown_is_pinned() -> None:
    history = posted(approval=True)
    assert refused(history, PinPost(None)) == Code.ALREADY_SO
    assert refused(history, PinPost(3)) == Code.UNKNOWN_POST
    assert refused(history, PinPost(99)) == Code.UNKNOWN_POST
    history.did(JudgePosts((3, 4), shown=True), PinPost(3), PinPost(4))
    assert refused(history, PinPost(4)) == Code.ALREADY_SO
    assert history.did(JudgePosts((3,), shown=False)).room.board.pinned == 4
    assert history.did(JudgePosts((4,), shown=False)).room.board.pinned is None
    history.did(JudgePosts((3, 4), shown=True), PinPost(3), EraseAnswer(4))
    assert history.room.board.pinned == 3
    assert history.did(EraseAnswer(3)).room.board.pinned is None
    assert dump(fold(stored(history.entries))) == dump(history.state)


def test_an_erased_text_is_nowhere_and_its_record_still_fits() -> None:
    history = posted().did(upvote("bob", 3), EraseAnswer(3))
    assert (post(history, 3).text, post(history, 3).votes, post(history, 3).public) == (None, 1, False)
    assert refused(history, EraseAnswer(3)) == Code.ALREADY_ERASED
    assert refused(history, upvote("eve", 3)) == Code.UNKNOWN_POST
    assert refused(history, PinPost(3)) == Code.UNKNOWN_POST
    assert "Why" not in str(dump(history.state)).replace("ann-Why?", "")
    chain = GENESIS
    for entry in stored(history.entries):
        _, chain = check(entry, chain)
    assert dump(fold(stored(history.entries))) == dump(history.state)
    history.put(Draft(CODE, PostErased(AT, 3)))
    assert post(history, 3).text is None


def test_a_text_that_does_not_fit_its_commitment_is_named() -> None:
    history = posted()
    entry = history.entries[2]
    for opening in (Opening(SALT, encode(PostText("How?"))), Opening(SALT + b'{"', b'text":"Why?"}')):
        with pytest.raises(TamperedError, match="the answer of record 3 does not fit its commitment"):
            check(msgspec.structs.replace(entry, opening=opening), history.entries[1].chain)


@pytest.mark.parametrize(
    "record",
    [
        PostAsked(AT, "ann-Why?", "ann", "00"),
        PostUpvoted(AT, "ann-Why?", 4, "ann", True),
        PostUpvoted(AT, "new", 9, "ann", True),
        PostUpvoted(AT, "new", 4, "ann", False),
        PostsJudged(AT, (), True),
        PostsJudged(AT, (3, 3), False),
        PostsJudged(AT, (3, 9), False),
        PostsJudged(AT, (3,), True),
        PostPinned(AT, None),
        PostPinned(AT, 9),
        PostErased(AT, 2),
    ],
)
def test_i19_records_that_cannot_come_next_are_refused(record: Any) -> None:
    history = posted()
    before = dump(history.state)
    assert not fits(history.state, record)
    with pytest.raises(BrokenLogError):
        history.put(Draft(CODE, record))
    assert dump(history.state) == before


@pytest.mark.parametrize(
    "opened", [b"", b"{}", b"[", b'{"text":1}', b'{"text":"\xff"}', b'{"text":""}', b'{"text":"%s"}' % (b"x" * 301)]
)
def test_what_is_no_text_of_a_post_breaks_a_log(opened: bytes) -> None:
    history = posted()
    before = dump(history.state)
    opening = Opening(SALT, opened)
    with pytest.raises(BrokenLogError):
        history.put(Draft(CODE, PostAsked(AT, "new", "ann", commitment(opening)), opening))
    assert dump(history.state) == before


def test_records_need_a_board_that_is_on() -> None:
    history = posted().did(SwitchBoard(on=False, approval=False))
    assert not fits(history.state, PostAsked(AT, "new", "ann", "00"))
    assert not fits(history.state, PostUpvoted(AT, "new", 4, "ann", True))
    history.did(SwitchBoard(on=True, approval=False), JudgePosts((4,), shown=False))
    assert not fits(history.state, PostUpvoted(AT, "new", 4, "ann", True))


class Model:
    """A board in words: a list of posts with who upvotes them, and what everybody has been answered under which id.

    Every method says what must become of a command: a refusal's code, "known", or "ok". It shares no code with the
    rules.
    """

    def __init__(self) -> None:
        self.on, self.approval, self.limit = False, True, 5
        self.pinned: int | None = None
        self.posts: dict[int, dict[str, Any]] = {}
        self.said: dict[tuple[str, str], tuple[object, int]] = {}

    def switch(self, on: bool, approval: bool, limit: int) -> str:
        if (self.on, self.approval, self.limit) == (on, approval, limit):
            return "already_so"
        self.on, self.approval, self.limit = on, approval, limit
        return "ok"

    def again(self, voter: str, id: str, what: object) -> str | None:
        """What is said under an id once is said for ever; an erased text may have been any."""
        if (voter, id) not in self.said:
            return None
        before, index = self.said[voter, id]
        forgotten = isinstance(what, str) and isinstance(before, str) and self.posts[index]["text"] is None
        return "known" if before == what or forgotten else "conflict"

    def ask(self, voter: str, id: str, text: str, index: int) -> str:
        """Posts count against their voter until they are answered."""
        if again := self.again(voter, id, text):
            return again
        if not self.on:
            return "board_off"
        if len([one for one in self.posts.values() if one["voter"] == voter and not one["answered"]]) >= self.limit:
            return "too_many_posts"
        standing = "pending" if self.approval else "shown"
        self.posts[index] = {"voter": voter, "text": text, "standing": standing, "answered": False, "votes": set()}
        self.said[voter, id] = text, index
        return "ok"

    def upvote(self, voter: str, id: str, index: int, on: bool, own: int) -> str:
        """A post that others can read has a voter's upvote or not."""
        if again := self.again(voter, id, (index, on)):
            return again
        if not self.on:
            return "board_off"
        if not self.readable(index):
            return "unknown_post"
        votes = self.posts[index]["votes"]
        if (voter in votes) == on:
            return "same_upvote"
        votes ^= {voter}
        self.said[voter, id] = (index, on), own
        return "ok"

    def readable(self, index: int) -> bool:
        return index in self.posts and (self.posts[index]["standing"], self.posts[index]["text"] is None) == (
            "shown",
            False,
        )

    def judge(self, indexes: tuple[int, ...], shown: bool) -> str:
        """All of them are, or none is, what the host wants in the end; the pin falls off what is hidden."""
        if any(index not in self.posts for index in indexes):
            return "unknown_post"
        wanted = "shown" if shown else "hidden"
        if all(self.posts[index]["standing"] == wanted for index in indexes):
            return "already_so"
        for index in indexes:
            self.posts[index]["standing"] = wanted
        if not shown and self.pinned in indexes:
            self.pinned = None
        return "ok"

    def pin(self, index: int | None) -> str:
        if self.pinned == index:
            return "already_so"
        if index is not None and not self.readable(index):
            return "unknown_post"
        self.pinned = index
        return "ok"

    def answer(self, index: int, answered: bool) -> str:
        if index not in self.posts:
            return "unknown_post"
        if self.posts[index]["answered"] == answered:
            return "already_so"
        self.posts[index]["answered"] = answered
        return "ok"

    def erase(self, index: int) -> str:
        if index not in self.posts:
            return "no_such_ballot"
        if self.posts[index]["text"] is None:
            return "already_erased"
        self.posts[index]["text"] = None
        if self.pinned == index:
            self.pinned = None
        return "ok"


voters = st.sampled_from("abcd")
ids = st.sampled_from(["1", "2", "3", "4", "5", "6"])
texts = st.sampled_from(["Why?", "How?"])
indexes = st.integers(2, 16)


class Asking(RuleBasedStateMachine):
    """Does every command to the board and to the model, and compares what they say and what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.history = created()
        self.model = Model()
        self.answered: dict[tuple[str, str], tuple[int, int]] = {}

    @property
    def next(self) -> int:
        return len(self.history.entries) + 1

    def check(self, command: Command, expected: str) -> Decision:
        decision = self.history.do(command)
        if isinstance(decision, Refusal):
            assert decision.code == expected
        else:
            assert ("known" if isinstance(decision, Known) else "ok") == expected
        return decision

    def said(self, voter: str, id: str, decision: Decision) -> None:
        """I6: what was recorded is answered as it was the first time, however late it is sent again."""
        if isinstance(decision, Draft):
            self.answered[voter, id] = len(self.history.entries), decision.record.at
        elif isinstance(decision, Known):
            assert (decision.index, decision.at) == self.answered[voter, id]

    @initialize(approval=st.booleans())
    def begin(self, approval: bool) -> None:
        self.switch(on=True, approval=approval, limit=2)

    @rule(on=st.sampled_from([True, True, True, False]), approval=st.booleans(), limit=st.integers(1, 3))
    def switch(self, on: bool, approval: bool, limit: int) -> None:
        command = SwitchBoard(on=on, approval=approval, per_voter=limit)
        self.check(command, self.model.switch(on, approval, limit))

    @rule(voter=voters, id=ids, text=texts)
    def ask(self, voter: str, id: str, text: str) -> None:
        expected = self.model.ask(voter, id, text, self.next)
        self.said(voter, id, self.check(ask(voter, text, id=id), expected))

    @rule(voter=voters, id=ids, index=indexes, on=st.booleans())
    def upvote(self, voter: str, id: str, index: int, on: bool) -> None:
        expected = self.model.upvote(voter, id, index, on, self.next)
        self.said(voter, id, self.check(upvote(voter, index, on=on, id=id), expected))

    @rule(on=st.booleans())
    def everybody_upvotes_everything(self, on: bool) -> None:
        for voter in "abcd":
            for index in list(self.model.posts):
                self.upvote(voter, f"{self.next}", index, on)

    @rule(chosen=st.lists(indexes, min_size=1, max_size=3).map(tuple), shown=st.booleans())
    def judge(self, chosen: tuple[int, ...], shown: bool) -> None:
        self.check(JudgePosts(chosen, shown), self.model.judge(chosen, shown))

    @rule(shown=st.booleans())
    def judge_all(self, shown: bool) -> None:
        if self.model.posts:
            self.judge(tuple(self.model.posts), shown)

    @rule(index=st.none() | indexes)
    def pin(self, index: int | None) -> None:
        self.check(PinPost(index), self.model.pin(index))

    @rule(index=indexes, answered=st.booleans())
    def answer(self, index: int, answered: bool) -> None:
        self.check(AnswerPost(index, answered), self.model.answer(index, answered))

    @rule(index=indexes)
    def erase(self, index: int) -> None:
        self.check(EraseAnswer(index), self.model.erase(index))

    @rule()
    def start_again_from_the_log(self) -> None:
        """I4, I7, I19: the log as it was stored is sealed, and folds into the state that grew with it."""
        chain = GENESIS
        for entry in stored(self.history.entries):
            _, chain = check(entry, chain)
        folded = fold(stored(self.history.entries))
        assert dump(folded) == dump(self.history.state)
        self.history.state = folded

    @invariant()
    def boards_agree(self) -> None:
        """I5: a post has as many votes as there are voters whose upvote of it stands."""
        board = self.history.room.board
        assert (board.on, board.approval, board.per_voter, board.pinned) == (
            self.model.on,
            self.model.approval,
            self.model.limit,
            self.model.pinned,
        )
        assert {
            index: (one.voter, one.text, one.standing, one.answered, one.votes) for index, one in board.posts.items()
        } == {
            index: (one["voter"], one["text"], one["standing"], one["answered"], len(one["votes"]))
            for index, one in self.model.posts.items()
        }
        standing = {
            voter: {index for index, one in self.model.posts.items() if voter in one["votes"]} for voter in "abcd"
        }
        assert {voter: board.upvoted.get(voter, set()) for voter in "abcd"} == standing
        assert board.taken == sum(one["standing"] != "hidden" for one in self.model.posts.values())


def test_any_order_of_posts_upvotes_and_judgements() -> None:
    run_state_machine_as_test(Asking, settings=settings(max_examples=150, stateful_step_count=40, database=None))


Patch = pytest.MonkeyPatch


def upvotes_count_twice(patch: Patch) -> None:
    """I5: an id more is a vote more."""
    patch.setattr(rules, "_has_upvoted", lambda board, voter, post: False)  # noqa: ARG005


def a_retry_is_a_new_upvote(patch: Patch) -> None:
    """I6: an upvote that was taken back is given again by a late retry."""
    original = DECIDE[UpvotePost]

    def broken(room: Any, command: Any, at: int) -> Any:
        if command.id in room.board.acts.get(command.voter, {}):
            command = msgspec.structs.replace(command, id=f"{command.id}'")
        return original(room, command, at)

    patch.setitem(DECIDE, UpvotePost, broken)


def waiting_posts_are_public(patch: Patch) -> None:
    """Approval is forgotten."""
    patch.setattr(rules, "_standing", lambda *, shown: "shown" if shown else "pending")


def answered_posts_count(patch: Patch) -> None:
    """A voter whose post was answered may not ask again."""
    patch.setitem(FOLD, PostAnswered, msgspec.structs.replace(FOLD[PostAnswered], fold=lambda *_: None))


MUTANTS = [upvotes_count_twice, a_retry_is_a_new_upvote, waiting_posts_are_public, answered_posts_count]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_found(mutant: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    found = settings(
        max_examples=3000,
        stateful_step_count=40,
        database=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    with pytest.raises((AssertionError, BrokenLogError, KeyError)):
        run_state_machine_as_test(Asking, settings=found)
