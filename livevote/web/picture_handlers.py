"""Pictures of questions over HTTP: the upload of the host, and the files as pages load them.

Apart from the rest of the API, because this is the one route that takes large bodies, and reads them as they come.
"""

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.web import stream_request_body

from livevote.pictures import MAX_BYTES, LittleSpaceError, NoLibraryError, PictureError, TooManyPicturesError
from livevote.protocol.codes import Unsure
from livevote.web.api import ApiHandler, Operation
from livevote.web.base import Access, ApiError, Handler
from livevote.web.services import Services

_DRAINED_BYTES = 4 * MAX_BYTES
"""What is too large is read to its end up to here, because a browser hears of no refusal while it sends."""
_UPLOAD_S = 120

TOO_FAST = "Too many pictures at once. Try again in a minute."
NO_SPACE = {
    "pictures_full": "The pictures of this server take as much space as they may. Delete a room that is over, or ask "
    "whoever runs the server to raise --picture-space.",
    "little_space": "The server's disk is nearly full, and what is left is for votes. Ask whoever runs the server to "
    "free some of it.",
}
"""What hosts are told where there is no space for a picture, by the code of the error."""


class PictureKept(msgspec.Struct, frozen=True):
    """The picture is kept: ``picture`` is its name in ``rules.pictures``, ``url`` where pages load it from."""

    picture: str
    url: str
    width: int
    height: int


@stream_request_body
class RoomPictures(ApiHandler):
    access = Access.HOST
    operations = {
        "post": Operation(summary="Keep a picture for questions", status=201, body="image/*", returns=PictureKept)
    }

    def initialize(self, services: Services) -> None:
        super().initialize(services)
        self._parts: list[bytes] = []
        self._size = 0
        self._has_place = False
        self._is_whole = False

    def prepare(self) -> None:
        super().prepare()
        self.room()
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)
        connection.set_max_body_size(_DRAINED_BYTES)
        connection.set_body_timeout(_UPLOAD_S)
        self._has_place = self.services.uploads.take()

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= MAX_BYTES and self._has_place:
            self._parts.append(chunk)

    def on_finish(self) -> None:
        self._give_place_back()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if not self._is_whole:  # else it is in memory until it is answered, heard or not
            self._give_place_back()

    def _give_place_back(self) -> None:
        if self._has_place:
            self._has_place = False
            self._parts.clear()
            self.services.uploads.give_back()

    async def post(self, code: str) -> None:  # noqa: ARG002 - the path names the room
        self._is_whole = True
        self.check_access()
        if self._size > MAX_BYTES:
            raise ApiError(413, "too_big", f"The file is larger than {MAX_BYTES // 1_000_000} MB. Make it smaller.")
        if not self._has_place or not self.services.picture_bucket.take():
            raise ApiError(429, Unsure.TOO_FAST, TOO_FAST)
        try:
            kept = await self.services.pictures.keep(b"".join(self._parts))
        except PictureError as error:
            raise ApiError(400, "bad_picture", str(error)) from error
        except NoLibraryError:
            text = "This server takes no pictures: Pillow is not installed. Choose another kind of question."
            raise ApiError(503, "no_pictures", text) from None
        except TooManyPicturesError:
            raise ApiError(503, "pictures_full", NO_SPACE["pictures_full"]) from None
        except LittleSpaceError:
            raise ApiError(503, "little_space", NO_SPACE["little_space"]) from None
        except OSError as error:
            text = f"The server cannot write the picture ({error.strerror}). Free space in its data directory."
            raise ApiError(503, "cannot_write", text) from error
        self.answer(
            PictureKept(kept.digest, f"/pictures/{kept.digest}.webp", kept.width, kept.height),
            status=201,
        )


class PictureFile(Handler):
    """A picture. Its name is the hash of what is in it, so it never changes."""

    access = Access.ANYBODY

    async def get(self, picture: str) -> None:
        body = await self.services.pictures.read(picture)
        if body is None:
            raise ApiError(404, "no_such_picture", "There is no such picture.")
        self.set_header("Content-Type", "image/webp")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(body)

    def compute_etag(self) -> str | None:
        return f'"{self.path_kwargs["picture"]}"'

    async def head(self, picture: str) -> None:
        await self.get(picture)
