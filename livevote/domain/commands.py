"""What a voter or a host may ask of a room, as typed values."""

import msgspec


class CastBallot(msgspec.Struct, frozen=True, gc=False):
    """A voter's answer, still in the client's own JSON.

    ``voter`` is the pseudonym for this question, ``id`` the client's name for the ballot (sent again unchanged on a
    retry) and ``salt`` 16 fresh random bytes for the commitment.
    """

    voter: str
    id: str
    question: str
    round: int
    answer: bytes
    salt: bytes


class CreateRoom(msgspec.Struct, frozen=True):
    """Begin a room's log. ``code`` is free in this data directory."""

    code: str
    title: str


class HostCommand(msgspec.Struct, frozen=True, tag_field="type"):
    """What the host of a room may ask."""


class AddQuestion(HostCommand, tag="add_question", frozen=True):
    """Add a question in draft. ``rules`` is JSON for the kind; ``changeable`` lets voters change their answer."""

    kind: str
    text: str
    options: tuple[str, ...] = ()
    rules: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    changeable: bool = True


class OnQuestion(HostCommand, frozen=True):
    """A command on one question's latest round."""

    question: str


class OpenVoting(OnQuestion, tag="open", frozen=True):
    """Begin the first round, which is closed by itself after so many ``seconds`` where they are given."""

    seconds: int | None = None


class CloseVoting(OnQuestion, tag="close", frozen=True):
    """End the round for good.

    With ``round``: only if that is the latest one; with ``closes_at``: only if that is still its planned end. Timers
    give both, because a host may be quicker.
    """

    round: int | None = None
    closes_at: int | None = None


class SetTimer(OnQuestion, tag="set_timer", frozen=True):
    """Let the open round be closed so many ``seconds`` from now; None: not by itself."""

    seconds: int | None


class RevealResults(OnQuestion, tag="reveal", frozen=True):
    """Show the round's results to everybody, live while voting goes on."""


class HideResults(OnQuestion, tag="hide", frozen=True):
    """Show the round's results to the host alone."""


class AskAgain(OnQuestion, tag="ask_again", frozen=True):
    """Begin the next round of a closed question, with no ballots and hidden results; ``seconds`` as when it opens."""

    seconds: int | None = None


class SwitchReceipts(HostCommand, tag="switch_receipts", frozen=True):
    """Give voters receipts, or give none from now on."""

    on: bool


class PublishReplay(HostCommand, tag="publish_replay", frozen=True):
    """Let everybody watch the replay, or the host alone."""

    public: bool


class JudgeTerms(OnQuestion, tag="judge_terms", frozen=True):
    """Show, or hide, the texts with these keys (at most 500) in the result of a round."""

    round: int
    keys: tuple[str, ...]
    shown: bool


class AddCohost(HostCommand, tag="add_cohost", frozen=True):
    """Let somebody else host the room as well. The name is for the host's list."""

    name: str


class RevokeCohost(HostCommand, tag="revoke_cohost", frozen=True):
    """Let a co-host's link lead nowhere any more, from now on."""

    id: str


class SetEmbedding(HostCommand, tag="set_embedding", frozen=True):
    """Let these sites, and no others, show the room's wall in a frame: origins, ``*`` for all, ``file:`` for disks."""

    ancestors: tuple[str, ...]


class EraseAnswer(msgspec.Struct, frozen=True):
    """Erase the answer of the ballot at log index ``index``, as its voter demanded."""

    index: int


class AcceptRecovery(msgspec.Struct, frozen=True):
    """Go on with a log that contradicts its checkpoints. The fields are those of the record."""

    origin: str
    kept: int
    lost: int
    root: str


AnyHostCommand = (
    AddQuestion
    | OpenVoting
    | CloseVoting
    | RevealResults
    | HideResults
    | AskAgain
    | SwitchReceipts
    | PublishReplay
    | JudgeTerms
    | SetTimer
    | AddCohost
    | RevokeCohost
    | SetEmbedding
)


class AsCohost(msgspec.Struct, frozen=True):
    """A host's command that came over the link of the co-host ``id``: it is void where a revocation is before it."""

    id: str
    command: AnyHostCommand


OperatorCommand = CreateRoom | EraseAnswer | AcceptRecovery
Command = CastBallot | OperatorCommand | AnyHostCommand | AsCohost
