"""What a voter of the bench makes of the server's messages."""

from typing import Any, cast

import msgspec
import pytest
from picows import WSFrame, WSMsgType, WSTransport

from bench.expected import BenchError, counts_of
from bench.voters import Crowd, Voter


class Frame:
    """A text frame with ``message``."""

    msg_type = WSMsgType.TEXT

    def __init__(self, message: dict[str, Any]) -> None:
        self._payload = msgspec.json.encode(message)

    def get_payload_as_bytes(self) -> bytes:
        return self._payload


class Transport:
    """Keeps what a voter sends."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, kind: WSMsgType, message: bytes) -> None:
        assert kind is WSMsgType.TEXT
        self.sent.append(msgspec.json.decode(message))


def a_voter() -> tuple[Crowd, Voter, Transport]:
    crowd = Crowd(port=0, code="7KQ2MD")
    voter, transport = Voter(crowd), Transport()
    crowd.voters.append(voter)
    voter.on_ws_connected(cast(WSTransport, transport))
    return crowd, voter, transport


def tell(voter: Voter, message: dict[str, Any]) -> None:
    voter.on_ws_frame(cast(WSTransport, None), cast(WSFrame, Frame(message)))


def tally(as_of: int) -> dict[str, Any]:
    return {"type": "tally", "question": "q1", "round": 1, "counts": [as_of, 0], "voters": as_of, "as_of": as_of}


def recorded(ballot: str, *, index: int, rev: int) -> dict[str, Any]:
    return {"type": "recorded", "id": ballot, "question": "q1", "round": 1, "index": index, "rev": rev, "at": 1}


def test_a_recorded_vote_is_measured_and_counted() -> None:
    crowd, voter, transport = a_voter()
    voter.vote("q1", 1, 2, due_at=0.0)
    assert crowd.waiting == 1
    tell(voter, recorded(transport.sent[0]["id"], index=7, rev=0))
    crowd.check()
    assert (crowd.waiting, list(crowd.indexes), len(crowd.latencies)) == (0, [7], 1)
    assert counts_of(crowd.choices(), 4) == (0, 0, 1, 0)


def test_of_two_answers_that_overtake_each_other_the_higher_rev_counts() -> None:
    crowd, voter, transport = a_voter()
    voter.vote("q1", 1, 0, due_at=0.0)
    voter.vote("q1", 1, 1, due_at=0.0)
    first, second = (sent["id"] for sent in transport.sent)
    tell(voter, recorded(second, index=8, rev=1))
    tell(voter, recorded(first, index=7, rev=0))
    assert list(crowd.choices()) == [1]


def test_an_unknown_end_is_sent_again_with_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd, voter, transport = a_voter()
    later: list[tuple[float, Any, str]] = []

    class Loop:
        def call_later(self, delay_s: float, call: Any, ballot: str) -> None:
            later.append((delay_s, call, ballot))

    monkeypatch.setattr("asyncio.get_running_loop", Loop)
    voter.vote("q1", 1, 0, due_at=0.0)
    tell(voter, {"type": "unknown", "id": transport.sent[0]["id"], "code": "busy", "message": "", "retry_ms": 500})
    [(delay_s, call, ballot)] = later
    call(ballot)
    assert delay_s == 0.5
    assert transport.sent[0] == transport.sent[1]
    assert (crowd.waiting, crowd.unknown["busy"]) == (1, 1)


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([recorded("never-sent", index=1, rev=0)], "answered twice, or to the wrong voter"),
        ([{"type": "rejected", "id": "x", "code": "closed", "message": ""}], "rejected: closed"),
        ([tally(5), tally(4)], "went back from as_of 5 to 4"),
        ([{"type": "gossip"}], "docs/protocol.md does not have"),
    ],
)
def test_what_must_not_happen_fails_the_run(messages: list[dict[str, Any]], sentence: str) -> None:
    crowd, voter, _ = a_voter()
    for message in messages:
        tell(voter, message)
    with pytest.raises(BenchError, match=sentence):
        crowd.check()


def test_only_frames_with_a_result_are_on_the_screen() -> None:
    crowd, voter, _ = a_voter()
    crowd.watching = True
    hidden = {"id": "q1", "round": 1, "phase": "open", "revealed": False}
    tell(voter, {"type": "state", "epoch": "e", "as_of": 3, "question": hidden, "tally": None})
    assert voter.question == ("q1", 1, "open", False)
    shown = {"type": "state", "epoch": "e", "as_of": 4, "question": hidden | {"revealed": True}, "tally": tally(4)}
    tell(voter, shown)
    tell(voter, tally(6))
    tell(voter, tally(6))
    assert voter.question == ("q1", 1, "open", True)
    assert list(voter.frames_as_of) == [4, 6, 6]
    assert crowd.frames == 4


@pytest.mark.parametrize(("number", "chosen"), [(1, 1), (3, 3), (4, 4), (10, 10), (99, 10)])
def test_a_sample_is_spread_and_not_too_large(number: int, chosen: int) -> None:
    crowd = Crowd(port=0, code="7KQ2MD")
    crowd.voters = [Voter(crowd) for _ in range(10)]
    sample = crowd.sample(number)
    assert 0 < len(sample) <= chosen
    assert sample[0] is crowd.voters[0]
