"""The HTTP API of rehearsals: to begin one, to find it again, and to end it."""

import secrets
from typing import Annotated, Any

import msgspec

from livevote.live.rehearsal import MAX_VOTERS, FullError, Rehearsal, RehearsedError
from livevote.protocol.codes import Unsure
from livevote.web.api import ApiHandler, Operation
from livevote.web.base import Access, ApiError


class NewRehearsal(msgspec.Struct, frozen=True):
    """How many simulated ``voters`` come, beside whoever joins with its code."""

    voters: Annotated[int, msgspec.Meta(ge=1, le=MAX_VOTERS)]


class RehearsalInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal that runs. ``ends_at``: when it ends by itself at the latest, in ms since 1970.

    ``asked``: whether a question was opened in it, so that its end throws something away.
    """

    code: str
    join_url: str
    voters: int
    ends_at: int
    asked: bool


class RehearsalMade(RehearsalInfo, frozen=True, kw_only=True):
    """A new rehearsal and its links. The token is shown here, and never again."""

    host_url: str
    host_token: str


class RoomRehearsal(ApiHandler):
    access = Access.HOST
    rehearses = True
    operations = {
        "post": Operation(
            summary="Rehearse the room: its questions in a room of its own, of which nothing is kept",
            status=201,
            body=NewRehearsal,
            returns=RehearsalMade,
        ),
        "get": Operation(summary="The rehearsal that runs", returns=RehearsalInfo, none="None runs."),
        "delete": Operation(summary="End the rehearsal, also by its own code", status=204),
    }

    async def post(self, code: str) -> None:  # noqa: ARG002 - the path names the room
        voters = self.read(NewRehearsal).voters
        services, room = self.services, self.room()
        if not services.room_bucket.take():
            raise ApiError(429, Unsure.TOO_FAST, "Too many rehearsals at once. Try again in a minute.")
        try:
            if room.rehearsal:
                raise RehearsedError
            made = services.rehearsals.begin(room, voters=voters, seed=secrets.randbits(64))
        except RehearsedError:
            text = "The room is being rehearsed. End that rehearsal first."
            raise ApiError(409, "rehearsed_already", text) from None
        except FullError:
            text = "The server runs as many rehearsals as it can. Try again when one has ended."
            raise ApiError(503, "too_many_rehearsals", text) from None
        token = made.room.key.host_token
        url = f"{services.base_url()}/host/{made.code}#{token}"
        self.answer(RehearsalMade(**self._links(made), host_url=url, host_token=token), status=201)

    async def get(self, code: str) -> None:  # noqa: ARG002
        found = self._find()
        # That none runs is no failure: a browser would log one each time that a host looks.
        if found is None:
            self.set_status(204)
        else:
            self.answer(RehearsalInfo(**self._links(found)))

    async def delete(self, code: str) -> None:  # noqa: ARG002
        found = self._find()
        if found is None:
            raise ApiError(404, "no_rehearsal", "The room is not being rehearsed.")
        await self.services.rehearsals.end(found)
        self.set_status(204)

    def _find(self) -> Rehearsal | None:
        return self.services.rehearsals.find(self.room().code)

    def _links(self, rehearsal: Rehearsal) -> dict[str, Any]:
        join_url = f"{self.services.base_url()}/{rehearsal.code}"
        return {
            "code": rehearsal.code,
            "join_url": join_url,
            "voters": rehearsal.voters,
            "ends_at": rehearsal.ends_at,
            "asked": rehearsal.room.state.current is not None,
        }
