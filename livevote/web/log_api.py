"""The part of the HTTP API that reads a room's log: exports, the replay, and proofs of what is in it.

Apart from ``api``, which runs a room: these take long, give way to votes, and wait until the log was checked.
"""

import contextlib
import gzip
import re
from dataclasses import replace
from typing import get_args

import msgspec
from tornado.iostream import StreamClosedError

from livevote.export import FORMATS, Format, Source
from livevote.live.room import LiveRoom
from livevote.protocol.codes import Unsure
from livevote.replay.document import Audience, Replay
from livevote.web.api import ERASING, ApiHandler, Operation, Parameter
from livevote.web.base import Access, ApiError

CHECKING = "The log is still being checked after the start. Try again in a minute."
_AUDIENCES: tuple[Audience, ...] = get_args(Audience)
# What goes out at once: for each system call some hundred rows, and nothing that memory would notice.
_SEND_BYTES = 32 * 1024
_INDEX = re.compile(r"[1-9][0-9]{0,14}")
_LEAF = re.compile(r"[0-9a-f]{64}")


class ProofInfo(msgspec.Struct, frozen=True, kw_only=True):
    """``included``: at ``index`` stands this leaf and no other. The rest proves what stands there: the signed note of a
    checkpoint, the audit path in hex (lowest sibling first), and the key that signed; all None beyond the log's end.
    """

    index: int
    included: bool
    note: str | None = None
    path: tuple[str, ...] | None = None
    vkey: str | None = None


class Exports(ApiHandler):
    access = Access.HOST
    operations = {
        "get": Operation(
            summary="The room's log as a file",
            returns=tuple(dict.fromkeys(format_.media_type for format_ in FORMATS.values())),
            names=tuple(FORMATS),
        )
    }

    async def get(self, code: str, name: str) -> None:  # noqa: ARG002
        if name not in FORMATS:
            raise ApiError(404, "no_such_export", f"There is no such export. Take one of {', '.join(FORMATS)}.")
        await self.send(FORMATS[name])

    async def send(self, format_: Format) -> None:
        """Send the room's log in this format, as of now."""
        room = self.whole_room()
        before = _erasures(room)
        if room.seal.tree is None:
            raise ApiError(503, "checking", CHECKING)
        await self.services.notary.seal()
        # Two at once: each folds the whole room, and voters want the processor as well.
        async with self.services.exporting:
            self.check_access()
            await self._send(format_, room, before)

    async def _send(self, format_: Format, room: LiveRoom, before: object) -> None:
        services = self.services
        source = await Source.now(services.log, room.code, services.config.checkpoints)
        source = replace(source, turn=services.writer.give_way)
        self.set_header("Content-Type", format_.media_type)
        self.set_header("Content-Disposition", f'attachment; filename="{format_.file_name(room.code)}"')
        begun = False
        try:
            async with contextlib.aclosing(format_.write(source)) as parts:
                waiting = 0
                async for part in parts:
                    if _erasures(room) != before:
                        # What was erased is missing from here on, and no record up to the file's end says why.
                        raise ApiError(503, "erasing", "Something in this room was erased meanwhile. Try again.")
                    self.write(part)
                    waiting += len(part)
                    if waiting >= _SEND_BYTES:
                        waiting, begun = 0, True
                        await self.pass_on()
        except StreamClosedError:
            pass  # whoever gave up the download needs no answer
        except Exception as error:
            # Tornado would end the answer as if it were whole, and half a file looks like a result.
            if begun:
                self.detach().close()
            elif isinstance(error, OSError):
                text = (
                    f"The server cannot write this file ({error.strerror}). Free space where it keeps temporary files."
                )
                raise ApiError(503, "cannot_write", text) from error
            raise


def _erasures(room: LiveRoom) -> object:
    """Another value after each erasure."""
    return room.erased, room.state.erased_at


class Ballots(Exports):
    operations = {"get": Operation(summary="The export ballots.csv at its first address", returns="text/csv")}

    async def get(self, code: str) -> None:  # type: ignore[override]  # noqa: ARG002
        await self.send(FORMATS["ballots.csv"])


class RoomReplay(ApiHandler):
    access = Access.PUBLISHED
    operations = {
        "get": Operation(
            summary="The evening as it was, as far as the caller may see it",
            returns=Replay,
            query={"audience": Parameter(schema={"type": "string", "enum": list(_AUDIENCES)})},
        )
    }

    async def get(self, code: str) -> None:  # noqa: ARG002
        room = self.whole_room()
        audience = self.get_query_argument("audience", "host")
        if audience not in _AUDIENCES:
            raise ApiError(400, "bad_message", f"'audience' is {' or '.join(_AUDIENCES)}.")
        if room.seal.tree is None:
            raise ApiError(503, "checking", CHECKING)
        as_host, erased_at = self.is_host() and audience == "host", room.state.erased_at
        document = await self.services.replays.get(room, "host" if as_host else "everybody")
        self.check_access()
        if as_host and not self.is_host():
            raise ApiError(401, "no_key", "You are no host of this room any more.")
        if room.state.erased_at != erased_at:
            raise ApiError(503, "erasing", ERASING)
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.send_json(document)
        else:
            self.send_json(gzip.decompress(document))


class Proof(ApiHandler):
    access = Access.ANYBODY
    operations = {
        "get": Operation(
            summary="Whether a leaf is in the log, under which signed checkpoint, with the audit path",
            returns=ProofInfo,
            query={
                "index": Parameter(schema={"type": "integer", "minimum": 1, "maximum": 10**15 - 1}, required=True),
                "leaf": Parameter(schema={"type": "string", "pattern": f"^{_LEAF.pattern}$"}, required=True),
            },
        )
    }

    async def get(self, code: str) -> None:  # noqa: ARG002
        room = self.room()
        index, leaf = self._asked()
        if not self.services.proof_bucket.take():
            raise ApiError(429, Unsure.TOO_FAST, "Too many questions at once. Try again in a minute.")
        tree, checkpoint = room.seal.tree, room.seal.checkpoint
        if tree is None:
            raise ApiError(503, "checking", CHECKING)
        if index > room.seal.size:
            self.answer(ProofInfo(index=index, included=False))
            return
        if checkpoint is None or index > checkpoint.size or checkpoint.origin != room.state.origin:
            raise ApiError(503, "not_sealed_yet", "The next checkpoint will have it. Try again in a second.")
        note = room.seal.note.decode()
        leaves: dict[int, bytes] = {}
        for places in tree.needed(index - 1, checkpoint.size):
            leaves |= await self.services.leaves.get(room.code, places)
        path = tuple(sibling.hex() for sibling in tree.inclusion(index - 1, checkpoint.size, leaves))
        self.answer(
            ProofInfo(
                index=index,
                included=leaves[index - 1].hex() == leaf,
                note=note,
                path=path,
                vkey=self.services.notary.vkey,
            )
        )

    def _asked(self) -> tuple[int, str]:
        index, leaf = self.get_query_argument("index", ""), self.get_query_argument("leaf", "")
        if not _INDEX.fullmatch(index) or not _LEAF.fullmatch(leaf):
            raise ApiError(400, "bad_message", "A proof needs '?index=N&leaf=HEX': a record's index and its leaf hash.")
        return int(index), leaf
