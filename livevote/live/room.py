"""A room while it runs: its state, its key and everybody who is connected to it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast

from livevote.clock import Clock
from livevote.domain.records import BallotCast, CohostRevoked, Entry, VotingClosed
from livevote.domain.room import apply
from livevote.domain.state import Question, Room, Round
from livevote.keys import RoomKey
from livevote.live import views
from livevote.live.hub import Channel, Role, Subscriber
from livevote.live.outcome import Scribe
from livevote.live.seal import Seal
from livevote.live.vitals import Vitals
from livevote.log import Reader
from livevote.protocol import codec
from livevote.protocol.messages import Fingerprint, HealthInfo, HostState, VoterState, WallState

_SECOND_MS = 1000


class Voter(Subscriber, Protocol):
    """A voter's socket: a subscriber that belongs to a session."""

    @property
    def session(self) -> str:
        """The session of its cookie."""


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
        self.vitals = Vitals(clock=clock)
        self.seal = Seal()
        self.apart: Apart | None = None
        """None for a room in the log of all rooms."""
        self.commanded = state.head
        """The log index up to which something other than a ballot may have come."""
        self._clock = clock
        self._base_url = base_url
        self._unanswered_ms = unanswered_ms
        self._sessions: dict[str, dict[Voter, None]] = {}
        self._cohosts: dict[Subscriber, str] = {}
        self._health_shown: tuple[int | None, ...] = ()
        self._fingerprint: Fingerprint | None = None

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

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Fold entries that came back from the log, and note who has to see them. Whether all are ballots."""
        state, only_ballots = self.state, True
        for entry in entries:
            apply(state, entry)
            if type(entry.record) is not BallotCast:
                only_ballots = False
                self.commanded = entry.index
                if type(entry.record) is CohostRevoked:
                    self._dismiss(entry.record.id)
        self.seal.add(entries)
        # A host's command is the last of its batch, so this is the log as it was when the round ended.
        if isinstance(entries[-1].record, VotingClosed):
            self._fingerprint = self._read_fingerprint()
        self.channel.changed(full=not only_ballots)
        return only_ballots

    def join(self, voter: Voter, *, limit: int) -> None:
        """A voter's page opened: it gets the state and its own ballot at once, and every tick from now on.

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
        self.channel.join(voter, "voter")

    def leave(self, voter: Voter, *, clean: bool = False) -> None:
        """A voter's page closed, by itself if ``clean``. Safe to call twice."""
        tabs = self._sessions.get(voter.session, {})
        if voter in tabs:
            del tabs[voter]
            if not tabs:
                del self._sessions[voter.session]
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

    def host_state(self) -> bytes:
        """The host's state as plain JSON."""
        return codec.encode(self._host_state())

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

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        if role != "voter":
            subscriber.send(codec.frame(self._host_state() if role == "host" else self._wall_state()))
            return
        subscriber.send(codec.frame(self._voter_state()))
        if self.state.current is not None:
            voter = cast("Voter", subscriber)
            subscriber.send(self._mine_frame(voter.session, self.state.current, self.state.current.rounds[-1]))

    def _mine_frame(self, session: str, question: Question, asked: Round) -> bytes:
        return codec.frame(views.mine(question, asked, asked.ballots.get(self.key.pseudonym(session, question.id))))

    def _voter_state(self) -> VoterState:
        return views.voter_state(self.state, at=self._clock.now_ms(), rehearsal=self.rehearsal)

    def _wall_state(self) -> WallState:
        return views.wall_state(
            self.state,
            at=self._clock.now_ms(),
            join_url=self._join_url(),
            online=self.online,
            fingerprint=self._closed_with(),
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
        return views.host_state(
            self.state,
            at=self._clock.now_ms(),
            join_url=self._join_url(),
            health=health,
            rehearsal=self.rehearsal,
        )

    def _health(self) -> HealthInfo:
        return HealthInfo(
            online=self.online,
            reconnecting=self.vitals.reconnecting,
            delay_ms=self.vitals.delay_ms,
            oldest_unanswered_ms=self._unanswered_ms(),
        )

    def show_health(self) -> None:
        """Send the hosts a new state if the room is doing otherwise than they were told."""
        if self.channel.subscribers("host") and _rough(self._health()) != self._health_shown:
            self.channel.refresh("host")


def _rough(health: HealthInfo) -> tuple[int | None, ...]:
    """What of it is worth a frame by itself: that an answer takes some milliseconds is no news."""
    return health.online, health.reconnecting, health.delay_ms, health.oldest_unanswered_ms // _SECOND_MS
