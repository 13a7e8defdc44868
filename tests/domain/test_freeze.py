"""A frozen state and the rest of its log come to what the whole log comes to, wherever the cut is."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain import freeze as module
from livevote.domain.commands import (
    AcceptRecovery,
    AddCohost,
    AddQuestion,
    AnswerPost,
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    EraseAnswer,
    EraseRoom,
    HideResults,
    IssueCodes,
    JudgePosts,
    OpenVoting,
    OrderQuestions,
    PinPost,
    PublishReplay,
    RemoveQuestion,
    RenameRoom,
    RevealResults,
    RevokeCohost,
    SetEmbedding,
    SetLanguage,
    SetTimer,
    ShowLeaderboard,
    ShowSolution,
    SwitchBoard,
    SwitchReactions,
    SwitchReceipts,
    UseCode,
)
from livevote.domain.freeze import FORMAT, Frozen, ThawError, differences, follow, freeze, thaw
from livevote.domain.packed import Packed
from livevote.domain.records import Entry
from livevote.domain.room import apply
from livevote.domain.state import Act, Board, Post, Room
from livevote.domain.tally import fold
from livevote.log import finish
from tests.history import OPTIONS, History, ask, cast, dump, linked, named, opened, quizzed, stored, upvote

SALT = bytes(range(16))

voters = st.sampled_from(["ann", "bob", "c" * 22, "d" * 22, "e" * 22])
ids = st.sampled_from(["1", "2", "f" * 22, "g" * 22, "h" * 22])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        lambda voter, choices, id, round, question: cast(voter, *choices, id=id, round=round, question=question),
        voters,
        st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
        ids,
        st.integers(1, 3),
        st.sampled_from(["q1", "q1", "q1", "q2"]),
    ),
    st.builds(EraseAnswer, st.integers(4, 20)),
    st.builds(lambda voter, id: ask(voter, "Why?", id=id), voters, ids),
    st.builds(
        lambda voter, post, on, id: upvote(voter, post, on=on, id=id), voters, st.integers(5, 9), st.booleans(), ids
    ),
    st.builds(lambda post, shown: JudgePosts((post,), shown), st.integers(5, 9), st.booleans()),
    st.sampled_from(
        [
            *(action(question) for action in (OpenVoting, CloseVoting, AskAgain) for question in ("q1", "q2")),
            *(RevealResults("q1"), HideResults("q1"), PublishReplay(True), SwitchReceipts(False)),
            *(OpenVoting("q1", 60), AskAgain("q1", 60), SetTimer("q1", 90), SetTimer("q1", None)),
            *(AddCohost("Ann"), AddCohost("Bob"), RevokeCohost("c1")),
            AcceptRecovery("livevote/7KQ2MD/0", 3, 5, "00"),
            SetEmbedding(("*",)),
            AddQuestion("single", "And now?", OPTIONS, changeable=False),
            EditQuestion("q1", text="What else?"),
            EditQuestion("q1", options=OPTIONS[::-1], meaning=True),
            EditQuestion("q1", options=(*OPTIONS, "Milk"), meaning=True),
            EditQuestion("q2", text="And then?", changeable=True),
            *(RemoveQuestion("q2"), OrderQuestions(("q2", "q1")), RenameRoom("Another"), SetLanguage("de")),
            AddQuestion("single", "By code?", OPTIONS, level="code"),
            *(IssueCodes(3, "0a" * 32), UseCode(1, 0, "a"), UseCode(1, 2, "b")),
            cast("ann", 0, question="q2", code=(1, 0)),
            *(SwitchBoard(on=True, approval=False), SwitchBoard(on=True), SwitchReactions(True)),
            *(PinPost(5), PinPost(None), AnswerPost(5, True)),
        ]
    ),
    st.sampled_from([EraseRoom(), SwitchReceipts(True), PublishReplay(False)]),
)


def shadowed(entries: list[Entry], room: Room | None = None, *, like: Room | None = None) -> Room:
    """The state of a log whose rounds are packed."""
    for entry in entries:
        room = follow(room, entry, salt=SALT, like=like)
    assert room is not None
    return room


def thawed(data: bytes) -> Frozen:
    return finish(thaw(BytesIO(data).read))


def evening() -> History:
    """A room in which everything that a state holds has another value than in the beginning."""
    history = opened(kind="multiple").did(
        cast("ann", 0), cast("c" * 22, 1, 2, id="f" * 22), cast("c" * 22, 0, id="g" * 22), cast("d" * 22, 2)
    )
    history.did(cast("ann", 1), cast("e" * 22, 0, id="h" * 22), EraseAnswer(9), EraseAnswer(4))
    history.did(SetTimer("q1", 60), CloseVoting("q1"), RevealResults("q1"), AskAgain("q1"))
    history.did(cast("c" * 22, 2, id="f" * 22, round=2))
    history.did(AddQuestion("single", "And now?", OPTIONS, changeable=False), SwitchReceipts(False))
    history.did(SwitchBoard(on=True, approval=False, per_voter=3), SwitchReactions(True))
    history.did(ask("ann", "Why?"), ask("bob", "How?"), ask("bob", "When?"), upvote("ann", 22))
    history.did(upvote("bob", 21), upvote("bob", 21, on=False), JudgePosts((23,), shown=False), PinPost(22))
    history.did(AnswerPost(22, answered=True), EraseAnswer(21), SwitchBoard(on=True, per_voter=3))
    history.did(AddQuestion("single", "By code?", OPTIONS, level="code"), IssueCodes(3, "0a" * 32), UseCode(1, 2, "b"))
    history.did(AddCohost("Ann"), AddCohost("Bob"), RevokeCohost("c1"))
    history.did(SetEmbedding(("https://slides.example.org", "file:")))
    history.did(CloseVoting("q1"), EditQuestion("q1", options=(*OPTIONS, "Milk"), meaning=True), AskAgain("q1"))
    history.did(AddQuestion("single", "Never?", OPTIONS), RemoveQuestion("q4"), OrderQuestions(("q2", "q3", "q1")))
    history.did(RenameRoom("Another"), SetLanguage("de"))
    return history.did(PublishReplay(True), AcceptRecovery("livevote/7KQ2MD/0", 3, 5, "00"))


@given(st.lists(commands, max_size=40), st.data())
def test_i4_what_was_frozen_and_the_rest_is_the_whole(given_commands: list[Command], data: st.DataObject) -> None:
    history = opened(kind="multiple")
    for command in given_commands:
        history.do(command)
    log = stored(history.entries)
    at = data.draw(st.integers(1, len(log)))
    frozen = thawed(b"".join(freeze(shadowed(log[:at]), log[at - 1].chain)))
    assert (frozen.index, frozen.chain) == (at, log[at - 1].chain)
    assert dump(frozen.room) == dump(fold(log[:at]))
    assert dump(shadowed(log[at:], frozen.room)) == dump(history.state)
    assert "".join(differences(shadowed(log, like=history.state), frozen.room)) == ""


def test_every_field_of_a_state_survives_and_the_state_moves_on() -> None:
    history = evening()
    state = shadowed(stored(history.entries))
    data = b"".join(freeze(state, bytes(32)))
    again = thawed(data)
    assert dump(again.room) == dump(state) == dump(history.state)
    assert b"".join(freeze(again.room, again.chain)) == data
    slots = {
        name
        for kind in (Room, type(state.questions["q1"]), type(state.questions["q1"].rounds[0]), Board, Post)
        for name in kind.__slots__
    }
    for entry in stored(history.did(CloseVoting("q1"), OpenVoting("q2"), cast("ann", 1, question="q2")).entries[-3:]):
        apply(again.room, entry)
    assert dump(again.room) == dump(history.state)
    assert slots == KNOWN_SLOTS, "freeze, thaw and the outline know these fields; a new one has to be added there"


KNOWN_SLOTS = {
    *(
        "board",
        "code",
        "cohosts",
        "code_lists",
        "created_at",
        "current",
        "embedding",
        "erased_at",
        "head",
        "language",
        "leaderboard",
        "linked",
        "names",
        "origin",
        "questions",
        "reactions",
        "receipts",
        "recoveries",
        "removed",
        "replay_public",
        "takers",
        "title",
        "used_codes",
    ),
    *("acts", "approval", "on", "per_voter", "pinned", "posts", "taken", "upvoted"),
    *("answered", "at", "index", "standing", "text", "voter", "votes"),
    *("changeable", "id", "kind", "level", "options", "quiz", "rounds", "rules", "solution", "stored_rules", "text"),
    *("defined", "version", "wording"),
    *("ballots", "closed_at", "closes_at", "erased", "number", "opened_at", "revealed", "solved"),
    *("superseded", "tally", "wording", "texts_left"),
}


def game() -> History:
    """A quiz with names: taken, given up, erased."""
    history = linked().did(quizzed(1, 2, kind="multiple", points=7, fading=True, explanation="Why not?"))
    history.did(OpenVoting("q1"), cast("ann", 1, 2, linked=True), cast("bob", 0, linked=True), CloseVoting("q1"))
    history.did(named("ann", "Ann"), named("bob", "Bob"), named("ann", "Anna"), EraseAnswer(9), ShowSolution("q1"))
    return history.did(ShowLeaderboard(True), quizzed(0))


def test_a_quiz_and_its_names_survive() -> None:
    history = game()
    log = stored(history.entries)
    for at in range(1, len(log) + 1):
        frozen = thawed(b"".join(freeze(shadowed(log[:at]), log[at - 1].chain)))
        assert dump(frozen.room) == dump(fold(log[:at]))
        assert dump(shadowed(log[at:], frozen.room)) == dump(history.state)
        assert "".join(differences(shadowed(log, like=history.state), frozen.room)) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda room: setattr(room, "linked", False),
        lambda room: setattr(room, "leaderboard", False),
        lambda room: room.names["ann"].pop(),
        lambda room: room.takers.clear(),
        lambda room: setattr(room.questions["q1"], "quiz", None),
        lambda room: setattr(room.questions["q1"], "solution", None),
        lambda room: setattr(first_round(room), "solved", False),
    ],
)
def test_quizzes_that_differ_are_found(change: Callable[[Room], object]) -> None:
    entries = stored(game().entries)
    running = shadowed(entries)
    change(running)
    assert "".join(differences(shadowed(entries), running)) == "the results"


def test_rounds_have_room_for_the_ballots_that_the_other_state_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "buckets_for", lambda ballots: 1 << ballots)
    history = opened().did(cast("ann", 0), cast("ann", 1), cast("bob", 1), CloseVoting("q1"), AskAgain("q1"))
    state = shadowed(history.entries, like=fold(history.entries[:7]))
    sizes = []
    for asked in state.questions["q1"].rounds:
        for mapping in (asked.ballots, asked.superseded):
            assert isinstance(mapping, Packed)
            sizes.append(len(mapping.buckets))
    assert sizes == [4, 2, 1, 1]
    assert dump(shadowed(history.entries, like=fold(history.entries[:1]))) == dump(history.state)


def test_the_bytes_come_in_pieces_with_a_break_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP", 256)
    monkeypatch.setattr(module, "_ACTS", 4)
    pieces = list(freeze(shadowed(evening().entries), bytes(32)))
    assert len(pieces) == 1 + 2 + 3 * 2 * (1 + 1024 // 256), "six acts on the board are two pieces"
    assert len(list(thaw(BytesIO(b"".join(pieces)).read))) == 2 + 3 * 2 * 1024 // 256


def test_answers_are_read_and_counted_with_a_break_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWERS", 2)
    history = opened(kind="text", options=())
    for number in range(5):
        history.did(cast(f"v{number}", raw=b'{"text":"text %d"}' % number))
    history.did(EraseAnswer(4))
    state = shadowed(stored(history.entries))
    data = b"".join(freeze(state, bytes(32)))
    assert len(list(thaw(BytesIO(data).read))) == 2 + 2 + 2 * 1024 // 128
    assert dump(thawed(data).room) == dump(state) == dump(history.state)


def test_bytes_of_another_version_are_none_of_ours() -> None:
    data = b"".join(freeze(shadowed(evening().entries), bytes(32)))
    assert data.startswith(FORMAT)
    with pytest.raises(ThawError, match="no state of this version"):
        thawed(FORMAT.replace(b"state", b"other") + data[len(FORMAT) :])


def test_bytes_that_were_cut_or_changed_are_refused_in_words() -> None:
    data = b"".join(freeze(shadowed(evening().entries), bytes(32)))
    head = len(FORMAT) + 4 + int.from_bytes(data[len(FORMAT) :][:4], "little")
    for end in (len(FORMAT), len(FORMAT) + 4, head - 1, head, head + 5):
        with pytest.raises(ThawError):
            thawed(data[:end])
    for old, new in ((b"multiple", b"multiplx"), (b'{"choices":[0]}', b'{"choices":[9]}'), (b"\xa2q1", b"\xa2q9")):
        assert old in data
        with pytest.raises(ThawError, match="not the"):
            thawed(data.replace(old, new))


def changed(change: Callable[[Room], Any]) -> str:
    """What differs in the state of the evening after ``change``."""
    entries = stored(evening().entries)
    running = shadowed(entries)
    change(running)
    return "".join(differences(shadowed(entries), running))


def first_round(room: Room) -> Any:
    return room.questions["q1"].rounds[0]


def test_states_of_one_log_do_not_differ() -> None:
    assert changed(lambda _: None) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda room: setattr(room, "code", "OTHER2"),
        lambda room: setattr(room, "title", "Other"),
        lambda room: setattr(room, "created_at", 1),
        lambda room: setattr(room, "origin", "other"),
        lambda room: setattr(room, "head", 1),
        lambda room: setattr(room, "receipts", True),
        lambda room: setattr(room, "replay_public", False),
        lambda room: setattr(room, "embedding", ()),
        lambda room: room.recoveries.clear(),
        lambda room: setattr(room, "current", None),
        lambda room: room.cohosts.update(c1="Ann"),
        lambda room: setattr(first_round(room), "closes_at", None),
        lambda room: room.removed.clear(),
        lambda room: setattr(room, "language", "en"),
        lambda room: setattr(room, "erased_at", 7),
        lambda room: setattr(room, "questions", dict(reversed(room.questions.items()))),
        lambda room: setattr(room.questions["q1"], "version", 7),
        lambda room: setattr(room.questions["q1"], "defined", room.questions["q2"].defined),
        lambda room: setattr(room.questions["q1"], "wording", room.questions["q2"].wording),
        lambda room: setattr(first_round(room), "wording", room.questions["q1"].wording),
        lambda room: room.questions.pop("q2"),
        lambda room: setattr(room.questions["q1"], "id", "q9"),
        lambda room: setattr(room.questions["q1"], "kind", room.questions["q2"].kind),
        lambda room: setattr(room.questions["q1"], "text", "Other"),
        lambda room: setattr(room.questions["q1"], "options", ("a", "b")),
        lambda room: setattr(room.questions["q1"], "stored_rules", b"{}"),
        lambda room: setattr(room.questions["q1"], "changeable", False),
        lambda room: setattr(room.questions["q3"], "level", "browser"),
        lambda room: room.code_lists.clear(),
        lambda room: room.used_codes.update({(1, 1): "c"}),
        lambda room: room.questions["q1"].rounds.pop(),
        lambda room: setattr(first_round(room), "number", 2),
        lambda room: setattr(first_round(room), "opened_at", 2),
        lambda room: setattr(first_round(room), "closed_at", None),
        lambda room: setattr(first_round(room), "revealed", False),
        lambda room: setattr(first_round(room), "erased", 0),
        lambda room: first_round(room).tally._counts.append(0),
        lambda room: first_round(room).ballots.pop("ann"),
        lambda room: first_round(room).superseded.popitem(),
        lambda room: setattr(room, "reactions", False),
        lambda room: setattr(room.board, "on", False),
        lambda room: setattr(room.board, "approval", False),
        lambda room: setattr(room.board, "per_voter", 4),
        lambda room: setattr(room.board, "pinned", None),
        lambda room: setattr(room.board, "taken", 9),
        lambda room: room.board.posts.popitem(),
        *(
            lambda room, name=name: setattr(room.board.posts[21], name, "x")
            for name in ("answered", "at", "index", "standing", "text", "voter", "votes")
        ),
        lambda room: room.board.acts["ann"].popitem(),
        lambda room: room.board.upvoted["ann"].clear(),
    ],
)
def test_results_that_differ_are_found(change: Callable[[Room], object]) -> None:
    assert changed(change) == "the results"


def test_a_ballot_that_differs_is_named() -> None:
    def move(name: str, key: object) -> Callable[[Room], None]:
        def change(room: Room) -> None:
            ballots = getattr(first_round(room), name)
            ballots[key] = msgspec.structs.replace(ballots[key], rev=7)

        return change

    def rename(room: Room) -> None:
        asked = first_round(room)
        asked.ballots["x" * 22] = asked.ballots.pop("d" * 22)

    assert changed(move("ballots", "d" * 22)) == "record 7"
    assert changed(move("superseded", ("c" * 22, "f" * 22))) == "record 5"
    assert changed(rename) == "record 7"


def board_of_six() -> list[Command]:
    return [SwitchBoard(on=True, approval=False), ask("ann", "Why?"), *(upvote(voter, 5) for voter in "abcde")]


def test_an_act_on_the_board_that_differs_is_named() -> None:
    def change(room: Room) -> None:
        acts = room.board.acts["ann"]
        acts["ann-22-True"] = msgspec.structs.replace(acts["ann-22-True"], at=7)

    def rename(room: Room) -> None:
        acts = room.board.acts["bob"]
        acts["other"] = acts.pop("bob-21-True")

    assert changed(change) == "record 24"
    assert changed(rename) == "record 25"


def test_acts_on_the_board_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_VOTERS", 4)
    entries = stored(opened().did(*board_of_six()).entries)
    running = shadowed(entries)
    pieces = differences(shadowed(entries), running)
    assert next(pieces) == ""
    shadowed(stored(opened().did(*board_of_six(), upvote("eve", 5)).entries)[-1:], running)
    assert list(pieces) == [""], "what comes meanwhile is in nobody's way"


def test_acts_that_cannot_follow_each_other_are_refused_in_words() -> None:
    history = opened().did(SwitchBoard(on=True, approval=False), ask("ann", "Why?"), upvote("bob", 5))
    state = shadowed(history.entries)
    state.board.acts["bob"]["bob-5-True"] = Act(6, 0, 5, False)
    with pytest.raises(ThawError, match="not the bytes"):
        thawed(b"".join(freeze(state, bytes(32))))


def test_a_running_state_may_move_on_while_it_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_VOTERS", 1)
    history = opened().did(*(cast(voter, 0) for voter in ("ann", "bob", "c" * 22)), cast("ann", 1))
    running, fresh = shadowed(history.entries), shadowed(history.entries)
    pieces = differences(fresh, running)
    assert next(pieces) == ""
    history.did(cast("ann", 2), cast("bob", 2), cast("c" * 22, 1), CloseVoting("q1"), AskAgain("q1"))
    history.did(AddQuestion("single", "And now?", OPTIONS))
    shadowed(history.entries[8 - 1 :], running)
    assert list(pieces) == [""] * 4
