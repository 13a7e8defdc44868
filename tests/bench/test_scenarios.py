"""The pure parts of the scenarios, and the command line."""

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
    assert QUICK.most_sockets < Sizes().most_sockets
    assert QUICK.ballots < Sizes().ballots


def test_a_wrong_scenario_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["burst", "nonsense"]) == 2
    assert "There is no scenario nonsense" in capsys.readouterr().err
