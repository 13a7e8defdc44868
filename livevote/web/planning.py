"""The part of the HTTP API that is about whole rooms: made from files, written as files, copied, deleted.

Apart from ``api``, which runs a room. What files mean is decided in ``plan`` and nowhere else.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from livevote.domain.commands import CreateRoom, EraseRoom
from livevote.domain.records import Entry
from livevote.domain.refusals import Code as Why
from livevote.domain.refusals import Refusal
from livevote.domain.state import Room
from livevote.domain.text import clean
from livevote.plan import (
    Problem,
    Reading,
    Template,
    Trial,
    plan_of,
    read_questions,
    read_room,
    room_yaml,
    sheet_csv,
    templates,
    try_out,
)
from livevote.protocol.codes import UNKNOWN, explain
from livevote.web.api import ApiHandler, ErrorInfo, Operation, RoomMade, as_sent
from livevote.web.base import Access, ApiError

T = TypeVar("T")

_YAML = "application/yaml; charset=utf-8"
_CSV = "text/csv; charset=utf-8"


class FileSent(msgspec.Struct, frozen=True):
    """A file as somebody chose it: its name says whether it is a sheet (.csv), else it is a room file (YAML).

    ``title`` takes the place of the file's own. With ``check`` nothing is made.
    """

    name: str
    text: str
    title: str = ""
    check: bool = False


class ProblemInfo(msgspec.Struct, frozen=True):
    """What is wrong, or suspicious, on a line of a file."""

    line: int
    text: str


class FileRefused(msgspec.Struct, frozen=True):
    """Nothing was changed: the file has these mistakes."""

    error: ErrorInfo
    problems: tuple[ProblemInfo, ...]
    warnings: tuple[ProblemInfo, ...]


class AskedInfo(msgspec.Struct, frozen=True):
    """A question of a file as people read it before they take it over, and the line on which it stands."""

    line: int
    kind: str
    text: str


class FileTaken(msgspec.Struct, frozen=True, kw_only=True):
    """How many questions the file has, which, and what is suspicious in it; ``made`` is the new room, if one was."""

    questions: int
    asked: tuple[AskedInfo, ...]
    warnings: tuple[ProblemInfo, ...]
    made: RoomMade | None = None


class Copied(msgspec.Struct, frozen=True):
    """A copy of a room; empty: under its own title."""

    title: str = ""


class Deleted(msgspec.Struct, frozen=True):
    """The code of the room once more, so that nobody deletes another one by mistake."""

    code: str


class Erased(msgspec.Struct, frozen=True):
    """The deletion is record ``as_of``. The answers go from the disk by and by: ``GET`` says when none are left.

    ``traces``: they are out of the log, but not ``done``, because another program that reads the database keeps traces
    of them in the write-ahead log. The server tries again by itself.
    """

    as_of: int
    done: bool
    traces: bool


class PlanHandler(ApiHandler):
    """What all of these share."""

    async def written(self, write: Callable[[Room], T]) -> T:
        """What ``write`` makes of the room that the path names, in a thread: 200 long questions take half a second.

        Once more where somebody has changed the room meanwhile: it may have seen half of that.
        """
        room = self.room()
        while True:
            before = room.commanded
            made = await self.in_a_thread(write, room.state)
            if room.commanded == before:
                return made

    async def read_file(self) -> tuple[FileSent, Reading]:
        """The file that was sent, read in a thread: a long one takes a tenth of a second."""
        sent: FileSent = self.read(FileSent)
        if "code" in self.path_kwargs:
            return sent, await self.in_a_thread(read_questions, sent.name, sent.text)
        return sent, await self.in_a_thread(partial(read_room, sent.name, sent.text, title=sent.title))

    async def try_out(self, reading: Reading, code: str, room: Room | None = None) -> Trial:
        """What the file would do, tried in a thread: two thousand questions take a tenth of a second to refuse.

        Of a ``room`` only what questions depend on is looked at, and what is tried is decided once more for the log.
        """
        work = partial(try_out, reading.plan, code, at=self.services.clock.now_ms(), room=room)
        return await self.in_a_thread(work)

    def refuse_file(self, errors: tuple[Problem, ...], warnings: tuple[Problem, ...]) -> None:
        """Answer with everything that is wrong."""
        text = f"Nothing was changed. In the file, {errors[0]}"
        if len(errors) > 1:
            text += f" (and {len(errors) - 1} more)"
        error = ErrorInfo("bad_file", text)
        self.answer(FileRefused(error, _infos(errors), _infos(warnings)), status=400)

    async def carry_out(self, code: str, trial: Trial, *, what: str, done: int = 0, cohost: str | None = None) -> None:
        """Do what was trial, as the host or as the co-host with this id.

        Raises 409 or 503 with what was done before a command that was not taken.
        """
        commands = trial.commands
        for number, command in enumerate(commands[done:], done):
            outcome = await self.services.writer.ask(code, as_sent(cohost, command))
            if isinstance(outcome, Entry):
                continue
            reason = explain(outcome) if isinstance(outcome, Refusal) else _reason(outcome)
            raise ApiError(
                409 if isinstance(outcome, Refusal) else 503,
                "half_done",
                f"{what}, but only {number} of {len(commands)} steps of the file were done; then: {reason} "
                "Look at the room, and take what is missing from the file.",
            )


def _taken(reading: Reading) -> FileTaken:
    planned = reading.plan.questions
    asked = tuple(AskedInfo(each.line, each.command.kind, clean(each.command.text)) for each in planned)
    return FileTaken(questions=len(planned), asked=asked, warnings=_infos(reading.warnings))


def _reason(outcome: object) -> str:
    found = next((text for unsure, text in UNKNOWN.items() if unsure is outcome), "It is not known why.")
    return found.replace("The vote will be sent again.", "").strip()


def _infos(problems: tuple[Problem, ...]) -> tuple[ProblemInfo, ...]:
    return tuple(ProblemInfo(problem.line, problem.text) for problem in problems)


class RoomFromFile(PlanHandler):
    access = Access.OPERATOR
    operations = {"post": Operation(summary="Create a room from a file", status=201, body=FileSent, returns=FileTaken)}

    async def post(self) -> None:
        sent, reading = await self.read_file()
        await self.make(reading, check=sent.check)

    async def make(self, reading: Reading, *, check: bool = False) -> None:
        """Make the room and answer."""
        code = self.free_code()
        trial = await self.try_out(reading, code)
        if errors := tuple(sorted((*reading.errors, *trial.errors))):
            self.refuse_file(errors, reading.warnings)
            return
        taken = _taken(reading)
        if check:
            self.answer(taken)
            return
        create = trial.commands[0]
        assert isinstance(create, CreateRoom)
        made = await self.make_room(create)
        await self.carry_out(code, trial, what=f"Room {code} was created", done=1)
        self.answer(msgspec.structs.replace(taken, made=made), status=201)


class Duplicates(RoomFromFile):
    access = Access.OWN_HOST
    operations = {"post": Operation(summary="Create a room like this one", status=201, body=Copied, returns=FileTaken)}

    async def post(self, code: str) -> None:  # type: ignore[override]  # noqa: ARG002
        title = self.read(Copied).title
        await self.make(Reading(await self.written(partial(plan_of, title=title))))


class QuestionsFromFile(PlanHandler):
    access = Access.HOST
    operations = {
        "post": Operation(summary="Add the questions of a file", body=FileSent, returns=FileTaken),
    }

    async def post(self, code: str) -> None:  # noqa: ARG002
        # Before anything is waited for: who is revoked meanwhile is nobody then, and no host either.
        room, cohost = self.room(), self.host()
        sent, reading = await self.read_file()
        trial = await self.try_out(reading, room.code, room.state)
        if errors := tuple(sorted((*reading.errors, *trial.errors))):
            self.refuse_file(errors, reading.warnings)
            return
        if not sent.check:
            await self.carry_out(room.code, trial, what="The file was begun", cohost=cohost)
        self.answer(_taken(reading))


class RoomAsFile(PlanHandler):
    access = Access.HOST
    operations = {"get": Operation(summary="The room as a file that makes it again", returns="application/yaml")}

    async def get(self, code: str) -> None:  # noqa: ARG002
        await self.send_file(room_yaml, _YAML, "room.yaml")

    async def send_file(self, write: Callable[[Room], bytes], media_type: str, name: str) -> None:
        """Send the room as a file for people to keep."""
        data = await self.written(write)
        self.check_access()
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Disposition", f'attachment; filename="livevote-{self.room().code}-{name}"')
        self.finish(data)


class QuestionsAsSheet(RoomAsFile):
    operations = {"get": Operation(summary="The room's questions as a sheet", returns="text/csv")}

    async def get(self, code: str) -> None:  # noqa: ARG002
        await self.send_file(sheet_csv, _CSV, "questions.csv")


class Templates(ApiHandler):
    access = Access.ANYBODY
    operations = {"get": Operation(summary="The room files to begin with", returns=tuple[Template, ...])}

    async def get(self) -> None:
        self.answer(templates())


class Deletion(ApiHandler):
    access = Access.OWN_HOST
    operations = {
        "post": Operation(summary="Delete all that voters wrote, for good", body=Deleted, returns=Erased),
        "get": Operation(summary="Whether the answers of a deleted room are gone from the disk", returns=Erased),
    }

    async def post(self, code: str) -> None:
        room = self.room()
        if self.read(Deleted).code.upper() != room.code:
            raise ApiError(400, "wrong_code", f"Nothing was deleted: 'code' has to be {room.code}.")
        if room.state.erased_at is None:
            outcome = await self.services.writer.ask(room.code, EraseRoom())
            if outcome != Refusal(Why.ROOM_ERASED):  # by somebody else at the same moment
                self.settled(outcome)
            self.services.replays.forget(room.code)
        await self.get(code)

    async def get(self, code: str) -> None:  # noqa: ARG002
        room = self.room()
        if room.state.erased_at is None:
            raise ApiError(409, "not_deleted", "Nothing of this room was deleted.")
        erasing, traced = (
            room.code in codes for codes in (self.services.registry.erasing, self.services.registry.traced)
        )
        self.answer(Erased(room.state.head, done=not (erasing or traced), traces=traced and not erasing))
