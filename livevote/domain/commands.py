"""What a voter or a host may ask of a room, as typed values."""

from typing import Annotated

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
    linked: bool = False
    """Whether the room had linked its pseudonyms by then: a ballot from before that counts for nobody."""


class NamePlayer(msgspec.Struct, frozen=True, gc=False):
    """A voter's name for the leaderboard. ``voter``, ``id`` and ``salt`` are as with a ballot."""

    voter: str
    id: str
    name: str
    salt: bytes


class AskPost(msgspec.Struct, frozen=True, gc=False):
    """A voter's post, in the voter's own words. ``voter`` is the pseudonym for the board, the rest as with a ballot."""

    voter: str
    id: str
    text: str
    salt: bytes


class UpvotePost(msgspec.Struct, frozen=True, gc=False):
    """Give the post at log index ``post`` this voter's upvote, or take it back."""

    voter: str
    id: str
    post: int
    on: bool


class CreateRoom(msgspec.Struct, frozen=True):
    """Begin a room's log. ``code`` is free in this data directory."""

    code: str
    title: str


class HostCommand(msgspec.Struct, frozen=True, tag_field="type"):
    """What the host of a room may ask."""


class Quiz(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is right: the option indexes ``right``, all of them and no other; for an estimate its ``truth`` instead.

    A right answer earns ``points``, which fall to their half until the end of the round if ``fading``;
    ``explanation`` is shown with the solution.
    """

    right: tuple[int, ...] = ()
    points: int = 1000
    fading: bool = False
    explanation: str = ""


class AddQuestion(HostCommand, tag="add_question", frozen=True):
    """Add a question in draft. ``rules`` is JSON for the kind; ``changeable`` lets voters change their answer.

    ``level``: of what it takes one ballot each. ``salt`` hides what is right in a ``quiz``. It is the server's own:
    what a client sends is replaced.
    """

    kind: str
    text: str
    options: tuple[str, ...] = ()
    rules: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    changeable: bool = True
    level: Level = "browser"
    quiz: Quiz | None = None
    salt: bytes = b""


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


class EditQuestion(HostCommand, tag="edit_question", frozen=True):
    """Change a question; what is left out stays as it is.

    A question that was asked takes other wording at any time. What changes its meaning needs ``meaning``: it is another
    version of the question then, and the rounds before keep the old one. ``quiz``: None makes it no quiz; what changes
    the meaning or the answers of a quiz gives a quiz as well, or None. ``salt`` is as in ``AddQuestion``.
    """

    question: str
    kind: str | None = None
    text: str | None = None
    options: tuple[str, ...] | None = None
    rules: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    changeable: bool | None = None
    meaning: bool = False
    level: Level | None = None
    quiz: Quiz | msgspec.UnsetType | None = msgspec.UNSET
    salt: bytes = b""


class RemoveQuestion(OnQuestion, tag="remove_question", frozen=True):
    """Take a question away that was never asked."""


class OrderQuestions(HostCommand, tag="order_questions", frozen=True):
    """Put the questions into this order; it names all of them."""

    questions: tuple[str, ...]


class RenameRoom(HostCommand, tag="rename_room", frozen=True):
    """Give the room another title."""

    title: str


class SetLanguage(HostCommand, tag="set_language", frozen=True):
    """Show the room's pages in ``language``, such as "de"; empty: in that of each browser."""

    language: str


class LinkPseudonyms(HostCommand, tag="link_pseudonyms", frozen=True):
    """Give every voter one pseudonym for the whole room, before anything is asked, so that points can be added up."""


class ShowSolution(OnQuestion, tag="show_solution", frozen=True):
    """Show everybody what was right in the closed round, for good, and count its points."""


class ShowLeaderboard(HostCommand, tag="show_leaderboard", frozen=True):
    """Show the leaderboard on the wall, or take it off."""

    on: bool


class RemoveName(HostCommand, tag="remove_name", frozen=True):
    """Erase the name at log index ``index``: it is no name for a leaderboard."""

    index: int


class SwitchBoard(HostCommand, tag="switch_board", frozen=True):
    """Let voters put posts on the room's board, each at most ``per_voter`` that are not answered.

    With ``approval`` a post is shown to others once the host says so.
    """

    on: bool
    approval: bool = True
    per_voter: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5


class JudgePosts(HostCommand, tag="judge_posts", frozen=True):
    """Show these posts (log indexes) to everybody, or to the host alone."""

    posts: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=500)]
    shown: bool


class PinPost(HostCommand, tag="pin_post", frozen=True):
    """Put a post (a log index) above all others; None puts none there."""

    post: int | None


class AnswerPost(HostCommand, tag="answer_post", frozen=True):
    """Mark a post (a log index) as answered, or as open again."""

    post: int
    answered: bool


class SwitchReactions(HostCommand, tag="switch_reactions", frozen=True):
    """Let voters send reactions, or no more."""

    on: bool


class EraseAnswer(msgspec.Struct, frozen=True):
    """Erase what stands at log index ``index``, as its voter demanded: a ballot's answer, a post's text or a name."""

    index: int


class EraseRoom(msgspec.Struct, frozen=True):
    """Delete all that voters of the room have written, and close it for good."""


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
    | EditQuestion
    | RemoveQuestion
    | OrderQuestions
    | RenameRoom
    | SetLanguage
    | LinkPseudonyms
    | ShowSolution
    | ShowLeaderboard
    | RemoveName
    | SwitchBoard
    | JudgePosts
    | PinPost
    | AnswerPost
    | SwitchReactions
)


class AsCohost(msgspec.Struct, frozen=True):
    """A host's command that came over the link of the co-host ``id``: it is void where a revocation is before it."""

    id: str
    command: AnyHostCommand | IssueCodes


VoterCommand = CastBallot | AskPost | UpvotePost | NamePlayer | UseCode
OperatorCommand = CreateRoom | EraseAnswer | EraseRoom | AcceptRecovery | IssueCodes
Command = VoterCommand | OperatorCommand | AnyHostCommand | AsCohost
