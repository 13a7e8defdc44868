"""All settings in one table and one frozen value: the command line, the environment and the docs are made from it."""

import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from livevote.failures import NoSuchRoomError


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How one server runs. Every field is an option ``--like-this`` and a variable ``LIVEVOTE_LIKE_THIS``."""

    host: str = field(default="", metadata={"help": "Address to listen on; empty means all interfaces."})
    port: int = field(default=8888, metadata={"help": "Port to listen on; 0 takes a free one."})
    data: Path = field(default=Path("data"), metadata={"help": "Directory for the log and the keys."})
    url: str = field(
        default="",
        metadata={"help": "Public address, such as https://vote.example.org."},
    )
    tls_cert: Path | None = field(default=None, metadata={"help": "TLS certificate chain (PEM)."})
    tls_key: Path | None = field(default=None, metadata={"help": "TLS private key (PEM)."})
    sample: bool = field(default=True, metadata={"help": "Make the room 'Welcome' in an empty data directory."})
    open_hosting: bool = field(default=False, metadata={"help": "Let everybody create rooms without the operator key."})
    vote_burst: int = field(default=10, metadata={"help": "Messages that one socket may send at once."})
    vote_rate: float = field(default=2.0, metadata={"help": "Messages per second that one socket may send after that."})
    sockets_per_session: int = field(default=5, metadata={"help": "Open tabs of one browser in one room."})
    queue_limit: int = field(
        default=20_000,
        metadata={"help": "Votes that may wait for the disk at once."},
    )
    picture_space: int = field(
        default=1000,
        metadata={"help": "Megabytes that all pictures of questions may take together; 0 takes none."},
    )
    stock_wire: bool = field(
        default=False,
        metadata={"help": "Leave sockets to Tornado after the handshake: slower, to tell whose fault a fault is."},
    )

    @property
    def secure(self) -> bool:
        """Whether browsers reach this server over TLS."""
        return self.tls_cert is not None or self.url.startswith("https://")

    @property
    def database(self) -> Path:
        """The SQLite file of the log."""
        return self.data / "livevote.db"

    @property
    def address(self) -> Path:
        """Where a running server notes its own address, so that the command line can print links to it."""
        return self.data / "livevote.url"

    @property
    def checkpoints(self) -> Path:
        """The directory of the signed checkpoints: outside the database, which they are there to contradict."""
        return self.data / "checkpoints"

    @property
    def imported(self) -> Path:
        """The directory of the checkpoints that came with imported rooms: evidence for people, which no start reads."""
        return self.checkpoints / "imported"

    @property
    def pictures(self) -> Path:
        """The directory of the pictures that questions show."""
        return self.data / "pictures"

    @property
    def states(self) -> Path:
        """The directory of the saved states: a cache, which may be deleted while no server runs."""
        return self.data / "states"

    @property
    def keys(self) -> Path:
        """The directory of the secrets, so that data can be copied without them."""
        return self.data / "keys"

    def command(self, words: str) -> str:
        """``words`` as a command about this data directory, in quotation marks, such as ``'livevote rooms'``."""
        elsewhere = "" if self.data == Config().data else f" --data {shlex.quote(str(self.data))}"
        return f"'livevote {words}{elsewhere}'"

    def no_such_room(self, code: str) -> NoSuchRoomError:
        """The failure of whoever asks this data directory for a room that is not there."""
        return NoSuchRoomError(f"There is no room {code} in {self.data}. {self.command('rooms')} lists them.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings."""

    name: str
    default: Any
    text: str

    @property
    def flag(self) -> str:
        """``--no-x`` for what is on by default, else ``--x``."""
        name = self.name.replace("_", "-")
        return f"--no-{name}" if self.default is True else f"--{name}"

    @property
    def variable(self) -> str:
        return f"LIVEVOTE_{self.name.upper()}"


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(found.name, found.default, found.metadata["help"]) for found in fields(Config)
)
