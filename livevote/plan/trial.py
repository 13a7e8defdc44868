"""Does in memory what a plan asks for, before anything is done: a file with one mistake changes nothing."""

import re
import secrets
from copy import copy

import msgspec

from livevote.domain.audit import GENESIS, SALT_BYTES
from livevote.domain.commands import (
    AddQuestion,
    Command,
    CreateRoom,
    LinkPseudonyms,
    OpenVoting,
    PublishReplay,
    SetEmbedding,
    SetLanguage,
    SwitchReactions,
    SwitchReceipts,
)
from livevote.domain.records import Draft, Entry, encode
from livevote.domain.refusals import Refusal
from livevote.domain.room import apply, decide
from livevote.domain.state import Room
from livevote.plan.plan import Plan, Planned, Problem
from livevote.protocol.codes import explain

_OPTION = re.compile(r"option (\d+) ")


class Trial(msgspec.Struct, frozen=True):
    """The commands that make a plan true, in order; or why they would be refused."""

    commands: tuple[Command, ...]
    errors: tuple[Problem, ...]


def try_out(plan: Plan, code: str, *, at: int, room: Room | None = None, open_first: bool = False) -> Trial:
    """Decide all that ``plan`` asks for, against a copy of ``room``; against no room it makes the room ``code``.

    A room that is there gets the questions and keeps its own settings. ``open_first`` opens the first question.
    """
    stage = _Stage(code, at, None if room is None else _sketch(room))
    if room is None:
        if not plan.title:
            stage.errors.append(Problem(1, "the room has no title: a file begins with one, and a sheet is given one"))
        else:
            stage.play(CreateRoom(code, plan.title), plan.line_of("title"))
        if stage.errors:
            # Without a room there is nobody to ask about the rest. Another title's finds all other mistakes as well.
            stage.play(CreateRoom(code, "?"), 1)
        stage.settings(plan)
    for planned in plan.questions:
        before = set(stage.state.questions)
        refusal = stage.play(planned.command, planned.line)
        if refusal is not None:
            stage.errors[-1] = Problem(_line(refusal, planned), explain(refusal))
        elif open_first:
            (new,) = set(stage.state.questions) - before
            open_first = False
            stage.opening = OpenVoting(new)
    if stage.opening is not None:
        stage.play(stage.opening, plan.questions[0].line)
    return Trial(tuple(stage.commands) if not stage.errors else (), tuple(sorted(stage.errors)))


def _line(refusal: Refusal, planned: Planned) -> int:
    """The line that a refusal speaks of, as near as its words tell."""
    named = _OPTION.match(refusal.detail)
    if named is not None and 1 <= int(named[1]) <= len(planned.option_lines):
        return planned.option_lines[int(named[1]) - 1]
    return planned.rules_line if "rules" in refusal.detail else planned.line


def _sketch(room: Room) -> Room:
    """As much of a copy as questions can be added to: the ballots, of which there may be a million, are shared."""
    sketch = copy(room)
    sketch.questions = dict(room.questions)
    return sketch


class _Stage:
    def __init__(self, code: str, at: int, room: Room | None) -> None:
        self.room = room
        self.commands: list[Command] = []
        self.errors: list[Problem] = []
        self.opening: OpenVoting | None = None
        self._code = code
        self._at = at

    @property
    def state(self) -> Room:
        assert self.room is not None, "the first command makes it"
        return self.room

    def settings(self, plan: Plan) -> None:
        """What differs from a new room."""
        if plan.language:
            self.play(SetLanguage(plan.language), plan.line_of("language"))
        if not plan.receipts:
            self.play(SwitchReceipts(on=False), plan.line_of("receipts"))
        if plan.replay_public:
            self.play(PublishReplay(public=True), plan.line_of("replay_public"))
        if plan.linked:
            self.play(LinkPseudonyms(), plan.line_of("linked"))
        if plan.board is not None:
            self.play(plan.board, plan.line_of("board"))
        if plan.reactions:
            self.play(SwitchReactions(on=True), plan.line_of("reactions"))
        if plan.embedding:
            self.play(SetEmbedding(plan.embedding), plan.line_of("embedding"))

    def play(self, command: Command, line: int) -> Refusal | None:
        """Decide a command and go on from what it says."""
        if isinstance(command, AddQuestion) and command.quiz is not None:
            command = msgspec.structs.replace(command, salt=secrets.token_bytes(SALT_BYTES))
        decision = decide(self.room, command, at=self._at)
        if isinstance(decision, Refusal):
            self.errors.append(Problem(line, explain(decision)))
            return decision
        assert isinstance(decision, Draft), "nobody votes here"
        head = 0 if self.room is None else self.room.head
        entry = Entry(self._code, head + 1, decision.record, encode(decision.record), GENESIS, decision.opening)
        self.room = apply(self.room, entry)
        self.commands.append(command)
        return None
