"""Signed checkpoints in the form of C2SP tlog-checkpoint and signed-note, so that other people's tools can read them.

Apart from ``merkle``, which knows trees but neither texts nor keys. A checkpoint says: the log ``origin`` had ``size``
records, with this Merkle root and this chain value, when the clock said ``at``.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME = "livevote"
"""The name in every key of ours; keys differ by their id."""

_ED25519 = b"\x01"  # the algorithm's byte in a key id, C2SP signed-note
_CHAIN = "livevote/chain "
_AT = "livevote/at "
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_BYTES = 32
_ID_BYTES = 4
_LINES = 5


class NoteError(ValueError):
    """A text that is no checkpoint, or one that its key did not sign."""


class Checkpoint(msgspec.Struct, frozen=True):
    """What a note says about a log. ``root`` and ``chain`` are 32 bytes each, ``at`` milliseconds since 1970."""

    origin: str
    size: int
    root: bytes
    chain: bytes
    at: int

    def body(self) -> str:
        """The text that is signed: origin, size, root, and two extension lines for the chain value and the time."""
        return f"{self.origin}\n{self.size}\n{_text(self.root)}\n{_CHAIN}{_text(self.chain)}\n{_AT}{self.at}\n"


class Verifier:
    """A public key, written as ``name+id+key`` in C2SP's vkey form."""

    def __init__(self, public: bytes, *, name: str = NAME) -> None:
        self.name = name
        self._public = Ed25519PublicKey.from_public_bytes(public)
        self._id = sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_ID_BYTES]
        self.vkey = f"{name}+{self._id.hex()}+{_text(_ED25519 + public)}"

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Read a vkey. Raises ``NoteError``."""
        name, _, rest = vkey.strip().partition("+")
        key_id, _, key = rest.partition("+")
        raw = _bytes(key)
        if not _is_name(name) or len(raw) != 1 + _HASH_BYTES or raw[:1] != _ED25519:
            raise NoteError("this is no Ed25519 verifier key (name+id+key)")
        verifier = cls(raw[1:], name=name)
        if verifier.vkey != f"{name}+{key_id}+{key}":
            raise NoteError("the verifier key's id does not fit its key")
        return verifier

    def open(self, note: str) -> Checkpoint:
        """The checkpoint of a note that this key signed. Raises ``NoteError`` and nothing else."""
        body, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise NoteError("this is no signed note")
        # All lines are read before one is looked for: what is no signature has no place there, whatever it follows.
        lines = [_signature(line) for line in signatures[:-1].split("\n")]
        for name, signature in lines:
            if name == self.name and signature[:_ID_BYTES] == self._id:
                self._check(signature[_ID_BYTES:], f"{body}\n")
                return _parse(body)
        raise NoteError(f"the note is not signed by the key {self.vkey}")

    def _check(self, signature: bytes, text: str) -> None:
        try:
            self._public.verify(signature, text.encode())
        except (InvalidSignature, UnicodeError):
            raise NoteError("the signature is not that of this key over this text") from None


class Signer(Verifier):
    """A private key, made from its ``seed`` of 32 bytes."""

    def __init__(self, seed: bytes, *, name: str = NAME) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        super().__init__(self._private.public_key().public_bytes_raw(), name=name)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The note: body, blank line, signature line."""
        body = checkpoint.body()
        signature = self._private.sign(body.encode())
        return f"{body}\n\u2014 {self.name} {_text(self._id + signature)}\n"


def _is_name(text: str) -> bool:
    """Whether a key may be called so: C2SP allows neither white space nor a plus sign."""
    return bool(text) and "+" not in text and not any(char.isspace() for char in text)


def _signature(line: str) -> tuple[str, bytes]:
    """The key's name in a signature line, and its id and signature."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "\u2014" or not _is_name(name):
        raise NoteError("a signature line is not of the form '\u2014 name signature'")
    signature = _bytes(encoded)
    if len(signature) <= _ID_BYTES:
        raise NoteError("a signature line holds no signature")
    return name, signature


def _parse(body: str) -> Checkpoint:
    lines = body.split("\n")
    if (
        len(lines) != _LINES
        or not lines[0]
        or not _NUMBER.fullmatch(lines[1])
        or not lines[3].startswith(_CHAIN)
        or not lines[4].startswith(_AT)
        or not _NUMBER.fullmatch(at := lines[4].removeprefix(_AT))
    ):
        raise NoteError("the note is no checkpoint of livevote: it has origin, size, root, chain and time")
    root, chain = _bytes(lines[2]), _bytes(lines[3].removeprefix(_CHAIN))
    if len(root) != _HASH_BYTES or len(chain) != _HASH_BYTES:
        raise NoteError("a hash in the checkpoint has not 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, chain, int(at))


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    """The bytes of base64, of which only the one canonical spelling is taken."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError(f"this is no base64: {error}") from None
    if _text(raw) != text:
        raise NoteError("this is no canonical base64")
    return raw
