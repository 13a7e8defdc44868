"""The handshake of a voter's socket without Tornado's HTTP connection, which would be half of its cost.

``PageSocket`` itself checks the request and writes the answer, as ever: only what it writes to is smaller. A request
that it refuses has not been taken out of the kernel yet, and Tornado answers it from the beginning.
"""

import re
from collections.abc import Callable

from tornado.concurrent import Future
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream
from tornado.web import Application

from livevote.keys import CODE_LENGTH
from livevote.web.request_head import RequestHead
from livevote.web.services import Services
from livevote.web.socket import PageSocket

_TARGET = re.compile(rf"/ws/([0-9A-Za-z]{{{CODE_LENGTH}}})")


class _Handshake(HTTPConnection):
    """The connection as a request handler sees it, up to the answer 101."""

    context = None

    def __init__(self, stream: IOStream, size: int, otherwise: Callable[[], None]) -> None:
        self._stream = stream
        self._size = size
        self._otherwise = otherwise
        self._accepted = False

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """The handshake is over before anybody could leave."""

    def write_headers(
        self, start_line: ResponseStartLine | RequestStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> "Future[None]":
        assert isinstance(start_line, ResponseStartLine)
        self._accepted = start_line.code == 101
        if self._accepted:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.get_all())
            self._switch(f"HTTP/1.1 101 {start_line.reason}\r\n{lines}\r\n".encode("latin-1"))
        return self.write(chunk or b"")

    def _switch(self, answer: bytes) -> None:
        """Take the request out of the kernel and answer it. A client that is gone finds a closed stream."""
        try:
            self._stream.socket.recv(self._size)
            sent = self._stream.socket.send(answer)
        except OSError:
            sent = 0
        if sent < len(answer):  # so short an answer always fits, or its reader is not there
            self._stream.close()

    def write(self, chunk: bytes) -> "Future[None]":  # noqa: ARG002 - a refusal, which Tornado will write itself
        written: Future[None] = Future()
        written.set_result(None)
        return written

    def finish(self) -> None:
        if not self._accepted:
            self._otherwise()

    def detach(self) -> IOStream:
        """What is left when the handshake is done."""
        return self._stream


class Handshakes:
    """Opens voters' sockets."""

    def __init__(self, application: Application, services: Services) -> None:
        self._application = application
        self._services = services

    def begin(self, head: RequestHead, stream: IOStream, *, otherwise: Callable[[], None]) -> bool:
        """Answer ``head``, which has been seen on ``stream`` and not been read; False if it asks for no voter's socket.

        ``otherwise`` is called, at once or later, where the socket is refused.
        """
        wanted = _TARGET.fullmatch(head.target)
        if wanted is None:
            return False
        try:
            request = HTTPServerRequest(
                start_line=RequestStartLine("GET", head.target, "HTTP/1.1"),
                headers=HTTPHeaders(head.headers),
                connection=_Handshake(stream, head.size, otherwise),
            )
        except HTTPInputError:
            return False
        delegate = self._application.get_handler_delegate(
            request, PageSocket, {"services": self._services}, path_kwargs={"code": wanted[1].encode()}
        )
        delegate.finish()
        return True
