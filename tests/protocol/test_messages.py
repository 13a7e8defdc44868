"""The messages that are sent have the fields of ``docs/protocol.md``, and its examples are messages."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livevote.protocol import codec
from livevote.protocol.messages import (
    CohostInfo,
    Fingerprint,
    HealthInfo,
    HostQuestionInfo,
    HostState,
    Mine,
    QuestionInfo,
    Recorded,
    RecoveryInfo,
    Rejected,
    RoomInfo,
    Sync,
    TallyMessage,
    Unknown,
    Vote,
    VoterState,
    WallState,
)

REFERENCE = (Path(__file__).parent.parent.parent / "docs" / "protocol.md").read_text()

RULES = msgspec.Raw(b'{"max":2,"min":1}')
INFO: dict[str, Any] = {
    "id": "q1",
    "kind": "multiple",
    "text": "Why?",
    "options": ("a", "b"),
    "bins": (),
    "rules": RULES,
    "changeable": True,
    "round": 1,
    "phase": "open",
    "revealed": False,
    "closes_at": 1_790_000_060_000,
}
ROOM = RoomInfo("ABC", "Welcome")


def fields(message: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(message)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("`vote`", Vote),
        ("`sync`", Sync),
        ("`state` (voter)", VoterState),
        ("`state` (host)", HostState),
        ("`tally`", TallyMessage),
        ("`mine`", Mine),
        ("`recorded`", Recorded),
        ("`rejected`", Rejected),
        ("`unknown`", Unknown),
    ],
)
def test_the_reference_names_every_field(row: str, message: type[msgspec.Struct]) -> None:
    [cell] = re.findall(rf"^\| {re.escape(row)} \|([^|]*)\|", REFERENCE, re.MULTILINE)
    outside = re.sub(r"\{[^}]*\}|\([^)]*\)", "", cell)
    assert [name for name in re.findall(r"`(\w+)`", outside) if name not in ("voter", "host")] == fields(message)


def test_the_reference_names_every_field_that_a_wall_has_and_a_voter_has_not() -> None:
    [cell] = re.findall(r"^\| `state` \(wall\) \|([^|]*)\|", REFERENCE, re.MULTILINE)
    named = [name for name in re.findall(r"`(\w+)`", cell) if name in fields(WallState)]
    own = [name for name in fields(WallState) if name not in fields(VoterState)]
    assert [name for name in dict.fromkeys(named) if name in own] == own


def test_the_reference_names_every_field_of_a_question() -> None:
    [paragraph] = re.findall(r"^A question has (.*?)\n\n", REFERENCE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`(\w+)`", paragraph))
    assert named >= set(fields(HostQuestionInfo)) >= set(fields(QuestionInfo))


def test_the_examples_of_the_reference_are_messages() -> None:
    blocks = re.findall(r"```json\n(.*?)```", REFERENCE, re.DOTALL)
    examples = [example for block in blocks for example in re.split(r"\n(?=\{)", block.strip())]
    kinds = {"vote": Vote, "state": VoterState, "tally": TallyMessage, "recorded": Recorded}
    seen = []
    for example in examples:
        kind = json.loads(example)["type"]
        message = msgspec.json.decode(example, type=kinds[kind])
        assert json.loads(msgspec.json.encode(message)) == json.loads(example)
        seen.append(kind)
    assert set(seen) == set(kinds)


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (Mine("q1", 1, "b1", 5, 0, 9, msgspec.Raw(b'{"choices":[1]}')), {"type": "mine", "answer": {"choices": [1]}}),
        (Recorded("b1", "q1", 1, 5, 0, 9), {"type": "recorded", "id": "b1", "index": 5, "rev": 0, "at": 9}),
        (Rejected(None, "bad_message", "What?"), {"type": "rejected", "id": None, "code": "bad_message"}),
        (Unknown("b1", "busy", "Later.", 200), {"type": "unknown", "id": "b1", "retry_ms": 200}),
        (
            VoterState(
                epoch="e",
                as_of=4,
                at=9,
                role="voter",
                room=ROOM,
                question=None,
                tally=None,
                replay=False,
                rehearsal=True,
            ),
            {"type": "state", "role": "voter", "question": None, "tally": None, "rehearsal": True},
        ),
        (
            WallState(
                epoch="e",
                as_of=4,
                at=9,
                role="wall",
                room=ROOM,
                question=None,
                tally=None,
                replay=False,
                rehearsal=False,
                voted=0,
                online=3,
                fingerprint=Fingerprint(4, "00ff"),
                join_url="http://x/ABC",
            ),
            {
                "role": "wall",
                "voted": 0,
                "online": 3,
                "fingerprint": {"as_of": 4, "root": "00ff"},
                "join_url": "http://x/ABC",
            },
        ),
        (
            HostState(
                epoch="e",
                as_of=4,
                at=9,
                role="host",
                room=ROOM,
                join_url="http://x/ABC",
                online=0,
                receipts=True,
                replay_public=False,
                current=None,
                questions=(),
                recoveries=(RecoveryInfo(9, 12, 7),),
                cohosts=(CohostInfo("c1", "Ann"),),
                health=HealthInfo(online=0, reconnecting=2, delay_ms=None, oldest_unanswered_ms=7),
                embedding=("file:",),
                rehearsal=False,
            ),
            {
                "cohosts": [{"id": "c1", "name": "Ann"}],
                "health": {"online": 0, "reconnecting": 2, "delay_ms": None, "oldest_unanswered_ms": 7},
                "recoveries": [{"at": 9, "by_checkpoints": 12, "kept": 7}],
                "embedding": ["file:"],
                "role": "host",
                "room": {"code": "ABC", "title": "Welcome"},
                "questions": [],
            },
        ),
    ],
)
def test_messages_carry_their_type(message: Any, sent: dict[str, Any]) -> None:
    found = json.loads(codec.encode(message))
    assert sent.items() <= found.items()
    assert set(found) == {"type", *fields(type(message))}


def test_i12_a_question_for_voters_has_no_place_for_counts() -> None:
    assert set(fields(HostQuestionInfo)) - set(fields(QuestionInfo)) == {
        *("counts", "voters", "figures", "rounds"),
        *("shown", "pending", "hidden"),
    }
    sent = json.loads(msgspec.json.encode(QuestionInfo(**INFO)))
    assert sent == INFO | {"options": ["a", "b"], "bins": [], "rules": {"max": 2, "min": 1}}
