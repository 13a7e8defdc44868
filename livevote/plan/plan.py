"""What a file says of a room, as values: its settings and its questions, each with the line on which it stands."""

import msgspec

from livevote.domain.commands import AddQuestion, SwitchBoard


class Problem(msgspec.Struct, frozen=True, order=True):
    """What is wrong, or suspicious, on a line of a file; lines count from 1."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class Planned(msgspec.Struct, frozen=True):
    """A question, and where it, its rules and its options stand."""

    command: AddQuestion
    line: int
    rules_line: int
    option_lines: tuple[int, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A room that is not there yet. ``lines`` are those of the settings, by their name in the file."""

    title: str
    language: str = ""
    receipts: bool = True
    replay_public: bool = False
    linked: bool = False
    board: SwitchBoard | None = None
    reactions: bool = False
    embedding: tuple[str, ...] = ()
    questions: tuple[Planned, ...] = ()
    lines: dict[str, int] = {}

    def line_of(self, name: str) -> int:
        """Where a setting stands; 1 where the file does not have it."""
        return self.lines.get(name, 1)


UNREADABLE = Plan(title="?")
"""Of a file of which nothing can be said but why: it is not to be blamed for the lack of a title as well."""


class Reading(msgspec.Struct, frozen=True):
    """What came of a file. With ``errors`` the plan is only what could be read, and nothing may be made of it."""

    plan: Plan
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
