"""A room while it runs: its state, its key and everybody who is connected to it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import msgspec

from livevote.clock import Clock
from livevote.domain.quiz import Standings, scorer
from livevote.domain.records import (
    BallotCast,
    CodeUsed,
    Entry,
    LeaderboardShown,
    NameErased,
    PlayerNamed,
    SolutionShown,
)
from livevote.domain.room import apply
from livevote.domain.state import Ballot, Question, Room, Round
from livevote.keys import RoomKey
from livevote.live import views
from livevote.live.hub import SLICE_S, Channel, Role, Subscriber
from livevote.live.seal import Seal
from livevote.protocol import codec
from livevote.protocol.messages import HostState, LeaderboardInfo, VoterState

_OF_VOTERS = (CodeUsed, PlayerNamed)
"""Records that come from voters, beside their ballots."""
_MOVES_PLACES = (SolutionShown, LeaderboardShown, NameErased)
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


class LiveRoom:
    """One room. Only ``registry.Registry.apply`` moves its state."""

    def __init__(self, state: Room, *, key: RoomKey, clock: Clock, base_url: Callable[[], str]) -> None:
        self.state = state
        self.key = key
        self.channel = Channel(views=self, clock=clock)
        self.seal = Seal()
        self.commanded = state.head
        """The log index up to which something other than a voter's record may have come."""
        self.erased = 0
        """The log index of the last erasure that came while the server ran."""
        self._standings = Standings()
        self._added_up_to = -1
        self._earned: tuple[Round, Callable[[Ballot | None], int]] | None = None
        self._clock = clock
        self._base_url = base_url
        self._sessions: dict[str, dict[Voter, None]] = {}
        self._codes: dict[str, HeldCode] = {}
        """The codes of those sessions that have one."""

    @property
    def code(self) -> str:
        return self.state.code

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
        """Fold entries that came back from the log, and note who has to see them. Whether all are from voters."""
        state, only_voters, own = self.state, True, False
        for entry in entries:
            apply(state, entry)
            kind = type(entry.record)
            if kind is BallotCast or kind in _OF_VOTERS:
                continue
            only_voters = False
            self.commanded = entry.index
            if kind in _MOVES_PLACES:
                own = state.linked
                if kind is NameErased:
                    self.erased = entry.index
        self.seal.add(entries)
        self.channel.changed(full=not only_voters, own=own)
        return only_voters

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
        if code is not None:
            self._codes[voter.session] = code
        self.channel.join(voter, "voter")

    def leave(self, voter: Voter) -> None:
        """A voter's page closed. Safe to call twice."""
        tabs = self._sessions.get(voter.session, {})
        tabs.pop(voter, None)
        if not tabs:
            self._sessions.pop(voter.session, None)
            self._codes.pop(voter.session, None)
        self.channel.leave(voter, "voter")

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

    def host_state(self) -> bytes:
        """The host's state as plain JSON."""
        return codec.encode(self._host_state())

    def tick(self, role: Role, *, full: bool) -> bytes | None:
        # A room has a few hosts and thousands of voters, so only the voters' frames need to be small.
        if role == "host":
            return codec.frame(self._host_state())
        if full:
            return codec.frame(self._voter_state())
        tally = views.voter_tally(self.state)
        return None if tally is None else codec.frame(tally)

    def catch_up(self, subscriber: Subscriber, role: Role) -> None:
        if not self._added_up:
            # After a start, or while it is being added up: then it comes with the next tick.
            self.channel.changed(full=True, own=True)
        if role == "host":
            subscriber.send(codec.frame(self._host_state()))
            return
        subscriber.send(codec.frame(self._voter_state()))
        if self.state.current is not None:
            voter = cast("Voter", subscriber)
            subscriber.send(self._mine_frame(voter.session, self.state.current, self.state.current.rounds[-1]))
        if (own := self.own(subscriber)) is not None:
            subscriber.send(own)

    def _mine_frame(self, session: str, question: Question, asked: Round) -> bytes:
        return codec.frame(views.mine(question, asked, asked.ballots.get(self.pseudonym(session, question.id))))

    def _voter_state(self) -> VoterState:
        return views.voter_state(self.state, at=self._clock.now_ms())

    def _host_state(self) -> HostState:
        return views.host_state(
            self.state,
            at=self._clock.now_ms(),
            join_url=f"{self._base_url()}/{self.code}",
            online=self.online,
            leaderboard=self.leaderboard(),
        )
