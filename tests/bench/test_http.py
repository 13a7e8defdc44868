"""The bench's own HTTP and frames."""

import pytest

from bench.http import Reply, first_frame, page, read_reply, upgrade

PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nSet-Cookie: a=1; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\n\r\nhello"


def test_a_response_is_complete_with_its_last_byte() -> None:
    assert all(read_reply(PAGE[:size]) is None for size in range(len(PAGE)))
    reply = read_reply(PAGE)
    assert reply is not None
    assert (reply.status, reply.body, reply.cookies()) == (200, b"hello", "a=1; b=2")


def test_no_content_has_no_body() -> None:
    head = b"HTTP/1.1 204 No Content"
    assert read_reply(head + b"\r\n\r\n") == Reply(204, head, b"")


def test_an_upgrade_is_complete_with_its_first_frame() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
    data = head + b"\r\n\r\n\x81\x02{}"
    assert all(read_reply(data[:size]) is None for size in range(len(data)))
    assert read_reply(data + b"\x81") == Reply(101, head, b"{}")


@pytest.mark.parametrize("data", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"])
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an HTTP response|without Content-Length"):
        read_reply(data)


@pytest.mark.parametrize(
    ("header", "size"),
    [(b"\x81\x7d", 125), (b"\x81\x7e\x00\x7e", 126), (b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 65536)],
)
def test_frames_of_all_sizes(header: bytes, size: int) -> None:
    data = header + b"x" * size
    assert first_frame(data) == b"x" * size
    assert first_frame(data[:-1]) is None
    assert first_frame(header[:-1]) is None


def test_requests_name_host_session_and_origin() -> None:
    assert page(80, "7KQ2MD").startswith(b"GET /7KQ2MD HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    request = upgrade(80, "7KQ2MD", "a=1")
    assert b"\r\nCookie: a=1\r\n" in request
    assert b"\r\nOrigin: http://127.0.0.1:80\r\n" in request
