"""Sees everything that is sent and said, and holds it against the log that is left in the end.

Shares no code with the rules: the log is added up here from the JSON of its records, in plain dicts.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from livevote.domain.records import Entry
from livevote.keys import RoomKey
from livevote.protocol.messages import Recorded, Rejected, Unknown, Vote
from tests.simulation.world import BrokenPromiseError, World

Message = dict[str, Any]
Content = tuple[str, int, str]
"""Question, round and the answer's JSON, without white space and with its choices in order."""


def content(vote: Vote) -> Content:
    """What a vote says."""
    answer = {"choices": sorted(msgspec.json.decode(vote.answer)["choices"])}
    return vote.question, vote.round, msgspec.json.encode(answer).decode()


def unframed(frame: bytes) -> bytes:
    """The payload of a server's frame (RFC 6455 section 5.2)."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


class Fold:
    """A room as the bodies of its records tell it."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.title = ""
        self.epoch = ""
        self.receipts = True
        self.replay = False
        self.head = 0
        self.questions: dict[str, Message] = {}
        self.current = ""
        self.cohosts: dict[str, str] = {}

    def add(self, entry: Entry) -> None:
        """Take in the next record. Raises ``BrokenPromiseError`` where it must not stand."""
        record = msgspec.json.decode(entry.body)
        self.head += 1
        match record.pop("@type"):
            case "room_created/1":
                self.title = record["title"]
                self.epoch = sha256(b"\x00" + entry.body).hexdigest()[:16]
            case "receipts_switched/1":
                self.receipts = record["on"]
            case "replay_published/1":
                self.replay = record["public"]
            case "question_defined/1":
                self.questions[record["id"]] = record | {"rounds": []}
            case "voting_opened/1":
                self.current = record["question"]
                rounds = self.questions[self.current]["rounds"]
                rounds.append({"open": True, "revealed": False, "ballots": {}, "closes_at": record.get("closes_at")})
                _require(len(rounds) == record["round"], "I8: the rounds of a question are not counted")
            case "voting_closed/1":
                _require(self._latest(record)["open"], "I8: a round was closed twice")
                self._latest(record)["open"] = False
            case "timer_set/1":
                _require(self._latest(record)["open"], "I8: a round that is over got another end")
                self._latest(record)["closes_at"] = record["closes_at"]
            case "cohost_added/1":
                self.cohosts[record["id"]] = record["name"]
            case "cohost_revoked/1":
                del self.cohosts[record["id"]]
            case "results_revealed/1":
                self._latest(record)["revealed"] = True
            case "results_hidden/1":
                self._latest(record)["revealed"] = False
            case "ballot_cast/1":
                self._cast(record, entry)
            case other:
                raise BrokenPromiseError(f"the witness has not been taught what {other} means")

    def _latest(self, record: Message) -> Message:
        rounds = self.questions[record["question"]]["rounds"]
        _require(len(rounds) == record["round"], "I8: a record belongs to no latest round")
        asked: Message = rounds[-1]
        return asked

    def _cast(self, record: Message, entry: Entry) -> None:
        asked = self._latest(record)
        _require(asked["open"], f"I8: the ballot {record['id']} was counted outside its round")
        before = asked["ballots"].get(record["voter"])
        rev, supersedes = (0, None) if before is None else (before["rev"] + 1, before["index"])
        _require(record["rev"] == rev, f"I3: the ballot {record['id']} is rev {record['rev']}, not {rev}")
        _require(record["supersedes"] == supersedes, f"I3: the ballot {record['id']} replaces another one")
        _require(rev == 0 or self.questions[record["question"]]["changeable"], "I3: a final answer was changed")
        assert entry.opening is not None
        choices = msgspec.json.decode(entry.opening.answer)["choices"]
        asked["ballots"][record["voter"]] = {"rev": rev, "index": entry.index, "choices": choices}

    def voter_state(self) -> Message:
        """What a voter's page shows, without the instant."""
        question = self.questions.get(self.current)
        return {
            "type": "state",
            "epoch": self.epoch,
            "as_of": self.head,
            "role": "voter",
            "room": {"code": self.code, "title": self.title},
            "question": question and self._question(question),
            "tally": self.tally(),
            "replay": self.replay,
            "language": "",
            "linked": False,
            "board": False,
            "reactions": False,
            "rehearsal": False,
        }

    def tally(self) -> Message | None:
        """What voters may know of the result."""
        question = self.questions.get(self.current)
        if question is None or not question["rounds"][-1]["revealed"]:
            return None
        counts, voters = self._counts(question)
        number = len(question["rounds"])
        return {
            "type": "tally",
            "question": question["id"],
            "round": number,
            "counts": counts,
            "voters": voters,
            "as_of": self.head,
            "figures": {},  # only choices are asked here, and they have none
        }

    def host_state(self) -> Message:
        """What the host's page shows, without the instant, the address, and who is online and how well."""
        questions = []
        words: Message = {"shown": [], "pending": [], "hidden": [], "edited": None}  # nothing is written or edited here
        for question in self.questions.values():
            counts, voters = self._counts(question)
            rounds = [self._earlier(question, number) for number in range(1, len(question["rounds"]))][-10:]
            result = {"counts": counts, "voters": voters, "figures": {}, "rounds": rounds}
            questions.append(self._question(question) | result | words | {"quiz": None})
        return {
            "type": "state",
            "epoch": self.epoch,
            "as_of": self.head,
            "role": "host",
            "room": {"code": self.code, "title": self.title},
            "receipts": self.receipts,
            "replay_public": self.replay,
            "current": self.current or None,
            "questions": questions,
            "recoveries": [],
            "cohosts": [{"id": id_, "name": name} for id_, name in self.cohosts.items()],
            "embedding": [],
            "language": "",
            "erased": False,
            "codes": {"issued": 0, "used": 0},
            "linked": False,
            "leaderboard_shown": False,
            "leaderboard": None,
            "board": {"on": False, "approval": True, "per_voter": 5},
            "reactions": False,
            "rehearsal": False,
        }

    def _question(self, question: Message) -> Message:
        rounds = question["rounds"]
        shown = {name: question[name] for name in ("id", "kind", "text", "options", "rules", "changeable")}
        phase = "draft" if not rounds else "open" if rounds[-1]["open"] else "closed"
        return shown | {
            "bins": [],
            "level": "browser",
            "solution": None,
            "round": len(rounds),
            "phase": phase,
            "revealed": bool(rounds) and rounds[-1]["revealed"],
            "closes_at": rounds[-1]["closes_at"] if phase == "open" else None,
        }

    def _earlier(self, question: Message, number: int) -> Message:
        counts, voters = self._counts(question, number)
        return {"round": number, "counts": counts, "voters": voters, "figures": {}, "wording": None}

    def _counts(self, question: Message, number: int = 0) -> tuple[list[int], int]:
        """The result of a round, of the latest one without a number."""
        ballots = question["rounds"][number - 1]["ballots"].values() if question["rounds"] else ()
        counts = [0] * len(question["options"])
        for ballot in ballots:
            for choice in ballot["choices"]:
                counts[choice] += 1
        return counts, len(ballots)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise BrokenPromiseError(what)


@dataclass
class Seen:
    """What was sent over one socket: the log up to ``as_of``, and the question and round of the last state."""

    as_of: int = 0
    asked: tuple[str, int] | None = None


@dataclass
class Told:
    """What one room's clients did and were told. Ballots are named by room and id alone: every session has its own."""

    sessions: dict[str, str] = field(default_factory=dict)
    """The session that made a ballot, by id."""
    sent: dict[str, set[Content]] = field(default_factory=dict)
    acked: dict[str, tuple[Content, int, int, int]] = field(default_factory=dict)
    """What was recorded, and the index, rev and instant that were answered."""
    rejected: set[tuple[str, Content]] = field(default_factory=set)
    commanded: dict[int, str] = field(default_factory=dict)
    """The type of record that a host was told to stand at an index."""
    asked: list[str] = field(default_factory=list)
    """The types of records that hosts asked for."""
    frames: dict[bytes, Message] = field(default_factory=dict)
    """Every different frame that was sent, with its message."""


class Witness:
    """Stands beside every socket and hears what the server says, whether it arrives or not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rooms: dict[str, Told] = {}

    def room(self, code: str) -> Told:
        told = self.rooms.get(code)
        if told is None:
            told = self.rooms[code] = Told()
        return told

    def sent(self, code: str, session: str, vote: Vote) -> None:
        """A page sends a vote."""
        told = self.room(code)
        told.sessions[vote.id] = session
        told.sent.setdefault(vote.id, set()).add(content(vote))

    def answered(self, code: str, vote: Vote, answer: Recorded | Rejected | Unknown) -> None:
        """The server answers a vote (I6, I9)."""
        told, said = self.room(code), content(vote)
        if answer.id != vote.id:
            self._world.fail(f"I9: the vote {vote.id} is answered as {answer.id}")
        if isinstance(answer, Recorded):
            found = (said, answer.index, answer.rev, answer.at)
            if (answer.question, answer.round) != said[:2]:
                self._world.fail(f"I9: the vote {vote.id} is answered for another round")
            if told.acked.setdefault(vote.id, found) != found:
                self._world.fail(f"I6: the ballot {vote.id} was {told.acked[vote.id]} and is {found}")
            if (vote.id, said) in told.rejected:
                self._world.fail(f"I9: the ballot {vote.id} was rejected and is recorded")
        elif isinstance(answer, Rejected):
            told.rejected.add((vote.id, said))
            if vote.id in told.acked and (told.acked[vote.id][0] == said or answer.code != "conflict"):
                self._world.fail(f"I6: the ballot {vote.id} was recorded and is rejected as {answer.code}")

    def read(self, code: str, frame: bytes) -> Message:
        """The message of a frame. Many get the same, and nobody changes it."""
        frames = self.room(code).frames
        message = frames.get(frame)
        if message is None:
            message = msgspec.json.decode(unframed(frame))
            frames[frame] = message
        return message

    def showed(self, code: str, role: str, session: str, seen: Seen, frame: bytes) -> None:
        """The server shows something to a page that has ``seen`` what was sent before over the same socket."""
        told, message = self.room(code), self.read(code, frame)
        if message["type"] == "mine" and message["id"] is not None and told.sessions.get(message["id"]) != session:
            self._world.fail(f"I12: {session} is shown the ballot {message['id']} of somebody else")
        if role == "voter" and message.get("role", "voter") != "voter":
            self._world.fail("I12: a voter is shown the host's state")
        if message["type"] == "mine" and (message["question"], message["round"]) != seen.asked:
            self._world.fail(f"a page that shows {seen.asked} gets a ballot of {message['question']}, which it drops")
        if message["type"] == "state" and role == "voter":
            question = message["question"]
            seen.asked = (question["id"], question["round"]) if question else None
        as_of = message.get("as_of", seen.as_of)
        if as_of < seen.as_of:
            self._world.fail(f"I10: a page that saw {seen.as_of} is shown {as_of}")
        seen.as_of = as_of

    def judge(self, code: str, entries: list[Entry], key: RoomKey) -> Fold:
        """The room's log added up, if it agrees with all that was said. Raises ``BrokenPromiseError``."""
        told = self.room(code)
        fold = _chained(code, entries)
        ballots: dict[str, Entry] = {}
        for entry in entries:
            record = msgspec.json.decode(entry.body)
            if record["@type"] != "ballot_cast/1":
                _require(record["@type"] in told.asked, f"I2: nobody asked for the record {entry.index}")
                continue
            id_ = record["id"]
            _require(id_ not in ballots, f"I3: the ballot {id_} stands in the log twice")
            ballots[id_] = entry
            assert entry.opening is not None
            said = (record["question"], record["round"], entry.opening.answer.decode())
            _require(said in told.sent.get(id_, ()), f"I2: the ballot {id_} was never sent like this")
            _require((id_, said) not in told.rejected, f"I9: the ballot {id_} was rejected and stands in the log")
            voter = key.pseudonym(told.sessions[id_], record["question"])
            _require(record["voter"] == voter, f"I3: the ballot {id_} is of a voter that nobody is")
        for id_, (said, index, rev, at) in told.acked.items():
            _require(id_ in ballots, f"I1: the ballot {id_} was acknowledged and is not in the log")
            entry = ballots[id_]
            record = msgspec.json.decode(entry.body)
            assert entry.opening is not None
            found = (record["question"], record["round"], entry.opening.answer.decode()), entry.index, record["rev"]
            _require(found == (said, index, rev) and record["at"] == at, f"I6: the ballot {id_} is not as answered")
        for index, type_ in told.commanded.items():
            there = index <= len(entries) and msgspec.json.decode(entries[index - 1].body)["@type"] == type_
            _require(there, f"I1: a host was told of {type_} at {index}, and it is not there")
        self._judge_frames(told, code, entries, ballots)
        return fold

    def _judge_frames(self, told: Told, code: str, entries: list[Entry], ballots: dict[str, Entry]) -> None:
        by_as_of: dict[int, list[Message]] = {}
        for message in told.frames.values():
            if message["type"] in ("state", "tally"):
                by_as_of.setdefault(message["as_of"], []).append(message)
            elif message["type"] == "mine" and message["id"] is not None:
                _judge_mine(message, ballots)
        latest = max(by_as_of, default=0)
        _require(latest <= len(entries), f"I4: {latest} was shown of a log that ends at {len(entries)}")
        fold = Fold(code)
        for entry in entries[:latest]:
            fold.add(entry)
            for message in by_as_of.get(fold.head, ()):
                _judge_shown(message, fold)


def _chained(code: str, entries: list[Entry]) -> Fold:
    """The fold of a log whose chain is sound (I7)."""
    fold, chain = Fold(code), bytes(32)
    for entry in entries:
        fold.add(entry)
        chain = sha256(chain + sha256(b"\x00" + entry.body).digest()).digest()
        _require((entry.index, entry.chain) == (fold.head, chain), f"I7: the chain breaks at {entry.index}")
        if entry.opening is not None:
            commitment = msgspec.json.decode(entry.body)["commitment"]
            sealed = sha256(entry.opening.salt + entry.opening.answer).hexdigest()
            _require(sealed == commitment, f"I7: the answer of {entry.index} is not what was sealed")
    return fold


def _judge_shown(message: Message, fold: Fold) -> None:
    if message["type"] == "tally":
        expected = fold.tally()
        _require(expected is not None, f"I12: voters were shown a hidden result as of {fold.head}")
        _require(message == expected, f"I4: {message} was shown and {expected} is right")
        return
    shown = {name: value for name, value in message.items() if name not in ("at", "online", "join_url", "health")}
    expected = fold.host_state() if message["role"] == "host" else fold.voter_state()
    if shown.get("tally") and not expected.get("tally"):
        raise BrokenPromiseError(f"I12: voters were shown a hidden result as of {fold.head}")
    _require(shown == expected, f"I4: {shown} was shown and {expected} is right")


def _judge_mine(message: Message, ballots: dict[str, Entry]) -> None:
    entry = ballots.get(message["id"])
    _require(entry is not None, f"I4: the ballot {message['id']} was shown and is not in the log")
    assert entry is not None
    assert entry.opening is not None
    record = msgspec.json.decode(entry.body) | {
        "index": entry.index,
        "answer": msgspec.json.decode(entry.opening.answer),
    }
    names = ("question", "round", "id", "index", "rev", "at", "answer")
    _require(
        all(message[name] == record[name] for name in names), f"I4: the ballot {message['id']} was shown otherwise"
    )
