"""The client's side of the wire, written from ``docs/protocol.md`` and not from the server's own types.

Only the fields that a measurement reads are declared; the decoder skips the rest.
"""

import secrets

import msgspec


class Tally(msgspec.Struct, frozen=True, tag_field="type", tag="tally"):
    """A result on a screen."""

    question: str
    round: int
    counts: tuple[int, ...]
    voters: int
    as_of: int


class QuestionInfo(msgspec.Struct, frozen=True):
    """The question that a voter sees."""

    id: str
    round: int
    phase: str
    revealed: bool


class State(msgspec.Struct, frozen=True, tag_field="type", tag="state"):
    """All that a voter's page shows."""

    epoch: str
    as_of: int
    question: QuestionInfo | None
    tally: Tally | None


class Mine(msgspec.Struct, frozen=True, tag_field="type", tag="mine"):
    """The voter's own ballot, or that there is none."""

    id: str | None


class Recorded(msgspec.Struct, frozen=True, tag_field="type", tag="recorded"):
    """The vote is on disk."""

    id: str
    index: int
    rev: int


class Rejected(msgspec.Struct, frozen=True, tag_field="type", tag="rejected"):
    """The vote was refused for good."""

    id: str | None
    code: str


class Unknown(msgspec.Struct, frozen=True, tag_field="type", tag="unknown"):
    """The vote has to be sent again."""

    id: str
    code: str
    retry_ms: int


class HostQuestion(msgspec.Struct, frozen=True):
    """A question with its result, as the host sees it."""

    id: str
    round: int
    counts: tuple[int, ...]
    voters: int


class HostState(msgspec.Struct, frozen=True):
    """The answer to ``GET /api/rooms/{code}``."""

    as_of: int
    online: int
    questions: tuple[HostQuestion, ...]


class NewRoom(msgspec.Struct, frozen=True):
    """The answer to ``POST /api/rooms``."""

    code: str
    host_token: str


class Done(msgspec.Struct, frozen=True):
    """The answer to a command of the host."""

    as_of: int
    question: str


FromServer = State | Tally | Mine | Recorded | Rejected | Unknown

from_server = msgspec.json.Decoder(FromServer)


def new_id() -> str:
    """A name for a ballot: 128 random bits."""
    return secrets.token_urlsafe(16)


def vote(ballot: str, question: str, round_number: int, choice: int) -> bytes:
    """A single choice as the text of a frame."""
    return (
        f'{{"type":"vote","id":"{ballot}","question":"{question}","round":{round_number},"answer":{{"choices":[{choice}]}}}}'
    ).encode()


class Written(msgspec.Struct, frozen=True):
    """What was made durable since the start: one batch is one fsync."""

    batches: int
    records: int
    largest_batch: int
