"""Bytes to messages and back: whatever arrives, only ``ProtocolError`` is raised; what leaves is RFC 6455."""

import json
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livevote.domain.commands import (
    AddCohost,
    AddQuestion,
    AskAgain,
    CloseVoting,
    HideResults,
    OpenVoting,
    RevealResults,
    RevokeCohost,
    SetTimer,
    SwitchBoard,
)
from livevote.protocol.codec import ProtocolError, decode, decode_command, encode, frame, text_frame
from livevote.protocol.messages import (
    MAX_DELAY_MS,
    MAX_OFFSET_MS,
    Ask,
    Check,
    FromClient,
    Name,
    React,
    Recorded,
    Sync,
    TallyMessage,
    Upvote,
    Vote,
)

VOTE = {"type": "vote", "id": "b1", "question": "q1", "round": 1, "answer": {"choices": [0]}}


def vote(**other: object) -> str:
    """A vote with other fields; a field that is ``...`` is left out."""
    return json.dumps({name: value for name, value in (VOTE | other).items() if value is not ...})


def raw(field: str, text: str) -> str:
    """A vote with this JSON text as the value of a field."""
    return vote(**{field: "@"}).replace('"@"', text)


def refused(text: str) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode(text)
    return caught.value


def attempt(text: str) -> FromClient | ProtocolError:
    try:
        return decode(text)
    except ProtocolError as error:
        return error


def test_a_vote_is_read_with_its_answer_as_it_was_sent() -> None:
    message = decode('{"answer": {"choices": [ 1 ]}, "type":"vote","round":2,"question":"q3","id":"b_-9","new":1}')
    assert isinstance(message, Vote)
    assert (message.id, message.question, message.round) == ("b_-9", "q3", 2)
    assert bytes(message.answer) == b'{"choices": [ 1 ]}'


def test_a_sync_is_read() -> None:
    assert decode('{"type":"sync"}') == Sync()


def verdict(**changes: object) -> str:
    return json.dumps({"type": "check", "ok": True, "delay_ms": 40, "offset_ms": -3, **changes})


def test_a_verdict_is_read() -> None:
    assert decode(verdict()) == Check(ok=True, delay_ms=40, offset_ms=-3)
    for offset_ms in (-MAX_OFFSET_MS, MAX_OFFSET_MS):
        slowest = {"ok": False, "delay_ms": MAX_DELAY_MS, "offset_ms": offset_ms}
        assert decode(verdict(**slowest)) == Check(ok=False, delay_ms=MAX_DELAY_MS, offset_ms=offset_ms)


@pytest.mark.parametrize(
    "change",
    [
        {"ok": 1},
        {"ok": None},
        {"delay_ms": -1},
        {"delay_ms": MAX_DELAY_MS + 1},
        {"delay_ms": 1.5},
        {"delay_ms": None},
        {"offset_ms": MAX_OFFSET_MS + 1},
        {"offset_ms": -MAX_OFFSET_MS - 1},
    ],
)
def test_a_verdict_with_an_impossible_number_is_refused(change: dict[str, object]) -> None:
    assert refused(verdict(**change)).id is None


def test_a_name_is_read_and_its_id_is_like_a_votes() -> None:
    assert decode('{"type":"name","id":"n1","name":" Ann "}') == Name("n1", " Ann ")
    assert refused('{"type":"name","id":"n 1","name":"Ann"}').id == "n 1"
    assert refused('{"type":"name","id":"n1"}').id == "n1"


def test_what_goes_to_the_board_is_read() -> None:
    assert decode('{"type":"ask","id":"p1","text":"Why?"}') == Ask("p1", "Why?")
    assert decode('{"type":"upvote","id":"u1","post":5,"on":false}') == Upvote("u1", 5, False)
    assert decode('{"type":"react","kind":"heart"}') == React("heart")


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ('{"type":"ask","id":"p1","text":""}'.replace('""', "null"), "p1"),
        ('{"type":"ask","id":"p 1","text":"Why?"}', "p 1"),
        ('{"type":"upvote","id":"u\u00e9","post":5,"on":true}', "u\u00e9"),
        ('{"type":"upvote","id":"u1","post":5,"on":1}', "u1"),
        ('{"type":"react","kind":"yawn"}', None),
    ],
)
def test_what_is_wrong_with_it_is_refused_with_its_id(text: str, id: str | None) -> None:
    assert refused(text).id == id


def test_commands_of_the_board_have_their_limits() -> None:
    assert decode_command(b'{"type":"switch_board","on":true}') == SwitchBoard(on=True, approval=True, per_voter=5)
    for wrong in ('"switch_board","on":true,"per_voter":0', '"judge_posts","posts":[],"shown":true', '"pin_post"'):
        with pytest.raises(ProtocolError):
            decode_command(b'{"type":%s}' % wrong.encode())


@pytest.mark.parametrize("id", ["a", "Z9_-", "x" * 64])
def test_ids_may_be_as_long_as_their_limit(id: str) -> None:
    message = decode(vote(id=id))
    assert isinstance(message, Vote)
    assert message.id == id


@pytest.mark.parametrize("answer", ["null", "0", "[]", '"x"', "1e400", "[" * 20 + "]" * 20])
def test_the_shape_of_an_answer_is_left_to_its_kind(answer: str) -> None:
    message = decode(raw("answer", answer))
    assert isinstance(message, Vote)
    assert bytes(message.answer) == answer.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "vote",
        "[",
        "[]",
        "{}",
        "null",
        "1",
        "NaN",
        "1e400",
        '{"type":',
        '{"type":"sync"} {}',
        '{"type":"nothing"}',
        '{"type":"sync\\u0000"}',
        '{"type":5}',
        '{"type":null}',
        '{"type":"\\ud800"}',
        '{"type":"\ud800"}',
        "\ud800",
        "[" * 4000,
        "[" * 200_000,
        '{"x":' * 100_000,
        '{"type":' + "[" * 4000,
        "9" * 5000,
    ],
)
def test_what_is_no_message_is_refused_without_an_id(text: str) -> None:
    error = refused(text)
    assert error.id is None
    assert error.reason


@pytest.mark.parametrize(
    "text",
    [
        vote(type="elect"),
        vote(type=...),
        vote(question=...),
        vote(round=...),
        vote(answer=...),
        vote(question=None),
        vote(question=1),
        vote(question="q" * 33),
        vote(round="1"),
        vote(round=1.5),
        vote(round=True),
        raw("round", "1e400"),
        raw("round", "9" * 5000),
        raw("round", "[[]]"),
    ],
)
def test_a_wrong_vote_is_refused_with_its_id(text: str) -> None:
    error = refused(text)
    assert (error.id, bool(error.reason)) == ("b1", True)


@pytest.mark.parametrize("text", [raw("answer", "NaN"), raw("answer", "[" * 4000), raw("answer", "[" * 200_000)])
def test_an_answer_that_is_no_json_hides_the_id_too(text: str) -> None:
    assert refused(text).id is None


def test_an_answer_that_is_nested_too_deeply_is_refused() -> None:
    assert refused(raw("answer", "[" * 200_000 + "]" * 200_000)).reason == "nested too deeply"


@pytest.mark.parametrize("id", ["", "a b", "\u00e9", "a\n", "\n", "a/b", "\x00", "\u2028", "\u00e9" * 64])
def test_an_odd_id_is_refused_and_named_in_the_refusal(id: str) -> None:
    assert refused(vote(id=id)).id == id


@pytest.mark.parametrize("id", ["x" * 65, "x" * 64 + "\n", "\u00e9" * 65, 1, None, ["b1"], ...])
def test_an_id_that_is_too_long_or_no_string_is_not_salvaged(id: object) -> None:
    assert refused(vote(id=id)).id is None


def test_a_lone_surrogate_in_an_id_is_refused() -> None:
    assert refused(raw("id", '"\\ud800"')).id is None


@given(st.text() | st.text(st.characters()))
@example("\ud800")
def test_any_text_is_a_message_or_a_protocol_error(text: str) -> None:
    found = attempt(text)
    assert isinstance(found, FromClient) or found.id is None or len(found.id) <= 64


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.fixed_dictionaries({}, optional={name: st.just(value) | values for name, value in VOTE.items()}))
def test_any_object_is_a_message_or_a_protocol_error(fields: dict[str, object]) -> None:
    found, id = attempt(json.dumps(fields)), fields.get("id")
    if isinstance(found, Vote):
        assert found.id == id
    elif isinstance(found, ProtocolError):
        assert found.id in ((None, id) if isinstance(id, str) and len(id) <= 64 else (None,))


@given(st.binary() | st.text().map(str.encode))
@example(b'{"type":"open","question":"\xff"}')
@example(b"[" * 200_000)
@example(b'{"type":"\xff"}')
def test_any_body_is_a_command_or_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_command(body)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("open", OpenVoting),
        ("close", CloseVoting),
        ("reveal", RevealResults),
        ("hide", HideResults),
        ("ask_again", AskAgain),
    ],
)
def test_commands_on_a_question_are_read(name: str, command: type[OpenVoting]) -> None:
    found = decode_command(json.dumps({"type": name, "question": "q1"}).encode())
    assert (type(found), found) == (command, command("q1"))


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (b'{"type":"open","question":"q1","seconds":60}', OpenVoting("q1", seconds=60)),
        (b'{"type":"ask_again","question":"q1","seconds":null}', AskAgain("q1")),
        (b'{"type":"close","question":"q1","round":2,"closes_at":9}', CloseVoting("q1", round=2, closes_at=9)),
        (b'{"type":"set_timer","question":"q1","seconds":60}', SetTimer("q1", 60)),
        (b'{"type":"set_timer","question":"q1","seconds":null}', SetTimer("q1", None)),
        (b'{"type":"add_cohost","name":"Ann"}', AddCohost("Ann")),
        (b'{"type":"revoke_cohost","id":"c1"}', RevokeCohost("c1")),
    ],
)
def test_commands_are_read_with_their_fields(body: bytes, command: object) -> None:
    assert decode_command(body) == command


@pytest.mark.parametrize("seconds", [b"60.5", b'"60"', b"true", b"[]"])
def test_a_timer_takes_whole_seconds(seconds: bytes) -> None:
    with pytest.raises(ProtocolError, match="seconds"):
        decode_command(b'{"type":"set_timer","question":"q1","seconds":' + seconds + b"}")


def test_a_question_is_read_with_its_defaults() -> None:
    found = decode_command(b'{"type":"add_question","kind":"single","text":"Why?"}')
    assert isinstance(found, AddQuestion)
    assert (found.kind, found.text, found.options, found.changeable) == ("single", "Why?", (), True)
    assert bytes(found.rules) == b"{}"


def test_a_refused_command_names_the_field() -> None:
    with pytest.raises(ProtocolError, match="question"):
        decode_command(b'{"type":"open","question":1}')


class Frame(NamedTuple):
    final: bool
    opcode: int
    payload: bytes


def read_frames(stream: bytes) -> list[Frame]:
    """Unmasked frames as RFC 6455, section 5.2, draws them."""
    frames = []
    while stream:
        first, second = stream[0], stream[1]
        assert not first & 0x70, "reserved bits"
        assert not second & 0x80, "a server does not mask"
        size, start = second, 2
        if second == 126:
            size, start = (stream[2] << 8) + stream[3], 4
            assert size > 125, "not the shortest form"
        elif second == 127:
            size, start = sum(byte << 8 * (7 - place) for place, byte in enumerate(stream[2:10])), 10
            assert size > 65535, "not the shortest form"
        assert len(stream) >= start + size, "cut off"
        frames.append(Frame(bool(first & 0x80), first & 0x0F, stream[start : start + size]))
        stream = stream[start + size :]
    return frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
def test_frames_are_read_by_the_words_of_the_standard(size: int) -> None:
    payload = (b"0123456789" * (size // 10 + 1))[:size]
    assert read_frames(text_frame(payload) + text_frame(b"{}")) == [Frame(True, 1, payload), Frame(True, 1, b"{}")]


def test_a_frame_carries_the_json_of_its_message() -> None:
    message = TallyMessage("q1", 1, (0, 2), 2, 7, {"mean": [3, 2]})
    [found] = read_frames(frame(message))
    assert found.payload == encode(message)
    assert json.loads(found.payload) == {
        "type": "tally",
        "question": "q1",
        "round": 1,
        "counts": [0, 2],
        "voters": 2,
        "as_of": 7,
        "figures": {"mean": [3, 2]},
    }


@given(st.text())
def test_what_is_encoded_is_utf_8_json(id: str) -> None:
    message = Recorded(id, "q1", 1, 5, 0, 9)
    assert msgspec.json.decode(encode(message), type=Recorded) == message
    assert json.loads(encode(message))["id"] == id
