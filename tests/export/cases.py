"""A small evening with everything in it that an export has to show, and what its files look like to the byte.

``python -m tests.export.cases`` writes ``expected/`` anew after a change that was meant.
"""

import asyncio
from pathlib import Path

import msgspec

from livevote.domain.audit import commitment
from livevote.domain.board import PostText
from livevote.domain.checker import Checker
from livevote.domain.commands import (
    AddQuestion,
    AnswerPost,
    AskAgain,
    CloseVoting,
    Command,
    CreateRoom,
    EraseAnswer,
    HideResults,
    JudgePosts,
    OpenVoting,
    PinPost,
    RevealResults,
    SwitchBoard,
    SwitchReactions,
)
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import BoardSwitched, Draft, Opening, PostAsked, QuestionDefined, RoomCreated, encode
from livevote.domain.room import Decision, decide
from livevote.export import FORMATS, Source
from livevote.log import VKEY
from livevote.log.memory import MemoryLog
from tests.history import AT, CODE, SALT, History, ask, cast, upvote

EXPECTED = Path(__file__).parent / "expected"
CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""Of the evening, signed with a key that everybody knows."""

HOSTILE = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2",
    "@SUM(1)",
    "\uff1d1+1",
    "\t=1",
    "\r=1",
    'quote " and "" more',
    "comma, semicolon; tab\tend",
    "line\nbreak\r\nand more",
    "\u202eright to left\u202c",
    "\u05e9\u05dc\u05d5\u05dd",
    "'already quoted",
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><b>&amp;',
    "_x0041_",
    "\U0001f469\u200d\U0001f680 e\u0301",
    "http://example.org/",
    "12345678901234567890",
)
"""Texts that spreadsheets, browsers and parsers stumble over. No host could give some of them: ``clean`` stops them."""


class Evening(History):
    """A history with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.at = AT

    def decide(self, command: Command) -> Decision:
        return decide(self.state, command, at=self.at)

    def after(self, ms: int, *commands: Command) -> None:
        """Do these so many ms after the beginning."""
        self.at = AT + ms
        self.did(*commands)


def evening() -> Evening:
    """Changed votes, two rounds, a reveal that was taken back, an erased answer, a question that was never asked, and a
    board with posts of every standing."""
    held = Evening()
    held.after(
        0,
        CreateRoom(CODE, "=Spring & autumn"),
        AddQuestion("single", 'Tea or "coffee"?', ("+Tea", "Coffee, black")),
        AddQuestion("multiple", "Which <topics>?", ("Roof", "-", "Party"), msgspec.Raw(b'{"max":2}'), changeable=False),
    )
    held.after(1000, OpenVoting("q1"))
    held.after(2100, cast("ada", 0, id="a1"))
    held.after(2500, cast("bob", 1, id="b1"))
    held.after(2900, cast("ada", 1, id="a2"))
    held.after(4000, cast("cem", 0, id="c1"))
    held.after(5000, RevealResults("q1"), cast("dee", 1, id="d1"))
    held.after(6000, HideResults("q1"))
    held.after(7000, CloseVoting("q1"), EraseAnswer(index=8))
    held.after(90_000_000, AskAgain("q1"))
    held.after(90_001_500, cast("ada", 0, id="a3", round=2))
    held.after(90_002_000, SwitchBoard(on=True), SwitchReactions(on=True))
    held.after(90_002_500, ask("ada", "=1+1, really?", id="p1"), ask("bob", 'Who <pays> for "it"?', id="p2"))
    held.after(90_002_600, *(ask("cem", text, id=text) for text in ("Silly", "I am Cem", "Too late")))
    held.after(90_003_000, JudgePosts((18, 19, 21), shown=True), JudgePosts((20,), shown=False))
    held.after(90_003_100, *(upvote(voter, post, id=f"u{post}") for voter, post in (("bob", 18), ("cem", 18))))
    held.after(90_003_200, upvote("cem", 18, on=False, id="u1"), upvote("ada", 19, id="u2"), upvote("cem", 21, id="u3"))
    held.after(90_003_300, PinPost(19), AnswerPost(19, answered=True), EraseAnswer(21))
    return held


async def logged(history: History) -> MemoryLog:
    """The history as a log."""
    log = MemoryLog()
    await log.append(history.drafts(), ticket=1)
    return log


async def written(name: str, source: Source) -> bytes:
    """The whole file."""
    return b"".join([part async for part in FORMATS[name].write(source)])


async def exported(name: str, history: History) -> bytes:
    """The history in this format."""
    return await written(name, await Source.now(await logged(history), CODE, CHECKPOINTS))


def hostile() -> History:
    """A room whose texts are all hostile, put into its log past every check, with one vote for each option."""
    held = History()
    held.put(Draft(CODE, RoomCreated(at=AT, code=CODE, title=HOSTILE[0])))
    for number, text in enumerate(HOSTILE, 1):
        rules = msgspec.Raw(b'{"max":1,"min":1}')
        held.put(Draft(CODE, QuestionDefined(AT, f"q{number}", "single", text, HOSTILE, rules, changeable=True)))
    held.put(Draft(CODE, BoardSwitched(AT, on=True, approval=False, per_voter=5)))
    for text in HOSTILE:
        opening = Opening(SALT, encode(PostText(text)))
        held.put(Draft(CODE, PostAsked(AT, text, text, commitment(opening)), opening))
    held.did(OpenVoting("q1"))
    for place, text in enumerate(HOSTILE):
        held.did(cast(text, place, id=f"v{place}"))
    return held


def _sign(history: History) -> None:
    signer, checker, notes = Signer(bytes(range(32))), Checker(CODE), ""
    for entry in history.entries:
        checker.add(entry)
        tree = checker.tree
        if tree.size in (3, 9, len(history.entries)):
            here = Checkpoint(checker.origin, tree.size, tree.root(), checker.chain, entry.record.at)
            notes += f"{signer.sign(here)}\n"
    (CHECKPOINTS / VKEY).write_text(f"{signer.vkey}\n")
    (CHECKPOINTS / f"{CODE}.notes").write_text(notes)


async def _write() -> None:
    _sign(evening())
    for name in FORMATS:
        if name != "workbook.xlsx":  # its bytes belong to the library; the tests read its cells
            (EXPECTED / name).write_bytes(await exported(name, evening()))


if __name__ == "__main__":
    asyncio.run(_write())
