"""What a voter or a host may ask of a room, as typed values."""

import msgspec

from livevote.domain.records import Level


class CastBallot(msgspec.Struct, frozen=True, gc=False):
    """A voter's answer, still in the client's own JSON.

    ``voter`` is the pseudonym for this question, ``id`` the client's name for the ballot (sent again unchanged on a
    retry) and ``salt`` 16 fresh random bytes for the commitment. ``code`` is the list and the place of the one-time
    code that the voter has entered, None for a voter without one.
    """

    voter: str
    id: str
    question: str
    round: int
    answer: bytes
    salt: bytes
    code: tuple[int, int] | None = None


class CreateRoom(msgspec.Struct, frozen=True):
    """Begin a room's log. ``code`` is free in this data directory."""

    code: str
    title: str


class HostCommand(msgspec.Struct, frozen=True, tag_field="type"):
    """What the host of a room may ask."""


class AddQuestion(HostCommand, tag="add_question", frozen=True):
    """Add a question in draft. ``rules`` is JSON for the kind; ``changeable`` lets voters change their answer.

    ``level``: of what it takes one ballot each.
    """

    kind: str
    text: str
    options: tuple[str, ...] = ()
    rules: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    changeable: bool = True
    level: Level = "browser"


class OnQuestion(HostCommand, frozen=True):
    """A command on one question's latest round."""

    question: str


class OpenVoting(OnQuestion, tag="open", frozen=True):
    """Begin the first round."""


class CloseVoting(OnQuestion, tag="close", frozen=True):
    """End the round for good."""


class RevealResults(OnQuestion, tag="reveal", frozen=True):
    """Show the round's results to everybody, live while voting goes on."""


class HideResults(OnQuestion, tag="hide", frozen=True):
    """Show the round's results to the host alone."""


class AskAgain(OnQuestion, tag="ask_again", frozen=True):
    """Begin the next round of a closed question, with no ballots and hidden results."""


class SwitchReceipts(HostCommand, tag="switch_receipts", frozen=True):
    """Give voters receipts, or give none from now on."""

    on: bool


class PublishReplay(HostCommand, tag="publish_replay", frozen=True):
    """Let everybody watch the replay, or the host alone."""

    public: bool


class EraseAnswer(msgspec.Struct, frozen=True):
    """Erase the answer of the ballot at log index ``index``, as its voter demanded."""

    index: int


class AcceptRecovery(msgspec.Struct, frozen=True):
    """Go on with a log that contradicts its checkpoints. The fields are those of the record."""

    origin: str
    kept: int
    lost: int
    root: str


class IssueCodes(msgspec.Struct, frozen=True):
    """Issue one-time codes as the room's next list. The fields are those of the record."""

    count: int
    root: str


class UseCode(msgspec.Struct, frozen=True):
    """Enter the code at ``place`` of the list number ``list``, from the browser that is called ``by``."""

    list: int
    place: int
    by: str


AnyHostCommand = (
    AddQuestion | OpenVoting | CloseVoting | RevealResults | HideResults | AskAgain | SwitchReceipts | PublishReplay
)
OperatorCommand = CreateRoom | EraseAnswer | AcceptRecovery | IssueCodes
Command = CastBallot | UseCode | OperatorCommand | AnyHostCommand
