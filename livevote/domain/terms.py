"""Judging what voters wrote: which texts are in the results that everybody sees.

Apart from the kinds whose voters write, because it is the host who judges, by keys that no record spells out.
"""

import re

from livevote.domain.commands import JudgeTerms
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import Entry, Record, TermsJudged
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room

MAX_KEYS = 500

_is_key = re.compile("[0-9a-f]{32}").fullmatch


def _judge(room: Room, command: JudgeTerms, at: int) -> Record | Refusal:
    question = room.questions.get(command.question)
    if question is None:
        return Refusal(Code.UNKNOWN_QUESTION)
    if not question.kind.written:
        return Refusal(Code.BAD_TERMS, f"nobody writes texts in a question of the kind '{question.kind.name}'")
    if not 1 <= command.round <= len(question.rounds):
        return Refusal(Code.WRONG_ROUND, f"the question has {len(question.rounds)} rounds")
    if not 1 <= len(command.keys) <= MAX_KEYS or not all(map(_is_key, command.keys)):
        return Refusal(Code.BAD_TERMS, f"name 1 to {MAX_KEYS} by the keys that the room's state gives")
    judged = question.rounds[command.round - 1].tally.judged
    if all(judged.get(key) is command.shown for key in command.keys):
        return Refusal(Code.ALREADY_SO)
    return TermsJudged(at=at, question=question.id, round=command.round, keys=command.keys, shown=command.shown)


def _require_written(room: Room, record: TermsJudged) -> None:
    question = room.questions[record.question]
    require(question.kind.written and 1 <= record.round <= len(question.rounds))


def _apply(room: Room, entry: Entry, record: TermsJudged) -> None:  # noqa: ARG001
    room.questions[record.question].rounds[record.round - 1].tally.judge(record.keys, shown=record.shown)


DECIDE: dict[type, Decide] = {JudgeTerms: _judge}
FOLD: dict[type, Fold] = {TermsJudged: Fold(_apply, _require_written)}
