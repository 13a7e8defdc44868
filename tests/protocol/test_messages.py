"""The messages that are sent have the fields of ``docs/protocol.md``, and its examples are messages."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livevote.protocol import codec
from livevote.protocol.messages import (
    Ask,
    BoardInfo,
    BoardMessage,
    Check,
    ChecksInfo,
    CodesInfo,
    CohostInfo,
    Fingerprint,
    HealthInfo,
    HostBoardMessage,
    HostPostInfo,
    HostQuestionInfo,
    HostState,
    Mine,
    MyPosts,
    Name,
    Place,
    PostInfo,
    PulseMessage,
    QuestionInfo,
    React,
    Recorded,
    RecordedPost,
    RecoveryInfo,
    Rejected,
    RoomInfo,
    Sync,
    TallyMessage,
    Unknown,
    Upvote,
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
    "level": "browser",
    "solution": None,
}
ROOM = RoomInfo("ABC", "Welcome")


def fields(message: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(message)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("`vote`", Vote),
        ("`name`", Name),
        ("`ask`", Ask),
        ("`upvote`", Upvote),
        ("`react`", React),
        ("`sync`", Sync),
        ("`check`", Check),
        ("`state` (voter)", VoterState),
        ("`state` (host)", HostState),
        ("`tally`", TallyMessage),
        ("`mine`", Mine),
        ("`place`", Place),
        ("`recorded`", Recorded),
        ("`recorded` (post)", RecordedPost),
        ("`board` (voter)", BoardMessage),
        ("`board` (host)", HostBoardMessage),
        ("`my_posts`", MyPosts),
        ("`pulse`", PulseMessage),
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
        (Place(9, "Ann", 1, 2, 900, None), {"type": "place", "rank": 1, "of": 2, "points": 900, "earned": None}),
        (RecordedPost("u1", 5, 7, 9), {"type": "recorded", "id": "u1", "post": 5, "index": 7, "at": 9}),
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
                language="",
                board=True,
                reactions=False,
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
                language="",
                board=True,
                reactions=False,
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
                "leaderboard": None,
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
                health=HealthInfo(
                    online=0,
                    reconnecting=2,
                    delay_ms=None,
                    oldest_unanswered_ms=7,
                    checks=ChecksInfo(ok=5, failed=1, delay_ms=40, offset_ms=-3),
                ),
                embedding=("file:",),
                language="de",
                erased=False,
                codes=CodesInfo(300, 7),
                board=BoardInfo(True, False, 5),
                reactions=True,
                rehearsal=False,
            ),
            {
                "cohosts": [{"id": "c1", "name": "Ann"}],
                "health": {
                    "online": 0,
                    "reconnecting": 2,
                    "delay_ms": None,
                    "oldest_unanswered_ms": 7,
                    "checks": {"ok": 5, "failed": 1, "delay_ms": 40, "offset_ms": -3},
                },
                "codes": {"issued": 300, "used": 7},
                "board": {"on": True, "approval": False, "per_voter": 5},
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


def test_a_post_for_voters_has_no_place_for_what_the_host_thinks_of_it() -> None:
    assert set(fields(HostPostInfo)) - set(fields(PostInfo)) == {"standing"}
    assert set(fields(HostBoardMessage)) - set(fields(BoardMessage)) == {"pending", "shown", "hidden"}


def test_i12_a_question_for_voters_has_no_place_for_counts() -> None:
    assert set(fields(HostQuestionInfo)) - set(fields(QuestionInfo)) == {
        *("counts", "voters", "figures", "rounds"),
        *("shown", "pending", "hidden", "edited", "quiz"),
    }
    sent = json.loads(msgspec.json.encode(QuestionInfo(**INFO)))
    assert sent == INFO | {"options": ["a", "b"], "bins": [], "rules": {"max": 2, "min": 1}}
