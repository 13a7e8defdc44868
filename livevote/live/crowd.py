"""The simulated voters of a rehearsal: they are there, answer what is asked, and now and then lose their network.

To the room they are pages like others, and their ballots go the way of all ballots: the same queue, rules and limits.
"""

import asyncio
import math
from contextlib import suppress
from functools import partial
from random import Random

from livevote.clock import Clock
from livevote.domain.commands import CastBallot
from livevote.domain.records import Entry
from livevote.domain.state import Round
from livevote.keys import random_id
from livevote.live.answers import plausible
from livevote.live.outcome import Outcome, Scribe
from livevote.live.room import LiveRoom
from livevote.live.salts import salts
from livevote.protocol.codes import Unsure

_ARRIVE_WITHIN_S = 4.0
_STAY_S = 150.0  # on average; so of 30 voters one goes every five seconds
_AWAY_S = (2.0, 15.0)
_ANSWER = 0.95
"""Of this share everybody answers: the others have put their phone down."""
_TYPICAL_S, _SPREAD = 4.0, 0.6
_DELAY_S = (0.5, 20.0)
_CHANGE = 0.08
_CHANGE_AFTER_S = (2.0, 8.0)
_RETRY_S = 1.0
_IN_TIME = (0.2, 0.98)
"""Which share of a round's rest a voter takes who would take longer than that."""


class Simulated:
    """One voter without a phone: a page of the room that reads nothing and wakes its crowd by whatever it is sent."""

    def __init__(self, crowd: "Crowd", number: int, chance: Random) -> None:
        self.session = f"simulated-{number}"
        self.alive = True
        self.chance = chance
        self.moves_s = 0.0
        """When it comes, or goes, next."""
        self.casts_s = math.inf
        """When it sends its ballot; infinite where it sends none."""
        self.ballot = ""
        """The id of that ballot, which stays the same when it is sent again."""
        self.tries = 0
        """How many ballots of the round it had before that one."""
        self._crowd = crowd

    @property
    def writing(self) -> bool:
        return False

    def send(self, frame: bytes) -> None:  # noqa: ARG002 - what stands in it, the room says as well
        self.alive = True
        self._crowd.woken.set()

    def leave_with(self, name: str) -> None:  # noqa: ARG002 - nobody reads why
        self._crowd.room.leave(self, clean=True)


class Crowd:
    """All simulated voters of a room. ``run`` lets them live; who cancels it finds them gone."""

    def __init__(self, *, room: LiveRoom, writer: Scribe, clock: Clock, voters: int, seed: int) -> None:
        self.room = room
        self.woken = asyncio.Event()
        self._writer = writer
        self._clock = clock
        self._seed = str(seed)
        self._salts = salts()
        self._asked: Round | None = None
        self._present: set[Simulated] = set()
        now_s = clock.monotonic_s()
        self._voters = [Simulated(self, number, Random(f"{seed}/{number}")) for number in range(voters)]
        for voter in self._voters:
            voter.moves_s = now_s + voter.chance.uniform(0, _ARRIVE_WITHIN_S)

    async def run(self) -> None:
        """Come, answer, go and come back, until cancelled."""
        try:
            while True:
                self.woken.clear()
                rest_s = self.step()
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest_s):
                        await self.woken.wait()
        finally:
            for voter in self._present:
                self.room.leave(voter, clean=True)
            self._present.clear()

    def step(self) -> float:
        """Do all that is due. Returns after how many seconds the next thing is."""
        now_s = self._clock.monotonic_s()
        self._look(now_s)
        for voter in self._voters:
            if voter.moves_s <= now_s:
                self._move(voter, now_s)
            if voter.casts_s <= now_s and voter in self._present:
                self._cast(voter)
        due_s = min(min(voter.moves_s, voter.casts_s if voter in self._present else math.inf) for voter in self._voters)
        return max(0.0, due_s - now_s)

    def _look(self, now_s: float) -> None:
        """Plan everybody's ballot where a round has begun, and drop it where the round has ended."""
        question = self.room.state.current
        asked = None if question is None or question.phase != "open" else question.rounds[-1]
        if asked is self._asked:
            return
        self._asked = asked
        for voter in self._voters:
            voter.casts_s = math.inf
            if asked is not None and voter.chance.random() < _ANSWER:
                self._plan(voter, now_s + self._delay_s(voter, asked), tries=0)

    def _plan(self, voter: Simulated, at_s: float, *, tries: int) -> None:
        voter.casts_s, voter.ballot, voter.tries = at_s, random_id(), tries

    def _delay_s(self, voter: Simulated, asked: Round) -> float:
        least, most = _DELAY_S
        delay_s = min(most, max(least, voter.chance.lognormvariate(math.log(_TYPICAL_S), _SPREAD)))
        if asked.closes_at is None:
            return delay_s
        return min(delay_s, (asked.closes_at - self._clock.now_ms()) / 1000 * voter.chance.uniform(*_IN_TIME))

    def _move(self, voter: Simulated, now_s: float) -> None:
        if voter in self._present:
            self._present.discard(voter)
            self.room.leave(voter)
            voter.moves_s = now_s + voter.chance.uniform(*_AWAY_S)
        else:
            self._present.add(voter)
            self.room.join(voter, limit=1)
            voter.moves_s = now_s + voter.chance.expovariate(1 / _STAY_S)

    def _cast(self, voter: Simulated) -> None:
        voter.casts_s = math.inf
        question, asked = self.room.state.current, self._asked
        assert question is not None, "a ballot is planned for an open round"
        assert asked is not None, "a ballot is planned for an open round"
        answer = plausible(question, seed=self._seed, voter=f"{voter.session}/{voter.tries}")
        if answer is None:
            return
        ballot = CastBallot(
            voter=self.room.pseudonym(voter.session, question.id),
            id=voter.ballot,
            question=question.id,
            round=asked.number,
            answer=answer,
            salt=next(self._salts),
            linked=self.room.state.linked,
        )
        self._writer.submit(self.room.code, ballot, partial(self._answered, voter, asked))

    def _answered(self, voter: Simulated, asked: Round, outcome: Outcome) -> None:
        """Send it again where nothing was decided, as every page does; a few think of another answer later."""
        question = self.room.state.current
        if asked is not self._asked or question is None:
            return
        now_s = self._clock.monotonic_s()
        if isinstance(outcome, Unsure):
            voter.casts_s = now_s + _RETRY_S
        elif isinstance(outcome, Entry) and question.changeable and voter.chance.random() < _CHANGE:
            self._plan(voter, now_s + voter.chance.uniform(*_CHANGE_AFTER_S), tries=voter.tries + 1)
        else:
            return
        self.woken.set()
