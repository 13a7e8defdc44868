"""A page's connection below its messages: bytes of a socket to texts, frames to bytes of a socket."""

from livevote.web.wire.base import Listener, Wire
from livevote.web.wire.stock import WireHandler
from livevote.web.wire.wires import Wires

__all__ = ["Listener", "Wire", "WireHandler", "Wires"]
