"""Rooms and files that several tests of plans begin with."""

import msgspec

from livevote.domain.commands import AddQuestion, CreateRoom, PublishReplay, SetLanguage, SwitchReceipts
from livevote.plan import Reading, try_out
from tests.history import AT, CODE, History

ROOM = """\
# Our meeting
title: Spring meeting
language: de
receipts: no
replay_public: yes
questions:
  - question: Tea or coffee?
    options: [Yes, No, 007, 1:30, ~]
  - kind: multiple
    question: "Which topics: all of them?"
    options:
      - Roof
      - "=1+1"
      - 'on'
    rules: {min: 0, max: 2}
    changeable: off
"""

SHEET = """\
kind,question,option 1,option 2,option 3,rules,changeable
single,Tea or coffee?,Tea,Coffee,,,
multiple,"Which, if any?",Roof,'=1+1,Party,"{min: 0, max: 2}",no
"""


def room() -> History:
    """The room that ``ROOM`` describes."""
    history = History().did(CreateRoom(CODE, "Spring meeting"), SetLanguage("de"), SwitchReceipts(False))
    history.did(PublishReplay(True), AddQuestion("single", "Tea or coffee?", ("Yes", "No", "007", "1:30", "~")))
    rules = msgspec.Raw(b'{"max":2,"min":0}')
    return history.did(
        AddQuestion("multiple", "Which topics: all of them?", ("Roof", "=1+1", "on"), rules, changeable=False)
    )


def made(reading: Reading) -> History:
    """The room that a plan makes."""
    assert not reading.errors
    trial = try_out(reading.plan, CODE, at=AT)
    assert not trial.errors
    return History().did(*trial.commands)


def content(history: History) -> object:
    """What of a room goes into a file."""
    state = history.room
    return (
        (state.title, state.language, state.receipts, state.replay_public, state.linked),
        (state.board.on, state.board.approval, state.board.per_voter, state.reactions, state.embedding),
        [(each.kind.name, each.wording, each.changeable) for each in state.questions.values()],
    )


def errors(reading: Reading, *, room: History | None = None) -> list[tuple[int, str]]:
    """Lines and words of all that is wrong, also of what a room refuses."""
    trial = try_out(reading.plan, CODE, at=AT, room=None if room is None else room.room)
    return [(each.line, each.text) for each in sorted((*reading.errors, *trial.errors))]
