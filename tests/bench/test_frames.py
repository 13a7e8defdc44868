"""Frames that are made ahead are the ones that a server reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.frames import PONG, TEXT, Votes, from_client, masked, whole_frames
from livevote.protocol.codec import decode
from livevote.protocol.messages import Vote


def unmasked(frame: bytes) -> tuple[int, bytes]:
    """The first byte and the payload of a client's frame, read as RFC 6455 section 5.3 has it."""
    size, start = frame[1] & 0x7F, 2
    assert frame[1] & 0x80
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    mask, payload = frame[start : start + 4], frame[start + 4 :]
    assert len(payload) == size
    assert any(mask)
    return frame[0], bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


@given(st.binary(max_size=300))
def test_a_clients_frame_is_masked_and_has_its_size(payload: bytes) -> None:
    assert unmasked(from_client(payload)) == (TEXT, payload)
    assert unmasked(from_client(payload, PONG)) == (PONG, payload)


@given(st.binary(max_size=50), st.integers(min_value=0, max_value=9))
def test_a_mask_can_begin_anywhere(payload: bytes, first: int) -> None:
    whole = masked(bytes(first) + payload)
    assert masked(payload, first) == whole[first:]


@pytest.mark.parametrize("number", [1, 9_999, 10_000, 12_345_678])
@pytest.mark.parametrize("wrapped", [(b"", b""), (b'42["vote",', b"]"), (b"!", b"")])
def test_numbered_votes_are_votes(number: int, wrapped: tuple[bytes, bytes]) -> None:
    votes = Votes("q12", 3, options=4, wrapped=wrapped)
    _, payload = unmasked(votes.frame(number))
    assert payload.startswith(wrapped[0])
    assert payload.endswith(wrapped[1])
    vote = decode(payload[len(wrapped[0]) : len(payload) - len(wrapped[1])].decode())
    assert isinstance(vote, Vote)
    assert vote.id.encode() == votes.prefix + b"%08d" % number
    assert (vote.question, vote.round) == ("q12", 3)
    assert bytes(vote.answer) == b'{"choices":[%d]}' % votes.choice(number)
    assert 22 <= len(vote.id) <= 25


def test_two_runs_do_not_use_the_same_ids() -> None:
    assert Votes("q1", 1, options=2).prefix != Votes("q1", 1, options=2).prefix


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(min_value=0, max_value=300))
def test_frames_are_told_apart_wherever_the_bytes_are_cut(payloads: list[bytes], cut: int) -> None:
    data = b"".join(
        (bytes((TEXT, len(text))) if len(text) < 126 else bytes((TEXT, 126)) + len(text).to_bytes(2, "big")) + text
        for text in payloads
    )
    first, rest = whole_frames(data[:cut])
    second, nothing = whole_frames(rest + data[cut:])
    assert first + second == [(TEXT, text) for text in payloads]
    assert nothing == b""


def test_a_very_large_frame_is_read() -> None:
    data = b"\x81\x7f" + (70_000).to_bytes(8, "big") + b"x" * 70_000
    assert whole_frames(data) == ([(TEXT, b"x" * 70_000)], b"")
    assert whole_frames(data[:-1]) == ([], data[:-1])
