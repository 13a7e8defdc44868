"""A room while it runs: its state, its key and everybody who is connected to it."""

from typing import Protocol

from livevote.clock import Clock
from livevote.domain.records import BallotCast, Entry
from livevote.domain.room import apply
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.keys import RoomKey
from livevote.live import views
from livevote.live.hub import Channel, Role, Subscriber
from livevote.protocol import codec


class Voter(Subscriber, Protocol):
    """A voter's socket: a subscriber that belongs to a session."""

    @property
    def session(self) -> str:
        """The session of its cookie."""


class LiveRoom:
    """One room. Only ``registry.Registry.apply`` moves its state."""

    def __init__(self, state: Room, *, key: RoomKey, epoch: str, clock: Clock) -> None:
        self.state = state
        self.key = key
        self.channel = Channel(render=self._render, clock=clock)
        self._epoch = epoch
        self._clock = clock
        self._sessions: dict[str, set[Voter]] = {}

    @property
    def code(self) -> str:
        return self.state.code

    @property
    def online(self) -> int:
        """Voters with at least one open page."""
        return len(self._sessions)

    def apply(self, entry: Entry) -> None:
        """Fold an entry that came back from the log, and note who has to see it."""
        apply(self.state, entry)
        self.channel.changed(full=not isinstance(entry.record, BallotCast))

    def tabs(self, session: str) -> int:
        """How many sockets the session has open here."""
        return len(self._sessions.get(session, ()))

    def join(self, voter: Voter) -> None:
        """A voter's page opened: it gets the state and its own ballot at once, and every tick from now on."""
        self._sessions.setdefault(voter.session, set()).add(voter)
        self.sync(voter)
        self.channel.join(voter, "voter")

    def leave(self, voter: Voter) -> None:
        """A voter's page closed."""
        tabs = self._sessions.get(voter.session, set())
        tabs.discard(voter)
        if not tabs:
            self._sessions.pop(voter.session, None)
        self.channel.leave(voter, "voter")

    def sync(self, voter: Voter) -> None:
        """Send the state, then the voter's own ballot in the current round."""
        voter.send(self.state_frame("voter"))
        current = self.state.current
        if current is not None:
            ballot = current.rounds[-1].ballots.get(self.key.pseudonym(voter.session, current.id))
            self._send_mine(voter, current, current.rounds[-1], ballot)

    def tell_other_tabs(self, voter: Voter, question: str, round_: int) -> None:
        """Show the ballot that ``voter`` has just cast on one page to the same voter's other pages."""
        others = [tab for tab in self._sessions.get(voter.session, ()) if tab is not voter]
        if others:
            asked = self.state.questions[question]
            ballots = asked.rounds[round_ - 1].ballots
            ballot = ballots[self.key.pseudonym(voter.session, question)]
            for tab in others:
                self._send_mine(tab, asked, asked.rounds[round_ - 1], ballot)

    def _send_mine(self, voter: Voter, question: Question, asked: Round, ballot: Ballot | None) -> None:
        if ballot is not None and (message := views.mine(question, asked, ballot)) is not None:
            voter.send(codec.frame(message))

    def state_frame(self, role: Role) -> bytes:
        """The whole state as ``role`` may see it."""
        at = self._clock.now_ms()
        if role == "host":
            return codec.frame(views.host_state(self.state, epoch=self._epoch, at=at, online=self.online))
        return codec.frame(views.voter_state(self.state, epoch=self._epoch, at=at))

    def host_state(self) -> bytes:
        """The host's state as plain JSON."""
        at = self._clock.now_ms()
        return codec.encode(views.host_state(self.state, epoch=self._epoch, at=at, online=self.online))

    def _render(self, role: Role, *, full: bool) -> bytes | None:
        # A room has a few hosts and thousands of voters, so only the voters' frames need to be small.
        if full or role == "host":
            return self.state_frame(role)
        tally = views.voter_tally(self.state)
        return None if tally is None else codec.frame(tally)
