"""A room while it runs: its state, its key and everybody who is connected to it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast

import msgspec

from livevote.clock import Clock
from livevote.domain.quiz import scorer
from livevote.domain.records import (
    ERASURES,
    BallotCast,
    CodeUsed,
    CohostRevoked,
    Entry,
    LeaderboardShown,
    NameErased,
    PlayerNamed,
    RoomErased,
    SolutionShown,
    VotingClosed,
)
from livevote.domain.room import apply
from livevote.domain.standings import Standings
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.keys import RoomKey
from livevote.live import views
from livevote.live.hub import SLICE_S, Channel, Part, Role, Subscriber
from livevote.live.outcome import Scribe
from livevote.live.parts import ON_BOARD, Parts
from livevote.live.seal import Seal
from livevote.live.vitals import Vitals
from livevote.log import Reader
from livevote.protocol import codec
from livevote.protocol.messages import (
    Fingerprint,
    HealthInfo,
    HostQuestionInfo,
    HostState,
    LeaderboardInfo,
    Reaction,
    VoterState,
    WallState,
)

_SECOND_MS = 1000

_OF_VOTERS = (CodeUsed, PlayerNamed)
"""Records that come from voters, beside their ballots."""
_MOVES_PLACES = (SolutionShown, LeaderboardShown, NameErased, RoomErased)
"""Records after which every voter is told the own place. Others move none, or the voter's alone."""


class Voter(Subscriber, Protocol):
    """A voter's socket: a subscriber that belongs to a session."""

    @property
    def session(self) -> str:
        """The session of its cookie."""


class HeldCode(msgspec.Struct, frozen=True):
    """A one-time code that a browser has entered: its list and place in the log, and who it makes the browser."""

    place: tuple[int, int]
    identity: str


class Apart(NamedTuple):
    """Of a rehearsal: who writes its log, and that log. No other may get anything of it."""

    writer: Scribe
    log: Reader


class LiveRoom:
    """One room. Only ``registry.Registry.apply`` moves its state."""

    def __init__(
        self,
        state: Room,
        *,
        key: RoomKey,
        clock: Clock,
        base_url: Callable[[], str],
        unanswered_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self.state = state
        self.key = key
        self.channel = Channel(views=self, clock=clock)
        self._parts = Parts(state, key=key, channel=self.channel, clock=clock)
        self.vitals = Vitals(clock=clock)
        self.seal = Seal()
        self.apart: Apart | None = None
        """None for a room in the log of all rooms."""
        self.commanded = state.head
        """The log index up to which something other than a voter's record may have come."""
        self.erased = 0
        """The log index of the last erasure that came while the server ran."""
        self._standings = Standings()
        self._added_up_to = -1
        self._earned: tuple[Round, Callable[[Ballot | None], int]] | None = None
        self._clock = clock
        self._base_url = base_url
        self._unanswered_ms = unanswered_ms
        self._sessions: dict[str, dict[Voter, None]] = {}
        self._cohosts: dict[Subscriber, str] = {}
        self._health_shown: tuple[int | None, ...] = ()
        self._fingerprint: Fingerprint | None = None
        self._codes: dict[str, HeldCode] = {}
        """The codes of those sessions that have one."""
        self._questions: dict[str, HostQuestionInfo] = {}
        """What the host was shown of questions that are not open: 200 with ten rounds each take 3 ms to make."""
        self._questions_of = state.head
        """The value of ``commanded`` when they were made."""

    @property
    def code(self) -> str:
        return self.state.code

    @property
    def rehearsal(self) -> bool:
        """Whether nothing of it counts or is kept."""
        return self.apart is not None

    @property
    def online(self) -> int:
        """Voters with at least one open page."""
        return len(self._sessions)

    def scope(self, question: str) -> str | None:
        """What a voter has one pseudonym for: the question, or None for all that the room asks of browsers."""
        asked = self.state.questions.get(question)
        by_code = asked is not None and asked.level == "code"
        return None if self.state.linked and not by_code else question

    def pseudonym(self, session: str, question: str) -> str:
        """The name on this browser's ballots of a question: its code's, where a ballot takes one, else its own.

        Nothing else may derive one: a second way to it would be a second vote.
        """
        asked, held = self.state.questions.get(question), self._codes.get(session)
        if held is not None and asked is not None and asked.level == "code":
            return self.key.pseudonym_by_code(held.identity, question)
        scope = self.scope(question)
        return self.key.player(session) if scope is None else self.key.pseudonym(session, scope)

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Fold entries that came back from the log, and note who has to see them.

        Whether none of them is a command of the host that is more than about single posts.
        """
        state = self.state
        others: list[Entry] = []
        for entry in entries:
            apply(state, entry)
            if type(entry.record) is not BallotCast:
                others.append(entry)
        self.seal.add(entries)
        # A host's command is the last of its batch, so this is the log as it was when the round ended.
        if isinstance(entries[-1].record, VotingClosed):
            self._fingerprint = self._read_fingerprint()
        posts = [entry for entry in others if isinstance(entry.record, ON_BOARD)]
        commands = [entry for entry in others if not isinstance(entry.record, (*ON_BOARD, *_OF_VOTERS))]
        own = False
        for entry in commands:
            self.commanded = entry.index
            if isinstance(entry.record, _MOVES_PLACES):
                own = state.linked
            if isinstance(entry.record, ERASURES):
                self.erased = entry.index
            if isinstance(entry.record, (*ERASURES, RoomErased)):
                self._questions.clear()  # texts of voters are in there, and maybe no host comes to see them go
            if isinstance(entry.record, CohostRevoked):
                self._dismiss(entry.record.id)
        if len(posts) < len(entries):
            self.channel.changed(full=bool(commands), own=own)
        if others:
            for author in self._parts.take(others):
                self.show_posts(author)
        return not commands

    def join(self, voter: Voter, *, limit: int, code: HeldCode | None = None) -> None:
        """A voter's page opened: it gets the state and its own ballot at once, and every tick from now on.

        ``code`` is the one-time code that its browser has entered.

        Beyond ``limit`` pages of one session the oldest is closed: it is most likely a socket whose phone has vanished.
        """
        tabs = self._sessions.setdefault(voter.session, {})
        while tabs and len(tabs) >= limit:
            oldest = next(iter(tabs))
            del tabs[oldest]
            self.channel.leave(oldest, "voter")
            oldest.leave_with("too_many_sockets")
        tabs[voter] = None
        self.vitals.back(voter.session)
        if code is not None:
            self._codes[voter.session] = code
        self.channel.join(voter, "voter")

    def leave(self, voter: Voter, *, clean: bool = False) -> None:
        """A voter's page closed, by itself if ``clean``. Safe to call twice."""
        tabs = self._sessions.get(voter.session, {})
        if voter in tabs:
            del tabs[voter]
            if not tabs:
                del self._sessions[voter.session]
                self._codes.pop(voter.session, None)
                self._parts.left(voter.session)
                if not clean:
                    self.vitals.lost(voter.session)
        self.channel.leave(voter, "voter")

    def join_host(self, page: Subscriber, *, cohost: str) -> None:
        """A host's page opened: that of the co-host with this id, or of the host where it is empty."""
        if cohost:
            self._cohosts[page] = cohost
        self.channel.join(page, "host")

    def leave_host(self, page: Subscriber) -> None:
        """A host's page closed. Safe to call twice."""
        self._cohosts.pop(page, None)
        self.channel.leave(page, "host")

    def _dismiss(self, cohost: str) -> None:
        """Close the pages of somebody who is a host no longer."""
        for page in [page for page, id in self._cohosts.items() if id == cohost]:
            self.leave_host(page)
            page.leave_with("not_the_host")

    def voters(self) -> list[Voter]:
        """Every open page of a voter, as of now."""
        return [page for pages in self._sessions.values() for page in pages]

    def enter_code(self, session: str, code: HeldCode) -> None:
        """A browser has entered a one-time code: its open pages vote with it from now on, and show its ballot."""
        tabs = self._sessions.get(session)
        if tabs:
            self._codes[session] = code
            for tab in tabs:
                self.channel.sync(tab, "voter")

    def code_of(self, session: str) -> tuple[int, int] | None:
        """List and place of the code with which a browser votes that has a page open."""
        held = self._codes.get(session)
        return None if held is None else held.place

    def tell_other_tabs(self, voter: Voter, question: str, round_: int) -> None:
        """Show the ballot that ``voter`` has just cast on one page to the same voter's other pages.

        A page that may not show the round yet gets the state first, because it drops the ballots of other rounds.
        """
        tabs = self._sessions.get(voter.session, {})
        if len(tabs) < 2 and voter in tabs:
            return
        for tab in tabs:
            if tab is voter:
                continue
            if self.channel.behind(tab):
                self.channel.sync(tab, "voter")
            else:
                asked = self.state.questions[question]
                tab.send(self._mine_frame(voter.session, asked, asked.rounds[round_ - 1]))

    def tell_tabs(self, session: str) -> None:
        """Show a voter's new name on all the voter's pages."""
        for tab in self._sessions.get(session, {}):
            if self.channel.behind(tab):
                self.channel.sync(tab, "voter")
            elif (frame := self.own(tab)) is not None:
                tab.send(frame)

    def names_of(self, session: str) -> int:
        """How many names the voter has had in this room."""
        return len(self.state.names.get(self.key.player(session), ()))

    @property
    def _added_up(self) -> bool:
        """Whether the standings are those of this moment. Asked for each voter; only commands can change it."""
        if self._added_up_to != self.commanded and not self._standings.behind(self.state):
            self._added_up_to = self.commanded
        return self._added_up_to == self.commanded

    async def prepare(self) -> None:
        """Add up the points of solutions that were shown since, in slices."""
        while not self._added_up:
            slice_ends_s = self._clock.monotonic_s() + SLICE_S
            for _ in self._standings.update(self.state):
                if self._clock.monotonic_s() > slice_ends_s:
                    await asyncio.sleep(0)
                    slice_ends_s = self._clock.monotonic_s() + SLICE_S

    def own(self, subscriber: Subscriber) -> bytes | None:
        # What is not added up yet is sent with the tick that adds it up.
        if not self.state.linked or not self._added_up:
            return None
        session = cast("Voter", subscriber).session
        player, earned = self.key.player(session), self._points_now(session)
        return codec.frame(views.place(self.state, self._standings, player, earned=earned))

    def _points_now(self, session: str) -> int | None:
        """What the voter has earned in the current round, once its solution is shown."""
        question = self.state.current
        if question is None or not question.rounds[-1].solved:
            return None
        asked = question.rounds[-1]
        if self._earned is None or self._earned[0] is not asked:
            self._earned = asked, scorer(question, asked)
        return self._earned[1](asked.ballots.get(self.pseudonym(session, question.id)))

    def leaderboard(self) -> LeaderboardInfo | None:
        """The first places; None in a room that adds up nothing, and until it is added up."""
        if not self.state.linked or not self._added_up:
            return None
        return views.leaderboard(self.state, self._standings)

    def show_posts(self, session: str, *, but: Voter | None = None) -> None:
        """Show a voter's own posts and upvotes as they are now on all of the voter's pages, but for one."""
        for tab in self._sessions.get(session, ()):
            if tab is but:
                continue
            if tab.writing:
                self.channel.sync(tab, "voter")
            else:
                tab.send(self._parts.posts_of(session))

    def react(self, kind: Reaction) -> None:
        """A voter reacted: those who look at the pulse are shown it."""
        self._parts.react(kind)

    def host_state(self) -> bytes:
        """The host's state as plain JSON."""
        return codec.encode(self._host_state())

    def host_board(self) -> bytes:
        """The board as its host sees it, as plain JSON."""
        return codec.encode(views.host_board(self.state))

    def tick(self, role: Role, *, full: bool) -> bytes | None:
        # A room has a few hosts and walls and thousands of voters, so only the voters' frames need to be small.
        if role == "host":
            return codec.frame(self._host_state())
        if role == "wall":
            return codec.frame(self._wall_state())
        if full:
            return codec.frame(self._voter_state())
        tally = views.voter_tally(self.state)
        return None if tally is None else codec.frame(tally)

    def part(self, part: Part, role: Role) -> bytes | None:
        return self._parts.frame(part, role)

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        if not self._added_up:
            # After a start, or while it is being added up: then it comes with the next tick.
            self.channel.changed(full=True, own=True)
        if role == "host":
            subscriber.send(codec.frame(self._host_state()))
        elif role == "wall":
            subscriber.send(codec.frame(self._wall_state()))
        else:
            subscriber.send(codec.frame(self._voter_state()))
            if self.state.current is not None:
                voter = cast("Voter", subscriber)
                subscriber.send(self._mine_frame(voter.session, self.state.current, self.state.current.rounds[-1]))
            if (own := self.own(subscriber)) is not None:
                subscriber.send(own)
        self._parts.catch_up(subscriber, role)
        if role == "voter" and self.state.board.on:
            subscriber.send(self._parts.posts_of(cast("Voter", subscriber).session))

    def _mine_frame(self, session: str, question: Question, asked: Round) -> bytes:
        return codec.frame(views.mine(question, asked, asked.ballots.get(self.pseudonym(session, question.id))))

    def _voter_state(self) -> VoterState:
        return views.voter_state(self.state, at=self._clock.now_ms(), rehearsal=self.rehearsal)

    def _wall_state(self) -> WallState:
        return views.wall_state(
            self.state,
            at=self._clock.now_ms(),
            join_url=self._join_url(),
            online=self.online,
            fingerprint=self._closed_with(),
            leaderboard=self.leaderboard(),
            rehearsal=self.rehearsal,
        )

    def _closed_with(self) -> Fingerprint | None:
        """The log's fingerprint when the current round was closed; after a restart, as of the first time of asking."""
        current = self.state.current
        if current is None or current.phase != "closed":
            return None
        if self._fingerprint is None:
            self._fingerprint = self._read_fingerprint()
        return self._fingerprint

    def _read_fingerprint(self) -> Fingerprint:
        return Fingerprint(self.seal.size, self.seal.root.hex())

    def _join_url(self) -> str:
        return f"{self._base_url()}/{self.code}"

    def _host_state(self) -> HostState:
        health = self._health()
        self._health_shown = _rough(health)
        if self._questions_of != self.commanded:
            self._questions.clear()
            self._questions_of = self.commanded
        return views.host_state(
            self.state,
            at=self._clock.now_ms(),
            join_url=self._join_url(),
            health=health,
            leaderboard=self.leaderboard(),
            rehearsal=self.rehearsal,
            kept=self._questions,
        )

    def _health(self) -> HealthInfo:
        return HealthInfo(
            online=self.online,
            reconnecting=self.vitals.reconnecting,
            delay_ms=self.vitals.delay_ms,
            oldest_unanswered_ms=self._unanswered_ms(),
            checks=self.vitals.checks,
        )

    def show_health(self) -> None:
        """Send the hosts a new state if the room is doing otherwise than they were told."""
        if self.channel.subscribers("host") and _rough(self._health()) != self._health_shown:
            self.channel.refresh("host")


def _rough(health: HealthInfo) -> tuple[int | None, ...]:
    """What of it is worth a frame by itself: that an answer takes some milliseconds is no news."""
    checks = health.checks
    waiting_s = health.oldest_unanswered_ms // _SECOND_MS
    return health.online, health.reconnecting, health.delay_ms, waiting_s, checks.ok, checks.failed
