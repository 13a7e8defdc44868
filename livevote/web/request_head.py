"""The head of a request, read strictly: what is not plainly well formed is left to Tornado, which knows the rest.

Pure, and apart from ``door``, so that it can be compared with Tornado's own reading, input by input.
"""

import re
from typing import NamedTuple

# Visible ASCII alone: folded lines, bare line feeds, control characters and other bytes are somebody else's.
_HEAD = re.compile(
    rb"GET (?P<path>/[!-~]*) HTTP/1\.1\r\n(?P<lines>(?:[A-Za-z0-9-]+:[ ]?(?:[!-~](?:[ -~]*[!-~])?)?\r\n)+)\r\n"
)
# A body, or an answer of another form than the usual one.
_UNUSUAL = frozenset({"content-length", "transfer-encoding", "expect", "if-none-match"})


class RequestHead(NamedTuple):
    """A GET request without a body: its target, its headers by lower-case name, and how many bytes it took."""

    target: str
    headers: dict[str, str]
    size: int


def read_head(data: bytes) -> RequestHead | None:
    """The request that ``data`` is, or begins with; None if it is incomplete, unusual or wrong."""
    found = _HEAD.match(data)
    if found is None:
        return None
    headers: dict[str, str] = {}
    lines = found["lines"].decode("ascii").split("\r\n")
    for line in lines[:-1]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.lstrip(" ")
    # A header that comes twice is unusual too: which one counts is a question that shall have one answer.
    if len(headers) != len(lines) - 1 or not _UNUSUAL.isdisjoint(headers):
        return None
    return RequestHead(found["path"].decode("ascii"), headers, found.end())
