"""The messages of the socket as typed values. ``docs/protocol.md`` is their reference."""

from typing import Annotated

import msgspec

from livevote.domain.kinds.base import Figures
from livevote.domain.state import Phase


class Vote(msgspec.Struct, frozen=True, tag_field="type", tag="vote", gc=False):
    """A voter's answer. ``id`` names the ballot: random, new for every ballot, unchanged when it is sent again.

    It has 1 to 64 of the characters of base64url, which ``codec.decode`` checks in half the time of a pattern here.
    """

    id: str
    question: Annotated[str, msgspec.Meta(max_length=32)]
    round: int
    answer: msgspec.Raw


class Sync(msgspec.Struct, frozen=True, tag_field="type", tag="sync"):
    """Ask for the state now: after sleep, or to see whether the connection is alive."""


class RoomInfo(msgspec.Struct, frozen=True):
    """What a room is called."""

    code: str
    title: str


class TallyMessage(msgspec.Struct, frozen=True, tag_field="type", tag="tally"):
    """A revealed round's result as of log index ``as_of``: one count for each option or value, and how many voted.

    ``figures`` are what the kind says beside that: a mean, winners, texts. Rationals are [numerator, denominator].
    """

    question: str
    round: int
    counts: tuple[int, ...]
    voters: int
    as_of: int
    figures: Figures = {}


class QuestionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A question as voters see it. ``options`` count from 0 in answers; ``round`` is 0 before the first opening.

    ``bins`` say what each of a result's counts counts, and are empty where that is the options. ``rules`` have none of
    a solution in them. ``closes_at`` is the planned end of the open round in ms on the server's clock; None without a
    timer.
    """

    id: str
    kind: str
    text: str
    options: tuple[str, ...]
    bins: tuple[str, ...]
    rules: msgspec.Raw
    changeable: bool
    round: int
    phase: Phase
    revealed: bool
    closes_at: int | None


class TermInfo(msgspec.Struct, frozen=True, array_like=True):
    """A text that ``count`` voters wrote; ``key`` is its name in ``judge_terms``."""

    key: str
    text: str
    count: int


class RoundInfo(msgspec.Struct, frozen=True):
    """The result of a round that was followed by another one."""

    round: int
    counts: tuple[int, ...]
    voters: int
    figures: Figures


class HostQuestionInfo(QuestionInfo, frozen=True, kw_only=True):
    """A question as the host sees it, with its latest round's result whether revealed or not, and the earlier ones.

    ``rounds`` are the rounds before the latest, oldest first, and of many the newest. ``rules`` are whole. What voters
    wrote in the latest round is ``shown``, ``pending`` (until the host has judged it) or ``hidden``: of each at most
    500, most frequent first.
    """

    counts: tuple[int, ...]
    voters: int
    figures: Figures
    rounds: tuple[RoundInfo, ...]
    shown: tuple[TermInfo, ...]
    pending: tuple[TermInfo, ...]
    hidden: tuple[TermInfo, ...]


class VoterState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that a voter's page shows. ``at`` is the server's clock in ms; ``question`` is None in the waiting room.

    ``epoch`` names the incarnation of the log; ``replay`` says whether everybody may watch the room's replay.
    ``rehearsal``: the room is one, and nothing in it counts.
    """

    epoch: str
    as_of: int
    at: int
    role: str
    room: RoomInfo
    question: QuestionInfo | None
    tally: TallyMessage | None
    replay: bool
    rehearsal: bool


class Fingerprint(msgspec.Struct, frozen=True):
    """The log's Merkle root (RFC 6962, lower-case hex) over its first ``as_of`` records."""

    as_of: int
    root: str


class WallState(VoterState, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that a wall shows: what every voter sees, how many voted, and where to join.

    ``voted`` counts the ballots of the current round, also while its result is hidden; ``online`` voters with an open
    page. ``fingerprint`` is None until the round is closed. ``join_url`` is where other machines find the room.
    """

    voted: int
    online: int
    fingerprint: Fingerprint | None
    join_url: str


class RecoveryInfo(msgspec.Struct, frozen=True):
    """The operator went on with a log that contradicted its checkpoints, at ``at`` (ms since 1970).

    The log had ``by_checkpoints`` records by its checkpoints; those after the first ``kept`` may be lost or changed.
    """

    at: int
    by_checkpoints: int
    kept: int


class CohostInfo(msgspec.Struct, frozen=True):
    """Somebody who may host the room by a link of their own."""

    id: str
    name: str


class HealthInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How the room is doing.

    ``online`` counts voters with an open page, ``reconnecting`` those whose last page has vanished without a word less
    than a minute ago. ``delay_ms`` is the median of the newest round trips to voters' pages, None where none was
    measured; ``oldest_unanswered_ms`` is how long the oldest vote or command of this server waits for its answer.
    """

    online: int
    reconnecting: int
    delay_ms: int | None
    oldest_unanswered_ms: int


class HostState(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """All that the host's page shows. ``online`` counts voters with an open page; ``current`` was opened last.

    ``join_url`` is where other machines find the room, for a host who looks at the server on its own machine;
    ``embedding`` are the sites that may show the wall in a frame; ``rehearsal`` is as for voters.
    """

    epoch: str
    as_of: int
    at: int
    role: str
    room: RoomInfo
    join_url: str
    online: int
    receipts: bool
    replay_public: bool
    current: str | None
    questions: tuple[HostQuestionInfo, ...]
    recoveries: tuple[RecoveryInfo, ...]
    cohosts: tuple[CohostInfo, ...]
    health: HealthInfo
    embedding: tuple[str, ...]
    rehearsal: bool


class Mine(msgspec.Struct, frozen=True, tag_field="type", tag="mine"):
    """The ballot of this voter that counts in the round; all None where there is none."""

    question: str
    round: int
    id: str | None = None
    index: int | None = None
    rev: int | None = None
    at: int | None = None
    answer: msgspec.Raw = msgspec.Raw(b"null")


class ReceiptInfo(msgspec.Struct, frozen=True):
    """What makes a recorded ballot checkable, beside what its voter knows. ``salt``, ``leaf``, ``chain`` are hex."""

    voter: str
    supersedes: int | None
    salt: str
    leaf: str
    chain: str


class Recorded(msgspec.Struct, frozen=True, tag_field="type", tag="recorded"):
    """The ballot is on disk, for good, at log index ``index``; ``at`` is when, in ms since 1970.

    ``receipt`` is None in a room that gives none, and for a ballot whose answer was erased.
    """

    id: str
    question: str
    round: int
    index: int
    rev: int
    at: int
    receipt: ReceiptInfo | None = None


class Rejected(msgspec.Struct, frozen=True, tag_field="type", tag="rejected"):
    """The ballot is not in the log and never will be. ``id`` is None where the message had none to read."""

    id: str | None
    code: str
    message: str


class Unknown(msgspec.Struct, frozen=True, tag_field="type", tag="unknown"):
    """Nothing is decided: send the same id again after ``retry_ms``."""

    id: str
    code: str
    message: str
    retry_ms: int


FromClient = Vote | Sync
ToClient = VoterState | WallState | HostState | TallyMessage | Mine | Recorded | Rejected | Unknown
