"""Voters and hosts: what their pages would do, with less patience and more mistakes.

A vote is sent again under its id, over any page, until it is recorded or rejected.
"""

import json
from typing import TYPE_CHECKING, Any

import msgspec

from livevote.domain.commands import (
    AddQuestion,
    AnyHostCommand,
    AskAgain,
    CloseVoting,
    CreateRoom,
    HideResults,
    OpenVoting,
    PublishReplay,
    RevealResults,
    SetTimer,
    SwitchReceipts,
)
from livevote.domain.records import Entry
from livevote.domain.refusals import Code, Refusal
from livevote.live.outcome import Outcome
from livevote.protocol.messages import Vote
from tests.simulation.network import Connection
from tests.simulation.witness import Message, content
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.venue import Venue

OPTIONS = ("A", "B", "C")
SYNC = '{"type":"sync"}'
_ANSWERS = ("recorded", "rejected", "unknown")


class Page:
    """One tab: a connection that comes back, and what the page shows."""

    def __init__(self, browser: "Browser | Host", venue: "Venue", code: str, *, host: bool = False) -> None:
        self._browser = browser
        self._venue = venue
        self.code = code
        self._host = host
        self.connection: Connection | None = None
        self.state: Message | None = None
        self.shown: Message | None = None
        self.ballot: Message | None = None
        self.caught_up = False
        """Whether this connection's first state, and the ballot that follows it where there is a question, came in."""
        self._pause_s = 0.05
        self.connect()

    @property
    def session(self) -> str:
        return self._browser.session

    def connect(self) -> None:
        """Open the socket."""
        if self.connection is None:
            self.shown, self.caught_up = None, False
            self.connection = self._venue.connect(self, self.session, self.code, "host" if self._host else "voter")

    def received(self, frame: bytes) -> None:
        if frame[0] != 0x81:
            return
        message = self._venue.witness.read(self.code, frame)
        if message["type"] == "state":
            self.state = self.shown = message
            self._pause_s = 0.05
            self.caught_up = self.caught_up or message.get("question") is None
            if self.ballot is not None and not self._is_asking(self.ballot):
                self.ballot = None
            self._browser.shown(self)
        elif message["type"] == "mine" and self._is_asking(message):
            self.ballot = None if message["id"] is None else message
            self.caught_up = True
        elif message["type"] == "tally" and self.shown is not None:
            self.shown = self.shown | {"tally": message, "as_of": message["as_of"]}
            if self._venue.nervous:
                self._browser.look_again()
        elif message["type"] in _ANSWERS:
            if message["type"] == "recorded" and self._is_asking(message):
                self.ballot = max(self.ballot or message, message, key=lambda ballot: ballot["rev"])
            self._browser.answered(message)

    def _is_asking(self, ballot: Message) -> bool:
        """Whether a ballot is of the question and round that the page shows; as the real page does, it drops others."""
        asked = self.shown.get("question") if self.shown is not None else None
        return asked is not None and (asked["id"], asked["round"]) == (ballot["question"], ballot["round"])

    def closed(self, name: str) -> None:
        self.connection = None
        self.shown = None
        # Who was closed as one tab too many stays closed until somebody comes back to it.
        pause_s = 3.0 if name == "too_many_sockets" else self._pause_s
        self._pause_s = min(2 * self._pause_s, 0.8)
        self._venue.world.after(pause_s * (0.5 + self._venue.world.random.random()), self.connect)

    def send(self, text: str) -> None:
        """Send a message if there is a connection."""
        if self.connection is not None:
            self.connection.to_server(text)


class Ballot:
    """A vote on its way to an end."""

    def __init__(self, vote: Vote) -> None:
        self.vote = vote
        self.text = msgspec.json.encode(vote).decode()
        self.ended = ""
        self.tries = 0


class Browser:
    """One session in one room, with a page or more."""

    def __init__(self, venue: "Venue", session: str, code: str) -> None:
        self.session = session
        self.ballots: dict[str, Ballot] = {}
        self._asked = ("", 0)
        self._world: World = venue.world
        self._venue = venue
        self._code = code
        self.pages = [Page(self, venue, code) for _ in range(self._world.random.choice((1, 1, 2, 3)))]
        self._pace_s = self._world.random.choice((0.1, 0.3, 1.0))
        self._later()

    @property
    def waits(self) -> bool:
        """Whether a ballot has no end yet."""
        return any(not ballot.ended for ballot in self.ballots.values())

    def _later(self) -> None:
        self._world.after(self._pace_s * (0.3 + self._world.random.random()), self._act)

    def _act(self) -> None:
        if self._venue.healed:
            return
        random = self._world.random
        does = random.choices(
            (self._vote, self._sync, self._repeat, self._contradict, self._err, self._cut, self._mute),
            (60, 60 if self._venue.nervous else 5, 8, 4, 6, 5, 4),
        )[0]
        does()
        self._later()

    def _page(self) -> Page:
        return self._world.random.choice(self.pages)

    def _new(self, question: str, round_: int, answer: Any) -> Ballot:
        id_ = f"{self.session}-{len(self.ballots)}"
        ballot = Ballot(Vote(id_, question, round_, msgspec.Raw(msgspec.json.encode(answer))))
        self.ballots[id_] = ballot
        return ballot

    def shown(self, page: Page) -> None:
        """Many answer as soon as they are asked."""
        asked = page.state and page.state["question"]
        if (
            asked
            and asked["phase"] == "open"
            and self._asked != (asked["id"], asked["round"])
            and not self._venue.healed
        ):
            self._asked = asked["id"], asked["round"]
            if self._world.chance(0.7):
                self._world.after(self._world.random.random() ** 2 * 0.2, self._vote_on, page)

    def look_again(self) -> None:
        """One page shows a result: is it on another one, too?"""
        if self._world.chance(0.4):
            self._page().send(SYNC)

    def _vote(self) -> None:
        self._vote_on(self._page())

    def _vote_on(self, page: Page) -> None:
        """Answer what the page shows, whatever the room has become since."""
        if page.state is None or page.state["question"] is None or len(self.ballots) > 30:
            return
        asked = page.state["question"]
        if asked["phase"] != "open" and not self._world.chance(0.1):
            return
        low, high = asked["rules"]["min"], asked["rules"]["max"]
        random = self._world.random
        chosen = random.sample(range(len(OPTIONS)), random.randint(low, high))
        ballot = self._new(asked["id"], asked["round"], {"choices": chosen})
        self._send(ballot, page)
        if self._world.chance(0.15):
            self._send(ballot, self._page())
        if self._world.chance(0.1):
            self._send(
                self._new(asked["id"], asked["round"], {"choices": [random.randrange(len(OPTIONS))]}), self._page()
            )

    def _send(self, ballot: Ballot, page: Page) -> None:
        self._venue.witness.sent(self._code, self.session, ballot.vote)
        page.send(ballot.text)
        ballot.tries += 1
        self._world.after(1.0 + self._world.random.random(), self._again, ballot, ballot.tries)

    def _again(self, ballot: Ballot, tries: int) -> None:
        """Silence counts as unknown."""
        if not ballot.ended and ballot.tries == tries:
            self._send(ballot, self._page())

    def _sync(self) -> None:
        for page in self.pages:
            page.send(SYNC)

    def _repeat(self) -> None:
        """Send a ballot again that has an end, as a late copy in the network would."""
        ended = [ballot for ballot in self.ballots.values() if ballot.ended == "recorded"]
        if ended:
            self._page().send(self._world.random.choice(ended).text)

    def _contradict(self) -> None:
        """Send another answer under an id that is recorded."""
        ended = [ballot for ballot in self.ballots.values() if ballot.ended == "recorded"]
        if ended:
            before = self._world.random.choice(ended).vote
            other = json.dumps({"choices": [self._world.random.randrange(len(OPTIONS))]}).encode()
            vote = msgspec.structs.replace(before, answer=msgspec.Raw(other))
            if content(vote) != content(before):
                self._venue.witness.sent(self._code, self.session, vote)
                self._page().send(msgspec.json.encode(vote).decode())

    def _err(self) -> None:
        """Send what cannot be counted; once, because such an id is spent."""
        page = self._page()
        wrong = self._world.random.choice(([7], [0, 0], [-1], [0, 1, 2, 3], []))
        ballot = self._new("q1", 1, {"choices": wrong})
        ballot.ended = "given up"
        self._venue.witness.sent(self._code, self.session, ballot.vote)
        page.send(self._world.random.choice((ballot.text, ballot.text, "junk", '{"type":"vote"}')))

    def _cut(self) -> None:
        page = self._page()
        if page.connection is not None:
            page.connection.cut()

    def _mute(self) -> None:
        """The connection is dead, which nobody notices until somebody loses patience."""
        connection = self._page().connection
        if connection is not None:
            connection.deaf = self._world.random.choice(("up", "down", "both"))
            self._world.after(1.0 + 3.0 * self._world.random.random(), connection.cut)

    def answered(self, message: Message) -> None:
        ballot = self.ballots.get(message["id"] or "")
        if ballot is None:
            return
        if message["type"] == "unknown":
            wait_s = min(message["retry_ms"], 1000) / 1000 * (1 + self._world.random.random())
            self._world.after(wait_s, self._again, ballot, ballot.tries)
        elif ballot.ended != "recorded":
            ballot.ended = message["type"]


class Host:
    """Creates a room, asks questions, and opens, closes, shows and hides as it likes."""

    session = "host"

    def __init__(self, venue: "Venue", code: str) -> None:
        self._world: World = venue.world
        self._venue = venue
        self._code = code
        self.created = False
        self.pages: list[Page] = []
        self._act()

    def answered(self, message: Message) -> None:
        """A host's page sends no votes."""

    def shown(self, page: Page) -> None:
        """The host takes its time."""

    def look_again(self) -> None:
        """A host has one page."""

    def _act(self) -> None:
        if self._venue.healed and self.created:
            return
        if not self.created:
            self._ask(CreateRoom(self._code, "Room"))
        elif not self.pages:
            self.pages.append(Page(self, self._venue, self._code, host=True))
        elif (state := self.pages[0].state) is not None and not self._world.chance(0.1):
            self._ask(self._next(state))
        self._world.after(0.2 + self._world.random.random(), self._act)

    def _next(self, state: Message) -> AnyHostCommand:
        random = self._world.random
        names = [question["id"] for question in state["questions"]]
        if len(names) < 2 or (len(names) < 4 and self._world.chance(0.05)):
            changeable = self._world.chance(0.6)
            if self._world.chance(0.5):
                return AddQuestion("single", "Which?", OPTIONS, changeable=changeable)
            rules = msgspec.Raw(b'{"min":%d,"max":%d}' % (random.randint(0, 1), random.randint(1, 3)))
            return AddQuestion("multiple", "Which ones?", OPTIONS, rules, changeable)
        if self._world.chance(0.03):
            return random.choice(
                (SwitchReceipts(on=not state["receipts"]), PublishReplay(public=random.random() < 0.5))
            )
        name: str = random.choice(names)
        current = next((one for one in state["questions"] if one["id"] == state["current"]), None)
        seconds = random.choice((None, 5, 6, 60))
        if current is None or (current["phase"] == "closed" and self._world.chance(0.7)):
            return random.choice((OpenVoting, OpenVoting, AskAgain))(name, seconds)
        if self._world.chance(0.1):
            return SetTimer(current["id"], seconds)
        if self._world.chance(0.8):
            name = current["id"]
        return random.choice((CloseVoting, RevealResults, RevealResults, HideResults, AskAgain))(name)

    def _ask(self, command: CreateRoom | AnyHostCommand) -> None:
        """Send a request, whose answer may be lost like the request itself."""
        asked = self._venue.witness.room(self._code).asked
        asked.append(RECORDS[type(command)])
        if isinstance(command, OpenVoting | AskAgain | SetTimer) and command.seconds is not None:
            asked.append(RECORDS[CloseVoting])
        if self._venue.lost():
            return
        self._world.after(self._venue.network.delay_s(), self._venue.command, self._code, command, self._told(command))

    def _told(self, command: CreateRoom | AnyHostCommand) -> Any:
        def told(outcome: Outcome) -> None:
            if isinstance(outcome, Entry):
                self._venue.witness.room(self._code).commanded[outcome.index] = RECORDS[type(command)]
            if isinstance(outcome, Entry) or outcome == Refusal(Code.ROOM_EXISTS):
                self.created = True

        return told


RECORDS: dict[type, str] = {
    CreateRoom: "room_created/1",
    AddQuestion: "question_defined/1",
    OpenVoting: "voting_opened/1",
    AskAgain: "voting_opened/1",
    CloseVoting: "voting_closed/1",
    RevealResults: "results_revealed/1",
    HideResults: "results_hidden/1",
    SwitchReceipts: "receipts_switched/1",
    PublishReplay: "replay_published/1",
    SetTimer: "timer_set/1",
}
"""The record that each command becomes."""
