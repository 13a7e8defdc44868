"""One-time codes over HTTP: a host issues and prints them, a voter enters one."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from tornado.iostream import StreamClosedError

from livevote.domain.code_text import shown, spelled
from livevote.domain.codes import MAX_COUNT
from livevote.domain.commands import UseCode
from livevote.domain.records import CodesIssued, Entry
from livevote.domain.refusals import Code as Why
from livevote.domain.refusals import Refusal
from livevote.failures import FailureError
from livevote.live.codebook import KnownCodesError, draw
from livevote.live.outcome import Outcome
from livevote.live.room import HeldCode, LiveRoom
from livevote.protocol.codes import Unsure, explain
from livevote.web import code_sheet
from livevote.web.api import ApiHandler, Operation
from livevote.web.assets import Page, Pages
from livevote.web.base import Access, ApiError

_BETWEEN = re.compile(r"[\s,;]+")
_SEND_BYTES = 32 * 1024
_TURN = 100  # codes that are looked up without a turn for anybody else, in less than a millisecond
_SHEET, _CSV = "sheet.html", "codes.csv"


class NewCodes(msgspec.Struct, frozen=True):
    """How many codes to make; or the codes that were made elsewhere, with white space or commas between them."""

    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)] | None = None
    codes: str | None = None


class CodesMade(msgspec.Struct, frozen=True):
    """The room's new list. ``codes`` are those that were made, here and never again; none that were brought along."""

    list: int
    count: int
    root: str
    codes: tuple[str, ...]


class CodeListInfo(msgspec.Struct, frozen=True):
    """A list of codes as the log has it: how many, under which Merkle root (hex), when, and how many were entered."""

    list: int
    count: int
    root: str
    at: int
    used: int


class CodeLists(msgspec.Struct, frozen=True):
    """All lists of the room, the first one first."""

    lists: tuple[CodeListInfo, ...]


class ForPrint(msgspec.Struct, frozen=True):
    """Codes of this room, with white space or commas between them."""

    codes: str


class GivenCode(msgspec.Struct, frozen=True):
    """A code as its voter typed it, or as it stood behind the ``#`` of the link."""

    code: str


class CodeHeld(msgspec.Struct, frozen=True):
    """Whether this browser votes with a code in this room."""

    held: bool


def read_codes(text: str) -> list[str]:
    """The codes in a text. Raises ``ValueError`` that names the first one that is none."""
    codes = []
    for number, word in enumerate(filter(None, _BETWEEN.split(text)), 1):
        code = spelled(word)
        if code is None:
            raise ValueError(f"Number {number} is not written like a code: ten characters and the one that checks them")
        codes.append(code)
    return codes


class _CodeHandler(ApiHandler):
    async def read_codes(self, text: str) -> list[str]:
        """The codes in a text, read in a thread: 5,000 take 30 ms. Raises 400 for the first that is none."""
        try:
            return await self.in_a_thread(read_codes, text)
        except ValueError as error:
            raise ApiError(400, "bad_code", f"{error}.") from None

    async def find(self, room: LiveRoom, code: str) -> HeldCode | None:
        try:
            return await self.services.codes.find(room, code)
        except FailureError as error:
            # What is wrong, and where, is the operator's to know.
            raise ApiError(503, "codes_unreadable", "The server has lost codes of this room. Tell its host.") from error


class Codes(_CodeHandler):
    access = Access.HOST
    operations = {
        "get": Operation(summary="The lists of one-time codes, without the codes", returns=CodeLists),
        "post": Operation(
            summary="Issue one-time codes: made here, or brought along", status=201, body=NewCodes, returns=CodesMade
        ),
    }

    async def get(self, code: str) -> None:  # noqa: ARG002 - the path names the room
        room = self.room().state
        used = Counter(list_ for list_, _ in room.used_codes)
        self.answer(
            CodeLists(
                tuple(
                    CodeListInfo(issued.list, issued.count, issued.root, issued.at, used[issued.list])
                    for issued in room.code_lists
                )
            )
        )

    async def post(self, code: str) -> None:  # noqa: ARG002
        wanted, room, cohost = self.read(NewCodes), self.room(), self.host()
        if (wanted.count is None) == (wanted.codes is None):
            raise ApiError(400, "bad_message", "Say how many codes to make ('count'), or bring them along ('codes').")
        made: list[str] = []
        if wanted.codes is None:
            codes = made = await self.in_a_thread(draw, wanted.count)
        else:
            codes = await self.read_codes(wanted.codes)
        try:
            entry = self.settled(await self.services.codes.issue(room, codes, cohost=cohost or ""))
        except KnownCodesError:
            refusal = Refusal(Why.BAD_CODES, "one of them is in a list of this room already, or here twice")
            raise ApiError(409, refusal.code, explain(refusal)) from None
        except FailureError as error:
            raise ApiError(
                503, "codes_unreadable", "The server cannot read or keep its codes. See its disk."
            ) from error
        issued = entry.record
        assert isinstance(issued, CodesIssued)
        self.answer(CodesMade(issued.list, issued.count, issued.root, tuple(map(shown, made))), status=201)


class CodeFiles(_CodeHandler):
    access = Access.HOST
    operations = {
        "post": Operation(
            summary="Codes of this room as a sheet to print, or as CSV; also from a form with the field 'codes'",
            body=ForPrint,
            returns=("text/html", "text/csv"),
            names=(_SHEET, _CSV),
        )
    }

    async def post(self, code: str, name: str) -> None:  # noqa: ARG002
        if name not in (_SHEET, _CSV):
            raise ApiError(404, "no_such_route", "There is nothing here.")
        room = self.room()
        codes = await self.read_codes(self._given())
        for number, each in enumerate(codes, 1):
            if await self.find(room, each) is None:
                raise ApiError(409, Why.UNKNOWN_CODE, f"Number {number} is no code of this room.")
            if number % _TURN == 0:
                await self.services.writer.give_way()
        self.check_access()
        services = self.services
        if name == _SHEET:
            page = self._begin_page(services.assets.code_sheet)
            parts = code_sheet.sheet(page.body.decode(), title=room.state.title, join_url=self.join_url(), codes=codes)
        else:
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", f'attachment; filename="livevote-{room.code}-codes.csv"')
            parts = code_sheet.csv(self.join_url(), codes)
        async with services.exporting:
            await self._send(parts)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Refuse, to a form as a page: it is a person who reads that."""
        error = kwargs.get("exc_info", (None, None))[1]
        if "codes" not in self.request.body_arguments or not isinstance(error, ApiError):
            super().write_error(status_code, **kwargs)
            return
        page = self._begin_page(self.services.assets.code_sheet_refused)
        self.set_status(status_code)
        self.finish(code_sheet.refusal(page.body.decode(), message=error.message))

    def _begin_page(self, pages: Pages) -> Page:
        page = pages.find(self.language(self.services.room(self.path_kwargs["code"].upper())))
        self.set_header("Content-Language", page.language)
        policy = page.policy(host=self.request.host, secure=self.services.config.secure)
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Content-Type", page.content_type)
        return page

    def _given(self) -> str:
        # A browser shows what a form gets as a page with a policy of its own, and a script could not make it do that.
        in_form = self.get_body_argument("codes", None)
        if in_form is not None:
            return in_form
        found: ForPrint = self.read(ForPrint)
        return found.codes

    async def _send(self, parts: Iterator[str]) -> None:
        waiting = 0
        try:
            for part in parts:
                self.write(part)
                waiting += len(part)
                await self.services.writer.give_way()
                if waiting >= _SEND_BYTES:
                    waiting = 0
                    await self.pass_on()
        except StreamClosedError:
            pass  # whoever gave it up needs no answer


class Code(_CodeHandler):
    access = Access.VOTER
    operations = {
        "get": Operation(summary="Whether this browser votes with a code in this room", returns=CodeHeld),
        "post": Operation(summary="Enter a one-time code", body=GivenCode, returns=CodeHeld),
    }

    async def get(self, code: str) -> None:  # noqa: ARG002
        room = self.room()
        held = self.services.sessions.code(self, room.code)
        self.answer(CodeHeld(held is not None and held.place in room.state.used_codes))

    async def post(self, code: str) -> None:  # noqa: ARG002
        room, services = self.room(), self.services
        session = services.sessions.voter(self)
        assert session is not None, "nobody else may call this"
        given = spelled(self.read(GivenCode).code)
        if given is None:
            raise ApiError(400, "bad_code", "This is not written like a code. Check its characters.")
        wait_s = services.code_tries.begin(room.code, session)
        if wait_s:
            text = f"Too many wrong codes. Try again in {wait_s} seconds."
            raise ApiError(429, Unsure.TOO_FAST, text, retry_s=wait_s)
        try:
            held = await self.find(room, given)
        except ApiError:
            services.code_tries.was_not_looked_at(room.code, session)
            raise
        if held is None:
            raise ApiError(409, Why.UNKNOWN_CODE, explain(Refusal(Why.UNKNOWN_CODE)))
        by = room.key.code_user(session)
        if room.state.used_codes.get(held.place) == by:
            services.code_tries.was_known(room.code, session)  # this browser was not told, or asks once more
        else:
            refusal = await self._use(room, held, by)
            if not isinstance(refusal, Refusal):
                services.code_tries.was_right(room.code, session)
            if refusal is not None:
                self.settled(refusal)
        services.sessions.enter_code(self, room.code, held)
        room.enter_code(session, held)
        self.answer(CodeHeld(True))

    async def _use(self, room: LiveRoom, held: HeldCode, by: str) -> Outcome | None:
        """Use a code. What stands against it: not that this browser has used it at the same moment."""
        list_, place = held.place
        outcome = await self.services.writer.ask(room.code, UseCode(list_, place, by))
        return None if isinstance(outcome, Entry) or room.state.used_codes.get(held.place) == by else outcome
