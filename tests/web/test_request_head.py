"""The strict reading of a request's head, compared with Tornado's: what it accepts, both read alike."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders, parse_request_start_line

from livevote.web.request_head import read_head

PLAIN = b"GET /ABCDEF HTTP/1.1\r\nHost: h\r\nAccept: text/html, */*;q=0.8\r\n\r\n"

PIECES = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"/ABCDEF", b"/ws/ABCDEF?a=%20", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"body"),
        *(b"\r\n", b"\n", b"\r", b": ", b":", b" ", b"\t", b"\x00", b"\x7f", b"\xc3\xa9"),
        *(b"Host: h\r\n", b"host:h\r\n", b"Cookie: a=b; c=d\r\n", b"X: \r\n", b"X:  y \r\n", b"X : y\r\n"),
        *(b" folded\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"),
    ]
)


def test_a_usual_request_is_read() -> None:
    head = read_head(PLAIN + b"more")
    assert head is not None
    assert head == ("/ABCDEF", {"host": "h", "accept": "text/html, */*;q=0.8"}, len(PLAIN))


@given(st.one_of(st.lists(PIECES).map(b"".join), st.lists(PIECES).map(lambda more: PLAIN[:-2] + b"".join(more))))
@example(PLAIN)
def test_what_is_accepted_tornado_reads_alike(data: bytes) -> None:
    head = read_head(data)
    if head is None:
        return
    whole = data[: head.size].decode("latin-1")
    assert whole.endswith("\r\n\r\n")
    assert whole.count("\r\n\r\n") == 1
    first, _, lines = whole.partition("\n")
    assert parse_request_start_line(first.rstrip("\r")) == ("GET", head.target, "HTTP/1.1")
    theirs = HTTPHeaders.parse(lines)
    assert {name.lower(): value for name, value in theirs.get_all()} == head.headers
    assert len(list(theirs.get_all())) == len(head.headers)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:-1],
        PLAIN.replace(b"GET", b"HEAD"),
        PLAIN.replace(b"1.1", b"1.0"),
        PLAIN.replace(b"\r\n", b"\n"),
        PLAIN.replace(b"Host: h", b"Host : h"),
        PLAIN.replace(b"Host: h", b"Host: h\r\nhost: h"),
        PLAIN.replace(b"Host: h", b"Host: h\r\n g"),
        PLAIN.replace(b"Host: h", b"Host: h\x00"),
        PLAIN.replace(b"Host: h", b"Host: \xe9"),
        PLAIN.replace(b"Accept:", b"Transfer-Encoding:"),
        PLAIN.replace(b"Accept:", b"Content-Length:"),
        PLAIN.replace(b"Accept:", b"If-None-Match:"),
        b"\r\n" + PLAIN,
        b"GET /ABCDEF HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"",
    ],
)
def test_what_is_unusual_is_left_alone(data: bytes) -> None:
    assert read_head(data) is None
