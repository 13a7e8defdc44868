"""The one writer: takes everything that waits, decides it, appends it as one batch, and answers when it comes back.

While one batch is on its way to the disk the next collects itself: batches grow with the load, without a timer.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from livevote.clock import Clock
from livevote.domain.codes import places_left
from livevote.domain.commands import AskPost, CastBallot, Command, NamePlayer, UpvotePost, UseCode
from livevote.domain.quiz import alike
from livevote.domain.records import BallotCast, Draft
from livevote.domain.room import BrokenLogError, Decision, decide, fits
from livevote.live.outcome import Outcome, Reply
from livevote.live.registry import Registry
from livevote.log import Batch, Log, LogRetryError
from livevote.protocol.codes import Unsure

_log = logging.getLogger("livevote")

_OF_VOTERS = (CastBallot, NamePlayer, AskPost, UpvotePost)
"""Commands that depend on what their voter did before, and on the host, and on nobody else."""

_MAX_PER_VOTER = 2
"""Ballots of one voter that may wait. A page sends one at a time; more would fill batches with nothing but waiting."""

_MAX_OF_HOSTS = 1000
"""Commands that are no voter's and may wait: they have room of their own, or votes would keep "Close voting" out."""

MAX_BATCH = 1000
"""Commands in one batch: the last ballot of a batch waits for the whole batch's INSERT, and 1,000 take about 5 ms."""

_PATIENCE_S = 0.01
"""How long ``give_way`` waits at most: votes without a pause slow an export down, and do not stop it."""

_LONGEST_WAIT_S = 0.1
"""How long a chore waits for a moment in which no command does."""


class Written(msgspec.Struct):
    """What was made durable since the start: one batch is one fsync. ``largest`` and ``newest`` are batches' sizes."""

    batches: int = 0
    records: int = 0
    largest: int = 0
    newest: int = 0

    def add(self, size: int) -> None:
        """Count a batch of ``size`` records."""
        self.batches += 1
        self.records += size
        self.largest = max(self.largest, size)
        self.newest = size


class StoppedError(Exception):
    """The writer ended before a chore was done."""


_Voter = tuple[str, str]  # room code and pseudonym, or the one-time code that is entered


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    code: str
    command: Command
    reply: Reply
    voter: _Voter | None
    """Whose ballot or name this is, or which one-time code is entered; None for a host's command."""
    since_s: float
    """When it came, on the monotonic clock."""
    name: _Voter | None = None
    """What no two commands of a batch may ask for: a name, in its room."""


class Writer:
    """Decides and appends. ``submit`` may be called from anywhere on the loop; ``reply`` is called exactly once."""

    def __init__(self, *, log: Log, registry: Registry, clock: Clock, queue_limit: int) -> None:
        self._log = log
        self._registry = registry
        self._clock = clock
        self._queue_limit = queue_limit
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._ticket = 0
        self._appended: dict[int, list[_Waiting]] = {}
        self._voters: dict[_Voter, int] = {}
        self._of_hosts = 0
        self._came_back: asyncio.Future[None] | None = None
        self._refusing: Unsure | None = None
        self._chores: deque[tuple[Callable[[], Awaitable[None]], asyncio.Future[None]]] = deque()
        self._next_chore_s = 0.0
        self.written = Written()

    @property
    def waiting(self) -> int:
        """Commands that have not been decided yet."""
        return len(self._queue)

    @property
    def oldest_unanswered_ms(self) -> int:
        """For how long the oldest command has waited that has no answer yet, decided or not; 0 where none has."""
        oldest = [waiting[0].since_s for waiting in (*self._appended.values(), self._queue) if waiting]
        return round(1000 * (self._clock.monotonic_s() - min(oldest))) if oldest else 0

    @property
    def failed(self) -> bool:
        """Whether the log broke: nothing is recorded any more."""
        return self._refusing is Unsure.FAILED

    def submit(self, code: str, command: Command, reply: Reply) -> None:
        """Queue a command for the room ``code``, which exists unless the command creates it."""
        voter = _voter(code, command)
        waits = 0 if voter is None else self._voters.get(voter, 0)
        if self._refusing is not None:
            _tell(reply, self._refusing)
        elif self._is_full(voter, waits):
            _tell(reply, Unsure.BUSY)
        else:
            if voter is None:
                self._of_hosts += 1
            else:
                self._voters[voter] = waits + 1
            # No pseudonym begins like this.
            name = (code, f"={alike(command.name)}") if type(command) is NamePlayer else None
            self._queue.append(_Waiting(code, command, reply, voter, self._clock.monotonic_s(), name))
            self._all_answered.clear()
            self._wake.set()

    def _is_full(self, voter: _Voter | None, waits: int) -> bool:
        if voter is None:
            return self._of_hosts >= _MAX_OF_HOSTS
        return len(self._queue) >= self._queue_limit or waits >= _MAX_PER_VOTER

    async def ask(self, code: str, command: Command) -> Outcome:
        """``submit`` for callers that can wait."""
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def answer(outcome: Outcome) -> None:
            if not answered.done():
                answered.set_result(outcome)

        self.submit(code, command, answer)
        return await answered

    async def chore(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have ``work``, a short write to the log that is no record, done behind the commands that wait.

        While they never end it is done between two batches, ten times a second. Raises what it raises, and
        ``StoppedError`` where the writer ends before.
        """
        if self._refusing is not None:
            raise StoppedError
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._chores.append((work, done))
        self._wake.set()
        await done

    async def _do_chore(self) -> None:
        work, done = self._chores.popleft()
        self._next_chore_s = self._clock.monotonic_s() + _LONGEST_WAIT_S
        try:
            await work()
        except LogRetryError as error:
            _settle(done, error)
        except Exception:
            _settle(done, StoppedError())
            raise
        else:
            _settle(done)

    def stop(self) -> None:
        """Take no more commands; ``run`` ends when those that wait are answered."""
        self._refusing = self._refusing or Unsure.STOPPING
        self._wake.set()

    async def run(self) -> None:
        """Write until ``stop``. Raises ``LogFailedError`` when the log breaks; all that wait are answered before.

        Never cancel this: a statement on its way to the disk cannot be called back.
        """
        follower = asyncio.create_task(self._follow(), name="follower")
        try:
            while self._queue or self._refusing is None:
                if not self._queue:
                    self._all_answered.set()
                    if self._chores:
                        await self._do_chore()
                    else:
                        self._wake.clear()
                        await self._wake.wait()
                    continue
                if drafts := self._decide():
                    await self._append(drafts)
                if self._chores and self._clock.monotonic_s() >= self._next_chore_s:
                    await self._do_chore()
        except Exception:
            self._fail()
            raise
        finally:
            follower.cancel()
            self._all_answered.set()
            while self._chores:
                _settle(self._chores.popleft()[1], StoppedError())

    async def give_way(self) -> None:
        """A turn for everybody else, from work that can wait to people who cannot.

        Comes back when no command waits for its answer any more, or after a hundredth of a second.
        """
        # In its next turn the loop only notices what has arrived, and goes on here before it takes it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not self._all_answered.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._all_answered.wait()

    def _decide(self) -> list[tuple[Draft, _Waiting]]:
        """Decide what waits against the state of the log, and answer at once what needs no record.

        A command that could depend on another of the same batch stays in the queue for the next one: a second ballot of
        one voter, one code for the second time, a name that another one asks for as well, a ballot by code that may
        find no place left, and whatever follows a host's command in its room. So the state alone says what is right,
        and each room's commands keep their order.
        """
        drafts: list[tuple[Draft, _Waiting]] = []
        touched: set[_Voter] = set()
        sealed: set[str] = set()
        held: list[_Waiting] = []
        held_rooms: set[str] = set()
        by_code: Counter[tuple[str, str]] = Counter()
        at = self._clock.now_ms()
        next_waiting = self._queue.popleft
        for _ in range(min(len(self._queue), MAX_BATCH)):
            waiting = next_waiting()
            code, voter = waiting.code, waiting.voter
            if code in sealed or (voter in touched or waiting.name in touched if voter else code in held_rooms):
                held.append(waiting)
                held_rooms.add(code)
            else:
                decision = self._decide_one(waiting, at)
                if not isinstance(decision, Draft):
                    self._answer(waiting, decision)
                    continue
                if type(waiting.command) is CastBallot and waiting.command.code and self._is_beyond(decision, by_code):
                    held.append(waiting)
                    held_rooms.add(code)
                else:
                    drafts.append((decision, waiting))
            # Nothing that could depend on this overtakes it, whether it is in this batch or waits for the next.
            if voter is None:
                sealed.add(code)
            else:
                touched.add(voter)
                if waiting.name is not None:
                    touched.add(waiting.name)
        self._queue.extendleft(reversed(held))
        return drafts

    def _is_beyond(self, draft: Draft, drafted: Counter[tuple[str, str]]) -> bool:
        """Whether a ballot by code finds no place behind those of the batch; ``drafted`` counts the first ones of each
        room and question. Only in a room that has got a new key: ``codes.has_place`` says why."""
        ballot, room = draft.record, self._registry.get(draft.room)
        assert isinstance(ballot, BallotCast)
        assert room is not None, "it was decided"
        question = room.state.questions[ballot.question]
        if question.level != "code" or ballot.rev:
            return False
        if drafted[draft.room, question.id] >= places_left(room.state, question.rounds[-1]):
            return True
        drafted[draft.room, question.id] += 1
        return False

    def _decide_one(self, waiting: _Waiting, at: int) -> Decision | Unsure:
        room = self._registry.get(waiting.code)
        state = None if room is None else room.state
        try:
            decision = decide(state, waiting.command, at=at)
            # A durable record that does not fold would end this server and every later start. A ballot's place was
            # looked up in the state just now, so only the fewer other commands are worth a second look.
            if (
                type(waiting.command) is not CastBallot
                and isinstance(decision, Draft)
                and not fits(state, decision.record)
            ):
                raise BrokenLogError(f"{type(decision.record).__name__} does not fit the log of {waiting.code}")
        except Exception:
            # ``decide`` never raises and what it decides fits; if not, one command shall not stop everybody's votes.
            _log.exception("a command could not be decided")
            return Unsure.FAULT
        return decision

    def _answer(self, waiting: _Waiting, outcome: Outcome) -> None:
        voter = waiting.voter
        if voter is None:
            self._of_hosts -= 1
        else:
            waits = self._voters.pop(voter) - 1
            if waits:
                self._voters[voter] = waits
        _tell(waiting.reply, outcome)

    async def _append(self, drafts: list[tuple[Draft, _Waiting]]) -> None:
        self._ticket += 1
        self._appended[self._ticket] = [waiting for _, waiting in drafts]
        self._came_back = came_back = asyncio.get_running_loop().create_future()
        try:
            await self._log.append([draft for draft, _ in drafts], ticket=self._ticket)
        except LogRetryError:
            for waiting in self._appended.pop(self._ticket):
                self._answer(waiting, Unsure.RETRY_LATER)
            return
        self.written.add(len(drafts))
        await came_back

    async def _follow(self) -> None:
        try:
            async for batch in self._log.follow():
                self._apply(batch)
                if self._came_back is not None:
                    self._came_back.set_result(None)
        except Exception as error:
            # Without its follower the writer would wait forever; it has to fail in the open.
            if self._came_back is not None:
                self._came_back.set_exception(error)
            raise

    def _apply(self, batch: Batch) -> None:
        self._registry.apply(batch.entries)
        for entry, waiting in zip(batch.entries, self._appended.pop(batch.ticket), strict=True):
            self._answer(waiting, entry)

    def _fail(self) -> None:
        self._refusing = Unsure.FAILED
        unanswered = [waiting for batch in self._appended.values() for waiting in batch]
        unanswered += self._queue
        self._appended.clear()
        self._queue.clear()
        for waiting in unanswered:
            self._answer(waiting, Unsure.FAILED)


def _settle(done: asyncio.Future[None], error: Exception | None = None) -> None:
    """Tell whoever waits for a chore, unless nobody does any more."""
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _voter(room: str, command: Command) -> _Voter | None:
    if isinstance(command, _OF_VOTERS):
        return room, command.voter
    # No pseudonym has a blank.
    return (room, f"{command.list} {command.place}") if isinstance(command, UseCode) else None


def _tell(reply: Reply, outcome: Outcome) -> None:
    try:
        reply(outcome)
    except Exception:
        # What is decided is decided: a page that cannot be told must not silence the rest of its batch.
        _log.exception("an answer could not be delivered")
