"""Bytes to commands and messages to frames, and nothing else."""

import re
import struct
from typing import TypeVar

import msgspec

from livevote.domain.commands import AnyHostCommand
from livevote.protocol.messages import Check, FromClient, React, Sync, ToClient

MAX_MESSAGE_BYTES = 4096
"""The longest message that a client may send."""

_TEXT = 0x81  # FIN and opcode 1, RFC 6455 section 5.2

T = TypeVar("T")


class ProtocolError(Exception):
    """The bytes are no message. ``id`` is the ballot id, where one could still be read; ``reason`` is for
    developers."""

    def __init__(self, reason: str, *, id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.id = id


class _OnlyId(msgspec.Struct):
    id: str


_from_client: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(FromClient)
_only_id = msgspec.json.Decoder(_OnlyId)
_host_command: msgspec.json.Decoder[AnyHostCommand] = msgspec.json.Decoder(AnyHostCommand)
_encoder = msgspec.json.Encoder()
_is_ballot_id = re.compile("[A-Za-z0-9_-]{1,64}").fullmatch
_head_of_16_bits = struct.Struct(">BBH").pack


def decode(text: str) -> FromClient:
    """The message of a client's text frame. Raises ``ProtocolError``, whatever the text is."""
    try:
        message = _read(_from_client, text)
        if not isinstance(message, Sync | Check | React) and not _is_ballot_id(message.id):
            raise ProtocolError("an id has 1 to 64 of A-Z, a-z, 0-9, _ and -, at `$.id`")
        return message
    except ProtocolError as error:
        raise ProtocolError(error.reason, id=_salvage_id(text)) from None


def decode_command(body: bytes) -> AnyHostCommand:
    """The host's command of an HTTP body. Raises ``ProtocolError`` with a reason that names the field."""
    return _read(_host_command, body)


def _read(decoder: msgspec.json.Decoder[T], data: str | bytes) -> T:
    try:
        return decoder.decode(data)
    except RecursionError:
        raise ProtocolError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolError(str(error)) from None


def _salvage_id(text: str) -> str | None:
    """The id of a message that is wrong elsewhere, so that its sender can tell which of its votes was refused."""
    try:
        found = _only_id.decode(text).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if len(found) <= 64 else None


def encode(message: ToClient) -> bytes:
    """The JSON of a message."""
    return _encoder.encode(message)


def frame(message: ToClient) -> bytes:
    """The whole unmasked WebSocket text frame of a message (RFC 6455 section 5.2): header and JSON.

    Built once and written to any number of sockets, which is why compression is off.
    """
    return text_frame(_encoder.encode(message))


def text_frame(payload: bytes) -> bytes:
    """``payload`` as one unmasked, final text frame."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return _head_of_16_bits(_TEXT, 126, size) + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload
