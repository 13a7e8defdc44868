"""The pure parts of the scenarios, and the command line."""

from dataclasses import fields
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.scenarios.live import arrivals
from bench.sizes import QUICK, Sizes
from bench.wire import Recorded, from_server, new_id, vote
from livevote.protocol.codec import decode
from livevote.protocol.messages import Vote


def test_arrivals_come_at_the_asked_rate_and_are_the_same_again() -> None:
    due = arrivals(per_s=200, during_s=50, seed=1)
    assert due == sorted(due) == arrivals(per_s=200, during_s=50, seed=1)
    assert due[0] > 0
    assert due[-1] < 50
    assert len(due) == pytest.approx(200 * 50, rel=0.05)


def test_a_vote_of_the_bench_is_one_that_the_server_reads() -> None:
    ballot = new_id()
    message = decode(vote(ballot, "q1", 2, 3).decode())
    assert isinstance(message, Vote)
    assert (message.id, message.question, message.round, bytes(message.answer)) == (ballot, "q1", 2, b'{"choices":[3]}')


def test_an_answer_is_read_without_the_fields_that_nobody_measures() -> None:
    answer = b'{"type":"recorded","id":"x","question":"q1","round":1,"index":5,"rev":0,"at":1,"new":{}}'
    assert from_server.decode(answer) == Recorded(id="x", index=5, rev=0)


def test_quick_is_smaller_in_everything() -> None:
    assert all(getattr(QUICK, field.name) < getattr(Sizes(), field.name) for field in fields(Sizes))


def test_only_the_chosen_scenarios_need_their_sockets() -> None:
    sizes = Sizes(burst_voters=10, live_sockets=20, joins=30, join_concurrency=5)
    assert sizes.most_sockets(["burst", "live"]) == 20
    assert sizes.most_sockets(["burst", "joins"]) == 35
    assert sizes.most_sockets(["restart"]) == 1


def test_a_wrong_scenario_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["burst", "nonsense"]) == 2
    assert "There is no scenario nonsense" in capsys.readouterr().err


def test_a_directory_that_cannot_be_made_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["burst", "--dir", str(tmp_path / "missing")]) == 1
    assert capsys.readouterr().err.startswith("Cannot make a data directory below")


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_sizes_are_positive_numbers(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["burst", "--burst-voters", size])
    assert "--burst-voters" in capsys.readouterr().err
