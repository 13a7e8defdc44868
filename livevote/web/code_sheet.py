"""One-time codes for their voters: a sheet to print and cut up, each code with its QR code, and a CSV file.

Apart from the handlers, because the command line makes the same two.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape

import segno

from livevote.domain.code_text import shown

_PLACE = re.compile(r"\{(title|address)\}")
_CODES = "{codes}"


def link(join_url: str, code: str) -> str:
    """Where the QR code leads. What stands behind ``#`` is never sent, so the code is in no server's log."""
    return f"{join_url}#k={code}"


def sheet(page: str, *, title: str, join_url: str, codes: Iterable[str]) -> Iterator[str]:
    """``page``, which is ``code_sheet.html`` in a language, with these codes: in parts, for each code takes 5 ms."""
    address = escape(join_url.partition("://")[2])
    head, tail = page.split(_CODES)
    # In the middle of sentences of any direction, and not in the page's title, which takes no elements.
    begin, end, body = head.partition("</title>")
    places = {"title": escape(title), "address": address}
    yield _PLACE.sub(lambda place: places[place[1]], begin) + end
    yield _PLACE.sub(lambda place: f"<bdi>{places[place[1]]}</bdi>", body)
    for code in codes:
        picture = segno.make(link(join_url, code), micro=False).svg_inline(
            border=4, omitsize=True, svgclass=None, lineclass=None
        )
        yield f'<li>{picture}<p dir="auto">{escape(title)}</p><p dir="ltr"><b>{shown(code)}</b></p>'
        yield f'<p dir="ltr">{address}</p></li>\n'
    yield tail


def refusal(page: str, *, message: str) -> str:
    """``page``, which is ``code_sheet_refused.html`` in a language, with what the server says, in English."""
    return page.replace("{message}", escape(message))


def csv(join_url: str, codes: Iterable[str]) -> Iterator[str]:
    """The codes as CSV. Nothing in it can be taken for a number, a date or a formula."""
    yield "code,link\r\n"
    for code in codes:
        yield f"{shown(code)},{link(join_url, code)}\r\n"
