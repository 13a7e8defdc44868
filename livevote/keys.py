"""The secrets of a data directory: made at first need, files of mode 0600, never logged.

They stand apart from the log so that a copy of the log holds none, and so that destroying a room's key cuts the last
link between its pseudonyms and any browser.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from livevote.failures import DataDirectoryError, SetupError

_KEY_BYTES = 32


CODE_CHARS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters and digits that nobody confuses when they read them off a wall."""
CODE_LENGTH = 6
CODE_HASH_BYTES = 32


def random_code() -> str:
    """A join code: one of a billion."""
    return "".join(secrets.choice(CODE_CHARS) for _ in range(CODE_LENGTH))


def random_id() -> str:
    """128 random bits as 22 characters of base64url."""
    return _text(secrets.token_bytes(16))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _derive(key: bytes, *parts: str) -> str:
    """The first 128 bits of HMAC-SHA256 over NUL-separated parts, which hold no NUL themselves."""
    return _text(hmac.digest(key, "\0".join(parts).encode(), "sha256")[:16])


class RoomKey:
    """One room's secret, from which its voters' pseudonyms and its hosts' tokens are derived."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.host_token = _derive(key, "host")
        self.state_key = hmac.digest(key, b"state", "sha256")
        """Under which this server knows the states again that it has written."""

    def cohost_token(self, id: str) -> str:
        """What proves that somebody holds the link of the co-host with this id."""
        return _derive(self._key, "cohost", id)

    def pseudonym(self, session: str, question: str) -> str:
        """The voter's name on ballots of one question: another one for every question and room (I14)."""
        return _derive(self._key, "voter", question, session)

    def code_hash(self, code: str) -> bytes:
        """The 32 bytes by which a one-time code of this room is known again. Without the key nobody can try codes."""
        return hmac.digest(self._key, f"code\0{code}".encode(), "sha256")

    def code_identity(self, code: str) -> str:
        """What a browser is given for a one-time code: like a session, and another one than its place or its hash."""
        return _derive(self._key, "code identity", code)

    def pseudonym_by_code(self, identity: str, question: str) -> str:
        """The name on ballots of one question of whoever entered the code with this identity."""
        return _derive(self._key, "voter by code", question, identity)

    def code_user(self, session: str) -> str:
        """The name of a browser where it entered a code; it stands on no ballot."""
        return _derive(self._key, "code user", session)

    def player(self, session: str) -> str:
        """The voter's one name in a room that links pseudonyms; see ``LiveRoom.pseudonym``."""
        return _derive(self._key, "player", session)

    def name_on_board(self, session: str) -> str:
        """The voter's name on the room's board: another one than on any ballot, whatever questions are called."""
        return _derive(self._key, "board", session)


class RoomKeys(Protocol):
    """Where the keys of rooms come from."""

    def room(self, code: str) -> RoomKey:
        """The key of a room in the log."""


class PassingKeys:
    """The keys of rooms that end with this process or before. They are in memory and nowhere else."""

    def __init__(self) -> None:
        self._keys: dict[str, RoomKey] = {}

    def room(self, code: str) -> RoomKey:
        """The key of this room, made when it is asked for first."""
        if code not in self._keys:
            self._keys[code] = RoomKey(secrets.token_bytes(_KEY_BYTES))
        return self._keys[code]


class Keyring:
    """The secrets below ``directory``. Raises ``DataDirectoryError`` where they cannot be made or read.

    Secrets that are missing are made only if ``create``, which is for a log without rooms: a new cookie secret makes
    every voter a stranger, who could then vote again, and so does a room's new key. ``SetupError`` otherwise.
    """

    def __init__(self, directory: Path, *, create: bool) -> None:
        self._rooms = directory / "rooms"
        self._codes = directory / "codes"
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._rooms.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(self._rooms, error) from error
        self._checkpoint = directory / "checkpoint.key"
        self.cookie_secret = self._key(directory / "cookie.key", create=create)
        self.operator_key = _text(self._key(directory / "operator.key", create=create)[:16])

    def checkpoint_seed(self, *, create: bool) -> bytes:
        """The 32 bytes from which the key that signs checkpoints is made. Raises ``SetupError`` where it is missing."""
        return self._key(self._checkpoint, create=create)

    def make_room(self, code: str) -> RoomKey:
        """The key of a room that is about to be created; durable when this returns."""
        return RoomKey(self._key(self._rooms / f"{code}.key", create=True))

    def room(self, code: str) -> RoomKey:
        """The key of a room in the log. Raises ``SetupError`` where it is missing."""
        return RoomKey(self._key(self._rooms / f"{code}.key", create=False))

    def keep_codes(self, code: str, root: str, hashes: Sequence[bytes]) -> None:
        """Keep the sorted hashes of a list of one-time codes, durably, under the room and the list's Merkle root.

        Nothing is overwritten but the same hashes, so a list that was kept and never came into the log harms nobody.
        """
        path = self._codes / f"{code}.{root}"
        try:
            self._codes.mkdir(exist_ok=True, mode=0o700)
            _write(path, b"".join(hashes))
            _sync_directory(self._codes.parent)
        except OSError as error:
            raise _unusable(path, error) from error

    def codes(self, code: str, root: str) -> list[bytes]:
        """The sorted hashes of a list of one-time codes. Raises ``SetupError`` where the file is missing or no list.

        Whether they have this root is for the caller to see.
        """
        path = self._codes / f"{code}.{root}"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise _unusable(path, error) from error
        if not data or len(data) % CODE_HASH_BYTES:
            raise SetupError(f"The codes {path} are missing or damaged: put them back from your backup of the keys.")
        return [data[start : start + CODE_HASH_BYTES] for start in range(0, len(data), CODE_HASH_BYTES)]

    def _key(self, path: Path, *, create: bool) -> bytes:
        try:
            if path.exists():
                return load(path)
            if create:
                return _make(path)
        except OSError as error:
            raise _unusable(path, error) from error
        raise SetupError(
            f"The key {path} is missing: put it back from your backup of the keys. With another, voters vote twice or "
            "checkpoints cannot be read."
        )


def missing(directory: Path, rooms: Iterable[str]) -> list[Path]:
    """The secrets that a server whose log holds these rooms would not find in ``directory``."""
    needed = [Path("cookie.key"), Path("operator.key"), Path("checkpoint.key")]
    needed += [Path("rooms", f"{code}.key") for code in rooms]
    return [path for path in needed if not (directory / path).exists()]


def _unusable(path: Path, error: OSError) -> DataDirectoryError:
    return DataDirectoryError(f"Cannot use {path}: {error.strerror}. Check the owner and mode of the data directory.")


def load(path: Path) -> bytes:
    """The key in a file, 32 bytes. Raises ``OSError``, and ``SetupError`` where it holds something else."""
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SetupError(f"{path} is not a key of {_KEY_BYTES} bytes: put it back from your backup of the keys.")
    return key


def _make(path: Path) -> bytes:
    """A new key, on disk before it is used: pseudonyms made with a key that a power cut lost could vote twice."""
    key = secrets.token_bytes(_KEY_BYTES)
    _write(path, key)
    return key


def _write(path: Path, data: bytes) -> None:
    """Put a secret into its place, durably and whole or not at all."""
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
