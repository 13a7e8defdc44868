"""I4: a result is the fold of a prefix of the log, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.commands import (
    AskAgain,
    CloseVoting,
    Command,
    HideResults,
    OpenVoting,
    RevealResults,
    ShowSolution,
)
from livevote.domain.room import Repeat
from livevote.domain.tally import Snapshot, fold, snapshot
from tests.history import History, cast, created, dump, opened, quizzed, stored

commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        lambda voter, choices, id, round: cast(voter, *choices, id=id, round=round),
        st.sampled_from("abcd"),
        st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
        st.text("0123456789", min_size=3, max_size=3),
        st.integers(1, 3),
    ),
    st.sampled_from([CloseVoting("q1"), AskAgain("q1"), RevealResults("q1"), HideResults("q1")]),
)


def published(history: History) -> list[Snapshot]:
    """The results of all rounds as the running state has them."""
    return [snapshot(history.room, history.question(), asked) for asked in history.question().rounds]


def test_a_log_without_entries_folds_into_no_room() -> None:
    assert fold([]) is None


def test_a_snapshot_says_what_it_counts_and_as_of_when() -> None:
    history = opened().did(cast("ann", 0), cast("bob", 1), cast("cid", 1), cast("ann", 2))
    assert snapshot(history.room, history.question(), history.round()) == Snapshot("q1", 1, (0, 2, 1), 3, 7)


def test_a_snapshot_of_an_old_round_is_as_of_the_head() -> None:
    history = opened().did(cast("ann", 0), CloseVoting("q1"), AskAgain("q1"))
    assert published(history) == [Snapshot("q1", 1, (1, 0, 0), 1, 6), Snapshot("q1", 2, (0, 0, 0), 0, 6)]


def test_a_snapshot_tells_the_solution_once_it_was_shown() -> None:
    history = created().did(quizzed(kind="estimate", rules=b'{"min":0,"max":9,"truth":7}'), OpenVoting("q1"))
    history.did(cast("ann", raw=b'{"value":4}'), CloseVoting("q1"))
    assert not {"truth", "distance"} & published(history)[-1].figures.keys()
    history.did(ShowSolution("q1"))
    figures = published(history)[-1].figures
    assert (figures["truth"], figures["distance"]) == (7, [6, 2])
    history.did(AskAgain("q1"))
    assert ["truth" in each.figures for each in published(history)] == [True, False]


@given(st.lists(commands, max_size=25))
def test_i4_every_snapshot_is_the_fold_of_its_prefix(given_commands: list[Command]) -> None:
    history = opened(kind="multiple")
    seen = published(history)
    for command in given_commands:
        if not isinstance(history.do(command), Repeat):
            seen += published(history)
    log = stored(history.entries)
    for shown in seen:
        room = fold(log[: shown.as_of])
        assert room is not None
        question = room.questions[shown.question]
        assert snapshot(room, question, question.rounds[shown.round - 1]) == shown


@given(st.lists(commands, max_size=25))
def test_i4_the_fold_of_the_stored_log_is_the_state(given_commands: list[Command]) -> None:
    history = opened(kind="multiple")
    for command in given_commands:
        history.do(command)
    assert dump(fold(stored(history.entries))) == dump(history.state)
