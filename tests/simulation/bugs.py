"""Bugs that are planted to show that the simulation finds them: each function breaks one thing while it is patched.

What is broken is livevote itself or, where a promise rests on an adapter, the simulated log and its notary.
"""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from livevote.domain.commands import CastBallot, Command
from livevote.domain.records import BallotCast, Draft
from livevote.domain.room import Decision, Repeat, decide
from livevote.domain.state import Ballot, Room
from livevote.live import views, writer
from livevote.live.hub import Channel, Role, Subscriber
from livevote.live.room import LiveRoom, Voter
from livevote.live.writer import Writer
from livevote.log import Batch, LogFailedError, LogRetryError
from livevote.protocol.codes import Unsure
from livevote.protocol.messages import TallyMessage
from tests.simulation.anchor import Notary
from tests.simulation.disk import File
from tests.simulation.log import SimulatedLog
from tests.simulation.world import Process

Patch = pytest.MonkeyPatch
Drafts = list[tuple[Draft, writer._Waiting]]


def ack_before_commit(patch: Patch) -> None:
    """Votes are acknowledged a moment before they are safe."""
    commit = SimulatedLog.append

    async def append(log: SimulatedLog, drafts: Sequence[Draft], *, ticket: int) -> None:
        log.publish(Batch(ticket, log._heads.link(drafts)))
        with pytest.MonkeyPatch.context() as only_once:
            only_once.setattr(log, "publish", lambda _: None)
            await commit(log, drafts, ticket=ticket)

    patch.setattr(SimulatedLog, "append", append)


def never_synced(patch: Patch) -> None:
    """What was written is taken for safe without an fsync."""

    async def sync(file: File, process: Process) -> None:
        await file._disk.wait(process, file._name)

    patch.setattr(File, "sync", sync)


def recovered_and_not_synced(patch: Patch) -> None:
    """What a killed process had written and not synced is served as if it were safe."""

    async def make_safe(log: SimulatedLog) -> None:
        pass

    patch.setattr(SimulatedLog, "make_safe", make_safe)


def no_uniqueness(patch: Patch) -> None:
    """Every ballot is the first of a new voter."""

    def forget(room: Room | None, command: Command, *, at: int) -> Decision:
        if isinstance(command, CastBallot):
            command = msgspec.structs.replace(command, voter=command.salt.hex())
        return decide(room, command, at=at)

    patch.setattr(writer, "decide", forget)


def skipped_anchor(patch: Patch) -> None:
    """A start does not look whether the log holds what was noted beside it."""

    async def check(notary: Notary) -> None:
        pass

    patch.setattr(Notary, "check", check)


def applied_before_durable(patch: Patch) -> None:
    """State moves when a batch is decided and not when it comes back."""
    append = Writer._append

    async def apply_first(self: Writer, drafts: Drafts) -> None:
        assert isinstance(self._log, SimulatedLog)
        self._registry.apply(self._log._heads.link([draft for draft, _ in drafts]))
        await append(self, drafts)

    def only_answer(self: Writer, batch: Batch) -> None:
        for entry, waiting in zip(batch.entries, self._appended.pop(batch.ticket), strict=True):
            self._answer(waiting, entry)

    patch.setattr(Writer, "_append", apply_first)
    patch.setattr(Writer, "_apply", only_answer)


def decided_before_folded(patch: Patch) -> None:
    """The writer decides the next batch before the last one came back."""

    async def append(self: Writer, drafts: Drafts) -> None:
        self._ticket += 1
        self._appended[self._ticket] = [waiting for _, waiting in drafts]
        try:
            await self._log.append([draft for draft, _ in drafts], ticket=self._ticket)
        except LogRetryError:
            for waiting in self._appended.pop(self._ticket):
                self._answer(waiting, Unsure.RETRY_LATER)

    patch.setattr(Writer, "_append", append)


def recorded_after_a_full_disk(patch: Patch) -> None:
    """A vote that found the disk full is taken for recorded when it is sent again."""
    append = SimulatedLog.append
    refused: dict[str, Ballot] = {}

    async def remember(log: SimulatedLog, drafts: Sequence[Draft], *, ticket: int) -> None:
        try:
            await append(log, drafts, ticket=ticket)
        except LogRetryError:
            for draft in drafts:
                if isinstance(record := draft.record, BallotCast):
                    refused[record.id] = Ballot(record.id, 1, record.rev, record.at, None)
            raise

    def trust(room: Room | None, command: Command, *, at: int) -> Decision:
        if isinstance(command, CastBallot) and command.id in refused:
            return Repeat(refused[command.id])
        return decide(room, command, at=at)

    patch.setattr(SimulatedLog, "append", remember)
    patch.setattr(writer, "decide", trust)


def writes_on_after_an_error(patch: Patch) -> None:
    """A failed write is answered, and the next batch is written behind it."""
    append = Writer._append

    async def go_on(self: Writer, drafts: Drafts) -> None:
        try:
            await append(self, drafts)
        except LogFailedError:
            assert isinstance(self._log, SimulatedLog)
            self._log._failed = False
            for waiting in self._appended.pop(self._ticket):
                self._answer(waiting, Unsure.FAILED)

    patch.setattr(Writer, "_append", go_on)


def newer_within_a_fan_out(patch: Patch) -> None:
    """Who asks for the state in the middle of a fan-out gets it at once, and the older frame of the tick after it."""

    def sync(self: Channel, subscriber: Subscriber, role: Role) -> None:
        if subscriber.writing:
            self._lagging.add(subscriber)
            self._start()
        else:
            self._views.catch_up(subscriber, role)

    patch.setattr(Channel, "sync", sync)


def slow_pages_forgotten(patch: Patch) -> None:
    """Who could not take a frame gets no later one in its place."""

    async def recover(self: Channel, subscribers: list[Subscriber], role: Role) -> None:  # noqa: ARG001
        self._lagging.difference_update(subscribers)

    patch.setattr(Channel, "_recover", recover)


def hidden_result_shown(patch: Patch) -> None:
    """A tick sends voters the counts of a round that is not revealed."""

    def tally(room: Room) -> TallyMessage | None:
        return None if room.current is None else views._tally(room, room.current, room.current.rounds[-1])

    patch.setattr(views, "voter_tally", tally)


def ballot_shown_to_others(patch: Patch) -> None:
    """The pages of all voters are told of a ballot, and not only those of its voter."""

    def tell(self: LiveRoom, voter: Voter, question: str, round_: int) -> None:
        asked = self.state.questions[question]
        for page in self.channel.subscribers():
            page.send(self._mine_frame(voter.session, asked, asked.rounds[round_ - 1]))

    patch.setattr(LiveRoom, "tell_other_tabs", tell)


def ballot_before_its_round(patch: Patch) -> None:
    """A page is told of a ballot although it may not have been sent the round of it."""
    patch.setattr(Channel, "behind", lambda _, voter: voter.writing)


def other_pages_not_told(patch: Patch) -> None:
    """The other pages of a voter do not hear of a ballot."""
    patch.setattr(LiveRoom, "tell_other_tabs", lambda *_: None)


BUGS: dict[Callable[[Patch], None], str] = {
    ack_before_commit: "I1:",
    never_synced: "I1:",
    recovered_and_not_synced: "I([147]|12):",
    no_uniqueness: "I3:",
    skipped_anchor: "I1:",
    applied_before_durable: "I4:",
    decided_before_folded: "(I19|I7):",
    recorded_after_a_full_disk: "I1:",
    writes_on_after_an_error: "(I1|I3|I7):",
    newer_within_a_fan_out: "I10:",
    slow_pages_forgotten: "a page shows",
    hidden_result_shown: "I12:",
    ballot_shown_to_others: "I12:",
    ballot_before_its_round: "a page that shows",
    other_pages_not_told: "a page of",
}
"""Every bug, and the beginning of what must be said of it."""
