"""One-time codes for their voters: a sheet to print and cut up, each code with its QR code, and a CSV file.

Apart from the handlers, because the command line makes the same two.
"""

from collections.abc import Iterable, Iterator
from html import escape

import segno

from livevote.domain.code_text import shown

_MARKS = ("<!-- title -->", "<!-- address -->", "<!-- codes -->")


def link(join_url: str, code: str) -> str:
    """Where the QR code leads. What stands behind ``#`` is never sent, so the code is in no server's log."""
    return f"{join_url}#k={code}"


def sheet(page: str, *, title: str, join_url: str, codes: Iterable[str]) -> Iterator[str]:
    """The page ``code_sheet.html`` with these codes, in parts: one for each code, which takes about 5 ms."""
    address = escape(join_url.partition("://")[2])
    head, tail = page.split(_MARKS[2])
    yield head.replace(_MARKS[0], escape(title)).replace(_MARKS[1], address)
    for code in codes:
        picture = segno.make(link(join_url, code), micro=False).svg_inline(
            border=4, omitsize=True, svgclass=None, lineclass=None
        )
        yield f"<li>{picture}<p>{escape(title)}</p><p><b>{shown(code)}</b></p><p>{address}</p></li>\n"
    yield tail


def csv(join_url: str, codes: Iterable[str]) -> Iterator[str]:
    """The codes as CSV. Nothing in it can be taken for a number, a date or a formula."""
    yield "code,link\r\n"
    for code in codes:
        yield f"{shown(code)},{link(join_url, code)}\r\n"
