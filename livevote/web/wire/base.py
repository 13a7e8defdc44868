"""The seam between a page and its connection: what a page tells the wire, and what the wire tells the page."""

from typing import Protocol


class Listener(Protocol):
    """Who a connection tells what it reads."""

    alive: bool
    """Set whenever the client is heard of."""

    def on_text(self, text: str) -> None:
        """A message, never longer than ``MAX_MESSAGE_BYTES``. Must not raise."""

    def on_pong(self, payload: bytes) -> None:
        """A pong with a payload: the answer to a ping that had one, or whatever the client made up."""

    def on_goodbye(self) -> None:
        """The client has said that it leaves, by itself or in answer to a close; ``on_close`` follows."""

    def on_close(self) -> None:
        """The connection is gone. Called once, never from inside a call of a ``Wire``."""


class Wire(Protocol):
    """The sending side of an open connection. None of its calls raises or waits."""

    def send(self, frame: bytes) -> None:
        """Write a whole frame. A socket that is closed or closing drops it."""

    @property
    def writing(self) -> bool:
        """Whether bytes of an earlier frame still wait for the client to read."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. What was sent before goes out first."""

    def abort(self) -> None:
        """Drop the connection at once, for a client that does not read and could not answer a closing handshake."""
